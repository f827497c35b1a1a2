#include "common/option.h"
#include "tests/unit/common/support_common.h"

struct values {
	opt_BOOL quiet;
	opt_UINT fps;
	opt_SIZE room;
	opt_TIME wait;
	opt_REAL gain;
	opt_TEXT motd;
	opt_TEXT key;
};

#define ROW(type, name, preset, min, max, flags)                                                  \
	{                                                                                         \
#name, OPT_##type, offsetof(struct values, name), preset, min, max, flags, "help" \
	}

static const struct option table[] = {
	ROW(BOOL, quiet, "off", "", "", OPT_LIVE),
	ROW(UINT, fps, "20", "1", "1000", OPT_LIVE),
	ROW(SIZE, room, "16KiB", "1 KiB", "1 MiB", OPT_LIVE),
	ROW(TIME, wait, "2s", "50", "1 h", OPT_LIVE),
	ROW(REAL, gain, "0.5", "-1", "1e3", OPT_LIVE),
	ROW(TEXT, motd, "Welcome.", "", "10", OPT_LIVE),
	ROW(TEXT, key, "hush", "4", "8", OPT_START | OPT_SECRET),
};

static struct values values;

static int set_presets(void **state UNUSED)
{
	option_presets(table, ARRAY_LEN(table), &values);
	return 0;
}

static int free_values(void **state UNUSED)
{
	option_free(table, ARRAY_LEN(table), &values);
	return values.motd == NULL && values.key == NULL ? 0 : -1;
}

static const struct option *row(const char *name)
{
	const struct option *o = option_find(table, ARRAY_LEN(table), name);

	assert_non_null(o);
	return o;
}

static void take(const char *name, const char *text)
{
	const char *why = NULL;

	if (!option_set(row(name), &values, text, &why))
		fail_msg("%s", why);
}

/* It is refused, the reason holds these words, and the value is as before. */
static void refuse(const char *name, const char *text, const char *words)
{
	struct values before = values;
	const char *why = NULL;

	if (option_set(row(name), &values, text, &why))
		fail_msg("%s took '%s'", name, text);
	assert_memory_equal(&values, &before, sizeof values);
	if (strstr(why, name) == NULL || strstr(why, words) == NULL)
		fail_msg("'%s' lacks '%s'", why, words);
}

static void expect_text(const char *name, const char *text)
{
	char out[64];
	const char *why;

	assert_string_equal(option_text(row(name), &values, out, sizeof out), text);
	assert_true(
		(row(name)->flags & OPT_SECRET) != 0 || option_set(row(name), &values, out, &why));
	assert_string_equal(option_text(row(name), &values, out, sizeof out), text);
}

static void presets_are_set_and_may_be_set_again(void **state UNUSED)
{
	assert_false(values.quiet);
	assert_int_equal(values.fps, 20);
	assert_int_equal(values.room, 16384);
	assert_int_equal(values.wait, 2000);
	assert_true(values.gain == 0.5);
	assert_string_equal(values.motd, "Welcome.");
	take("motd", "other");
	option_presets(table, ARRAY_LEN(table), &values);
	assert_string_equal(values.motd, "Welcome.");
	assert_null(option_find(table, ARRAY_LEN(table), "fp"));
	assert_null(option_find(table, ARRAY_LEN(table), "fpss"));
}

static void a_bool_has_four_pairs_of_words(void **state UNUSED)
{
	static const char *const words[] = {"off", "on", "no", "yes", "false", "true", "0", "1"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		take("quiet", words[i]);
		assert_int_equal(values.quiet, i % 2);
	}
	refuse("quiet", "2", "on or off");
	refuse("quiet", "", "on or off");
	refuse("quiet", "on ", "on or off");
	expect_text("quiet", "on");
}

