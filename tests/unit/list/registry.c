/* The list's side of registration.md, sections 5 and 6, call by call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/list/registry.h"

#define V4    "198.51.100.4"
#define OTHER "198.51.100.99"
#define V6    "2001:db8::7"
#define V6B   "2001:db8::8"
#define GAME  "holdfast/default"

static struct records *records;
static struct registry registry;
static json_t *status;
static int64_t now;

static int open_list(void **state UNUSED)
{
	const char *why;

	records = records_open(":memory:", &why);
	registry_open(&registry, records, 3);
	status = json_pack("{s:s, s:i}", "name", "The Keep", "currentPlayers", 2);
	now = 1000000;
	if (records == NULL)
		print_error("%s\n", why);
	return records == NULL || status == NULL;
}

static int close_list(void **state UNUSED)
{
	records_close(records);
	json_decref(status);
	return 0;
}

static struct registry_call call_of(const char *ip, const char *from, const char *token)
{
	return (struct registry_call){
		.game = GAME, .ip = ip, .port = 4000, .from = from, .token = token, .now = now};
}

static struct registry_answer put(const char *ip, const char *from, const char *token)
{
	struct registry_call call = call_of(ip, from, token);
	struct registry_answer out;

	registry_put(&registry, &call, status, &out);
	assert_non_null(out.body);
	return out;
}

static void expect(struct registry_answer out, unsigned code, int sub_code)
{
	assert_int_equal(out.status, code);
	assert_int_equal(json_integer_value(json_object_get(out.body, "statusSubCode")), sub_code);
	json_decref(out.body);
}

static int64_t expect_registered(struct registry_answer out)
{
	int64_t id = json_integer_value(json_object_get(out.body, "serverID"));

	assert_int_equal(out.status, 200);
	assert_true(id > 0);
	json_decref(out.body);
	return id;
}

/* The token of a 403; the call-back must be to this address. */
static char *expect_call_back(struct registry_answer out, const char *to, const char *source)
{
	static char token[64];
	json_t *back = json_object_get(out.body, "callBack");
	json_t *addresses = json_object_get(back, "addresses"), *address;
	bool found = false;
	size_t i;

	assert_int_equal(json_integer_value(json_object_get(out.body, "statusSubCode")), 10910);
	assert_string_equal(json_string_value(json_object_get(out.body, "sourceAddress")), source);
	assert_int_equal(json_integer_value(json_object_get(back, "expires")), 60);
	json_array_foreach(addresses, i, address)
	{
		found = found || strcmp(json_string_value(address), to) == 0;
	}
	assert_true(found);
	snprintf(token, sizeof token, "%s", json_string_value(json_object_get(back, "token")));
	assert_int_equal(strlen(token), 32);
	json_decref(out.body);
	return token;
}

static void a_new_server_speaks_from_its_own_address(void **state UNUSED)
{
	expect(put(V4, OTHER, NULL), 403, 10911);
	int64_t id = expect_registered(put(V4, V4, NULL));
	now += 20;
	assert_int_equal(expect_registered(put(V4, V4, NULL)), id);
}

static void a_call_from_elsewhere_is_sent_back_to_an_address_that_is_known(void **state UNUSED)
{
	int64_t id = expect_registered(put(V4, V4, NULL));
	char *token = expect_call_back(put(V4, V6, NULL), V4, V6);

	assert_int_equal(expect_registered(put(V4, V4, token)), id);
	/* From now on both may speak, under either address. */
	assert_int_equal(expect_registered(put(V4, V6, NULL)), id);
	assert_int_equal(expect_registered(put(V6, V6, NULL)), id);
	assert_int_equal(expect_registered(put(V6, V4, NULL)), id);
}

static void only_an_address_that_is_known_can_use_the_token(void **state UNUSED)
{
	expect_registered(put(V4, V4, NULL));
	char token[64];

	snprintf(token, sizeof token, "%s", expect_call_back(put(V4, OTHER, NULL), V4, OTHER));
	expect_call_back(put(V4, OTHER, token), V4, OTHER);
	expect_call_back(put(V4, V6, token), V4, V6);
}

