#include "server/api/named.h"

#include <lauxlib.h>

static const char *find_colons(const char *text)
{
	const char *colons = strstr(text, "::");
	size_t file_len = colons != NULL ? (size_t)(colons - text) : 0;

	return file_len >= 5 && memcmp(colons - 4, ".lua", 4) == 0 && colons[2] != '\0' ? colons
											: NULL;
}

bool named_is_good(const char *text)
{
	return find_colons(text) != NULL;
}

void named_push(lua_State *L, const char *text)
{
	const char *colons = find_colons(text);

	if (colons == NULL)
		luaL_error(L, "a script is a function or \"file.lua::function\", not '%s'", text);
	size_t file_len = (size_t)(colons - text);
	bool is_init = file_len == 8 && memcmp(text, "init.lua", 8) == 0;
	lua_pushglobaltable(L);
	int globals = lua_gettop(L);
	if (!is_init) { /* that one ran when the map was loaded */
		lua_pushliteral(L, "require");
		lua_rawget(L, globals);
		lua_pushlstring(L, text, file_len - 4);
		luaL_gsub(L, lua_tostring(L, -1), "/", ".");
		lua_remove(L, -2);
		lua_call(L, 1, 1);
		if (lua_istable(L, -1) && lua_getfield(L, -1, colons + 2) == LUA_TFUNCTION) {
			lua_replace(L, globals);
			lua_settop(L, globals);
			return;
		}
		lua_settop(L, globals);
	}
	lua_pushstring(L, colons + 2);
	if (lua_rawget(L, globals) != LUA_TFUNCTION)
		luaL_error(L, "%s: there is no such function", text);
	lua_remove(L, globals);
}
