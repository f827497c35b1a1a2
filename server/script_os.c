#include "server/script_state.h"

#include <time.h>

/* os.time and os.date: Lua's own, but in a test of a map they tell the test's time, and date is not given
 * formats that keep it busy for seconds. */

enum {
	DATE_FORMAT_MAX = 1000,
	TEST_BEGIN = 1767268800 /* 2026-01-01 12:00:00 UTC: when tests take place */
};

static time_t now(lua_State *L)
{
	const struct game *game = script_of(L)->game;

	if (game == NULL || !game->config.by_hand)
		return time(NULL);
	return TEST_BEGIN + (time_t)((loop_now_ms(game->loop) - game->config.begin_ms) / 1000);
}

/* Calls the function that this one stands for with all its arguments. */
static int call_original(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

/* ([table]) */
static int l_time(lua_State *L)
{
	if (!lua_isnoneornil(L, 1))
		return call_original(L);
	lua_pushinteger(L, now(L));
	return 1;
}

/* ([format, [time]]) */
static int l_date(lua_State *L)
{
	size_t len;

	luaL_optlstring(L, 1, "", &len);
	luaL_argcheck(L, len <= DATE_FORMAT_MAX, 1, "over 1000 bytes");
	lua_settop(L, 2);
	if (lua_isnil(L, 1)) {
		lua_pushliteral(L, "%c");
		lua_replace(L, 1);
	}
	if (lua_isnil(L, 2)) {
		lua_pushinteger(L, now(L));
		lua_replace(L, 2);
	}
	return call_original(L);
}

void script_open_os(lua_State *L)
{
	static const luaL_Reg functions[] = {{"time", l_time}, {"date", l_date}};

	lua_getfield(L, -1, "os");
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		lua_getfield(L, -1, functions[i].name);
		lua_pushcclosure(L, functions[i].func, 1);
		lua_setfield(L, -2, functions[i].name);
	}
	lua_pop(L, 1);
}
