#include "server/script_state.h"

#include "common/log.h"

/* log.info and its kin, and print: each value as tostring has it, with blanks between. */

static int write_line(lua_State *L, enum log_level level)
{
	int count = lua_gettop(L);
	luaL_Buffer text;
	luaL_buffinit(L, &text);
	for (int i = 1; i <= count; i++) {
		if (i > 1)
			luaL_addchar(&text, ' ');
		luaL_tolstring(L, i, NULL);
		luaL_addvalue(&text);
	}
	luaL_pushresult(&text);
	log_line(level, "map %s: %s", script_of(L)->name, lua_tostring(L, -1));
	return 0;
}

static int l_debug(lua_State *L)
{
	return write_line(L, LOG_DEBUG);
}

static int l_info(lua_State *L)
{
	return write_line(L, LOG_INFO);
}

static int l_warn(lua_State *L)
{
	return write_line(L, LOG_WARN);
}

static int l_error(lua_State *L)
{
	return write_line(L, LOG_ERROR);
}

void script_open_log(lua_State *L)
{
	static const luaL_Reg functions[] = {{"debug", l_debug}, {"info", l_info}, {"warn", l_warn},
		{"error", l_error}, {NULL, NULL}};
	luaL_newlib(L, functions);
	lua_setfield(L, -2, "log");
	lua_pushcfunction(L, l_info);
	lua_setfield(L, -2, "print");
}
