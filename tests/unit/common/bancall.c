#include "common/bancall.h"
#include "tests/unit/common/support_common.h"

static struct ban ban;

/* What `ban` LINE fails with; "" = it is made. */
static const char *made_of(const char *line)
{
	static struct call call;

	call = (struct call){.caller = "tester"};
	assert_true(command_split(&call, line));
	if (bancall_ban(&call, call.argv[1], &ban))
		assert_string_equal(call.error, "");
	else
		assert_string_not_equal(call.error, "");
	return call.error;
}

static void time_force_keep_and_reason_are_told_apart(UNUSED void **state)
{
	static const struct {
		const char *line;
		uint32_t seconds;
		bool keep;
		const char *reason;
	} rows[] = {
		{"ban 192.0.2.7", 0, false, ""},
		{"ban 192.0.2.7 7d no more  spam", 7 * 86400, false, "no more spam"},
		{"ban 192.0.2.7 90 keep spam", 90, true, "spam"},
		{"ban 192.0.2.7 force keep 12h spam", 12 * 3600, true, "spam"},
		{"ban 192.0.2.7 forever 3 times warned", 0, false, "3 times warned"},
		{"ban 192.0.2.7 1h 2 accounts", 3600, false, "2 accounts"},
		{"ban 192.0.2.7 warned 3 times", 0, false, "warned 3 times"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_string_equal(made_of(rows[i].line), "");
		assert_int_equal(ban.seconds, rows[i].seconds);
		assert_int_equal(ban.keep, rows[i].keep);
		assert_string_equal(ban.reason, rows[i].reason);
		assert_string_equal(ban.by, "tester");
	}
}

static void what_is_meant_to_be_a_time_and_is_none_is_refused(UNUSED void **state)
{
	static const char *const rows[] = {"ban 192.0.2.7 7y", "ban 192.0.2.7 7y spam",
		"ban 192.0.2.7 force 7y", "ban 192.0.2.7 keep force 7y spam"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(
			made_of(rows[i]), "ban: '7y' is no time such as 15m, 12h, 7d or 4w");
	assert_string_equal(
		made_of("ban 192.0.2.7 -5"), "ban: '-5' is no time such as 15m, 12h, 7d or 4w");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_force_keep_and_reason_are_told_apart),
		cmocka_unit_test(what_is_meant_to_be_a_time_and_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
