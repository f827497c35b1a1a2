#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "multiplexer/lookup_dns.h"
#include "multiplexer/lookup_dns_ids.h"
#include "multiplexer/lookup_dns_resolver.h"
#include "multiplexer/lookup_name.h"
#include "multiplexer/mux.h"

/* Lookups with a resolver that never answers: a socket of ours. */
static struct rig {
	struct loop loop;
	struct options options;
	struct mux_metrics metrics;
	struct lookups all;
	int resolver;
	unsigned done;
	bool inside; /* in a lookup_ function: nothing may be told */
} rig;

static int udp_socket(char text[static ADDRESS_TEXT_MAX])
{
	struct address a = {.in.sin_family = AF_INET, .len = sizeof a.in};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &a.sa, a.len), 0);
	assert_true(address_of_socket(fd, &a));
	address_text(&a, text);
	return fd;
}

static void set_option(const char *name, const char *text)
{
	const char *why;

	if (!option_set(option_find(option_table, option_rows, name), &rig.options, text, &why))
		fail_msg("%s", why);
}

static int open_rig(void **state UNUSED)
{
	char text[ADDRESS_TEXT_MAX];

	rig = (struct rig){0};
	assert_int_equal(loop_open(&rig.loop), 0);
	option_presets(option_table, option_rows, &rig.options);
	rig.resolver = udp_socket(text);
	set_option("resolver", text);
	set_option("dns_timeout", "30 s");
	lookups_open(&rig.all, &rig.loop, &rig.options, &rig.metrics);
	assert_non_null(rig.all.dns);
	return 0;
}

static int close_rig(void **state UNUSED)
{
	lookups_close(&rig.all);
	loop_run(&rig.loop);
	option_free(option_table, option_rows, &rig.options);
	close(rig.resolver);
	return loop_close(&rig.loop);
}

static void turn(void)
{
	uv_run(&rig.loop.uv, UV_RUN_NOWAIT);
}

static void on_done(struct lookup *l UNUSED)
{
	assert_false(rig.inside);
	rig.done++;
}

static struct lookup_subject at(const char *user)
{
	struct address from, to;
	const char *why;

	assert_true(address_parse(user, &from, &why));
	assert_true(
		address_parse(from.sa.sa_family == AF_INET ? "127.0.0.1:1" : "[::1]:1", &to, &why));
	return (struct lookup_subject){.user = endpoint_of(&from), .local = endpoint_of(&to)};
}

static bool start(struct lookup *l, enum lookup_kind kind, const char *user)
{
	struct lookup_subject of = at(user);

	lookup_init(l, kind, LOOKUP_ON_REQUEST, on_done);
	rig.inside = true;
	bool now = lookup_start(&rig.all, l, &of);
	rig.inside = false;
	return now;
}

static void no_more_are_asked_than_the_limit(void **state UNUSED)
{
	enum { MANY = 300 };
	static struct lookup l[MANY];
	unsigned asked = 0;

	for (unsigned i = 0; i < MANY; i++) {
		char user[32];

		snprintf(user, sizeof user, "10.0.%u.%u:1", i / 200, i % 200);
		asked += !start(&l[i], LOOKUP_DNS, user);
	}
	assert_int_equal(asked, 256);
	assert_int_equal(dns_in_flight(rig.all.dns), 256);
	assert_int_equal(rig.metrics.lookups_dns, 256);
	assert_int_equal(rig.metrics.lookups_dns_refused, MANY - 256);
	/* Who was refused has no answer, and may be asked again. */
	assert_int_equal(l[MANY - 1].state, LOOKUP_OPEN);
	for (unsigned i = 0; i < MANY; i++)
		lookup_forget(&l[i]);
}

static void two_of_one_ipv6_network_are_asked_and_one_address_only_once(void **state UNUSED)
{
	struct lookup l[6];

	assert_false(start(&l[0], LOOKUP_DNS, "[2001:db8::1]:1"));
	assert_false(start(&l[1], LOOKUP_DNS, "[2001:db8::2]:1"));
	assert_true(start(&l[2], LOOKUP_DNS, "[2001:db8::ffff:0:0:3]:1"));
	assert_false(start(&l[3], LOOKUP_DNS, "[2001:db8:0:1::1]:1"));
	assert_false(start(&l[4], LOOKUP_DNS, "[2001:db8::1]:2"));
	assert_false(start(&l[5], LOOKUP_DNS, "32.1.13.184:1")); /* the same first bytes in IPv4 */
	assert_int_equal(rig.metrics.lookups_dns, 4);
	for (size_t i = 0; i < ARRAY_LEN(l); i++)
		lookup_forget(&l[i]);
}

static void who_is_forgotten_is_not_told_and_the_others_are(void **state UNUSED)
{
	struct lookup l[3];
	const char *why;
	char text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(l); i++)
		assert_false(start(&l[i], LOOKUP_DNS, "192.0.2.7:1"));
	lookup_forget(&l[1]);
	lookup_forget(&l[1]);
	assert_int_equal(l[1].state, LOOKUP_OPEN);
	/* A resolver that is not there: the failure comes back at once. */
	close(udp_socket(text));
	assert_true(dns_change(rig.all.dns, text, 30000, &why));
	assert_int_equal(rig.done, 0);
	for (int turns = 0; turns < 10000 && rig.done < 2; turns++) {
		turn();
		usleep(1000);
	}
	assert_int_equal(rig.done, 2);
	assert_int_equal(l[0].state, LOOKUP_OPEN);
	assert_int_equal(l[1].state, LOOKUP_OPEN);
	assert_int_equal(rig.metrics.lookups_dns_failed, 1);
	for (size_t i = 0; i < ARRAY_LEN(l); i++)
		lookup_forget(&l[i]);
	assert_false(start(&l[0], LOOKUP_DNS, "192.0.2.7:1"));
	lookup_forget(&l[0]);
	assert_int_equal(rig.metrics.lookups_dns_cached, 0); /* a failure is no answer */
}

