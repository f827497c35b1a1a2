#include "server/script_state.h"

#include <ctype.h>

/* require "npc.cat" runs npc/cat.lua of the map's folder, once; nothing outside it can be named. */

static const char running_mark; /* what a file's place in the table holds while it runs */

/* Words of letters, digits, _ and -, joined by dots: no "..", no "/". */
static bool is_good_name(const char *name)
{
	bool in_word = false;
	for (; *name != '\0'; name++) {
		if (*name == '.' && !in_word)
			return false;
		if (*name != '.' && !isalnum((unsigned char)*name) && *name != '_' && *name != '-')
			return false;
		in_word = *name != '.';
	}
	return in_word;
}

/* (name): what the file returned, or true. The upvalue is the table of those that ran. */
static int l_require(lua_State *L)
{
	struct script *s = script_of(L);
	const char *name = luaL_checkstring(L, 1);
	lua_settop(L, 1);
	if (lua_getfield(L, lua_upvalueindex(1), name) != LUA_TNIL) {
		if (lua_touserdata(L, -1) == &running_mark)
			return luaL_error(L,
				"require '%s': it is being loaded right now: two files "
				"must not need each other",
				name);
		return 1;
	}
	if (!is_good_name(name))
		return luaL_error(L, "require '%s': not a name of a file of this map", name);
	const char *path = luaL_gsub(L, name, ".", "/");
	path = lua_pushfstring(L, "%s.lua", path);
	if (script_load_file(L, s->dir, s->name, path) != LUA_OK)
		return luaL_error(L, "require '%s': %s", name, lua_tostring(L, -1));

	lua_pushlightuserdata(L, (void *)&running_mark);
	lua_setfield(L, lua_upvalueindex(1), name);
	s->loading++;
	lua_pushvalue(L, 1);
	int status = lua_pcall(L, 1, 1, 0);
	s->loading--;
	if (status == LUA_OK && lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, true);
	}
	if (status == LUA_OK)
		lua_pushvalue(L, -1);
	else
		lua_pushnil(L);
	lua_setfield(L, lua_upvalueindex(1), name);
	return status == LUA_OK ? 1 : lua_error(L);
}

void script_open_require(lua_State *L)
{
	lua_newtable(L);
	lua_pushcclosure(L, l_require, 1);
	lua_setfield(L, -2, "require");
}
