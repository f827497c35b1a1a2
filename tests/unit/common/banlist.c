#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/banlist.h"

static struct banlist list;
static struct ban_clock now;
static unsigned changes;

static void on_change(struct banlist *l UNUSED, const struct ban *b UNUSED)
{
	changes++;
}

static int begin(void **state UNUSED)
{
	banlist_init(&list, 100);
	list.on_change = on_change;
	now = (struct ban_clock){.ms = 1000, .wall = 1800000000};
	changes = 0;
	return 0;
}

static int end(void **state UNUSED)
{
	banlist_free(&list);
	assert_int_equal(list.bans, 0);
	assert_int_equal(list.lifted, 0);
	return 0;
}

static struct ban wish(const char *net, uint32_t seconds)
{
	struct ban b = {.seconds = seconds, .reason = "spam", .by = "test"};
	const char *why;

	assert_true(net_parse(net, &b.net, &why));
	return b;
}

static enum ban_result put(const char *net, uint32_t seconds)
{
	struct ban b = wish(net, seconds);
	const char *why;

	return banlist_put(&list, &b, NULL, &now, &why);
}

static enum ban_result lift(const char *net, uint32_t made)
{
	struct ban b = wish(net, 0);
	const char *why;

	b.lifted = true;
	b.made = made;
	return banlist_put(&list, &b, NULL, &now, &why);
}

static struct ban *find(const char *ip)
{
	char text[80];
	struct address a;
	const char *why;

	snprintf(text, sizeof text, strchr(ip, ':') != NULL ? "[%s]:1" : "%s:1", ip);
	assert_true(address_parse(text, &a, &why));
	return banlist_find(&list, &a, &now);
}

static void is_found_by(const char *ip, const char *net)
{
	const struct ban *b = find(ip);
	char text[NET_TEXT_MAX];

	if (net == NULL) {
		assert_null(b);
		return;
	}
	assert_non_null(b);
	assert_string_equal(net_text(&b->net, text), net);
}

static void an_address_finds_the_narrowest_network_it_is_in(void **state UNUSED)
{
	is_found_by("192.0.2.7", NULL);
	put("192.0.2.0/24", 0);
	put("192.0.2.7", 0);
	put("192.0.2.128/25", 0);
	put("2001:db8::/32", 0);
	put("2001:db8:1:2::/64", 0);
	is_found_by("192.0.2.7", "192.0.2.7");
	is_found_by("::ffff:192.0.2.7", "192.0.2.7");
	is_found_by("192.0.2.8", "192.0.2.0/24");
	is_found_by("192.0.2.128", "192.0.2.128/25");
	is_found_by("192.0.3.0", NULL);
	is_found_by("192.0.1.255", NULL);
	is_found_by("2001:db8:1:2:3::", "2001:db8:1:2::/64");
	is_found_by("2001:db8:1:3::", "2001:db8::/32");
	is_found_by("2001:db9::", NULL);
	assert_int_equal(list.bans, 5);
	assert_int_equal(changes, 5);
	put("0.0.0.0/0", 0);
	is_found_by("8.8.8.8", "0.0.0.0/0");
	is_found_by("::1", NULL);
	put("::/0", 0);
	is_found_by("::1", "::/0");
	is_found_by("8.8.8.8", "0.0.0.0/0");
}

