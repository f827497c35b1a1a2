#include "common/arguments.h"
#include "tests/unit/common/support_common.h"

static const char *config, *level;
static bool check;
static struct buf sets;

static void add_set(void *to, const char *value)
{
	assert_true(buf_addf(to, "[%s]", value));
}

static const struct argument table[] = {
	{"--config", "FILE", "reads it", .text = &config},
	{"--log-level", "LEVEL", "logs from there on", .text = &level},
	{"--check-config", NULL, "checks and ends", .flag = &check},
	{"--set", "NAME=VALUE", "sets one", .add = add_set, .to = &sets},
};

static const char *why;

/* Reads up to seven words. */
static int read_words(const char *const words[7])
{
	char *argv[8] = {(char *)(uintptr_t) "program"};
	int argc = 1;

	config = level = NULL;
	check = false;
	buf_free(&sets);
	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	return arguments_read(table, ARRAY_LEN(table), argc, argv, &why);
}

#define READ(...) read_words((const char *const[7]){__VA_ARGS__})

static void values_stand_behind_a_blank_or_an_equals_sign(void **state UNUSED)
{
	assert_int_equal(READ("--config", "a.conf", "--check-config", "--log-level=debug"), 5);
	assert_string_equal(config, "a.conf");
	assert_string_equal(level, "debug");
	assert_true(check);
	assert_int_equal(READ("--config="), 2);
	assert_string_equal(config, "");
	assert_int_equal(READ("--set", "a=1", "--set=b=2"), 4);
	assert_string_equal(text_of(&sets), "[a=1][b=2]");
	buf_free(&sets);
	assert_int_equal(READ(NULL), 1);
}

static void reading_ends_at_the_first_other_word(void **state UNUSED)
{
	assert_int_equal(READ("--check-config", "status", "--config", "x"), 2);
	assert_null(config);
	assert_int_equal(READ("--", "--config"), 2);
	assert_int_equal(READ("-x"), 1);
}

static void what_is_wrong_is_named(void **state UNUSED)
{
	assert_int_equal(READ("--confg", "x"), -1);
	assert_non_null(strstr(why, "--confg: no such argument"));
	assert_int_equal(READ("--conf=x"), -1);
	assert_int_equal(READ("--check-config=yes"), -1);
	assert_non_null(strstr(why, "takes no value"));
	assert_int_equal(READ("--check-config", "--config"), -1);
	assert_non_null(strstr(why, "--config: FILE is missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_stand_behind_a_blank_or_an_equals_sign),
		cmocka_unit_test(reading_ends_at_the_first_other_word),
		cmocka_unit_test(what_is_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
