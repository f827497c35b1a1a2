#include "common/strikes.h"

#include <stdio.h>

#include "tests/unit/common/support_common.h"
#include "tests/unit/support_ip.h"

static void three_failures_in_a_row_are_out_for_10_seconds(void **state UNUSED)
{
	struct strikes s = {0};
	struct address who = ip("192.0.2.1:1"), again = ip("192.0.2.1:2"),
		       other = ip("192.0.2.2:1");

	assert_false(strikes_add(&s, &who, 1000));
	assert_false(strikes_add(&s, &again, 1001));
	assert_false(strikes_is_out(&s, &who, 1001));
	assert_true(strikes_add(&s, &who, 1002));
	assert_true(strikes_is_out(&s, &again, 1002));
	assert_true(strikes_is_out(&s, &who, 11001));
	assert_false(strikes_is_out(&s, &other, 1002));
	assert_false(strikes_is_out(&s, &who, 11002));
	assert_false(strikes_add(&s, &who, 11002));
}

static void who_proves_himself_begins_anew(void **state UNUSED)
{
	struct strikes s = {0};
	struct address who = ip("[2001:db8::1]:1");

	strikes_add(&s, &who, 1);
	strikes_add(&s, &who, 2);
	strikes_clear(&s, &who);
	assert_false(strikes_add(&s, &who, 3));
	assert_false(strikes_add(&s, &who, 4));
	assert_true(strikes_add(&s, &who, 5));
	strikes_clear(&s, &who);
	assert_false(strikes_is_out(&s, &who, 6));
}

static void old_failures_are_forgotten(void **state UNUSED)
{
	struct strikes s = {0};
	struct address who = ip("192.0.2.1:1");

	strikes_add(&s, &who, 1);
	strikes_add(&s, &who, 2);
	assert_false(strikes_add(&s, &who, 2 + STRIKES_FORGET_MS));
}

static void a_whole_64_of_ipv6_is_one(void **state UNUSED)
{
	struct strikes s = {0};
	struct address a = ip("[2001:db8::1]:1"), b = ip("[2001:db8::ffff:2]:1"),
		       c = ip("[2001:db8:0:1::1]:1");

	strikes_add(&s, &a, 1);
	strikes_add(&s, &b, 1);
	assert_true(strikes_add(&s, &a, 1));
	assert_true(strikes_is_out(&s, &b, 2));
	assert_false(strikes_is_out(&s, &c, 2));
}

static void local_sockets_are_never_out(void **state UNUSED)
{
	struct strikes s = {0};
	struct address who = ip("unix:/tmp/x");

	for (int i = 0; i < 10; i++)
		assert_false(strikes_add(&s, &who, 1));
	assert_false(strikes_is_out(&s, &who, 1));
}

static void a_thousand_addresses_do_not_push_out_the_latest(void **state UNUSED)
{
	struct strikes s = {0};
	struct address who = ip("192.0.2.1:1");
	char text[64];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "10.0.%u.%u:1", i / 250, i % 250);
		struct address one = ip(text);
		strikes_add(&s, &one, i);
	}
	strikes_add(&s, &who, 1000);
	strikes_add(&s, &who, 1001);
	assert_true(strikes_add(&s, &who, 1002));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_failures_in_a_row_are_out_for_10_seconds),
		cmocka_unit_test(who_proves_himself_begins_anew),
		cmocka_unit_test(old_failures_are_forgotten),
		cmocka_unit_test(a_whole_64_of_ipv6_is_one),
		cmocka_unit_test(local_sockets_are_never_out),
		cmocka_unit_test(a_thousand_addresses_do_not_push_out_the_latest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