/* Against the plain way of looking: a walk. */
static void whoever_is_asked_for_the_table_and_a_walk_agree(void **state UNUSED)
{
	srand(7);
	for (int i = 0; i < 60; i++) {
		struct ban b = {.by = ""};
		const char *why;

		for (int byte = 0; byte < ADDRESS_IP_BYTES; byte++)
			b.net.ip[byte] = (uint8_t)(rand() % 2 * 0x80);
		b.net.bits = (uint8_t)(rand() % 129);
		for (int bit = b.net.bits; bit < 128; bit++)
			b.net.ip[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
		banlist_put(&list, &b, NULL, &now, &why);
	}
	for (int i = 0; i < 5000; i++) {
		struct address a = {.in6.sin6_family = AF_INET6, .len = sizeof a.in6};
		const struct ban *best = NULL;

		for (int byte = 0; byte < ADDRESS_IP_BYTES; byte++)
			a.in6.sin6_addr.s6_addr[byte] = (uint8_t)(rand() % 2 * 0x80);
		LIST_EACH(node, &list.all)
		{
			const struct ban *b = container_of(node, struct ban, node);

			if (net_has(&b->net, &a) && (best == NULL || b->net.bits > best->net.bits))
				best = b;
		}
		assert_ptr_equal(banlist_find(&list, &a, &now), best);
	}
}

static void a_ban_ends_by_the_clock_that_never_jumps(void **state UNUSED)
{
	put("192.0.2.7", 60);
	put("192.0.2.8", 0);
	now.wall += 86400; /* somebody sets the date */
	banlist_expire(&list, &now);
	is_found_by("192.0.2.7", "192.0.2.7");
	now.wall -= 10 * 86400;
	now.ms += 59999;
	banlist_expire(&list, &now);
	is_found_by("192.0.2.7", "192.0.2.7");
	assert_int_equal(ban_left(find("192.0.2.7"), &now), 1);
	now.ms += 1;
	is_found_by("192.0.2.7", NULL);
	assert_int_equal(list.bans, 2);
	banlist_expire(&list, &now);
	assert_int_equal(list.bans, 1);
	is_found_by("192.0.2.8", "192.0.2.8");
	assert_int_equal(ban_left(find("192.0.2.8"), &now), 0);
}

static void the_younger_word_about_a_network_counts(void **state UNUSED)
{
	struct ban b = wish("192.0.2.7", 0);
	const char *why;

	b.made = 1000;
	assert_int_equal(banlist_put(&list, &b, NULL, &now, &why), BAN_TAKEN);
	assert_int_equal(banlist_put(&list, &b, NULL, &now, &why), BAN_SAME);
	assert_int_equal(lift("192.0.2.7", 999), BAN_OLD);
	is_found_by("192.0.2.7", "192.0.2.7");
	assert_int_equal(lift("192.0.2.7", 1001), BAN_TAKEN);
	is_found_by("192.0.2.7", NULL);
	assert_int_equal(banlist_put(&list, &b, NULL, &now, &why), BAN_OLD);
	is_found_by("192.0.2.7", NULL);
	assert_int_equal(changes, 2);
	/* What is said here counts more than all that is known, whatever the date. */
	b.made = 4000000000;
	assert_int_equal(banlist_put(&list, &b, NULL, &now, &why), BAN_TAKEN);
	assert_int_equal(lift("192.0.2.7", 0), BAN_TAKEN);
	is_found_by("192.0.2.7", NULL);
	assert_int_equal(put("192.0.2.7", 0), BAN_TAKEN);
	is_found_by("192.0.2.7", "192.0.2.7");
}

static void what_was_lifted_is_remembered_as_long_as_it_would_have_lasted(void **state UNUSED)
{
	put("192.0.2.7", 60);
	put("192.0.2.8", 0);
	now.ms += 10000;
	lift("192.0.2.7", 0);
	lift("192.0.2.8", 0);
	assert_int_equal(list.bans, 0);
	assert_int_equal(list.lifted, 2);
	now.ms += 50000;
	banlist_expire(&list, &now);
	assert_int_equal(list.lifted, 1);
	now.ms += (uint64_t)BAN_MEMORY_S * 1000;
	banlist_expire(&list, &now);
	assert_int_equal(list.lifted, 0);
}

static void there_are_no_more_than_may_be_and_the_oldest_lifted_ones_give_way(void **state UNUSED)
{
	char net[32];
	struct ban b;
	const char *why;

	list.max = 10;
	for (int i = 0; i < 10; i++) {
		snprintf(net, sizeof net, "192.0.2.%d", i);
		assert_int_equal(put(net, 0), BAN_TAKEN);
	}
	b = wish("192.0.2.10", 0);
	assert_int_equal(banlist_put(&list, &b, NULL, &now, &why), BAN_REFUSED);
	assert_string_equal(why, "there are 10 bans, as many as there may be");
	assert_int_equal(put("192.0.2.3", 5), BAN_TAKEN); /* not one more */
	for (int i = 0; i < 30; i++) {
		snprintf(net, sizeof net, "192.0.2.%d", i % 15);
		put(net, 0);
		assert_int_equal(lift(net, 0), BAN_TAKEN);
		assert_in_range(list.lifted, 1, 10);
	}
	list.max = 0;
	assert_int_equal(put("10.0.0.1", 0), BAN_REFUSED);
}

static unsigned read_all(struct banreader *r)
{
	unsigned count = 0;

	while (banreader_next(r, &list) != NULL)
		count++;
	return count;
}

static void a_reader_gets_all_there_is_and_each_change_once_but_not_its_own(void **state UNUSED)
{
	struct banreader one, two;
	struct ban b;
	const char *why;

	banreader_init(&one);
	banreader_init(&two);
	assert_null(banreader_next(&one, &list));
	put("192.0.2.1", 0);
	put("192.0.2.2", 0);
	banreader_start(&one, &list);
	assert_int_equal(read_all(&one), 2);
	assert_int_equal(read_all(&one), 0);
	banreader_start(&two, &list);
	b = wish("192.0.2.3", 0);
	banlist_put(&list, &b, &one, &now, &why);
	lift("192.0.2.1", 0);
	put("192.0.2.4", 0);
	put("192.0.2.4", 7);
	assert_int_equal(read_all(&one), 2);
	assert_int_equal(read_all(&two), 4);
	put("192.0.2.5", 1);
	put("192.0.2.6", 0);
	now.ms += 1000;
	banlist_expire(&list, &now); /* that it stands on */
	assert_int_equal(read_all(&one), 1);
	banreader_stop(&one, &list);
	assert_int_equal(read_all(&one), 0);
	banreader_start(&one, &list); /* another one at its place knows nothing */
	assert_int_equal(read_all(&one), list.bans + list.lifted);
	banreader_stop(&one, &list);
	banreader_stop(&two, &list);
	banreader_stop(&two, &list);
}

static void texts_become_one_line_of_utf8(void **state UNUSED)
{
	static const char *const pairs[][2] = {
		{"plain", "plain"},
		{"gr\xc3\xbc\xc3\x9f dich", "gr\xc3\xbc\xc3\x9f dich"},
		{"a\x1b[31mb\r\nc\x7f", "a [31mb  c "},
		{"\xff\xc3", "??"},
		{"x\xed\xa0\x80y", "x???y"},
		{"\xc2\x9b"
		 "1m",
			"  1m"},
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
	};
	struct ban b = wish("192.0.2.1", 0);
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		snprintf(b.reason, sizeof b.reason, "%s", pairs[i][0]);
		banlist_put(&list, &b, NULL, &now, &why);
		assert_string_equal(find("192.0.2.1")->reason, pairs[i][1]);
	}
	memset(b.reason, 'x', sizeof b.reason - 2);
	strcpy(b.reason + sizeof b.reason - 3, "\xc3\xbc");
	banlist_put(&list, &b, NULL, &now, &why);
	assert_int_equal(strlen(find("192.0.2.1")->reason), sizeof b.reason - 1);
	strcpy(b.by, "\xc3");
	banlist_put(&list, &b, NULL, &now, &why);
	assert_string_equal(find("192.0.2.1")->by, "?");
}

