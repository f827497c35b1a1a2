/* store.NAME.key = value: what outlives every crash. store is a table that makes store.NAME when it is
 * first asked for; a store.NAME is a userdata that holds its name. */
#include "server/script_state.h"

#include <stdlib.h>

#include "server/store.h"
#include "server/value.h"

static const char type[] = "store";

static struct store *store_of(lua_State *L)
{
	struct store *s = script_of(L)->game->store;

	if (s == NULL)
		luaL_error(L, "store: there is none (sv_store)");
	return s;
}

/* The key at index: texts alone, for 1 and "1" would be one key in the file and two in Lua. */
static struct slice check_key(lua_State *L, int index)
{
	size_t len;
	const char *key;

	luaL_argexpected(L, lua_type(L, index) == LUA_TSTRING, index, "a text as the key");
	key = lua_tolstring(L, index, &len);
	luaL_argcheck(L, len >= 1 && len <= STORE_KEY_MAX, index, "a key has 1 to 255 bytes");
	return slice_of(key, len);
}

/* Something has changed: committed at the end of the turn, before anybody is shown anything of it. */
static void touch(lua_State *L)
{
	struct game *game = script_of(L)->game;

	loop_at_turn_end(game->loop, &game->flush);
}

static int l_push_json(lua_State *L)
{
	value_push(L, lua_touserdata(L, 1));
	return 1;
}

/* Pushes the Lua form of a kept text. */
static void push_kept(lua_State *L, struct slice text)
{
	struct value_fault why;
	json_t *json = value_parse(text, &why);

	if (json == NULL)
		luaL_error(L, "store: what is kept cannot be read: %s", why.text);
	lua_pushcfunction(L, l_push_json);
	lua_pushlightuserdata(L, json);
	int status = lua_pcall(L, 1, 1, 0); /* so that json is freed in any case */
	json_decref(json);
	if (status != LUA_OK)
		lua_error(L);
}

/* (store.NAME, key): its value, or nil. */
static int l_get(lua_State *L)
{
	const char *name = luaL_checkudata(L, 1, type);
	struct slice key = check_key(L, 2), value;

	if (!store_get(store_of(L), name, key, &value))
		return 0;
	push_kept(L, value);
	return 1;
}

static int keep_json(lua_State *L, const char *name, struct slice key)
{
	struct value_fault fault;
	const char *why;
	json_t *json = value_json(L, 3, &fault);

	if (json == NULL)
		return luaL_error(L, "store.%s: %s", name, fault.text);
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	if (text == NULL)
		return luaL_error(L, "store.%s: not enough memory", name);
	bool ok = store_set(store_of(L), name, key, slice_text(text), &why);
	free(text);
	if (!ok)
		return luaL_error(L, "%s", why);
	touch(L);
	return 0;
}

/* (store.NAME, key, value): nil keeps nothing more. */
static int l_set(lua_State *L)
{
	const char *name = luaL_checkudata(L, 1, type);
	struct slice key = check_key(L, 2);
	const char *why;

	store_of(L);
	if (!lua_isnil(L, 3))
		return keep_json(L, name, key);
	if (!store_set(store_of(L), name, key, slice_of(NULL, 0), &why))
		return luaL_error(L, "%s", why);
	touch(L);
	return 0;
}

/* (store.NAME, key before): the next key and its value. What is set or removed meanwhile is no harm. */
static int l_next(lua_State *L)
{
	const char *name = luaL_checkudata(L, 1, type);
	struct slice after = slice_of("", 0), key, value;

	if (!lua_isnoneornil(L, 2))
		after = check_key(L, 2);
	if (!store_next(store_of(L), name, after, &key, &value))
		return 0;
	lua_pushlstring(L, (const char *)key.at, key.len);
	push_kept(L, value);
	return 2;
}

static int l_pairs(lua_State *L)
{
	luaL_checkudata(L, 1, type);
	lua_pushcfunction(L, l_next);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

static int l_text(lua_State *L)
{
	lua_pushfstring(L, "store.%s", (const char *)luaL_checkudata(L, 1, type));
	return 1;
}

static const char *check_name(lua_State *L, int index)
{
	size_t len;
	const char *name;

	luaL_argexpected(L, lua_type(L, index) == LUA_TSTRING, index, "a text as the name");
	name = lua_tolstring(L, index, &len);
	luaL_argcheck(L, len >= 1 && len <= STORE_NAME_MAX && strlen(name) == len, index,
		"a name has 1 to 64 bytes");
	return name;
}

/* (store, name): store.NAME, kept there, so that it is made once. */
static int l_find(lua_State *L)
{
	const char *name = check_name(L, 2);
	char *copy = lua_newuserdatauv(L, strlen(name) + 1, 0);

	memcpy(copy, name, strlen(name) + 1);
	luaL_setmetatable(L, type);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, 1);
	return 1;
}

/* (store, name, value): refused, or a whole store.NAME would be lost by a slip. */
static int l_replace(lua_State *L)
{
	const char *name = check_name(L, 2);

	return luaL_error(L, "store.%s is there by itself: set a key of it, or store.clear('%s')",
		name, name);
}

/* (name): nothing is kept under it any more. */
static int l_clear(lua_State *L)
{
	const char *why;

	if (!store_clear(store_of(L), check_name(L, 1), &why))
		return luaL_error(L, "%s", why);
	touch(L);
	return 0;
}

void script_open_store(lua_State *L)
{
	static const luaL_Reg of_names[] = {{"__index", l_get}, {"__newindex", l_set},
		{"__pairs", l_pairs}, {"__tostring", l_text}, {NULL, NULL}};

	luaL_newmetatable(L, type);
	luaL_setfuncs(L, of_names, 0);
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);

	lua_newtable(L);
	lua_pushcfunction(L, l_clear);
	lua_setfield(L, -2, "clear");
	lua_createtable(L, 0, 3);
	lua_pushcfunction(L, l_find);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, l_replace);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_setfield(L, -2, "store");
}
