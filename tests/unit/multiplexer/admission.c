#include "multiplexer/admission.h"
#include "tests/unit/support_ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The defaults of multiplexer.conf. */
static const struct admission_limits usual = {.per_address = 20,
	.unproven_per_address = 5,
	.burst = 10,
	.per_minute = 20,
	.drop_from = 200,
	.drop_percent = 30,
	.drop_all = 1000};

/* Only what a test is about. */
static const struct admission_limits none;

/* Chances of being dropped early. */
#define NEVER  UINT32_MAX
#define ALWAYS 0

static enum admission_verdict ask(struct admission *a, const char *host, uint64_t now_ms)
{
	struct address from = ip(host);

	return admission_ask(a, &from, now_ms, NEVER);
}

static void prove(struct admission *a, const char *host)
{
	struct address from = ip(host);

	admission_proven(a, &from);
}

static void leave(struct admission *a, const char *host, bool was_proven)
{
	struct address from = ip(host);

	admission_gone(a, &from, was_proven);
}

static void the_twenty_first_of_an_address_is_refused(void **state UNUSED)
{
	struct admission_limits l = {.per_address = 20};
	struct admission *a = admission_new(&l);

	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_YES);
		prove(a, "192.0.2.7");
	}
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_TOO_MANY);
	assert_int_equal(ask(a, "192.0.2.8", 0), ADMISSION_YES);
	leave(a, "192.0.2.7", true);
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_YES);
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_TOO_MANY);
	admission_free(a);
}

static void an_ipv6_network_of_64_bits_is_one_address(void **state UNUSED)
{
	struct admission_limits l = {.per_address = 1};
	struct admission *a = admission_new(&l);

	assert_int_equal(ask(a, "2001:db8:0:1::1", 0), ADMISSION_YES);
	assert_int_equal(ask(a, "2001:db8:0:1:ffff::2", 0), ADMISSION_TOO_MANY);
	assert_int_equal(ask(a, "2001:db8:0:2::1", 0), ADMISSION_YES);
	assert_int_equal(admission_entries(a), 2);
	admission_free(a);
}

static void who_has_said_nothing_counts_until_he_does(void **state UNUSED)
{
	struct admission_limits l = {.unproven_per_address = 5};
	struct admission *a = admission_new(&l);

	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_YES);
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_TOO_MANY_UNPROVEN);
	prove(a, "192.0.2.7");
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_YES);
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_TOO_MANY_UNPROVEN);
	leave(a, "192.0.2.7", true);
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_TOO_MANY_UNPROVEN);
	leave(a, "192.0.2.7", false);
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_YES);
	assert_int_equal(admission_unproven(a), 5);
	admission_free(a);
}

static void ten_come_at_once_and_then_twenty_a_minute(void **state UNUSED)
{
	struct admission_limits l = {.burst = 10, .per_minute = 20};
	struct admission *a = admission_new(&l);
	uint64_t now = 5000;

	for (int i = 0; i < 10; i++)
		assert_int_equal(ask(a, "192.0.2.7", now), ADMISSION_YES);
	for (int i = 0; i < 100; i++) {
		now += 3000;
		assert_int_equal(ask(a, "192.0.2.7", now), ADMISSION_YES);
	}
	assert_int_equal(ask(a, "192.0.2.7", now + 2999), ADMISSION_TOO_FAST);
	admission_free(a);
}

static void too_fast_is_a_penalty_that_doubles_up_to_ten_minutes(void **state UNUSED)
{
	struct admission_limits l = {.burst = 1, .per_minute = 1};
	static const uint64_t lengths[] = {15, 30, 60, 120, 240, 480, 600, 600};
	struct admission *a = admission_new(&l);
	uint64_t now = 0;

	/* Nothing is gained while a penalty lasts but what the time gives; a rate this low keeps
	 * him from ever being full again. */
	l.per_minute = 0;
	assert_int_equal(ask(a, "192.0.2.7", now), ADMISSION_YES);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		assert_int_equal(ask(a, "192.0.2.7", now), ADMISSION_TOO_FAST);
		now += lengths[i] * 1000;
		/* Its last moment, and asking in it makes it no longer. */
		l.per_minute = 1000000;
		assert_int_equal(ask(a, "192.0.2.7", now - 1), ADMISSION_TOO_FAST);
		l.per_minute = 0;
	}
	admission_free(a);
}

