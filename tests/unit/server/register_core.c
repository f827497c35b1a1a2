/* When it calls, what answers do to that, and how it leaves. */
#include "tests/unit/server/register_rig.h"

static void who_is_not_to_be_registered_is_not(void **state)
{
	struct core_settings s = {.why_not = "sv_register is 0"};

	(void)state;
	core_open(&core, 42, on_say, NULL);
	core_set(&core, &s, now);
	for (int i = 0; i < 100; i++, now += 10000)
		assert_int_equal(next(), CORE_WAIT);
	assert_string_equal(core.why, "sv_register is 0");
	assert_said_nothing();
}

static void it_asks_who_it_is_then_calls_from_that_address(void **state)
{
	(void)state;
	registered();
	assert_int_equal(next(), CORE_WAIT);
	assert_string_equal(core.server_id, "17");
	assert_string_equal(step.token, "");
}

static void it_calls_every_20_seconds_give_or_take_a_tenth(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	registered();
	for (int i = 0; i < 2000; i++) {
		uint64_t before = now;

		to_due();
		if (core.probed_ms + CORE_PROBE_MS <= now)
			probed(V4, V6, V6);
		assert_int_equal(next(), CORE_PUT);
		least = now - before < least ? now - before : least;
		most = now - before > most ? now - before : most;
		answer(200, "{}");
	}
	assert_in_range(least, 18000, 18300);
	assert_in_range(most, 21700, 22000);
	assert_said_nothing();
}

/* What changes far away, behind a router, tells nobody. */
static void it_asks_again_who_it_is_every_quarter_of_an_hour(void **state)
{
	unsigned asked = 0;

	(void)state;
	registered();
	for (uint64_t began = now; now < began + 24 * 3600 * 1000; to_due()) {
		if (next() == CORE_PROBE) {
			struct who_probes probes = {
				.v4 = probe(V4, "10.0.0.4"), .v6 = probe(V6, "fd00::4")};

			core_probed(&core, now, &probes);
			asked++;
		} else if (step.what == CORE_PUT) {
			answer(200, "");
		}
	}
	assert_in_range(asked, 93, 96);
	assert_said_nothing();
}

static void an_address_that_vanishes_is_asked_about_but_not_in_a_hurry(void **state)
{
	unsigned asked = 0;

	(void)state;
	registered();
	for (int i = 0; i < 1000; i++, now += 100) {
		core_doubt(&core, now);
		if (next() == CORE_PROBE) {
			struct who_probes probes = {
				.v4 = probe(V4, "10.0.0.4"), .v6 = probe(V6, "fd00::4")};

			core_probed(&core, now, &probes);
			asked++;
		} else if (step.what == CORE_PUT) {
			answer(200, "");
		}
	}
	assert_in_range(asked, 9, 11);
}

static void a_slow_list_does_not_stretch_the_beat(void **state)
{
	(void)state;
	registered();
	to_due();
	uint64_t began = now;
	assert_int_equal(next(), CORE_PUT);
	now += 9000;
	answer(200, "{}");
	to_due();
	assert_in_range(now - began, 18000, 22000);
}

static void a_change_is_told_soon_but_at_most_once_a_second(void **state)
{
	unsigned calls = 0;

	(void)state;
	registered();
	now += 200;
	hash++;
	assert_int_equal(next(), CORE_WAIT);
	now += 800;
	assert_int_equal(next(), CORE_PUT);
	answer(200, "{}");
	assert_int_equal(next(), CORE_WAIT);
	for (int i = 0; i < 1000; i++, now += 10) { /* 10 seconds of changes */
		hash++;
		if (next() == CORE_PUT) {
			calls++;
			answer(204, "");
		}
	}
	assert_in_range(calls, 9, 10);
}

static void any_2xx_is_success_whatever_its_body(void **state)
{
	static const struct {
		int status;
		const char *body;
	} rows[] = {{200, "{\"serverID\":1}"}, {201, ""}, {204, ""}, {202, "garbage"},
		{200, "{\"serverID\":{}}"}, {299, "[[["}, {200, "\xff\xfe"}};

	(void)state;
	registered();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		to_due();
		assert_int_equal(next(), CORE_PUT);
		answer(rows[i].status, rows[i].body);
		assert_int_equal(core.state, CORE_REGISTERED);
	}
}

