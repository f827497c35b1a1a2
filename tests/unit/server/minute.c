#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/minute.h"

static struct minute m;

static int clear(UNUSED void **state)
{
	m = (struct minute){0};
	return 0;
}

static void nothing_measured_is_zero(UNUSED void **state)
{
	assert_int_equal(minute_max(&m, 5000), 0);
	assert_int_equal(minute_above(&m, 5000, 10), 0);
}

static void every_value_is_told_right_to_a_quarter_and_never_too_small(UNUSED void **state)
{
	for (uint64_t value = 0; value < 10000000; value += value / 50 + 1) {
		m = (struct minute){0};
		minute_add(&m, 1000, value);
		minute_add(&m, 1000, 20000000); /* or else it were the largest */
		uint64_t told = minute_above(&m, 1000, 500);
		assert_in_range(told, value, value + value / 4);
	}
	assert_int_equal(minute_max(&m, 1000), 20000000);
}

static void one_of_a_hundred_is_above_and_no_more(UNUSED void **state)
{
	for (unsigned i = 0; i < 990; i++)
		minute_add(&m, 1000 + i * 50, 7);
	for (unsigned i = 0; i < 10; i++)
		minute_add(&m, 1000 + i * 50, 6000);
	assert_int_equal(minute_above(&m, 50000, 10), 7);
	minute_add(&m, 50000, 6000);
	assert_in_range(minute_above(&m, 50000, 10), 5999, 6000);
	assert_int_equal(minute_above(&m, 50000, 1000), 0);
}

static void what_is_over_a_minute_ago_does_not_count(UNUSED void **state)
{
	minute_add(&m, 10000, 500);
	minute_add(&m, 30000, 7);
	assert_int_equal(minute_max(&m, 69999), 500);
	assert_int_equal(minute_max(&m, 70000), 7);
	assert_int_equal(minute_max(&m, 89999), 7);
	assert_int_equal(minute_max(&m, 90000), 0);
	minute_add(&m, 70000, 3); /* takes the row of the first */
	assert_int_equal(minute_max(&m, 70000), 7);
	minute_add(&m, 70000, UINT64_MAX);
	assert_true(minute_max(&m, 70000) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_measured_is_zero, clear),
		cmocka_unit_test_setup(
			every_value_is_told_right_to_a_quarter_and_never_too_small, clear),
		cmocka_unit_test_setup(one_of_a_hundred_is_above_and_no_more, clear),
		cmocka_unit_test_setup(what_is_over_a_minute_ago_does_not_count, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
