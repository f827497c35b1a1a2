#include <stdio.h>

#include "common/nets.h"
#include "tests/unit/common/support_common.h"

static bool has(const char *nets, const char *ip)
{
	char text[ADDRESS_TEXT_MAX];
	struct address a;
	struct nets n;
	const char *why;

	if (!nets_parse(nets, &n, &why))
		fail_msg("'%s': %s", nets, why);
	snprintf(text, sizeof text, strchr(ip, ':') != NULL ? "[%s]:1" : "%s:1", ip);
	assert_true(address_parse(text, &a, &why));
	return nets_have(&n, &a);
}

static void an_address_is_in_a_network_or_not(void **state UNUSED)
{
	static const struct {
		const char *nets, *ip;
		bool has;
	} rows[] = {
		{"127.0.0.0/8", "127.0.0.1", true},
		{"127.0.0.0/8", "127.255.255.255", true},
		{"127.0.0.0/8", "128.0.0.0", false},
		{"127.0.0.0/8", "126.255.255.255", false},
		{"10.1.2.0/23", "10.1.3.255", true},
		{"10.1.2.0/23", "10.1.4.0", false},
		{"10.1.2.3", "10.1.2.3", true},
		{"10.1.2.3", "10.1.2.2", false},
		{"10.1.2.3/32", "10.1.2.3", true},
		{"0.0.0.0/0", "8.8.8.8", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
		{"::1", "::1", true},
		{"::1", "::2", false},
		{"fe80::/10", "febf::1", true},
		{"fe80::/10", "fec0::1", false},
		{"fc00::/7", "fdff::1", true},
		{"10.0.0.0/8", "::ffff:10.1.2.3", true},
		{"::ffff:10.0.0.0/104", "10.1.2.3", true},
		{"", "10.1.2.3", false},
		{" ", "10.1.2.3", false},
		{"192.168.0.0/16 10.0.0.0/8", "10.1.2.3", true},
		{"192.168.0.0/16,10.0.0.0/8, ::1", "::1", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (has(rows[i].nets, rows[i].ip) != rows[i].has)
			fail_msg("%s in '%s': wrong", rows[i].ip, rows[i].nets);
}

/* Each length of a prefix against an address that differs in each bit: in while it lies behind. */
static void every_bit_counts_up_to_the_length_and_none_behind_it(void **state UNUSED)
{
	for (unsigned bits = 0; bits <= 128; bits++) {
		struct nets n = {.count = 1};
		n.at[0].bits = (uint8_t)bits;
		for (unsigned bit = 0; bit < 128; bit++) {
			struct address a = {.in6.sin6_family = AF_INET6, .len = sizeof a.in6};
			a.in6.sin6_addr.s6_addr[bit / 8] = (uint8_t)(0x80u >> (bit % 8));
			assert_int_equal(nets_have(&n, &a), bit >= bits);
		}
	}
}

static void what_is_no_network_is_refused_with_a_reason(void **state UNUSED)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"10.0.0.0/33", "behind the / stands a number from 0 to 32"},
		{"::/129", "from 0 to 128"},
		{"10.0.0.0/", "from 0 to 32"},
		{"10.0.0.0/-1", "from 0 to 32"},
		{"10.0.0.0/ 8", "from 0 to 32"},
		{"10.0.0.0/8x", "from 0 to 32"},
		{"10.0.0.1/8", "bits behind the network's own"},
		{"::1/64", "bits behind the network's own"},
		{"10.0.0", "'10.0.0' is no IP address"},
		{"localhost", "'localhost' is no IP address"},
		{"*", "'*' is no IP address"},
		{"unix:/x", "is no IP address"},
		{"127.0.0.1:80", "is no IP address"},
		{"/8", "is no IP address"},
		{"10.0.0.0/8 nonsense", "'nonsense' is no IP address"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct nets n = {.count = 77};
		const char *why = "";

		if (nets_parse(rows[i].text, &n, &why))
			fail_msg("taken: '%s'", rows[i].text);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("'%s': '%s' does not say '%s'", rows[i].text, why, rows[i].why);
		assert_int_equal(n.count, 77);
	}
}

static void sixty_four_fit_and_one_more_is_refused(void **state UNUSED)
{
	char text[NETS_MAX * 12 + 20] = "";
	struct nets n;
	const char *why;

	for (int i = 0; i < NETS_MAX; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "10.0.0.%d ", i);
	assert_true(nets_parse(text, &n, &why));
	assert_int_equal(n.count, NETS_MAX);
	strcat(text, "10.1.0.0");
	assert_false(nets_parse(text, &n, &why));
	assert_string_equal(why, "more than 64 networks");
}

static void af_unix_and_no_address_are_in_no_network(void **state UNUSED)
{
	struct address nobody = {0}, path;
	struct nets n;
	const char *why;

	assert_true(nets_parse("0.0.0.0/0 ::/0", &n, &why));
	assert_true(address_parse("unix:/tmp/x", &path, &why));
	assert_false(nets_have(&n, &nobody));
	assert_false(nets_have(&n, &path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_a_network_or_not),
		cmocka_unit_test(every_bit_counts_up_to_the_length_and_none_behind_it),
		cmocka_unit_test(what_is_no_network_is_refused_with_a_reason),
		cmocka_unit_test(sixty_four_fit_and_one_more_is_refused),
		cmocka_unit_test(af_unix_and_no_address_are_in_no_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
