#include "server/script_state.h"

#include <stdlib.h>

#include "server/value.h"

/* json.encode, json.decode, json.null. */

/* Lua's memory may end while it takes over what is not Lua's: so both are done in a call of their
 * own, and what is not Lua's is freed in any case. */

static int l_copy_text(lua_State *L)
{
	lua_pushstring(L, lua_touserdata(L, 1));
	return 1;
}

static int l_copy_json(lua_State *L)
{
	value_push(L, lua_touserdata(L, 1));
	return 1;
}

/* (value): text. */
static int l_encode(lua_State *L)
{
	struct value_fault why;
	luaL_checkany(L, 1);
	json_t *json = value_json(L, 1, &why);
	if (json == NULL)
		return luaL_error(L, "json.encode: %s", why.text);
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	if (text == NULL)
		return luaL_error(L, "json.encode: not enough memory");
	lua_pushcfunction(L, l_copy_text);
	lua_pushlightuserdata(L, text);
	int status = lua_pcall(L, 1, 1, 0);
	free(text);
	return status == LUA_OK ? 1 : lua_error(L);
}

/* (text): the value, or nil and why not: what comes from outside may well be no JSON. */
static int l_decode(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	struct value_fault why;
	json_t *json = value_parse(slice_of(text, len), &why);
	if (json == NULL) {
		lua_pushnil(L);
		lua_pushstring(L, why.text);
		return 2;
	}
	lua_pushcfunction(L, l_copy_json);
	lua_pushlightuserdata(L, json);
	int status = lua_pcall(L, 1, 1, 0);
	json_decref(json);
	return status == LUA_OK ? 1 : lua_error(L);
}

static int l_null_text(lua_State *L)
{
	lua_pushliteral(L, "json.null");
	return 1;
}

void script_open_json(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"encode", l_encode}, {"decode", l_decode}, {NULL, NULL}};
	luaL_newlib(L, functions);
	value_push_null(L); /* all light userdata have one metatable; there is no other kind here */
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, l_null_text);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_setfield(L, -2, "null");
	lua_setfield(L, -2, "json");
}
