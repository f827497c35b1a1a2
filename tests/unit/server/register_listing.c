#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "server/cvar.h"
#include "server/register/listing.h"
#include "tests/unit/support_ip.h"

static struct cvar_list cvars;
static struct listing listing;
static struct address v4, v6;

static int set_up(void **state)
{
	(void)state;
	cvar_open(&cvars);
	listing = (struct listing){0};
	v4 = ip("192.0.2.3");
	v6 = ip("2001:db8::3");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	listing_clear(&listing);
	cvar_close(&cvars);
	return 0;
}

static void set(const char *name, const char *value)
{
	const char *why = "";

	if (!cvar_set(&cvars, name, value, true, &why))
		fail_msg("%s", why);
}

static bool map_sets(const char *json, const char **why)
{
	json_t *fields = json_loads(json, 0, NULL);

	assert_non_null(fields);
	bool ok = listing_set(&listing, fields, why);
	json_decref(fields);
	return ok;
}

static void says(const char *json)
{
	const char *why = "";

	if (!map_sets(json, &why))
		fail_msg("%s", why);
}

static json_t *body(const struct listing_now *now)
{
	char *text = listing_body(&listing, now);
	json_t *whole = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(whole);
	free(text);
	return whole;
}

/* The request that the reference of King Arthur's Gold's API shows (Servers, status update). */
static const char documented[] =
	"{\"serverStatus\": {\"DNCycle\": true, \"DNState\": 0, \"IPv4Address\": \"192.0.2.3\","
	"\"IPv6Address\": null, \"build\": 999, \"currentPlayers\": 2, \"description\":"
	"\"Some description of the server\", \"gameMode\": \"Sandbox\", \"gameState\": 1,"
	"\"gold\": true, \"mapH\": 150, \"mapW\": 150, \"maxPlayers\": 10, \"maxSpectatorPlayers\": 2,"
	"\"modsVerified\": false, \"name\": \"Some server name\", \"password\": true, \"playerList\":"
	"{\"Shadlington\": \"placeholder\", \"Troll\": \"placeholder\"}, \"port\": 50301,"
	"\"preferAF\": 4, \"reservedPlayers\": 2, \"spectatorPlayers\": 0, \"usingMods\": false}}";

static void with_the_preset_kag_it_is_the_documented_request(void **state)
{
	const char *const players[] = {"Shadlington", "Troll"};
	struct listing_now now = {.cvars = &cvars.set,
		.map = "kag",
		.players = players,
		.named = 2,
		.count = 2,
		.v4 = &v4,
		.kag = true};
	json_t *wanted = json_loads(documented, 0, NULL);

	(void)state;
	assert_non_null(wanted);
	set("sv_name", "Some server name");
	set("sv_info", "Some description of the server");
	set("sv_maxplayers", "10");
	set("sv_reservedslots", "2");
	set("sv_spectatorslots", "2");
	set("sv_password", "x");
	set("sv_port", "50301");
	set("sv_preferAF", "4");
	says("{\"DNCycle\":true,\"build\":999,\"gameMode\":\"Sandbox\",\"gameState\":1,\"gold\":true,"
	     "\"mapH\":150,\"mapW\":150,\"own\":\"which KAG does not have\"}");
	json_t *got = body(&now);
	if (!json_equal(got, wanted)) {
		char *text = json_dumps(got, JSON_SORT_KEYS | JSON_INDENT(1));

		print_message("%s\n", text);
		free(text);
		fail_msg("that is not what is documented");
	}
	json_decref(got);
	json_decref(wanted);
}

static void each_field_of_the_documents_is_there_with_its_type_from_the_start(void **state)
{
	struct listing_now now = {.cvars = &cvars.set, .map = "hall", .v6 = &v6};
	json_t *wanted = json_loads(documented, 0, NULL), *got = body(&now), *value;
	json_t *documented_fields = json_object_get(wanted, "serverStatus");
	json_t *fields = json_object_get(got, "serverStatus");
	const char *name;

	(void)state;
	assert_int_equal(json_object_size(fields), json_object_size(documented_fields));
	json_object_foreach(documented_fields, name, value)
	{
		const json_t *ours = json_object_get(fields, name);

		if (ours == NULL)
			fail_msg("no %s", name);
		bool same = json_typeof(ours) == json_typeof(value) ||
			    (json_is_boolean(ours) && json_is_boolean(value)) ||
			    strncmp(name, "IPv", 3) == 0;
		if (!same)
			fail_msg("%s has another type", name);
	}
	assert_true(json_is_null(json_object_get(fields, "IPv4Address")));
	assert_string_equal(
		json_string_value(json_object_get(fields, "IPv6Address")), "2001:db8::3");
	assert_string_equal(json_string_value(json_object_get(fields, "gameMode")), "hall");
	json_decref(wanted);
	json_decref(got);
}

