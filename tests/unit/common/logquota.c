#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "common/logquota.h"

static bool take(struct logquota *q, const char *text, uint64_t now_ms)
{
	struct address a;
	const char *why;

	assert_true(address_parse(text, &a, &why));
	return logquota_take(q, &a, now_ms);
}

static void ten_lines_a_second_are_logged_of_one_address(void **state UNUSED)
{
	struct logquota q = {0};
	unsigned logged = 0;

	for (uint64_t ms = 0; ms < 3000; ms += 10)
		logged += take(&q, "192.0.2.1:5", ms);
	assert_int_equal(logged, 30);
	assert_int_equal(logquota_left_out(&q), 270);
	assert_int_equal(logquota_left_out(&q), 0);
}

static void an_ipv6_network_is_one_address(void **state UNUSED)
{
	struct logquota q = {0};
	unsigned logged = 0;
	char text[64];

	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof text, "[2001:db8:1:2::%x]:5", i);
		logged += take(&q, text, 5);
	}
	assert_int_equal(logged, 10);
}

static void a_hundred_lines_a_second_are_logged_of_all(void **state UNUSED)
{
	struct logquota q = {0};
	unsigned logged = 0;
	char text[64];

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof text, "10.0.%u.%u:5", i / 200, i % 200);
		logged += take(&q, text, 5);
	}
	assert_int_equal(logged, LOGQUOTA_ALL);
	assert_int_equal(logquota_left_out(&q), 20000 - LOGQUOTA_ALL);
	assert_true(take(&q, "10.0.0.1:5", 1005));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_lines_a_second_are_logged_of_one_address),
		cmocka_unit_test(an_ipv6_network_is_one_address),
		cmocka_unit_test(a_hundred_lines_a_second_are_logged_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
