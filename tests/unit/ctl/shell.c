/* How a begun line goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "common/ctl/shell.h"

static char asked[200];
static const char *replied; /* a JSON array */

static json_t *ask(void *owner, int argc, const char *const *argv)
{
	assert_ptr_equal(owner, asked);
	asked[0] = '\0';
	for (int i = 0; i < argc; i++) {
		strcat(asked, i > 0 ? "|" : "");
		strcat(asked, argv[i]);
	}
	json_t *answer = json_loads(replied, 0, NULL);
	if (answer == NULL)
		return json_pack("{s:b, s:s}", "ok", 0, "error", "nobody is there");
	return json_pack("{s:b, s:o}", "ok", 1, "answer", answer);
}

static const struct shell shell = {.name = "server", .owner = asked, .ask = ask};

static void what_is_begun_is_replaced_by_what_it_can_only_be(void **state)
{
	static const struct {
		const char *line, *reply, *asked, *text;
		size_t from;
		bool choices;
	} rows[] = {
		{"ki", "[\"kick\"]", "complete|ki", "kick ", 0, false},
		{"", "[\"kick\",\"keep\"]", "complete|", "k", 0, false},
		{"k", "[\"kick\",\"keep\"]", "complete|k", "", 0, true},
		{"  kick ", "[\"Ann\",\"Bob\"]", "complete|kick|", "", 7, true},
		{"kick a", "[\"Ann\",\"Anna\"]", "complete|kick|a", "Ann", 5, false},
		{"kick an", "[\"Ann\"]", "complete|kick|an", "Ann ", 5, false},
		{"kick x", "[]", "complete|kick|x", "", 5, false},
		{"kick x", "nonsense", "complete|kick|x", "", 5, false},
		{"kick \"Ann L", "[\"Ann Lee\"]", "complete|kick|Ann L", "\"Ann Lee\" ", 5, false},
		{"kick A", "[\"Ann Lee\",\"Ann Low\"]", "complete|kick|A", "\"Ann L", 5, false},
		{"kick \"", "[\"a\\\"b\"]", "complete|kick|", "\"a\\\"b\" ", 5, false},
		{"say \"a b\" c", "[\"cd\"]", "complete|say|a b|c", "cd ", 10, false},
		/* Half a character is never typed; what would steer the terminal, neither. */
		{"kick z", "[\"z\\u00e4\",\"z\\u00e5\"]", "complete|kick|z", "", 5, true},
		{"kick ", "[\"\\u001b[2J\",\"Ann\",\"\\u009b\"]", "complete|kick|", "Ann ", 5,
			false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shell_completion to;

		replied = rows[i].reply;
		shell_complete(&shell, slice_text(rows[i].line), &to);
		assert_string_equal(asked, rows[i].asked);
		assert_string_equal(to.text, rows[i].text);
		assert_int_equal(to.from, rows[i].from);
		assert_int_equal(to.choices != NULL, rows[i].choices);
		json_decref(to.choices);
	}
}

static void a_line_of_too_many_words_or_letters_is_left_alone(void **state)
{
	static char line[3000];
	struct shell_completion to;

	(void)state;
	memset(line, 'x', sizeof line - 1);
	asked[0] = '\0';
	replied = "[\"a\"]";
	shell_complete(&shell, slice_text(line), &to);
	shell_complete(&shell, slice_text("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"), &to);
	assert_string_equal(asked, "");
	shell_complete(&shell, slice_text("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"), &to);
	assert_string_equal(to.text, "a ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_begun_is_replaced_by_what_it_can_only_be),
		cmocka_unit_test(a_line_of_too_many_words_or_letters_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
