#include "tests/unit/server/fake_players.h"

#include <lualib.h>

/* lua/holdfast.lua tells of everything a map can use, and of nothing else. */

static const char manual_path[] = "server/lua/holdfast.lua";
static char manual[64 * 1024];

static int read_manual(void **state)
{
	FILE *file = fopen(manual_path, "r");
	assert_non_null(file);
	size_t len = fread(manual, 1, sizeof manual - 1, file);
	fclose(file);
	assert_in_range(len, 1000, sizeof manual - 2);
	manual[len] = '\0';
	int result = set_up(state);
	open_map("");
	return result;
}

static void add_name(json_t *names, const char *prefix, const char *name)
{
	char full[100];
	snprintf(full, sizeof full, "%s%s", prefix, name);
	json_object_set_new(names, full, json_true());
}

/* Adds the functions in the table on top of L's stack, and in its tables. */
static void add_functions(lua_State *L, const char *prefix, json_t *names)
{
	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		const char *key = lua_tostring(L, -2);
		if (lua_isfunction(L, -1))
			add_name(names, prefix, key);
		if (lua_istable(L, -1) && prefix[0] == '\0' && strcmp(key, "_G") != 0) {
			char inner[100];
			snprintf(inner, sizeof inner, "%s.", key);
			add_functions(L, inner, names);
		}
		lua_pop(L, 1);
	}
}

static json_t *names_of_lua_itself(void)
{
	json_t *names = json_object();
	lua_State *L = luaL_newstate();
	luaL_openlibs(L);
	lua_pushglobaltable(L);
	add_functions(L, "", names);
	lua_close(L);
	return names;
}

/* Runs the manual with an empty table for its globals. */
static json_t *names_in_the_manual(void)
{
	json_t *names = json_object();
	lua_State *L = luaL_newstate();
	assert_int_equal(luaL_loadfile(L, manual_path), LUA_OK);
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_setupvalue(L, 1, 1);
	lua_insert(L, 1);
	assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
	add_functions(L, "", names); /* the types it returns */
	lua_pop(L, 1);
	add_functions(L, "", names);
	lua_close(L);
	return names;
}

/* Pushes the table behind the methods and fields of a player: see l_index. */
static void push_player_index(lua_State *L)
{
	luaL_getmetatable(L, "player");
	lua_getfield(L, -1, "__index");
	assert_string_equal(lua_getupvalue(L, -1, 1), "");
}

/* Adds the methods of each type: of all metatables that have a name. They are in the table __index, or in
 * the upvalue of the function that it is. */
static void add_methods(lua_State *L, json_t *names)
{
	unsigned types = 0;
	for (lua_pushnil(L); lua_next(L, LUA_REGISTRYINDEX) != 0; lua_settop(L, 2)) {
		lua_settop(L, 3);
		if (lua_type(L, 2) != LUA_TSTRING || !lua_istable(L, 3) ||
			lua_getfield(L, 3, "__name") != LUA_TSTRING || !lua_rawequal(L, 2, 4))
			continue;
		char prefix[100];
		snprintf(prefix, sizeof prefix, "%s.", lua_tostring(L, 2));
		int index = lua_getfield(L, 3, "__index");
		if (index == LUA_TFUNCTION && lua_getupvalue(L, -1, 1) == NULL)
			continue; /* what it answers to is made by scripts: store */
		if (lua_istable(L, -1))
			add_functions(L, prefix, names);
		types++;
	}
	assert_true(types >= 3);
}

static json_t *names_that_exist(void)
{
	json_t *names = json_object(), *of_lua = names_of_lua_itself();
	lua_State *L = script->L;
	lua_pushglobaltable(L);
	add_functions(L, "", names);
	const char *name;
	json_t *value;
	json_object_foreach(of_lua, name, value)
	{
		json_object_del(names, name);
	}
	json_decref(of_lua);
	add_methods(L, names);
	lua_settop(L, 0);
	return names;
}

static void assert_all_in(const json_t *these, const json_t *those, const char *fault)
{
	const char *name;
	json_t *value;
	assert_true(json_object_size(these) >= 15);
	json_object_foreach((json_t *)these, name, value)
	{
		if (json_object_get(those, name) == NULL)
			fail_msg("%s %s", name, fault);
	}
}

