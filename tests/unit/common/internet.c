#include <stdio.h>

#include "common/internet.h"
#include "tests/unit/common/support_common.h"

static struct address address(const char *ip)
{
	char text[ADDRESS_TEXT_MAX];
	struct address a;
	const char *why;

	snprintf(text, sizeof text, strchr(ip, ':') != NULL ? "[%s]:80" : "%s:80", ip);
	if (!address_parse(text, &a, &why))
		fail_msg("%s: %s", ip, why);
	return a;
}

static const char *const outside[] = {"1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0",
	"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
	"169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0",
	"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
	"::ffff:8.8.8.8", "2000::", "2001:200::1", "2001:db7:ffff::", "2001:db9::", "2003::1",
	"2a00:1450::1", "3ffe::1", "2001:4860:4860::8888"};

/* Each with the first and the last address of its network. */
static const char *const inside[] = {"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255",
	"100.64.0.0", "100.127.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0",
	"169.254.169.254", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0",
	"192.0.0.255", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0",
	"198.19.255.255", "198.51.100.7", "203.0.113.255", "224.0.0.0", "239.255.255.255",
	"240.0.0.0", "255.255.255.255", "::", "::1", "::2", "::127.0.0.1", "::8.8.8.8",
	"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1",
	"64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "1fff::1", "2001::1",
	"2001:1ff:ffff::", "2001:db8::1", "2002:7f00:1::", "2002::1", "3fff::1",
	"4000::", "5f00::1", "fc00::", "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1",
	"ffff::"};

static void what_anybody_can_reach_is_on_the_internet(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
		struct address a = address(outside[i]);

		if (internet_why_not(&a) != NULL)
			fail_msg("%s: is said to be %s", outside[i], internet_why_not(&a));
	}
}

static void what_is_private_local_special_or_hidden_in_ipv6_is_not(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
		struct address a = address(inside[i]);

		if (internet_why_not(&a) == NULL)
			fail_msg("%s: is taken for a place on the Internet", inside[i]);
	}
}

static void each_says_in_words_what_it_is(void **state UNUSED)
{
	struct address a = address("169.254.169.254"), none = {0};
	struct address unix_one = {.un.sun_family = AF_UNIX, .len = sizeof unix_one.un};

	assert_string_equal(internet_why_not(&a), "the local network");
	a = address("127.1.2.3");
	assert_string_equal(internet_why_not(&a), "this machine itself");
	a = address("::ffff:192.168.1.1");
	assert_string_equal(internet_why_not(&a), "a private network");
	a = address("2002:c0a8:101::1");
	assert_string_equal(internet_why_not(&a), "an IPv4 address in IPv6");
	assert_string_equal(internet_why_not(&none), "no Internet address");
	assert_string_equal(internet_why_not(&unix_one), "no Internet address");
}

static void a_machine_knows_its_own_addresses(void **state UNUSED)
{
	struct address a = address("127.0.0.1");

	assert_true(internet_is_own(&a));
	a = address("192.0.2.77");
	assert_false(internet_is_own(&a));
	a = address("2001:db8::77");
	assert_false(internet_is_own(&a));
	a = (struct address){0};
	assert_false(internet_is_own(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_anybody_can_reach_is_on_the_internet),
		cmocka_unit_test(what_is_private_local_special_or_hidden_in_ipv6_is_not),
		cmocka_unit_test(each_says_in_words_what_it_is),
		cmocka_unit_test(a_machine_knows_its_own_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
