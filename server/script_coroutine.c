#include "server/script_state.h"

/* coroutine.resume, wrap and close as Lua's, but through script_enter, so that the time limit knows
 * which coroutine runs: a hook holds for one coroutine only. running as Lua's, but we know of it. The other
 * functions are Lua's own. */

static lua_State *check_coroutine(lua_State *L, int index)
{
	lua_State *co = lua_tothread(L, index);
	luaL_argexpected(L, co != NULL, index, "coroutine");
	return co;
}

/* Resumes co with the args values on top of L. True, with *results values on top of L; or false,
 * with the error there. */
static bool resume(lua_State *L, lua_State *co, int args, int *results)
{
	if (!lua_checkstack(co, args)) {
		lua_pushliteral(L, "too many arguments to resume");
		return false;
	}
	struct script *s = script_of(L);
	lua_xmove(L, co, args);
	lua_State *before = script_enter(s, co);
	int status = lua_resume(co, L, args, results);
	script_return(s, before);
	if (status != LUA_OK && status != LUA_YIELD) {
		lua_xmove(co, L, 1);
		return false;
	}
	if (!lua_checkstack(L, *results + 1)) {
		lua_pop(co, *results);
		lua_pushliteral(L, "too many results to resume");
		return false;
	}
	lua_xmove(co, L, *results);
	return true;
}

/* (coroutine, ...): true and the results, or false and the error. */
static int l_resume(lua_State *L)
{
	lua_State *co = check_coroutine(L, 1);
	int results = 1;
	bool good = resume(L, co, lua_gettop(L) - 1, &results);
	results = good ? results : 1;
	lua_pushboolean(L, good);
	lua_insert(L, -results - 1);
	return results + 1;
}

static int reset(lua_State *L, lua_State *co)
{
	struct script *s = script_of(L);
	lua_State *before = script_enter(s, co);
	int status = lua_resetthread(co);
	script_return(s, before);
	return status;
}

/* What coroutine.wrap returns; the coroutine is its upvalue. */
static int l_wrapped(lua_State *L)
{
	lua_State *co = lua_tothread(L, lua_upvalueindex(1));
	int results;
	if (resume(L, co, lua_gettop(L), &results))
		return results;
	int status = lua_status(co);
	bool ended = status != LUA_OK && status != LUA_YIELD && !script_was_stopped(co);
	if (ended && reset(L, co) != LUA_OK)
		lua_xmove(co, L, 1);
	if (lua_type(L, -1) == LUA_TSTRING) { /* say where it was called, as Lua's does */
		luaL_where(L, 1);
		lua_insert(L, -2);
		lua_concat(L, 2);
	}
	return lua_error(L);
}

/* (function) */
static int l_wrap(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	lua_State *co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	lua_pushcclosure(L, l_wrapped, 1);
	return 1;
}

/* (coroutine): true, or false and the error it ended with. */
static int l_close(lua_State *L)
{
	lua_State *co = check_coroutine(L, 1);
	lua_Debug frame;
	if (co == L || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &frame)))
		return luaL_error(
			L, "cannot close a coroutine that runs, or waits for one it resumed");
	bool stopped = script_was_stopped(co);
	if (!stopped && reset(L, co) == LUA_OK) {
		lua_pushboolean(L, true);
		return 1;
	}
	lua_pushboolean(L, false);
	if (stopped) {
		lua_pushliteral(L, "stopped");
		return 2;
	}
	lua_xmove(co, L, 1);
	return 2;
}

/* (): the coroutine that runs; true if it is none. From now on it can tell one of ours from another. */
static int l_running(lua_State *L)
{
	bool is_main = lua_pushthread(L) != 0;

	script_of(L)->coroutines_are_known = true;
	lua_pushboolean(L, is_main);
	return 2;
}

void script_open_coroutine(lua_State *L)
{
	static const luaL_Reg functions[] = {{"close", l_close}, {"resume", l_resume},
		{"running", l_running}, {"wrap", l_wrap}, {NULL, NULL}};
	lua_getfield(L, -1, "coroutine");
	luaL_setfuncs(L, functions, 0);
	lua_pop(L, 1);
}