static void a_token_is_good_once_for_one_server_and_a_minute(void **state UNUSED)
{
	expect_registered(put(V4, V4, NULL));
	char token[64];

	snprintf(token, sizeof token, "%s", expect_call_back(put(V4, V6, NULL), V4, V6));
	expect_registered(put(V4, V4, token));
	expect(put(V4, V4, token), 403, 10913);

	snprintf(token, sizeof token, "%s", expect_call_back(put(V4, V6B, NULL), V4, V6B));
	now += 61;
	expect(put(V4, V4, token), 403, 10913);

	/* Another server's token is of no use, and is used up. */
	expect_registered(put(OTHER, OTHER, NULL));
	snprintf(token, sizeof token, "%s", expect_call_back(put(V4, V6B, NULL), V4, V6B));
	expect(put(OTHER, OTHER, token), 403, 10913);
	expect(put(V4, V4, token), 403, 10913);
	expect(put(V4, V4, "nonsense"), 403, 10913);
}

static void a_third_address_replaces_the_old_one_of_its_family_and_the_id_stays(void **state UNUSED)
{
	int64_t id = expect_registered(put(V4, V4, NULL));

	expect_registered(put(V4, V4, expect_call_back(put(V4, V6, NULL), V4, V6)));
	expect_registered(put(V4, V4, expect_call_back(put(V4, V6B, NULL), V4, V6B)));
	assert_int_equal(expect_registered(put(V6B, V6B, NULL)), id);
	/* The one that was replaced is nobody's: it may begin anew, as somebody else. */
	assert_int_not_equal(expect_registered(put(V6, V6, NULL)), id);
}

static void two_records_of_one_server_become_one(void **state UNUSED)
{
	int64_t id = expect_registered(put(V4, V4, NULL));

	assert_int_not_equal(expect_registered(put(V6, V6, NULL)), id);
	expect_registered(put(V4, V4, expect_call_back(put(V4, V6, NULL), V4, V6)));
	assert_int_equal(expect_registered(put(V6, V6, NULL)), id);
}

static void one_address_has_only_so_many_servers(void **state UNUSED)
{
	struct registry_call call = call_of(V4, V4, NULL);
	struct registry_answer out;

	for (unsigned port = 1; port <= 3; port++) {
		call.port = port;
		registry_put(&registry, &call, status, &out);
		expect_registered(out);
	}
	call.port = 4;
	registry_put(&registry, &call, status, &out);
	expect(out, 403, 10912);
	/* Tomorrow those that are no more are not counted. */
	call.now += REGISTRY_RECENT_S + 1;
	registry_put(&registry, &call, status, &out);
	expect_registered(out);
}

static void what_a_server_says_is_answered_with_what_the_list_knows(void **state UNUSED)
{
	struct registry_call call = call_of(V4, V4, NULL);
	struct registry_answer out;

	json_object_set_new(status, "maxPlayers", json_integer(8));
	json_object_set_new(status, "IPv4Address", json_string("203.0.113.1")); /* a lie */
	json_object_set_new(status, "mood", json_string("fine"));
	json_object_set_new(status, "playerList", json_pack("{s:{}, s:{}}", "Ann", "Bob"));
	expect_registered(put(V4, V4, NULL));
	registry_get(&registry, &call, &out);
	assert_int_equal(out.status, 200);
	json_t *said = json_object_get(out.body, "serverStatus");
	assert_string_equal(json_string_value(json_object_get(said, "IPv4Address")), V4);
	assert_true(json_is_null(json_object_get(said, "IPv6Address")));
	assert_string_equal(json_string_value(json_object_get(said, "mood")), "fine");
	assert_int_equal(json_array_size(json_object_get(said, "playerList")), 2);
	assert_true(json_real_value(json_object_get(said, "playerPercentage")) == 25.0);
	assert_string_equal(
		json_string_value(json_object_get(said, "firstSeen")), "1970-01-12 13:46:40");
	assert_true(json_is_false(json_object_get(said, "connectable")));
	json_decref(out.body);
}

