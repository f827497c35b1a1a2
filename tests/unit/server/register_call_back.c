/* 403: the call-back, by which a server proves that an address is its own. */
#include "tests/unit/server/register_rig.h"

/* A record of two addresses comes about by a call-back. */
static void the_other_family_is_made_known_by_a_call_back_with_the_next_beat(void **state)
{
	(void)state;
	registered_by_one();
	to_due();
	call_from("10.0.0.4", V6);
	assert_string_equal(core.token, "");
	answer(403, call_back(V4, "\"192.0.2.99\", \"" V6 "\""));
	assert_said("the list wants to be called from 2001:db8::4, which is ours");
	assert_int_equal(core_until_due(&core, now), 0);
	assert_int_equal(next(), CORE_PUT);
	assert_string_equal(step.token, TOKEN);
	assert_string_equal(text_of(&step.local), "fd00::4");
	assert_string_equal(text_of(&step.as), V6);
	answer(200, "{\"serverID\":17}");
	assert_said("the list knows our address 198.51.100.4 now");
	for (int i = 0; i < 5; i++) { /* and from now on as before */
		to_due();
		call_from("fd00::4", V6);
		answer(200, "{\"serverID\":17}");
	}
	assert_said_nothing();
	/* so that when the first address is gone, the identity is not */
	core.probe_due = true;
	to_due();
	probed(V4, NULL, V4);
	call_from("10.0.0.4", V6);
	answer(200, "{\"serverID\":17}");
	to_due();
	call_from("10.0.0.4", V4);
}

static void a_list_that_takes_no_second_family_is_left_in_peace(void **state)
{
	static const int statuses[] = {403, 404, 500, 0, 429, 302};

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		set_up(state);
		registered_by_one();
		to_due();
		call_from("10.0.0.4", V6);
		answer(statuses[i], "no");
		assert_int_equal(core.state, CORE_REGISTERED);
		assert_int_equal(core_until_due(&core, now), 0);
		for (int n = 0; n < 5; n++) {
			call_from("fd00::4", V6);
			answer(200, "");
			to_due();
		}
		assert_said_nothing();
	}
}

static void a_new_address_is_made_known_by_one_that_was_known_and_the_identity_stays(void **state)
{
	struct core_memory memory = memory_of_v4();

	(void)state;
	core_remember(&core, &memory); /* the server was away, and has IPv6 now */
	probed(V4, V6, V6);
	call_from("fd00::4", V4);
	answer(403, call_back(V6, "\"" V4 "\""));
	call_from("10.0.0.4", V4);
	answer(200, "{\"serverID\":17}");
	assert_said("registered as 198.51.100.4, server 17");
	to_due();
	call_from("fd00::4", V4);
	answer(200, "{\"serverID\":17}");
	/* now the old one changes: the path follows, the id stays */
	core.probe_due = true;
	to_due();
	probed("198.51.100.5", V6, V6);
	assert_said("our IPv4 address is now 198.51.100.5, no longer 198.51.100.4");
	call_from("fd00::4", V4);
	answer(200, "{\"serverID\":17}");
	to_due();
	call_from("10.0.0.4", V6); /* to make it known */
	answer(403, call_back("198.51.100.5", "\"" V4 "\",\"" V6 "\""));
	assert_said("from 2001:db8::4, which is ours");
	call_from("fd00::4", V6);
	answer(200, "{\"serverID\":17}");
	assert_said("the list knows our address 198.51.100.5 now");
	assert_string_equal(core.server_id, "17");
}

static void who_cannot_call_back_says_so_and_begins_anew(void **state)
{
	struct core_memory memory = memory_of_v4();

	(void)state;
	core_remember(&core, &memory);
	probed("198.51.100.5", NULL, NULL);
	call_from("10.0.0.4", V4); /* still as who it was */
	answer(403, call_back("198.51.100.5", "\"" V4 "\""));
	assert_said(
		"warning: the identity is lost: the list wants to be called from 198.51.100.4, and "
		"we are 198.51.100.5. Registering anew as 198.51.100.5");
	now += 1000;
	call_from("10.0.0.4", "198.51.100.5");
	answer(200, "{\"serverID\":18}");
	assert_said("registered as 198.51.100.5, server 18");
}

static void a_list_that_has_forgotten_the_server_gets_it_under_its_own_address(void **state)
{
	struct core_memory memory = memory_of_v4();

	(void)state;
	core_remember(&core, &memory);
	probed(V4, V6, V6);
	call_from("fd00::4", V4);
	answer(403, "{\"statusSubCode\":10911,\"sourceAddress\":\"" V6 "\"}");
	assert_said("the list does not know a server at 198.51.100.4");
	now += 1000;
	call_from("fd00::4", V6);
	answer(200, "{\"serverID\":18}");
	assert_said("registered as 2001:db8::4, server 18");
}

static void the_token_goes_with_the_call_back_and_with_no_other(void **state)
{
	(void)state;
	registered();
	to_due();
	next();
	answer(403, call_back(V6, "\"" V4 "\""));
	assert_int_equal(next(), CORE_PUT);
	assert_string_equal(step.token, TOKEN);
	assert_int_equal(step.family, FAMILY_V4);
	answer(500, "");
	to_due();
	probed(V4, V6, V6);
	assert_int_equal(next(), CORE_PUT);
	assert_string_equal(step.token, "");
}

static void one_call_back_for_each_call_and_no_more(void **state)
{
	(void)state;
	registered();
	for (int i = 0; i < 3; i++) {
		to_due();
		next();
		answer(403, call_back(V6, "\"" V4 "\""));
		assert_int_equal(core_until_due(&core, now), 0);
		next();
		answer(403, call_back(V4, "\"" V6 "\""));
		assert_int_equal(core.state, CORE_REFUSED);
		assert_in_range(core_until_due(&core, now), 17000, 22000);
	}
	assert_non_null(strstr(core.why, "called back as it wanted"));
}