static void who_behaves_begins_with_a_short_penalty_again(void **state UNUSED)
{
	struct admission_limits l = {.burst = 1, .per_minute = 1};
	struct admission *a = admission_new(&l);

	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_YES);
	assert_int_equal(ask(a, "192.0.2.7", 1), ADMISSION_TOO_FAST);     /* to 15,001 */
	assert_int_equal(ask(a, "192.0.2.7", 15001), ADMISSION_TOO_FAST); /* to 45,001 */
	assert_int_equal(ask(a, "192.0.2.7", 200000), ADMISSION_YES);
	assert_int_equal(ask(a, "192.0.2.7", 200001), ADMISSION_TOO_FAST);
	assert_int_equal(ask(a, "192.0.2.7", 260001), ADMISSION_YES); /* 15 s, not 60 */
	admission_free(a);
}

static void a_crowd_of_silent_ones_is_thinned_by_chance(void **state UNUSED)
{
	struct admission_limits l = {.drop_from = 200, .drop_percent = 30, .drop_all = 1000};
	struct admission *a = admission_new(&l);
	struct address from = ip("192.0.2.7");

	for (int i = 0; i < 200; i++)
		assert_int_equal(admission_ask(a, &from, 0, ALWAYS), ADMISSION_YES);
	assert_int_equal(admission_ask(a, &from, 0, ALWAYS), ADMISSION_YES); /* 200: chance 0 */
	assert_int_equal(admission_ask(a, &from, 0, ALWAYS), ADMISSION_CROWDED);
	for (int i = 201; i < 600; i++)
		assert_int_equal(admission_ask(a, &from, 0, NEVER), ADMISSION_YES);
	/* Half way, 15 of a hundred are dropped. */
	assert_int_equal(
		admission_ask(a, &from, 0, (uint32_t)(0.149 * UINT32_MAX)), ADMISSION_CROWDED);
	assert_int_equal(admission_ask(a, &from, 0, (uint32_t)(0.151 * UINT32_MAX)), ADMISSION_YES);
	for (int i = 601; i < 1000; i++)
		assert_int_equal(admission_ask(a, &from, 0, NEVER), ADMISSION_YES);
	assert_int_equal(admission_ask(a, &from, 0, NEVER), ADMISSION_CROWDED);
	admission_free(a);
}

static void local_users_are_never_refused_but_counted(void **state UNUSED)
{
	struct admission *a = admission_new(&usual);
	struct address socket_file = {.sa.sa_family = AF_UNIX};

	for (int i = 0; i < 600; i++) {
		assert_int_equal(ask(a, "127.0.0.1", 0), ADMISSION_YES);
		assert_int_equal(ask(a, "::1", 0), ADMISSION_YES);
		assert_int_equal(admission_ask(a, &socket_file, 0, ALWAYS), ADMISSION_YES);
	}
	assert_int_equal(admission_unproven(a), 1800);
	assert_int_equal(admission_entries(a), 0);
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_CROWDED);
	admission_free(a);
}

static void visitors_are_counted_apart_and_cost_nothing(void **state UNUSED)
{
	struct admission_limits l = {
		.per_address = 3, .unproven_per_address = 1, .burst = 1, .per_minute = 1};
	struct admission *a = admission_new(&l);
	struct address from = ip("192.0.2.7"), local = ip("127.0.0.1");

	for (int i = 0; i < 3; i++)
		assert_true(admission_visit(a, &from, 0));
	assert_false(admission_visit(a, &from, 0));
	assert_int_equal(admission_unproven(a), 0);
	admission_visited(a, &from); /* one of them becomes a user */
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_YES);
	assert_true(admission_visit(a, &from, 0));
	assert_false(admission_visit(a, &from, 0));
	for (int i = 0; i < 100; i++)
		assert_true(admission_visit(a, &local, 0));
	admission_free(a);
}