static void a_server_is_there_for_a_minute_or_until_it_says_goodbye(void **state UNUSED)
{
	struct registry_call call = call_of(V4, V4, NULL);
	struct registry_answer out;
	int64_t id = expect_registered(put(V4, V4, NULL));

	call.now = now + 60;
	registry_get(&registry, &call, &out);
	assert_int_equal(out.status, 200);
	json_decref(out.body);
	call.now = now + 61;
	registry_get(&registry, &call, &out);
	expect(out, 404, 10920);
	now += 100;
	assert_int_equal(expect_registered(put(V4, V4, NULL)), id);

	call.now = now;
	call.from = OTHER;
	registry_delete(&registry, &call, &out);
	expect(out, 403, 10911);
	call.from = V4;
	registry_delete(&registry, &call, &out);
	assert_int_equal(out.status, 200);
	json_decref(out.body);
	registry_get(&registry, &call, &out);
	expect(out, 404, 10920);
	assert_int_equal(expect_registered(put(V4, V4, NULL)), id);
}

static void fields_that_are_not_what_they_should_be_are_named(void **state UNUSED)
{
	static const char *const bad[] = {"{\"name\": 5}", "{\"currentPlayers\": \"many\"}",
		"{\"password\": \"secret\"}", "{\"playerList\": [\"Ann\"]}",
		"{\"playerList\": {\"\": 1}}", "{\"maxPlayers\": 1.5}"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct registry_answer out;
		struct registry_call call = call_of(V4, V4, NULL);
		json_t *said = json_loads(bad[i], 0, NULL);
		char name[32];

		sscanf(bad[i], "{\"%31[A-Za-z]", name);
		registry_put(&registry, &call, said, &out);
		assert_int_equal(out.status, 400);
		assert_non_null(strstr(
			json_string_value(json_object_get(out.body, "statusMessage")), name));
		json_decref(out.body);
		json_decref(said);
	}
	struct registry_call call = call_of(V4, V4, NULL);
	struct registry_answer out;
	registry_put(&registry, &call, NULL, &out);
	expect(out, 400, 10905);
}

static void records_are_kept_for_thirty_days(void **state UNUSED)
{
	int64_t id = expect_registered(put(V4, V4, NULL));

	records_expire(records, now + RECORD_KEPT_S);
	assert_int_equal(expect_registered(put(V4, V4, NULL)), id);
	records_expire(records, now + RECORD_KEPT_S + 1);
	assert_int_not_equal(expect_registered(put(V4, V4, NULL)), id);
}

static void names_of_games(void **state UNUSED)
{
	assert_true(registry_game_is_good("thd/kag"));
	assert_true(registry_game_is_good("holdfast/default"));
	assert_false(registry_game_is_good("kag"));
	assert_false(registry_game_is_good("thd/"));
	assert_false(registry_game_is_good("/kag"));
	assert_false(registry_game_is_good("thd/kag/x"));
	assert_false(registry_game_is_good("thd/k g"));
	assert_false(registry_game_is_good("thd/<kag>"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_list, close_list)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_server_speaks_from_its_own_address),
		TEST(a_call_from_elsewhere_is_sent_back_to_an_address_that_is_known),
		TEST(only_an_address_that_is_known_can_use_the_token),
		TEST(a_token_is_good_once_for_one_server_and_a_minute),
		TEST(a_third_address_replaces_the_old_one_of_its_family_and_the_id_stays),
		TEST(two_records_of_one_server_become_one),
		TEST(one_address_has_only_so_many_servers),
		TEST(what_a_server_says_is_answered_with_what_the_list_knows),
		TEST(a_server_is_there_for_a_minute_or_until_it_says_goodbye),
		TEST(fields_that_are_not_what_they_should_be_are_named),
		TEST(records_are_kept_for_thirty_days),
		cmocka_unit_test(names_of_games),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
