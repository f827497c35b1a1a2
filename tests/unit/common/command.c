#include "common/command.h"
#include "tests/unit/common/support_common.h"

enum { PLAYER = 1, ADMIN = 2 };

static struct call call;
static int runs;

static int start(void **state UNUSED)
{
	call = (struct call){.caller = "tester", .who = ADMIN};
	runs = 0;
	return 0;
}

static int finish(void **state UNUSED)
{
	call_free(&call);
	return call.answer == NULL ? 0 : -1;
}

static void cmd_count(struct call *c)
{
	runs++;
	assert_string_equal(c->command->name, c->argv[0]);
	call_answer(c, json_integer(c->argc));
}

static void cmd_fail(struct call *c)
{
	runs++;
	call_fail(c, "no such user: %s", c->argv[1]);
}

static const struct command table[] = {
	{"who", 0, 0, PLAYER | ADMIN, "", "lists the players", cmd_count},
	{"kick", 1, 2, ADMIN, "<key> [<reason>]", "disconnects a player", cmd_fail},
	{"say", 1, -1, PLAYER, "<word>...", "says it", cmd_count},
};

/* The words, each in its own brackets. */
static const char *split(const char *line)
{
	static struct buf out;

	buf_eat(&out, out.len);
	call.error[0] = '\0';
	if (!command_split(&call, line)) {
		assert_int_not_equal(call.error[0], '\0');
		return call.error;
	}
	for (int i = 0; i < call.argc; i++)
		assert_true(buf_addf(&out, "[%s]", call.argv[i]));
	for (int i = call.argc; i < COMMAND_ARGS_MAX; i++)
		assert_null(call.argv[i]);
	static char copy[4096];
	strcpy(copy, text_of(&out));
	buf_free(&out);
	return copy;
}

static void a_line_is_cut_into_words_at_blanks_outside_of_quotes(void **state UNUSED)
{
	assert_string_equal(split("kick 5:199 rude"), "[kick][5:199][rude]");
	assert_string_equal(split("  kick\t5:199  \r\n"), "[kick][5:199]");
	assert_string_equal(split("kick 5:199 \"be nice  now\""), "[kick][5:199][be nice  now]");
	assert_string_equal(split("say \"a \\\"b\\\" \\\\ \\n\""), "[say][a \"b\" \\ \\n]");
	assert_string_equal(split("say \"\" \"\""), "[say][][]");
	assert_string_equal(split("say a\"b c\"d \\\" e\""), "[say][ab cd][\\ e]");
	assert_string_equal(split(""), "");
	assert_string_equal(split(" \t "), "");
	assert_string_equal(split("say gr\xc3\xbc\xc3\x9f"), "[say][gr\xc3\xbc\xc3\x9f]");
}

static void an_open_quote_too_many_words_or_too_long_a_line_is_refused(void **state UNUSED)
{
	char line[COMMAND_LINE_MAX + 2];

	assert_non_null(strstr(split("say \"abc"), "quote"));
	assert_non_null(strstr(split("say \"abc\\\""), "quote"));
	assert_string_equal(split("1 2 3 4 5 6 7 8 9 a b c d e f g"),
		"[1][2][3][4][5][6][7][8][9][a][b][c][d][e][f][g]");
	assert_non_null(strstr(split("1 2 3 4 5 6 7 8 9 a b c d e f g h"), "too many"));
	memset(line, 'x', sizeof line);
	line[COMMAND_LINE_MAX] = '\0';
	assert_int_equal(strlen(split(line)), COMMAND_LINE_MAX + 2);
	line[COMMAND_LINE_MAX] = 'x';
	line[COMMAND_LINE_MAX + 1] = '\0';
	assert_non_null(strstr(split(line), "too long"));
}

static bool run(const char *line)
{
	call_free(&call);
	call.error[0] = '\0';
	assert_true(command_split(&call, line));
	return command_run(table, ARRAY_LEN(table), &call);
}

static void a_command_runs_when_it_is_known_allowed_and_has_its_arguments(void **state UNUSED)
{
	assert_true(run("who"));
	assert_int_equal(json_integer_value(call.answer), 1);
	assert_string_equal(call.error, "");
	assert_true(run("kick 5:199 \"be nice\""));
	assert_string_equal(call.error, "no such user: 5:199");
	call.who = PLAYER;
	assert_true(run("say a b c d e f g"));
	assert_int_equal(json_integer_value(call.answer), 8);
	assert_int_equal(runs, 3);
}

static void what_may_not_run_does_not_and_says_why(void **state UNUSED)
{
	assert_false(run("foo bar"));
	assert_string_equal(call.error, "no such command: foo; try help");
	assert_false(run("wh"));
	assert_false(run(""));
	assert_non_null(strstr(call.error, "help"));
	assert_false(run("say hello"));
	assert_string_equal(call.error, "not allowed: say");
	assert_false(run("kick"));
	assert_string_equal(call.error, "usage: kick <key> [<reason>]");
	assert_false(run("kick 5:199 be nice"));
	assert_false(run("who me"));
	assert_string_equal(call.error, "usage: who");
	call.who = 0;
	assert_false(run("who"));
	assert_int_equal(runs, 0);
}

static void a_later_answer_replaces_the_one_before(void **state UNUSED)
{
	json_t *first = json_string("first");

	json_incref(first);
	call_answer(&call, first);
	call_answer(&call, json_string("second"));
	assert_int_equal(first->refcount, 1);
	assert_string_equal(json_string_value(call.answer), "second");
	json_decref(first);
	assert_string_equal(call.error, "");
	call_answer(&call, NULL); /* a json_pack that failed must not look like "done" */
	assert_string_not_equal(call.error, "");
}

static void a_long_error_is_cut(void **state UNUSED)
{
	call_fail(&call, "%01000d", 1);
	assert_int_equal(strlen(call.error), sizeof call.error - 1);
}

static void help_lists_what_the_caller_may_use(void **state UNUSED)
{
	json_t *help = command_help(table, ARRAY_LEN(table), ADMIN);
	char *text = json_dumps(help, JSON_COMPACT);

	assert_string_equal(text,
		"[{\"command\":\"who\",\"usage\":\"\",\"help\":\"lists the players\"},"
		"{\"command\":\"kick\",\"usage\":\"<key> [<reason>]\","
		"\"help\":\"disconnects a player\"}]");
	free(text);
	json_decref(help);
	help = command_help(table, ARRAY_LEN(table), 0);
	assert_int_equal(json_array_size(help), 0);
	json_decref(help);
}

#define COMMAND_TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		COMMAND_TEST(a_line_is_cut_into_words_at_blanks_outside_of_quotes),
		COMMAND_TEST(an_open_quote_too_many_words_or_too_long_a_line_is_refused),
		COMMAND_TEST(a_command_runs_when_it_is_known_allowed_and_has_its_arguments),
		COMMAND_TEST(what_may_not_run_does_not_and_says_why),
		COMMAND_TEST(a_later_answer_replaces_the_one_before),
		COMMAND_TEST(a_long_error_is_cut),
		COMMAND_TEST(help_lists_what_the_caller_may_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
