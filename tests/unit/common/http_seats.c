#include "common/http_seats.h"

#include "tests/unit/common/support_common.h"

static struct address from(const char *text)
{
	struct address a;
	const char *why;

	assert_true(address_parse(text, &a, &why));
	return a;
}

static void no_more_than_there_are_and_no_more_of_one_address(void **state UNUSED)
{
	struct http_seats s;
	struct address a = from("192.0.2.1:1"), b = from("192.0.2.2:1"), c = from("192.0.2.3:1");

	assert_true(http_seats_open(&s, 4, 2));
	assert_true(http_seats_take(&s, &a));
	assert_true(http_seats_take(&s, &a));
	assert_false(http_seats_take(&s, &a));
	assert_true(http_seats_take(&s, &b));
	assert_true(http_seats_take(&s, &b));
	assert_false(http_seats_take(&s, &c));
	http_seats_leave(&s, &a);
	assert_true(http_seats_take(&s, &c));
	http_seats_leave(&s, &c);
	assert_false(http_seats_take(&s, &b));
	assert_true(http_seats_take(&s, &a));
	http_seats_close(&s);
}

static void an_ipv6_customer_is_one_and_this_machine_is_not_counted(void **state UNUSED)
{
	struct http_seats s;
	struct address a = from("[2001:db8::1]:1"), b = from("[2001:db8::2]:1"),
		       c = from("[2001:db8:0:1::1]:1"), local = from("127.0.0.1:1"),
		       local6 = from("[::1]:1");

	assert_true(http_seats_open(&s, 10, 1));
	assert_true(http_seats_take(&s, &a));
	assert_false(http_seats_take(&s, &b));
	assert_true(http_seats_take(&s, &c));
	for (unsigned i = 0; i < 4; i++) {
		assert_true(http_seats_take(&s, &local));
		assert_true(http_seats_take(&s, &local6));
	}
	assert_false(http_seats_take(&s, &local));
	http_seats_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_there_are_and_no_more_of_one_address),
		cmocka_unit_test(an_ipv6_customer_is_one_and_this_machine_is_not_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