static void server_errors_and_silence_back_off_from_a_minute_to_an_hour(void **state)
{
	static const int statuses[] = {500, 502, 503, 504, 599, 429, 0};

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		uint64_t waited[12];

		set_up(state);
		probed(V4, NULL, V4);
		for (size_t n = 0; n < ARRAY_LEN(waited); n++) {
			if (n > 0)
				probed(V4, NULL, V4);
			assert_int_equal(next(), CORE_PUT);
			answer(statuses[i], "no");
			waited[n] = core_until_due(&core, now);
			now += waited[n] - 1;
			assert_int_equal(next(), CORE_WAIT);
			now += 1;
		}
		assert_int_equal(core.state, CORE_AWAY);
		assert_in_range(waited[0], 60000, 90000);
		assert_in_range(waited[1], 120000, 180000);
		assert_in_range(waited[5], 32 * 60000, 48 * 60000);
		for (size_t n = 6; n < ARRAY_LEN(waited); n++)
			assert_int_equal(waited[n], 3600 * 1000);
	}
}

static void a_list_that_was_down_for_ten_minutes_has_us_back_as_who_we_were(void **state)
{
	uint64_t most = 0;

	for (uint64_t seed = 1; seed < 50; seed++) {
		struct core_settings s = settings();
		unsigned calls = 0;

		(void)state;
		core_open(&core, seed * 104729, on_say, NULL);
		core_set(&core, &s, now);
		probed(V4, NULL, V4);
		next();
		answer(200, "{\"serverID\":17}");
		uint64_t down = now, up = now + 10 * 60 * 1000;
		do {
			to_due();
			if (core.probe_due)
				now < up ? probed(NULL, NULL, NULL) : probed(V4, NULL, V4);
			call_from("10.0.0.4", V4);
			calls++;
			if (now < up)
				answer(0, "Connection refused");
			else
				answer(200, "{\"serverID\":17}");
		} while (core.state != CORE_REGISTERED || now < up);
		most = now - down > most ? now - down : most;
		assert_in_range(calls, 3, 7);
		assert_string_equal(core.server_id, "17");
	}
	assert_true(most < 25 * 60 * 1000);
	assert_non_null(strstr(said, "the list cannot be reached: Connection refused"));
	assert_null(strstr(said, "identity"));
}

static void jitter_differs_from_server_to_server(void **state)
{
	uint64_t first = 0;
	unsigned different = 0;

	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct core_settings s = settings();

		core_open(&core, seed * 7919, on_say, NULL);
		core_set(&core, &s, now);
		probed(V4, NULL, V4);
		next();
		answer(500, "");
		different += core_until_due(&core, now) != first;
		first = core_until_due(&core, now);
	}
	assert_true(different > 15);
}

static void each_change_of_state_is_said_once(void **state)
{
	(void)state;
	registered();
	to_due();
	next();
	answer(500, "{\"statusMessage\":\"on fire\"}");
	assert_said("warning: not registered: the list answered 500: on fire");
	for (int i = 0; i < 5; i++) {
		to_due();
		probed(V4, V6, V6);
		next();
		answer(500 + i, "");
	}
	assert_said_nothing();
	to_due();
	probed(V4, V6, V6);
	next();
	answer(404, "");
	assert_said("warning: not registered: the list answered 404");
	for (int i = 0; i < 5; i++) {
		to_due();
		next();
		answer(404, "");
	}
	assert_said_nothing();
	to_due();
	next();
	answer(200, "");
	assert_said("registered as 2001:db8::4");
}

static void another_refusal_keeps_the_interval(void **state)
{
	static const int statuses[] = {400, 401, 403, 404, 405, 409, 410, 301, 302, 307};

	(void)state;
	registered();
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		to_due();
		assert_int_equal(next(), CORE_PUT);
		answer(statuses[i], "{}");
		assert_int_equal(core.state, CORE_REFUSED);
		assert_in_range(core_until_due(&core, now), 18000, 22000);
	}
	assert_said("not registered");
	to_due();
	next();
	answer(302, "");
	assert_non_null(strstr(core.why, "redirects are not followed"));
}

