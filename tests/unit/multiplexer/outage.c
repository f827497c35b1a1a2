#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/outage.h"

enum { BACK_AFTER_MS = 2000, MINUTE = 60 * 1000 };

/* A game that has been there for a while, at 100 s by the clock. */
static struct outage steady(void)
{
	struct outage o;

	outage_start(&o, 0);
	assert_int_equal(outage_back(&o, BACK_AFTER_MS, 100), SAY_NOTHING);
	assert_int_equal(outage_tick(&o, BACK_AFTER_MS, 99000), SAY_NOTHING);
	assert_false(o.running);
	return o;
}

static void a_quick_restart_is_told_once(void **state)
{
	struct outage o = steady();

	(void)state;
	assert_int_equal(outage_gone(&o, SAY_RESTART, 100000), SAY_RESTART);
	assert_int_equal(outage_gone(&o, SAY_RESTART, 100010), SAY_NOTHING);
	assert_int_equal(outage_back(&o, BACK_AFTER_MS, 100080), SAY_NOTHING);
	for (uint64_t t = 100250; t < 200000; t += 250)
		assert_int_equal(outage_tick(&o, BACK_AFTER_MS, t), SAY_NOTHING);
}

static void a_long_absence_ends_with_a_word(void **state)
{
	struct outage o = steady();

	(void)state;
	assert_int_equal(outage_gone(&o, SAY_CRASH, 100000), SAY_CRASH);
	assert_int_equal(outage_back(&o, BACK_AFTER_MS, 102500), SAY_BACK);
	assert_int_equal(outage_tick(&o, BACK_AFTER_MS, 105000), SAY_NOTHING);
	assert_false(o.running);
}

static void a_crash_during_an_announced_restart_is_told_too(void **state)
{
	struct outage o = steady();

	(void)state;
	assert_int_equal(outage_gone(&o, SAY_RESTART, 100000), SAY_RESTART);
	assert_int_equal(outage_gone(&o, SAY_CRASH, 100020), SAY_CRASH);
	assert_int_equal(outage_gone(&o, SAY_CRASH, 100040), SAY_NOTHING);
}

static void each_of_three_restarts_seconds_apart_is_told(void **state)
{
	struct outage o = steady();

	(void)state;
	for (uint64_t t = 100000; t < 112000; t += 4000) {
		assert_int_equal(outage_gone(&o, SAY_CRASH, t), SAY_CRASH);
		assert_int_equal(outage_back(&o, BACK_AFTER_MS, t + 100), SAY_NOTHING);
		for (uint64_t later = t + 200; later < t + 4000; later += 250)
			assert_int_equal(outage_tick(&o, BACK_AFTER_MS, later), SAY_NOTHING);
		assert_true(t > 104000 || !o.running);
	}
}

/* A server that dies 50 ms after READY and is started every second, for 40 minutes. */
static void a_crash_loop_is_told_at_0_1_5_15_30_minutes_and_when_it_is_over(void **state)
{
	struct outage o = steady();
	uint64_t at[16];
	enum outage_say said[16];
	size_t n = 0;

	(void)state;
	for (uint64_t t = 100000; t < 100000 + 40 * MINUTE; t += 1000) {
		enum outage_say what[3] = {
			outage_gone(&o, SAY_CRASH, t + 50),
			outage_tick(&o, BACK_AFTER_MS, t + 500),
			outage_back(&o, BACK_AFTER_MS, t + 999),
		};
		for (size_t i = 0; i < 3; i++) {
			if (what[i] != SAY_NOTHING && n < ARRAY_LEN(at)) {
				at[n] = (t - 100000) / MINUTE;
				said[n++] = what[i];
			}
		}
	}
	assert_int_equal(n, 5);
	static const uint64_t minutes[] = {0, 1, 5, 15, 30};
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(at[i], minutes[i]);
		assert_int_equal(said[i], i == 0 ? SAY_CRASH : SAY_AWAY);
	}
	/* Now it stays: told as back once it has been steady, not before. */
	uint64_t up = o.up_ms;
	assert_int_equal(outage_tick(&o, BACK_AFTER_MS, up + o.steady_ms - 1), SAY_NOTHING);
	assert_int_equal(outage_tick(&o, BACK_AFTER_MS, up + o.steady_ms), SAY_BACK);
	assert_int_equal(outage_tick(&o, BACK_AFTER_MS, up + 2 * MINUTE), SAY_NOTHING);
}

static void several_short_absences_make_no_long_one(void **state)
{
	struct outage o = steady();

	(void)state;
	assert_int_equal(outage_gone(&o, SAY_RESTART, 100000), SAY_RESTART);
	assert_int_equal(outage_back(&o, BACK_AFTER_MS, 100050), SAY_NOTHING);
	assert_int_equal(outage_gone(&o, SAY_CRASH, 100900), SAY_CRASH);
	assert_int_equal(outage_back(&o, BACK_AFTER_MS, 100950), SAY_NOTHING);
	for (uint64_t t = 101000; t < 110000; t += 250)
		assert_int_equal(outage_tick(&o, BACK_AFTER_MS, t), SAY_NOTHING);
	assert_false(o.running);
}

static void a_hang_is_told_once_and_so_is_its_end(void **state)
{
	struct outage o = steady();

	(void)state;
	assert_int_equal(outage_hang(&o, true), SAY_HANG);
	assert_int_equal(outage_hang(&o, true), SAY_NOTHING);
	assert_int_equal(outage_hang(&o, false), SAY_BACK);
	assert_int_equal(outage_hang(&o, false), SAY_NOTHING);
}

static void before_the_first_game_nobody_is_told_that_it_went(void **state)
{
	struct outage o;

	(void)state;
	outage_start(&o, 0);
	assert_int_equal(outage_back(&o, BACK_AFTER_MS, 500), SAY_NOTHING);
	assert_int_equal(outage_gone(&o, SAY_CRASH, 600), SAY_CRASH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quick_restart_is_told_once),
		cmocka_unit_test(a_long_absence_ends_with_a_word),
		cmocka_unit_test(a_crash_during_an_announced_restart_is_told_too),
		cmocka_unit_test(each_of_three_restarts_seconds_apart_is_told),
		cmocka_unit_test(a_crash_loop_is_told_at_0_1_5_15_30_minutes_and_when_it_is_over),
		cmocka_unit_test(several_short_absences_make_no_long_one),
		cmocka_unit_test(a_hang_is_told_once_and_so_is_its_end),
		cmocka_unit_test(before_the_first_game_nobody_is_told_that_it_went),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
