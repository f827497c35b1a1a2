/* When the supervisor starts a dead server again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/backoff.h"

static void a_server_that_lived_long_is_started_again_at_once(void **state)
{
	struct backoff b = {0};

	(void)state;
	assert_int_equal(backoff_after(&b, BACKOFF_SHORT_LIFE_MS), 0);
	assert_int_equal(backoff_after(&b, 3600 * 1000), 0);
}

static void one_that_dies_young_waits_longer_each_time(void **state)
{
	static const uint64_t delays[] = {200, 500, 1000, 2000, 5000, 5000, 5000};
	struct backoff b = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(delays); i++)
		assert_int_equal(backoff_after(&b, 50), delays[i]);
}

static void one_long_life_forgives_all(void **state)
{
	struct backoff b = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		backoff_after(&b, 0);
	assert_int_equal(backoff_after(&b, BACKOFF_SHORT_LIFE_MS - 1), 5000);
	assert_int_equal(backoff_after(&b, BACKOFF_SHORT_LIFE_MS), 0);
	assert_int_equal(backoff_after(&b, 0), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_lived_long_is_started_again_at_once),
		cmocka_unit_test(one_that_dies_young_waits_longer_each_time),
		cmocka_unit_test(one_long_life_forgives_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