static void where_one_family_fails_the_other_is_tried_at_once(void **state)
{
	(void)state;
	registered();
	to_due();
	call_from("fd00::4", V6);
	answer(0, "Connection timed out");
	assert_int_equal(core_until_due(&core, now), 0);
	call_from("10.0.0.4", V6);
	answer(200, "{\"serverID\":17}");
	assert_int_equal(core.state, CORE_REGISTERED);
	assert_said_nothing();
	to_due();
	call_from("10.0.0.4", V6); /* what works stays */
	answer(0, "gone");
	call_from("fd00::4", V6);
	answer(0, "gone too");
	assert_int_equal(core.state, CORE_AWAY);
	assert_said("the list cannot be reached: gone too");
}

static void an_address_that_is_gone_has_it_ask_again_who_it_is(void **state)
{
	struct answer a;

	(void)state;
	registered();
	to_due();
	assert_int_equal(next(), CORE_PUT);
	answer_missing("bind failed", true, &a);
	core_answered(&core, now, &a);
	assert_said("fd00::4 is no longer ours");
	probed(V4, "2001:db8::5", "2001:db8::5");
	assert_said("our IPv6 address is now 2001:db8::5, no longer 2001:db8::4");
	call_from("fd00::4", V6); /* as who it was: it is called back from the other */
	answer(403, "{\"sourceAddress\":\"2001:db8::5\",\"statusSubCode\":10910,\"callBack\":"
		    "{\"addresses\":[\"" V6 "\",\"" V4 "\"],\"token\":\"" TOKEN "\"}}");
	call_from("10.0.0.4", V6);
	answer(200, "");
	to_due();
	call_from("fd00::4", "2001:db8::5");
}

static void nobody_to_ask_is_no_end_when_it_is_known_who_it_was(void **state)
{
	struct core_memory memory = memory_of_v4();

	(void)state;
	core_remember(&core, &memory);
	probed(NULL, NULL, NULL);
	call_from("10.0.0.4", V4);
	answer(200, "{\"serverID\":17}");
	assert_said("registered as 198.51.100.4, server 17");
}

static void nobody_to_ask_and_nothing_known_is_tried_again_later(void **state)
{
	(void)state;
	probed(NULL, NULL, NULL);
	assert_int_equal(core.state, CORE_AWAY);
	assert_said("nobody could be asked who we are. IPv4: nobody answers. IPv6: nobody answers");
	assert_in_range(core_until_due(&core, now), 5000, 7500);
	for (int i = 0; i < 4; i++) {
		to_due();
		probed(NULL, NULL, NULL);
	}
	assert_in_range(core_until_due(&core, now), 60000, 90000);
	to_due();
	probed(NULL, NULL, NULL);
	assert_in_range(core_until_due(&core, now), 120000, 180000);
	to_due();
	probed(V4, NULL, V4);
	call_from("10.0.0.4", V4);
}

static void nonsense_about_who_it_is_is_said(void **state)
{
	struct who_probes probes = {.v4 = probe(V4, V4), .v6 = {.asked = true}};

	(void)state;
	who_judge(&probes.v6, FAMILY_V6, slice_text("<html>"));
	assert_int_equal(next(), CORE_PROBE);
	core_probed(&core, now, &probes);
	assert_said("warning: asked over IPv6 who we are, and was answered nonsense");
	call_from(V4, V4);
}

static void the_one_family_rule_turns_it_off_with_a_warning(void **state)
{
	struct core_settings s = settings();

	(void)state;
	s.who.ip = ip("10.0.0.4");
	core_set(&core, &s, now);
	probed(V4, V6, V6);
	assert_int_equal(core.state, CORE_OFF);
	assert_true(core.forced);
	assert_said("warning: sv_register is now 0: sv_ip is set and sv_ipv6 is not");
	for (int i = 0; i < 100; i++, now += 60000)
		assert_int_equal(next(), CORE_WAIT);
	s.who.enable_ipv6 = false;
	core_set(&core, &s, now);
	probed(V4, NULL, NULL);
	call_from("10.0.0.4", V4);
}

/* ---- the end ------------------------------------------------------------------------------------ */

static void who_is_listed_leaves_and_who_is_not_does_not(void **state)
{
	(void)state;
	assert_false(core_leave(&core, &step));
	registered();
	assert_true(core_leave(&core, &step));
	assert_int_equal(step.what, CORE_DELETE);
	assert_string_equal(text_of(&step.local), "fd00::4");
	assert_string_equal(text_of(&step.as), V6);
	assert_false(core_leave(&core, &step));
}

