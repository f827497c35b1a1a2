#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/bucket.h"

static const struct bucket_limits limits = {
	.rate = 20, .burst_lines = 100, .burst_bytes = 32 * 1024};

static void a_full_bucket_has_room_for_a_burst_of_lines(void **state UNUSED)
{
	struct bucket b = {0};

	assert_int_equal(bucket_room(&b, &limits, 1000), 100);
	for (uint32_t n = 0; n < 100; n++) {
		assert_int_equal(bucket_room(&b, &limits, 1000), 100 - n);
		bucket_take(&b, &limits, 1, 5, 1000);
	}
	assert_int_equal(bucket_room(&b, &limits, 1000), 0);
}

static void then_twenty_lines_a_second(void **state UNUSED)
{
	struct bucket b = {0};
	unsigned lines = 0;

	for (uint64_t ms = 1000; ms < 61000; ms += 10) {
		uint32_t n = bucket_room(&b, &limits, ms);

		bucket_take(&b, &limits, n, n * 10, ms);
		lines += n;
	}
	assert_in_range(lines, 100 + 60 * 20 - 2, 100 + 60 * 20);
}

static void bytes_without_a_line_end_run_out_at_32_kib(void **state UNUSED)
{
	struct bucket b = {0};
	uint32_t bytes = 0, n;

	while ((n = bucket_room(&b, &limits, 5)) > 0) {
		bucket_take(&b, &limits, 0, n, 5);
		bytes += n;
	}
	assert_in_range(bytes, 32 * 1024 - 5, 32 * 1024);
	/* Both refill in five seconds. */
	assert_int_equal(bucket_room(&b, &limits, 5 + 5000), 100);
}

static void a_debt_is_paid_before_there_is_room_again(void **state UNUSED)
{
	struct bucket b = {0};

	bucket_take(&b, &limits, 140, 0, 1000);
	assert_int_equal(bucket_room(&b, &limits, 1000), 0);
	assert_int_equal(bucket_room(&b, &limits, 1000 + 2000), 0);
	assert_int_equal(bucket_room(&b, &limits, 1000 + 2050), 1);
}

static void no_rate_is_no_limit(void **state UNUSED)
{
	struct bucket b = {0};
	const struct bucket_limits none = {.burst_lines = 100, .burst_bytes = 100};

	bucket_take(&b, &none, 1000000, 1000000, 1);
	assert_int_equal(bucket_room(&b, &none, 1), UINT32_MAX);
}

static void the_largest_limits_do_not_overflow(void **state UNUSED)
{
	const struct bucket_limits most = {
		.rate = 1, .burst_lines = 100000, .burst_bytes = 1024 * 1024};
	struct bucket b = {0};
	uint64_t years = (uint64_t)40 * 366 * 86400 * 1000;

	assert_int_equal(bucket_room(&b, &most, years), 100000);
	bucket_take(&b, &most, 65536, 65536, years);
	assert_in_range(bucket_room(&b, &most, years), 34463, 34464);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_bucket_has_room_for_a_burst_of_lines),
		cmocka_unit_test(then_twenty_lines_a_second),
		cmocka_unit_test(bytes_without_a_line_end_run_out_at_32_kib),
		cmocka_unit_test(a_debt_is_paid_before_there_is_room_again),
		cmocka_unit_test(no_rate_is_no_limit),
		cmocka_unit_test(the_largest_limits_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