/* A 403 chooses a source address, never a destination. */
static void a_call_back_from_an_address_that_is_not_ours_is_not_made(void **state)
{
	static const char *const rows[] = {"\"192.0.2.99\"", "\"10.0.0.4\"", "\"127.0.0.1\"",
		"\"fd00::4\"", "\"" V6 "\"", "", "\"\"", "5, null, {}", "\"http://192.0.2.1/\"",
		"\"192.0.2.99\",\"192.0.2.98\",\"192.0.2.97\",\"192.0.2.96\",\"192.0.2.95\","
		"\"192.0.2.94\",\"192.0.2.93\",\"192.0.2.92\",\"" V4 "\""};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		set_up(state);
		registered();
		to_due();
		next();
		answer(403, call_back(V6, rows[i]));
		assert_said("warning: the identity is lost: the list wants to be called from");
		assert_string_equal(core.token, "");
		now += 1000;
		call_from("fd00::4", V6);
		assert_string_equal(step.token, "");
		answer(200, "{\"serverID\":18}");
		assert_said("server 18");
	}
}

static void who_begins_anew_gives_up_if_refused_again(void **state)
{
	(void)state;
	registered();
	to_due();
	next();
	answer(403, call_back(V6, "\"192.0.2.99\""));
	now += 1000;
	assert_int_equal(next(), CORE_PUT);
	answer(403, call_back(V6, "\"192.0.2.99\""));
	assert_int_equal(core.state, CORE_REFUSED);
	assert_in_range(core_until_due(&core, now), 17000, 22000);
}

static void a_token_that_is_none_is_not_used(void **state)
{
	static const char *const tokens[] = {"\"\"", "\"0123\"", "null", "5",
		"\"0123456789abcdef0123456789abcdeg\"", "\"0123456789abcdef0123456789abcdef0\"",
		"\"0123456789abcdef0123456789abc\\r\\nX\""};
	char body[300];

	for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
		set_up(state);
		registered();
		to_due();
		next();
		snprintf(body, sizeof body,
			"{\"statusSubCode\":10910,\"callBack\":{\"addresses\":[\"" V4
			"\"],\"token\":%s}}",
			tokens[i]);
		answer(403, body);
		assert_int_equal(core.state, CORE_REFUSED);
	}
}

static void a_list_that_sees_us_elsewhere_has_us_ask_who_we_are_once(void **state)
{
	(void)state;
	registered();
	to_due();
	next();
	answer(403, call_back("2001:db8::9", "\"" V4 "\",\"" V6 "\""));
	assert_said("the list sees us as 2001:db8::9, not as 2001:db8::4");
	probed(V4, "2001:db8::9", "2001:db8::9");
	call_from("fd00::4", V6);
	answer(403, call_back("2001:db8::9", "\"" V4 "\",\"" V6 "\""));
	call_from("10.0.0.4", V6);
	answer(200, "{\"serverID\":17}");
	assert_int_equal(core.state, CORE_REGISTERED);
	assert_string_equal(core.server_id, "17");
	to_due();
	call_from("fd00::4", "2001:db8::9");
	/* and if asking does not help, it is a refusal */
	answer(403, "{\"statusSubCode\":10911}");
	probed(V4, "2001:db8::9", "2001:db8::9");
	next();
	answer(403, "{\"statusSubCode\":10911}");
	assert_int_equal(core.state, CORE_REFUSED);
}

static void too_many_from_one_address_is_said_in_the_lists_words(void **state)
{
	(void)state;
	registered();
	to_due();
	next();
	answer(403, "{\"statusSubCode\":10912,\"statusMessage\":\"too many\\nservers\"}");
	assert_string_equal(core.why, "the list answered 403 (10912): too many\\x0aservers");
}

static void another_server_id_is_said(void **state)
{
	(void)state;
	registered();
	to_due();
	next();
	answer(200, "{\"serverID\":\"x\\u001b[2J\"}");
	assert_said("warning: the list now knows us as server x\\x1b[2J, no longer as 17");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			the_other_family_is_made_known_by_a_call_back_with_the_next_beat, set_up),
		cmocka_unit_test_setup(a_list_that_takes_no_second_family_is_left_in_peace, set_up),
		cmocka_unit_test_setup(
			a_new_address_is_made_known_by_one_that_was_known_and_the_identity_stays,
			set_up),
		cmocka_unit_test_setup(who_cannot_call_back_says_so_and_begins_anew, set_up),
		cmocka_unit_test_setup(
			a_list_that_has_forgotten_the_server_gets_it_under_its_own_address, set_up),
		cmocka_unit_test_setup(the_token_goes_with_the_call_back_and_with_no_other, set_up),
		cmocka_unit_test_setup(one_call_back_for_each_call_and_no_more, set_up),
		cmocka_unit_test_setup(
			a_call_back_from_an_address_that_is_not_ours_is_not_made, set_up),
		cmocka_unit_test_setup(who_begins_anew_gives_up_if_refused_again, set_up),
		cmocka_unit_test_setup(a_token_that_is_none_is_not_used, set_up),
		cmocka_unit_test_setup(
			a_list_that_sees_us_elsewhere_has_us_ask_who_we_are_once, set_up),
		cmocka_unit_test_setup(
			too_many_from_one_address_is_said_in_the_lists_words, set_up),
		cmocka_unit_test_setup(another_server_id_is_said, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