static void who_is_made_private_leaves_the_list(void **state)
{
	struct core_settings s = {.why_not = "sv_register is 0"};

	(void)state;
	registered();
	to_due();
	assert_int_equal(next(), CORE_PUT); /* and in the middle of a call */
	core_set(&core, &s, now);
	assert_int_equal(next(), CORE_DELETE);
	assert_int_equal(next(), CORE_WAIT);
	s = settings();
	core_set(&core, &s, now);
	probed(V4, V6, V6);
	call_from("fd00::4", V6);
}

/* Whatever a list says in whatever order: there is always a next time, and not too soon. */
static void no_answer_ends_the_calls_or_floods_the_list(void **state)
{
	static const char *const bodies[] = {"", "{}", "{\"statusSubCode\":10911}",
		"{\"statusSubCode\":10912}", "{\"sourceAddress\":\"2001:db8::77\"}",
		"{\"serverID\":3}", "[]"};
	static const int statuses[] = {200, 403, 403, 403, 500, 0, 404, 302};
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int run = 0; run < 300; run++) {
		uint64_t began;
		unsigned calls = 0;

		set_up(NULL);
		began = now;
		for (int i = 0; i < 200; i++) {
			to_due();
			enum core_do what = next();
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			if (what == CORE_PROBE) {
				struct who_probes probes = {
					.v4 = probe((random & 3) != 0 ? V4 : NULL, "10.0.0.4"),
					.v6 = probe((random & 12) != 0 ? V6 : NULL, "fd00::4")};
				core_probed(&core, now, &probes);
			} else if (what == CORE_PUT) {
				calls++;
				const char *body =
					random % 3 == 0 ? call_back(V6, (random & 64) != 0
										? "\"" V4 "\""
										: "\"192.0.2.1\"")
							: bodies[random % ARRAY_LEN(bodies)];
				answer(statuses[(random >> 20) % ARRAY_LEN(statuses)], body);
			} else {
				fail_msg("nothing is due: %s", core.why);
			}
			said[0] = '\0';
		}
		/* A call, its other family, asking again and a call-back: five at most for each beat. */
		assert_true(calls <= 8 + 5 * (now - began) / 18000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_is_not_to_be_registered_is_not, set_up),
		cmocka_unit_test_setup(it_asks_who_it_is_then_calls_from_that_address, set_up),
		cmocka_unit_test_setup(it_calls_every_20_seconds_give_or_take_a_tenth, set_up),
		cmocka_unit_test_setup(it_asks_again_who_it_is_every_quarter_of_an_hour, set_up),
		cmocka_unit_test_setup(
			an_address_that_vanishes_is_asked_about_but_not_in_a_hurry, set_up),
		cmocka_unit_test_setup(a_slow_list_does_not_stretch_the_beat, set_up),
		cmocka_unit_test_setup(a_change_is_told_soon_but_at_most_once_a_second, set_up),
		cmocka_unit_test_setup(any_2xx_is_success_whatever_its_body, set_up),
		cmocka_unit_test_setup(
			server_errors_and_silence_back_off_from_a_minute_to_an_hour, set_up),
		cmocka_unit_test_setup(
			a_list_that_was_down_for_ten_minutes_has_us_back_as_who_we_were, set_up),
		cmocka_unit_test_setup(jitter_differs_from_server_to_server, set_up),
		cmocka_unit_test_setup(each_change_of_state_is_said_once, set_up),
		cmocka_unit_test_setup(another_refusal_keeps_the_interval, set_up),
		cmocka_unit_test_setup(where_one_family_fails_the_other_is_tried_at_once, set_up),
		cmocka_unit_test_setup(an_address_that_is_gone_has_it_ask_again_who_it_is, set_up),
		cmocka_unit_test_setup(nobody_to_ask_is_no_end_when_it_is_known_who_it_was, set_up),
		cmocka_unit_test_setup(
			nobody_to_ask_and_nothing_known_is_tried_again_later, set_up),
		cmocka_unit_test_setup(nonsense_about_who_it_is_is_said, set_up),
		cmocka_unit_test_setup(the_one_family_rule_turns_it_off_with_a_warning, set_up),
		cmocka_unit_test_setup(who_is_listed_leaves_and_who_is_not_does_not, set_up),
		cmocka_unit_test_setup(who_is_made_private_leaves_the_list, set_up),
		cmocka_unit_test_setup(no_answer_ends_the_calls_or_floods_the_list, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