static void every_function_of_the_manual_exists(UNUSED void **state)
{
	json_t *told = names_in_the_manual(), *exist = names_that_exist();
	assert_all_in(told, exist, "is in the manual, but does not exist");
	json_decref(told);
	json_decref(exist);
}

static void every_function_that_exists_is_in_the_manual(UNUSED void **state)
{
	json_t *told = names_in_the_manual(), *exist = names_that_exist();
	assert_all_in(exist, told, "exists, but is not in the manual");
	json_decref(told);
	json_decref(exist);
}

/* The part of the manual that describes the type, terminated. */
static char *section(const char *begin, const char *end)
{
	static char part_of_it[8 * 1024];
	const char *from = strstr(manual, begin);
	assert_non_null(from);
	const char *to = strstr(from, end);
	assert_non_null(to);
	snprintf(part_of_it, sizeof part_of_it, "%.*s", (int)(to - from), from);
	return part_of_it;
}

static void the_fields_of_a_player_are_those_of_the_manual(UNUSED void **state)
{
	lua_State *L = script->L;
	const char *fields = section("---@class player\n", "local player");
	unsigned told = 0, exist = 2; /* key and here are known without him */
	script_push_player(L, arrive(1));
	for (const char *at = fields; (at = strstr(at, "---@field ")) != NULL; told++) {
		char name[40];
		at += strlen("---@field ");
		snprintf(name, sizeof name, "%.*s", (int)strcspn(at, " "), at);
		lua_getfield(L, 1, name); /* raises, and so ends the test, if there is none */
		lua_pop(L, 1);
	}
	push_player_index(L);
	lua_pushnil(L);
	while (lua_next(L, -2) != 0) {
		exist += lua_isinteger(L, -1);
		lua_pop(L, 1);
	}
	lua_settop(L, 0);
	assert_int_equal(told, exist);
}

static void the_events_and_their_arguments_are_those_of_the_manual(UNUSED void **state)
{
	static const struct {
		const char *name, *arguments;
	} events[] = {
#define EVENT(name, arguments, meaning) {#name, arguments},
#include "server/events.def"
	};
	unsigned told = 0;
	for (const char *at = manual; (at = strstr(at, "event: \"")) != NULL; at++)
		told++;
	assert_int_equal(told, ARRAY_LEN(events));
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		char line[100], prose[100];
		snprintf(line, sizeof line, "event: \"%s\", handler: fun(", events[i].name);
		snprintf(prose, sizeof prose, "--- %s: ", events[i].name);
		const char *at = strstr(manual, line);
		if (at == NULL || strstr(manual, prose) == NULL)
			fail_msg("the manual does not tell of %s", events[i].name);
		size_t arguments = 0;
		for (at += strlen(line); *at != ')'; at++)
			arguments += *at == ':';
		assert_int_equal(arguments, strlen(events[i].arguments));
	}
}

static void what_lua_has_and_we_do_not_is_told(UNUSED void **state)
{
	static const char *const told_in_one_word[] = {"io.", "package.", "os.", "debug."};
	json_t *of_lua = names_of_lua_itself(), *ours = json_object();
	lua_pushglobaltable(script->L);
	add_functions(script->L, "", ours);
	lua_settop(script->L, 0);
	const char *name;
	json_t *value;
	json_object_foreach(of_lua, name, value)
	{
		bool told = json_object_get(ours, name) != NULL || strstr(manual, name) != NULL;
		for (size_t i = 0; i < ARRAY_LEN(told_in_one_word); i++)
			told |= strncmp(name, told_in_one_word[i], strlen(told_in_one_word[i])) ==
				0;
		if (!told)
			fail_msg("%s is not here, and the manual does not say so", name);
	}
	json_decref(of_lua);
	json_decref(ours);
}

#define MANUAL_TEST(f) cmocka_unit_test_setup_teardown(f, read_manual, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MANUAL_TEST(every_function_of_the_manual_exists),
		MANUAL_TEST(every_function_that_exists_is_in_the_manual),
		MANUAL_TEST(the_fields_of_a_player_are_those_of_the_manual),
		MANUAL_TEST(the_events_and_their_arguments_are_those_of_the_manual),
		MANUAL_TEST(what_lua_has_and_we_do_not_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
