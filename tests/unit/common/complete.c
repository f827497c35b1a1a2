#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/complete.h"

static void run(struct call *call UNUSED)
{
}

static const struct command table[] = {
	{"kick", 1, -1, 1, "<name|key> [<reason>]", "", run},
	{"keep", 0, 0, 1, "", "", run},
	{"accept", 0, 1, 1, "[localhost|all|show]", "", run},
	{"grant", 2, 3, 1, "<name> <role> [<map>|all]", "", run},
	{"ban", 1, -1, 1, "<network|name|key> [<time>] [force] [keep] [<reason>]", "", run},
	{"restart", 0, -1, 1, "[<seconds>] [<reason>] | cancel", "", run},
	{"log", 1, 1, 1, "debug|info", "", run},
};

static void kinds(void *owner, const char *kind, const char *beginning, json_t *all)
{
	assert_ptr_equal(owner, table);
	if (strcmp(kind, "name") == 0) {
		complete_add(all, "Ann", beginning);
		complete_add(all, "Bob", beginning);
	} else if (strcmp(kind, "key") == 0) {
		complete_add(all, "5:1", beginning);
	} else if (strcmp(kind, "map") == 0) {
		complete_add(all, "town", beginning);
		complete_add(all, "all", beginning);
	}
}

/* Words are separated by one blank; the last one may be empty. */
static const char *completed(const char *line)
{
	static char text[300];
	static char words[200];
	struct call call = {.argc = 1, .argv = {"complete"}};
	json_t *rows = command_help(table, ARRAY_LEN(table), 1), *all, *word;
	size_t i;

	snprintf(words, sizeof words, "%s", line);
	for (char *at = words; at != NULL;) {
		char *blank = strchr(at, ' ');

		call.argv[call.argc++] = at;
		if (blank != NULL)
			*blank++ = '\0';
		at = blank;
	}
	all = complete_line(&call, rows, kinds, (void *)(uintptr_t)table);
	text[0] = '\0';
	json_array_foreach(all, i, word)
	{
		strcat(text, i > 0 ? " " : "");
		strcat(text, json_string_value(word));
	}
	json_decref(all);
	json_decref(rows);
	return text;
}

static void a_line_goes_on_as_the_usage_says(void **state UNUSED)
{
	static const char *const rows[][2] = {{"", "kick keep accept grant ban restart log"},
		{"k", "kick keep"}, {"KI", "kick"}, {"x", ""}, {"kick ", "Ann Bob 5:1"},
		{"kick a", "Ann"}, {"kick Ann ", ""}, {"kick Ann too loud", ""}, {"keep ", ""},
		{"accept ", "localhost all show"}, {"accept l", "localhost"}, {"accept all ", ""},
		{"grant Ann admin ", "town all"}, {"grant Ann ", ""}, {"ban 5:1 ", "force keep"},
		{"ban B", "Bob"}, {"ban 5:1 force ", "force keep"}, {"restart ", "cancel"},
		{"restart 60 ", ""}, {"log ", "debug info"}, {"log i", "info"}, {"nothing ", ""}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(completed(rows[i][0]), rows[i][1]) != 0)
			fail_msg("'%s': '%s', not '%s'", rows[i][0], completed(rows[i][0]),
				rows[i][1]);
}

static void no_words_at_all_are_all_commands(void **state UNUSED)
{
	struct call call = {.argc = 1, .argv = {"complete"}};
	json_t *rows = command_help(table, ARRAY_LEN(table), 1);
	json_t *all = complete_line(&call, rows, kinds, (void *)(uintptr_t)table);

	assert_int_equal(json_array_size(all), ARRAY_LEN(table));
	json_decref(all);
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_goes_on_as_the_usage_says),
		cmocka_unit_test(no_words_at_all_are_all_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
