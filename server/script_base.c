#include "server/script_state.h"

#include <lualib.h>

/* The standard library without what reaches outside the game (files, processes, C libraries), what
 * escapes a limit (byte code, __gc, hooks), and what a program with many authors cannot give away
 * (collectgarbage, the metatable of strings). What differs is told in lua/holdfast.lua. */

static const char *const removed[] = {"collectgarbage", "dofile", "loadfile", "warn"};

/* What load asks for the next piece of its text, the upvalue: one that is written in C (os.time) would
 * never end it, and no hook stop that. */
static int l_piece(lua_State *L)
{
	limit_check(L);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_call(L, 0, 1);
	return 1;
}

/* (text or function, [name, [mode, [environment]]]): as Lua's, but text only. */
static int l_load(lua_State *L)
{
	int args = lua_gettop(L) > 4 ? 4 : lua_gettop(L);
	lua_settop(L, args < 3 ? 3 : args);
	lua_pushliteral(L, "t");
	lua_replace(L, 3);
	if (lua_isfunction(L, 1)) {
		lua_pushvalue(L, 1);
		lua_pushcclosure(L, l_piece, 1);
		lua_replace(L, 1);
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* (table, metatable): as Lua's, but a finalizer, which no limit would hold, is refused. */
static int l_setmetatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "setmetatable: __gc is not to be had here");
	}
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 1);
	return 1;
}

/* xpcall's message handler, as an upvalue. Lua runs a handler with hooks off when the error comes
 * from a hook; a script's own would then have no time limit, and is not called. */
static int on_error(lua_State *L)
{
	if (script_of(L)->limit.over)
		return 1;
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static int xpcall_done(lua_State *L, int status, UNUSED lua_KContext context)
{
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L) - 1; /* all but on_error: true, and what it returned */
	lua_pushboolean(L, false);
	lua_insert(L, -2);
	return 2;
}

/* (function, handler, ...) */
static int l_xpcall(lua_State *L)
{
	luaL_checktype(L, 2, LUA_TFUNCTION);
	int args = lua_gettop(L) - 2;
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, on_error, 1);
	lua_replace(L, 1); /* on_error, handler, arguments, function */
	lua_replace(L, 2); /* on_error, function, arguments */
	lua_pushboolean(L, true);
	lua_insert(L, 2); /* on_error, true, function, arguments */
	int status = lua_pcallk(L, args, LUA_MULTRET, 1, 0, xpcall_done);
	return xpcall_done(L, status, 0);
}

/* Reading a global that nobody set. */
static int l_undefined(lua_State *L)
{
	return luaL_error(L, "undefined global '%s'", luaL_tolstring(L, 2, NULL));
}

/* Setting one: while files are loaded that makes it, later it is most likely a forgotten local. */
static int l_new_global(lua_State *L)
{
	if (script_of(L)->loading == 0)
		return luaL_error(L, "undefined global '%s' assigned to; is a 'local' missing?",
			luaL_tolstring(L, 2, NULL));
	lua_rawset(L, 1);
	return 0;
}

/* Leaves of the library table `name` only these functions; globals are on top of the stack. */
static void keep(lua_State *L, const char *name, const char *const *functions, size_t count)
{
	lua_getfield(L, -1, name);
	lua_newtable(L);
	for (size_t i = 0; i < count; i++) {
		lua_getfield(L, -2, functions[i]);
		lua_setfield(L, -2, functions[i]);
	}
	lua_setfield(L, -3, name);
	lua_pop(L, 1);
}

/* Puts f, with the function it replaces as upvalue, in its place. */
static void replace(lua_State *L, const char *name, lua_CFunction f)
{
	lua_getfield(L, -1, name);
	lua_pushcclosure(L, f, 1);
	lua_setfield(L, -2, name);
}

void script_open_base(lua_State *L)
{
	static const luaL_Reg libraries[] = {{"_G", luaopen_base}, {"coroutine", luaopen_coroutine},
		{"table", luaopen_table}, {"string", luaopen_string}, {"math", luaopen_math},
		{"utf8", luaopen_utf8}, {"os", luaopen_os}, {"debug", luaopen_debug}};
	static const char *const of_os[] = {"clock", "date", "difftime", "time"};
	static const char *const of_debug[] = {"traceback"};
	for (size_t i = 0; i < ARRAY_LEN(libraries); i++) {
		luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
		lua_pop(L, 1);
	}
	keep(L, "os", of_os, ARRAY_LEN(of_os));
	keep(L, "debug", of_debug, ARRAY_LEN(of_debug));
	for (size_t i = 0; i < ARRAY_LEN(removed); i++) {
		lua_pushnil(L);
		lua_setfield(L, -2, removed[i]);
	}
	replace(L, "load", l_load);
	replace(L, "setmetatable", l_setmetatable);
	replace(L, "xpcall", l_xpcall);

	lua_getfield(L, -1, "string");
	lua_pushnil(L);
	lua_setfield(L, -2, "dump");
	lua_pop(L, 1);
	lua_pushliteral(L, "");
	lua_getmetatable(L, -1);
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);
}

void script_seal_globals(lua_State *L)
{
	static const luaL_Reg strict[] = {
		{"__index", l_undefined}, {"__newindex", l_new_global}, {NULL, NULL}};
	luaL_newlib(L, strict);
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}