static void whole_numbers_are_read_strictly_and_bounded(void **state UNUSED)
{
	take("fps", "1");
	take("fps", "1000");
	take("fps", "0030");
	assert_int_equal(values.fps, 30);
	refuse("fps", "0", "fps: 0 is less than 1");
	refuse("fps", "1001", "fps: 1001 is more than 1000");
	static const char *const wrong[] = {"", " 1", "1 ", "+1", "-1", "1.0", "0x10", "1e2", "1s",
		"4294967296", "18446744073709551617", "99999999999999999999999"};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		refuse("fps", wrong[i], "whole number");
	expect_text("fps", "30");
}

static void sizes_and_times_have_units(void **state UNUSED)
{
	take("room", "2048");
	assert_int_equal(values.room, 2048);
	expect_text("room", "2 KiB");
	take("room", "1MiB");
	assert_int_equal(values.room, 1048576);
	expect_text("room", "1 MiB");
	take("room", "1025");
	expect_text("room", "1025");
	refuse("room", "1025KiB", "1025KiB is more than 1 MiB");
	refuse("room", "1023", "1023 is less than 1 KiB");
	refuse("room", "1KB", "64 KiB");
	refuse("room", "1kib", "64 KiB");
	refuse("room", "1 MiB ", "64 KiB");
	refuse("room", "2 s", "64 KiB");
	refuse("room", "18014398509481984 KiB", "64 KiB"); /* 2^64 */

	take("wait", "50");
	expect_text("wait", "50 ms");
	take("wait", "1500 ms");
	expect_text("wait", "1500 ms");
	take("wait", "60s");
	expect_text("wait", "1 min");
	take("wait", "60 min");
	expect_text("wait", "1 h");
	assert_int_equal(values.wait, 3600000);
	refuse("wait", "2 h", "2 h is more than 1 h");
	refuse("wait", "1.5s", "500 ms");
	refuse("wait", "1 m", "500 ms");
	refuse("wait", "s", "500 ms");
	refuse("wait", "5124095576030432 h", "500 ms"); /* over 64 bits of ms */
}

static void real_numbers_are_finite_and_written_as_short_as_exact(void **state UNUSED)
{
	take("gain", "-1");
	take("gain", "0.1");
	expect_text("gain", "0.1");
	take("gain", "0.30000000000000004");
	expect_text("gain", "0.30000000000000004");
	take("gain", "1e2");
	expect_text("gain", "100");
	refuse("gain", "-1.01", "less than -1");
	refuse("gain", "1000.5", "more than 1e3");
	static const char *const wrong[] = {
		"", " 1", "1 ", "nan", "inf", "0x1p3", "1e999", ".", "1,5", "1.2.3", "e"};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		refuse("gain", wrong[i], "a number such as");
}

static void a_text_is_bounded_by_its_length(void **state UNUSED)
{
	take("motd", "");
	expect_text("motd", "");
	take("motd", "0123456789");
	expect_text("motd", "0123456789");
	refuse("motd", "0123456789a", "more than 10 bytes");
	refuse("key", "abc", "less than 4 bytes");
}

static void a_secret_is_never_shown(void **state UNUSED)
{
	char out[64];
	const char *why;

	assert_string_equal(option_text(row("key"), &values, out, sizeof out), "***");
	assert_false(option_set(row("key"), &values, "a secret that is too long", &why));
	assert_null(strstr(why, "secret that"));
}

static void a_text_that_does_not_fit_is_cut_and_terminated(void **state UNUSED)
{
	char out[4] = "###";

	option_text(row("motd"), &values, out, sizeof out);
	assert_string_equal(out, "Wel");
}

#define OPTION_TEST(f) cmocka_unit_test_setup_teardown(f, set_presets, free_values)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPTION_TEST(presets_are_set_and_may_be_set_again),
		OPTION_TEST(a_bool_has_four_pairs_of_words),
		OPTION_TEST(whole_numbers_are_read_strictly_and_bounded),
		OPTION_TEST(sizes_and_times_have_units),
		OPTION_TEST(real_numbers_are_finite_and_written_as_short_as_exact),
		OPTION_TEST(a_text_is_bounded_by_its_length),
		OPTION_TEST(a_secret_is_never_shown),
		OPTION_TEST(a_text_that_does_not_fit_is_cut_and_terminated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