static void the_end_while_much_is_under_way_tells_nobody(void **state UNUSED)
{
	struct lookup l[20];

	set_option("ident_skip", "");
	lookups_reload(&rig.all);
	for (unsigned i = 0; i < ARRAY_LEN(l); i++) {
		char user[32];

		snprintf(user, sizeof user, "127.0.1.%u:1", i);
		start(&l[i], i % 2 ? LOOKUP_DNS : LOOKUP_IDENT, user);
		if (i == 9)
			turn();
	}
	unsigned before = rig.done; /* no identd there: some are through already */
	for (size_t i = 0; i < ARRAY_LEN(l); i++)
		lookup_forget(&l[i]);
	assert_int_equal(idents_in_flight(&rig.all.idents), 0);
	lookups_close(&rig.all);
	lookups_close(&rig.all);
	turn();
	assert_int_equal(rig.done, before);
}

static void what_is_not_looked_up_is_unsupported_and_what_is_not_known_unresolved(
	void **state UNUSED)
{
	static const struct {
		enum lookup_kind kind;
		enum lookup_mode mode;
		const char *user, *word;
	} rows[] = {
		{LOOKUP_DNS, LOOKUP_OFF, "192.0.2.7:1", LOOKUP_UNSUPPORTED},
		{LOOKUP_IDENT, LOOKUP_OFF, "192.0.2.7:1", LOOKUP_UNSUPPORTED},
		{LOOKUP_DNS, LOOKUP_ON_REQUEST, "192.0.2.7:1", LOOKUP_UNRESOLVED},
		{LOOKUP_IDENT, LOOKUP_AUTO, "192.0.2.7:1", LOOKUP_UNRESOLVED},
		{LOOKUP_DNS, LOOKUP_AUTO, "unix:/tmp/x", LOOKUP_UNSUPPORTED},
		{LOOKUP_IDENT, LOOKUP_AUTO, "unix:/tmp/x", LOOKUP_UNSUPPORTED},
		{LOOKUP_DNS, LOOKUP_AUTO, "127.0.0.1:1", LOOKUP_UNRESOLVED},
		{LOOKUP_IDENT, LOOKUP_AUTO, "127.0.0.1:1", LOOKUP_UNSUPPORTED},
		{LOOKUP_IDENT, LOOKUP_AUTO, "192.168.7.7:1", LOOKUP_UNSUPPORTED},
		{LOOKUP_IDENT, LOOKUP_AUTO, "[fe80::1]:1", LOOKUP_UNSUPPORTED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lookup_subject of = at(rows[i].user);
		struct lookup l;

		lookup_init(&l, rows[i].kind, rows[i].mode, on_done);
		assert_string_equal(lookup_word(&rig.all, &l, &of), rows[i].word);
	}
}

static void what_is_no_resolver_is_refused(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {{"", true}, {"/etc/resolv.conf", true}, {"127.0.0.1", true},
		{"127.0.0.1:5453", true}, {"::1", true}, {"[::1]", true}, {"[::1]:5453", true},
		{"10.0.0.1, 10.0.0.2 ::1", true}, {" ", false}, {"localhost", false},
		{"127.0.0.1:99999", false}, {"unix:/x", false}, {"*:53", false}, {"*", false},
		{"127.0.0.1 x", false}, {"%n", false}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why;

		if (dns_resolver_parse(rows[i].text, &why) != rows[i].ok)
			fail_msg("'%s': wrong", rows[i].text);
	}
}

static void numbers_of_questions_that_can_be_guessed_are_found(void **state UNUSED)
{
	uint16_t a[DNS_IDS] = {7, 99, 3, 65000, 1234, 4321, 8, 2}, b[DNS_IDS], up[DNS_IDS];
	const char *why;

	memcpy(b, a, sizeof b);
	assert_false(dns_ids_differ(a, b)); /* both channels the same */
	b[7]++;
	assert_true(dns_ids_differ(a, b));
	for (unsigned i = 0; i < DNS_IDS; i++)
		up[i] = (uint16_t)(65533 + i);
	assert_false(dns_ids_differ(a, up)); /* counted up */
	memset(up, 0, sizeof up);
	assert_false(dns_ids_differ(up, a)); /* stand still */
	assert_true(dns_ids_are_random(&why));
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, open_rig, close_rig)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG_TEST(no_more_are_asked_than_the_limit),
		RIG_TEST(two_of_one_ipv6_network_are_asked_and_one_address_only_once),
		RIG_TEST(who_is_forgotten_is_not_told_and_the_others_are),
		RIG_TEST(the_end_while_much_is_under_way_tells_nobody),
		RIG_TEST(what_is_not_looked_up_is_unsupported_and_what_is_not_known_unresolved),
		cmocka_unit_test(what_is_no_resolver_is_refused),
		cmocka_unit_test(numbers_of_questions_that_can_be_guessed_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