static void with_nat_the_port_is_the_one_outside(void **state)
{
	struct listing_now now = {.cvars = &cvars.set, .map = "hall"};

	(void)state;
	set("sv_port", "4000");
	set("sv_external_port", "5000");
	json_t *got = body(&now);
	json_t *fields = json_object_get(got, "serverStatus");
	assert_int_equal(json_integer_value(json_object_get(fields, "port")), 5000);
	json_decref(got);
}

static void a_map_may_set_what_is_its_own_within_bounds_or_nothing_changes(void **state)
{
	static const char too_long[] = "{\"gameMode\":\"01234567890123456789012345678901234567890"
				       "123456789012345678901234567\"}";
	static const char *const good[] = {"{}", "{\"DNState\":255}", "{\"gameMode\":\"\"}",
		"{\"own\":\"text\",\"own2\":1.5,\"own_3\":true,\"own4\":-7}", "{\"own\":null}",
		"{\"nothing\":null}", "{\"DNState\":null}"};
	static const char *const bad[] = {"{\"DNState\":256}", "{\"DNState\":-1}",
		"{\"DNState\":1.5}", "{\"DNState\":true}", "{\"DNCycle\":1}", "{\"gameMode\":1}",
		too_long, "{\"mapW\":-1}", "{\"mapW\":2147483648}", "{\"name\":\"x\"}",
		"{\"port\":1}", "{\"password\":false}", "{\"currentPlayers\":0}",
		"{\"playerList\":{}}", "{\"IPv4Address\":\"192.0.2.9\"}",
		"{\"IPv6Address\":\"192.0.2.9\"}", "{\"connectable\":true}", "{\"gameID\":1}",
		"{\"firstSeen\":\"x\"}", "{\"\":1}", "{\"_x\":1}", "{\"1x\":1}", "{\"a b\":1}",
		"{\"a-b\":1}", "{\"own\":[]}", "{\"own\":{}}",
		"{\"a2345678901234567890123456789012x\":1}"};
	struct listing_now now = {.cvars = &cvars.set, .map = "hall"};
	const char *why = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!map_sets(good[i], &why))
			fail_msg("%s: %s", good[i], why);
	uint64_t before = listing_hash(&listing, &now);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char both[200];

		if (map_sets(bad[i], &why))
			fail_msg("%s was taken", bad[i]);
		assert_true(strlen(why) > 5);
		snprintf(both, sizeof both, "{\"zz\":1,%s", bad[i] + 1);
		assert_false(map_sets(both, &why));
		assert_int_equal(listing_hash(&listing, &now), before);
	}
}

static void a_map_has_sixteen_fields_of_its_own_at_most(void **state)
{
	const char *why;
	char one[40];

	(void)state;
	for (int i = 0; i < LISTING_OWN_MAX; i++) {
		snprintf(one, sizeof one, "{\"own%d\":%d}", i, i);
		says(one);
	}
	assert_false(map_sets("{\"more\":1}", &why));
	says("{\"gameState\":1}");
	says("{\"own0\":null,\"more\":1}");
}

static void any_change_changes_the_hash_and_nothing_else_does(void **state)
{
	const char *const players[] = {"a", "b"}, *const others[] = {"ab", ""};
	struct listing_now now = {
		.cvars = &cvars.set, .map = "hall", .players = players, .named = 2, .count = 2};
	uint64_t first = listing_hash(&listing, &now);

	(void)state;
	assert_int_equal(listing_hash(&listing, &now), first);
	now.count = 3;
	assert_int_not_equal(listing_hash(&listing, &now), first);
	now.count = 2;
	now.players = others;
	assert_int_not_equal(listing_hash(&listing, &now), first);
	now.players = players;
	now.map = "other";
	assert_int_not_equal(listing_hash(&listing, &now), first);
	now.map = "hall";
	set("sv_info", "x");
	assert_int_not_equal(listing_hash(&listing, &now), first);
	set("sv_info", "");
	says("{\"own\":1}");
	assert_int_not_equal(listing_hash(&listing, &now), first);
	listing_clear(&listing);
	assert_int_equal(listing_hash(&listing, &now), first);
}

static void a_name_that_is_no_utf8_is_left_out(void **state)
{
	const char *const players[] = {"\xff", "good"};
	struct listing_now now = {
		.cvars = &cvars.set, .map = "hall", .players = players, .named = 2, .count = 2};

	(void)state;
	json_t *got = body(&now);
	json_t *fields = json_object_get(got, "serverStatus");
	assert_int_equal(json_object_size(json_object_get(fields, "playerList")), 1);
	json_decref(got);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(with_the_preset_kag_it_is_the_documented_request),
		TEST(each_field_of_the_documents_is_there_with_its_type_from_the_start),
		TEST(with_nat_the_port_is_the_one_outside),
		TEST(a_map_may_set_what_is_its_own_within_bounds_or_nothing_changes),
		TEST(a_map_has_sixteen_fields_of_its_own_at_most),
		TEST(any_change_changes_the_hash_and_nothing_else_does),
		TEST(a_name_that_is_no_utf8_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
