#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "server/api/acl.h"

/* NightFall's default. */
#define USUAL "-0.0.0.0/0,+192.168.1.1/16,+127.0.0.1"

static struct address address_at(const char *ip)
{
	struct address a;
	char text[80];
	const char *why;

	snprintf(text, sizeof text, strchr(ip, ':') != NULL ? "[%s]:1" : "%s:1", ip);
	if (!address_parse(text, &a, &why))
		fail_msg("%s: %s", ip, why);
	return a;
}

static bool allows(const char *list, const char *ip)
{
	struct address a = address_at(ip);
	struct acl acl;
	const char *why = "";

	if (!acl_parse(list, &acl, &why))
		fail_msg("%s: %s", list, why);
	return acl_allows(&acl, &a);
}

static const char *refused(const char *list)
{
	struct acl acl = {.count = 7};
	const char *why = "";

	if (acl_parse(list, &acl, &why))
		fail_msg("'%s' is taken", list);
	assert_int_equal(acl.count, 7);
	return why;
}

static void the_documented_default_admits_what_the_documentation_says(void **state)
{
	(void)state;
	assert_true(allows(USUAL, "192.168.0.1"));
	assert_true(allows(USUAL, "192.168.1.1"));
	assert_true(allows(USUAL, "192.168.255.254"));
	assert_true(allows(USUAL, "127.0.0.1"));
	assert_false(allows(USUAL, "127.0.0.2"));
	assert_false(allows(USUAL, "192.167.255.255"));
	assert_false(allows(USUAL, "192.169.0.0"));
	assert_false(allows(USUAL, "8.8.8.8"));
	assert_false(allows(USUAL, "::1"));
	assert_false(allows(USUAL, "2001:db8::1"));
}

static void an_empty_list_admits_everybody_and_any_other_only_whom_it_names(void **state)
{
	(void)state;
	assert_true(allows("", "8.8.8.8"));
	assert_true(allows("  ", "2001:db8::1"));
	assert_false(allows("+10.0.0.1", "10.0.0.2"));
	assert_false(allows("-10.0.0.1", "10.0.0.2"));
}

static void the_last_that_fits_decides(void **state)
{
	(void)state;
	assert_true(allows("-10.0.0.0/8,+10.1.0.0/16", "10.1.2.3"));
	assert_false(allows("+10.1.0.0/16,-10.0.0.0/8", "10.1.2.3"));
	assert_false(allows("+0.0.0.0/0,-10.1.2.3", "10.1.2.3"));
	assert_true(allows("+0.0.0.0/0,-10.1.2.3", "10.1.2.4"));
	assert_true(allows("+10.1.2.3,-10.1.2.3,+10.1.2.3", "10.1.2.3"));
}

static void an_address_that_is_ipv4_in_ipv6_is_ipv4(void **state)
{
	(void)state;
	assert_true(allows("+127.0.0.1", "::ffff:127.0.0.1"));
	assert_false(allows("+::/0,-127.0.0.1", "::ffff:127.0.0.1"));
	assert_true(allows("+::ffff:127.0.0.1", "127.0.0.1"));
}

static void every_number_of_bits_counts_exactly_so_many(void **state)
{
	(void)state;
	for (unsigned bits = 1; bits <= 32; bits++) {
		uint32_t base = 0xc0a80101, other = base ^ (1u << (32 - bits));
		char list[60], same_text[20], other_text[20];
		uint32_t last = bits < 32 ? base ^ 1 : base;

		snprintf(list, sizeof list, "+192.168.1.1/%u", bits);
		snprintf(same_text, sizeof same_text, "%u.%u.%u.%u", last >> 24, last >> 16 & 255,
			last >> 8 & 255, last & 255);
		snprintf(other_text, sizeof other_text, "%u.%u.%u.%u", other >> 24,
			other >> 16 & 255, other >> 8 & 255, other & 255);
		assert_true(allows(list, same_text));
		assert_false(allows(list, other_text));
	}
	assert_true(allows("+1.2.3.4/0", "200.1.1.1"));
	assert_true(allows("+2001:db8::5/32", "2001:db8:ffff::1"));
	assert_false(allows("+2001:db8::5/32", "2001:db9::1"));
	assert_true(allows("+[2001:db8::5]/128", "2001:db8::5"));
	assert_false(allows("+2001:db8::5/128", "2001:db8::4"));
	assert_true(allows("+::/0", "2001:db8::4"));
}

static void a_malformed_list_is_refused_and_the_element_named(void **state)
{
	static const char *const lists[] = {"127.0.0.1", "+", "-", "+/8", "+127.0.0.1/33",
		"+127.0.0.1/", "+127.0.0.1/-1", "+127.0.0.1/08x", "+127.0.0.1/ 8", "+127.0.0",
		"+127.0.0.256", "+localhost", "+::1/129", "+::g", "++127.0.0.1", "+127.0.0.1,",
		",+127.0.0.1", "+127.0.0.1,,+10.0.0.1", "+127.0.0.1 +10.0.0.1", "+*",
		"+127.0.0.1/8/8", "+unix:/tmp/x", "+[::1", "+127.0.0.1:80"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		assert_true(strlen(refused(lists[i])) > 5);
	assert_non_null(strstr(refused("+10.0.0.1,+10.0.0.300"), "10.0.0.300"));
}

static void blanks_around_elements_do_not_matter(void **state)
{
	(void)state;
	assert_true(allows(" +127.0.0.1 ,\t-10.0.0.0/8 ", "127.0.0.1"));
}

static void more_elements_than_there_is_room_for_are_refused(void **state)
{
	static char list[(ACL_MAX + 1) * 10 + 1];

	(void)state;
	for (unsigned i = 0; i < ACL_MAX; i++)
		strcat(list, i > 0 ? ",+10.0.0.1" : "+10.0.0.1");
	assert_true(allows(list, "10.0.0.1"));
	strcat(list, ",+1.1.1.1");
	assert_non_null(strstr(refused(list), "more than 256"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documented_default_admits_what_the_documentation_says),
		cmocka_unit_test(an_empty_list_admits_everybody_and_any_other_only_whom_it_names),
		cmocka_unit_test(the_last_that_fits_decides),
		cmocka_unit_test(an_address_that_is_ipv4_in_ipv6_is_ipv4),
		cmocka_unit_test(every_number_of_bits_counts_exactly_so_many),
		cmocka_unit_test(a_malformed_list_is_refused_and_the_element_named),
		cmocka_unit_test(blanks_around_elements_do_not_matter),
		cmocka_unit_test(more_elements_than_there_is_room_for_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
