#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/flow.h"

static const struct flow_limits limits = {
	.soft = 1000, .hard = 4000, .soft_ms = 60000, .age_ms = 300000};

/* queued bytes wait, sent have gone. */
static enum flow_verdict look(struct flow *f, uint64_t sent, size_t queued, uint64_t now_ms)
{
	const struct flow_state now = {.sent = sent, .queued = queued, .kept = queued};

	return flow_look(f, &limits, &now, now_ms);
}

static void he_is_slow_above_soft_until_a_quarter_of_it_is_left(void **state UNUSED)
{
	struct flow f = {0};

	assert_int_equal(look(&f, 0, 1000, 1), FLOW_FINE);
	assert_false(f.slow);
	assert_int_equal(look(&f, 0, 1001, 2), FLOW_FINE);
	assert_true(f.slow);
	look(&f, 500, 501, 3);
	assert_true(f.slow);
	look(&f, 750, 251, 4);
	assert_true(f.slow);
	look(&f, 751, 250, 5);
	assert_false(f.slow);
	look(&f, 751, 900, 6);
	assert_false(f.slow);
}

static void above_hard_is_too_much_at_once(void **state UNUSED)
{
	struct flow f = {0};

	assert_int_equal(look(&f, 0, 4000, 1), FLOW_FINE);
	assert_int_equal(look(&f, 0, 4001, 1), FLOW_OVERFLOW);
}

static void what_a_piece_costs_counts_for_soft_and_hard(void **state UNUSED)
{
	struct flow f = {0};
	struct flow_state now = {.queued = 10, .kept = 1001};

	assert_int_equal(flow_look(&f, &limits, &now, 1), FLOW_FINE);
	assert_true(f.slow);
	now.kept = 4001;
	assert_int_equal(flow_look(&f, &limits, &now, 1), FLOW_OVERFLOW);
}

static void above_soft_for_a_minute_is_too_long(void **state UNUSED)
{
	struct flow f = {0};

	/* He reads all the time, but never enough. */
	for (uint64_t s = 1; s <= 60; s++)
		assert_int_equal(look(&f, s * 1000, 1500, s * 1000), FLOW_FINE);
	assert_int_equal(look(&f, 61000, 1500, 61000), FLOW_TOO_LONG);
}

static void a_moment_at_soft_begins_the_minute_again(void **state UNUSED)
{
	struct flow f = {0};

	look(&f, 0, 1500, 1000);
	assert_int_equal(look(&f, 500, 1000, 60000), FLOW_FINE);
	assert_int_equal(look(&f, 500, 1500, 61000), FLOW_FINE);
	assert_int_equal(look(&f, 500, 1500, 120999), FLOW_FINE);
	assert_int_equal(look(&f, 500, 1500, 121000), FLOW_TOO_LONG);
}

static void a_single_byte_that_nobody_takes_is_stuck_after_the_age(void **state UNUSED)
{
	struct flow f = {0};

	assert_int_equal(look(&f, 700, 1, 5000), FLOW_FINE);
	assert_int_equal(look(&f, 700, 1, 304999), FLOW_FINE);
	assert_int_equal(look(&f, 700, 1, 305000), FLOW_STUCK);
}

static void new_bytes_behind_the_old_one_do_not_make_it_younger(void **state UNUSED)
{
	struct flow f = {0};
	enum flow_verdict v = FLOW_FINE;
	uint64_t ms;

	for (ms = 1000; ms < 400000 && v == FLOW_FINE; ms += 1000)
		v = look(&f, 700, (size_t)(ms / 1000), ms);
	assert_int_equal(v, FLOW_STUCK);
	assert_int_equal(ms, 301000 + 1000);
}

static void one_whose_bytes_go_in_time_is_never_stuck_though_his_queue_is_never_empty(
	void **state UNUSED)
{
	struct flow f = {0};

	/* 900 bytes wait at all times, each for 200 s: 4.5 bytes a second. */
	for (uint64_t s = 1; s < 5000; s++)
		assert_int_equal(look(&f, s * 9 / 2, 900, s * 1000), FLOW_FINE);
}

static void one_whose_bytes_wait_too_long_is_found_within_twice_the_age(void **state UNUSED)
{
	struct flow f = {0};
	enum flow_verdict v = FLOW_FINE;
	uint64_t s;

	/* A byte a second of 900: each waits for 900 s. */
	for (s = 1; s < 5000 && v == FLOW_FINE; s++)
		v = look(&f, s, 900, s * 1000);
	assert_int_equal(v, FLOW_STUCK);
	assert_true(s <= 602);
}

static void an_empty_queue_ends_the_waiting(void **state UNUSED)
{
	struct flow f = {0};

	look(&f, 0, 10, 1000);
	assert_int_equal(look(&f, 10, 0, 299000), FLOW_FINE);
	assert_int_equal(look(&f, 10, 10, 302000), FLOW_FINE);
	assert_int_equal(look(&f, 10, 10, 601999), FLOW_FINE);
	assert_int_equal(look(&f, 10, 10, 602000), FLOW_STUCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(he_is_slow_above_soft_until_a_quarter_of_it_is_left),
		cmocka_unit_test(above_hard_is_too_much_at_once),
		cmocka_unit_test(what_a_piece_costs_counts_for_soft_and_hard),
		cmocka_unit_test(above_soft_for_a_minute_is_too_long),
		cmocka_unit_test(a_moment_at_soft_begins_the_minute_again),
		cmocka_unit_test(a_single_byte_that_nobody_takes_is_stuck_after_the_age),
		cmocka_unit_test(new_bytes_behind_the_old_one_do_not_make_it_younger),
		cmocka_unit_test(
			one_whose_bytes_go_in_time_is_never_stuck_though_his_queue_is_never_empty),
		cmocka_unit_test(one_whose_bytes_wait_too_long_is_found_within_twice_the_age),
		cmocka_unit_test(an_empty_queue_ends_the_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