static void limits_of_zero_are_off_and_limits_can_change(void **state UNUSED)
{
	struct admission_limits l = none;
	struct admission *a = admission_new(&l);

	for (int i = 0; i < 3000; i++)
		assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_YES);
	l.per_address = 3000;
	assert_int_equal(ask(a, "192.0.2.7", 0), ADMISSION_TOO_MANY);
	admission_free(a);
}

static void who_goes_on_from_elsewhere_counts_there(void **state UNUSED)
{
	struct admission_limits l = {.per_address = 2, .unproven_per_address = 1};
	struct admission *a = admission_new(&l);
	struct address home = ip("192.0.2.1"), train = ip("198.51.100.1"), here = ip("127.0.0.1");

	assert_int_equal(ask(a, "192.0.2.1", 0), ADMISSION_YES);
	prove(a, "192.0.2.1");
	assert_int_equal(ask(a, "192.0.2.1", 0), ADMISSION_YES);
	assert_int_equal(ask(a, "192.0.2.1", 0), ADMISSION_TOO_MANY);
	admission_move(a, &home, &train, true, 0);
	admission_move(a, &train, &train, true, 0);
	assert_int_equal(ask(a, "192.0.2.1", 0), ADMISSION_TOO_MANY_UNPROVEN);
	admission_move(a, &home, &train, false, 0);
	assert_int_equal(admission_unproven(a), 1);
	assert_int_equal(ask(a, "198.51.100.1", 0), ADMISSION_TOO_MANY);
	assert_int_equal(ask(a, "192.0.2.1", 0), ADMISSION_YES);
	admission_move(a, &train, &here, true, 0);
	leave(a, "198.51.100.1", false);
	assert_int_equal(ask(a, "198.51.100.1", 0), ADMISSION_YES);
	assert_int_equal(admission_unproven(a), 2);
	admission_free(a);
}

static void the_table_is_bounded_and_forgets_who_was_used_longest_ago(void **state UNUSED)
{
	struct admission_limits l = {.burst = 1, .per_minute = 1};
	struct admission *a = admission_new(&l);
	struct address from = ip("10.0.0.0");

	assert_int_equal(ask(a, "192.0.2.1", 0), ADMISSION_YES); /* stays: somebody is here */
	assert_int_equal(ask(a, "192.0.2.2", 0), ADMISSION_YES);
	leave(a, "192.0.2.2", false);
	for (uint32_t i = 0; i < 2 * ADMISSION_ENTRIES_MAX; i++) {
		from.in.sin_addr.s_addr = htonl(0x0a000000 + i);
		assert_int_equal(admission_ask(a, &from, 1, NEVER), ADMISSION_YES);
		admission_gone(a, &from, false);
		assert_true(admission_entries(a) <= ADMISSION_ENTRIES_MAX);
	}
	assert_int_equal(ask(a, "192.0.2.1", 2), ADMISSION_TOO_FAST);
	assert_int_equal(ask(a, "192.0.2.2", 2), ADMISSION_YES); /* forgotten */
	assert_int_equal(admission_unproven(a), 2);
	admission_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_twenty_first_of_an_address_is_refused),
		cmocka_unit_test(an_ipv6_network_of_64_bits_is_one_address),
		cmocka_unit_test(who_has_said_nothing_counts_until_he_does),
		cmocka_unit_test(ten_come_at_once_and_then_twenty_a_minute),
		cmocka_unit_test(too_fast_is_a_penalty_that_doubles_up_to_ten_minutes),
		cmocka_unit_test(who_behaves_begins_with_a_short_penalty_again),
		cmocka_unit_test(a_crowd_of_silent_ones_is_thinned_by_chance),
		cmocka_unit_test(local_users_are_never_refused_but_counted),
		cmocka_unit_test(visitors_are_counted_apart_and_cost_nothing),
		cmocka_unit_test(limits_of_zero_are_off_and_limits_can_change),
		cmocka_unit_test(who_goes_on_from_elsewhere_counts_there),
		cmocka_unit_test(the_table_is_bounded_and_forgets_who_was_used_longest_ago),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