static void networks_that_hold_this_machine_or_are_very_large_need_force(void **state UNUSED)
{
	static const struct {
		const char *net, *why;
	} rows[] = {
		{"127.0.0.1", "this machine"},
		{"::1", "this machine"},
		{"::/16", "this machine"},
		{"127.0.0.0/8", "this machine"},
		{"126.0.0.0/7", "very large"},
		{"0.0.0.0/0", "very large"},
		{"::/0", "very large"},
		{"2000::/15", "very large"},
		{"::ffff:127.0.0.1", "this machine"},
		{"10.0.0.0/8", NULL},
		{"2001::/16", NULL},
		{"192.0.2.1/32", NULL},
		{"::fffe:0:0/95", "this machine"},
		{"::2", NULL},
	};
	struct net net;
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool ok = ban_parse_net(rows[i].net, false, &net, &why);

		assert_int_equal(ok, rows[i].why == NULL);
		if (!ok)
			assert_non_null(strstr(why, rows[i].why));
		assert_true(ban_parse_net(rows[i].net, true, &net, &why));
	}
	assert_false(ban_parse_net("spam", true, &net, &why));
	assert_false(ban_parse_net("10.0.0.1/8", true, &net, &why));
	assert_false(ban_parse_net("", true, &net, &why));
}

static void times_are_read_or_refused(void **state UNUSED)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} rows[] = {{"90", 90}, {"90s", 90}, {"15m", 900}, {"12h", 43200}, {"7d", 604800},
		{"4w", 2419200}, {"forever", 0}, {"999999999w", 0}, {"0", -1}, {"", -1}, {"m", -1},
		{"1.5h", -1}, {"-1", -1}, {"1hh", -1}, {"1x", -1}, {"9999999999", -1},
		{"spam", -1}};
	uint32_t seconds;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(ban_parse_time(rows[i].text, &seconds), rows[i].seconds >= 0);
		if (rows[i].seconds >= 0)
			assert_int_equal(seconds, rows[i].seconds);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_finds_the_narrowest_network_it_is_in),
		TEST(whoever_is_asked_for_the_table_and_a_walk_agree),
		TEST(a_ban_ends_by_the_clock_that_never_jumps),
		TEST(the_younger_word_about_a_network_counts),
		TEST(what_was_lifted_is_remembered_as_long_as_it_would_have_lasted),
		TEST(there_are_no_more_than_may_be_and_the_oldest_lifted_ones_give_way),
		TEST(a_reader_gets_all_there_is_and_each_change_once_but_not_its_own),
		TEST(texts_become_one_line_of_utf8),
		TEST(networks_that_hold_this_machine_or_are_very_large_need_force),
		TEST(times_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
