#include "server/script_state.h"

#include <math.h>
#include <stdio.h>

#include "server/cvar.h"

/* cvar(name), cvar(name, value), cvar.new. What C keeps as text is a boolean, a number or a text in
 * Lua: for our own by their type (times are seconds), for a script's by the type of its default. */

static const char presets_key; /* of the registry: name -> default, of those the script made */

/* The text form of the value at index, on top of the stack. */
static const char *push_value_text(lua_State *L, int index)
{
	int type = lua_type(L, index);
	luaL_argexpected(L, type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN,
		index, "text, number or boolean");
	return luaL_tolstring(L, index, NULL);
}

static void push_own(lua_State *L, const struct option *o, const struct cvars *set)
{
	const char *at = (const char *)set + o->offset;
	switch (o->type) {
	case OPT_BOOL:
		lua_pushboolean(L, *(const opt_BOOL *)(const void *)at);
		break;
	case OPT_UINT:
		lua_pushinteger(L, *(const opt_UINT *)(const void *)at);
		break;
	case OPT_SIZE:
		lua_pushinteger(L, (lua_Integer) * (const opt_SIZE *)(const void *)at);
		break;
	case OPT_TIME:
		lua_pushnumber(L, (double)*(const opt_TIME *)(const void *)at / 1000);
		break;
	case OPT_REAL:
		lua_pushnumber(L, *(const opt_REAL *)(const void *)at);
		break;
	case OPT_TEXT:
		lua_pushstring(L, *(const opt_TEXT *)(const void *)at);
		break;
	}
}

/* text as the type of the default that is on top of the stack, in its place. What is no such value
 * leaves the default there. */
static void convert(lua_State *L, const char *text)
{
	if (lua_type(L, -1) == LUA_TNUMBER) {
		if (lua_stringtonumber(L, text) == 0)
			return;
	} else if (lua_type(L, -1) == LUA_TBOOLEAN) {
		bool is_true = strcmp(text, "true") == 0 || strcmp(text, "on") == 0 ||
			       strcmp(text, "yes") == 0 || strcmp(text, "1") == 0;
		lua_pushboolean(L, is_true);
	} else {
		lua_pushstring(L, text);
	}
	lua_remove(L, -2);
}

/* (cvar, name): its value. */
static int get(lua_State *L, const char *name)
{
	const struct cvar_list *cvars = &script_of(L)->game->cvars;
	const char *text = cvar_get(cvars, name);
	if (text == NULL)
		return luaL_error(L, "no cvar '%s'", name);
	const struct option *o = option_find(cvar_table, cvar_rows, name);
	if (o != NULL && (o->flags & OPT_SECRET) == 0) {
		push_own(L, o, &cvars->set);
		return 1;
	}
	lua_rawgetp(L, LUA_REGISTRYINDEX, &presets_key);
	lua_pushstring(L, name);
	lua_rawget(L, -2);
	convert(L, text);
	return 1;
}

/* (cvar, name, [value]) */
static int l_cvar(lua_State *L)
{
	const char *name = luaL_checkstring(L, 2);
	if (lua_isnone(L, 3))
		return get(L, name);
	const struct option *o = option_find(cvar_table, cvar_rows, name);
	if (o != NULL && o->type == OPT_TIME && lua_type(L, 3) == LUA_TNUMBER) {
		double seconds = lua_tonumber(L, 3);
		luaL_argcheck(L, seconds >= 0 && seconds < 1e12, 3, "not a number of seconds");
		lua_pushinteger(L, (lua_Integer)ceil(seconds * 1000));
		lua_replace(L, 3);
	}
	const char *why, *text = push_value_text(L, 3);
	if (!cvar_script_set(&script_of(L)->game->cvars, name, text, &why))
		return luaL_error(L, "%s", why);
	return 0;
}

/* (name, default, help) */
static int l_new(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1), *help = luaL_checkstring(L, 3), *why;
	const char *preset = push_value_text(L, 2);
	if (!cvar_new(&script_of(L)->game->cvars, name, preset, help, &why))
		return luaL_error(L, "cvar.new: %s", why);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &presets_key);
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_rawset(L, -3);
	return 0;
}

void script_open_cvar(lua_State *L)
{
	static const luaL_Reg functions[] = {{"new", l_new}, {NULL, NULL}};
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &presets_key);
	luaL_newlib(L, functions);
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, l_cvar);
	lua_setfield(L, -2, "__call");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_setfield(L, -2, "cvar");
}
