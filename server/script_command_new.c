#include "server/script_command_table.h"

#include "server/grants.h"

/* command(name, options, function), and all that can be wrong with it. */

static bool is_name(const char *name, size_t len)
{
	json_t *utf8 = json_stringn(name, len);

	json_decref(utf8);
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)name[i];

		if (c <= ' ' || c == 0x7f || c == '"' || (c >= 'A' && c <= 'Z'))
			return false;
	}
	return utf8 != NULL && len > 0 && len <= COMMAND_NAME_MAX && name[0] != '#';
}

/* An option as a text of one line, into the command on top of the stack. */
static void take_text(lua_State *L, const char *option, int place)
{
	size_t len = 0;
	const char *text = "";

	if (lua_getfield(L, 3, option) != LUA_TNIL) {
		text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
		json_t *utf8 = text != NULL ? json_stringn(text, len) : NULL;
		json_decref(utf8);
		if (utf8 == NULL)
			luaL_error(L, "command: '%s' is a text", option);
	}
	lua_pushlstring(L, text, len);
	lua_rawseti(L, -3, place);
	lua_pop(L, 1);
}

static lua_Integer take_count(lua_State *L, const char *option, int place, lua_Integer preset)
{
	lua_Integer count = preset;

	if (lua_getfield(L, 3, option) != LUA_TNIL) {
		int is_integer;

		count = lua_tointegerx(L, -1, &is_integer);
		if (!is_integer || count < 0)
			luaL_error(L, "command: '%s' is a number of words", option);
	}
	lua_pop(L, 1);
	lua_pushinteger(L, count);
	lua_rawseti(L, -2, place);
	return count;
}

static void take_who(lua_State *L)
{
	if (lua_getfield(L, 3, "who") == LUA_TNIL)
		lua_pushliteral(L, "all");
	else
		lua_pushvalue(L, -1);
	const char *who = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	if (strcmp(who, "all") != 0 && !grants_is_role(who))
		luaL_error(L, "command: 'who' is all, or a role, such as admin");
	lua_rawseti(L, -3, COMMAND_WHO);
	lua_pop(L, 1);
}

static void take_where(lua_State *L)
{
	static const char *const places[] = {[COMMAND_BOTH] = "both",
		[COMMAND_GAME] = "game",
		[COMMAND_CONSOLE] = "console",
		NULL};

	lua_getfield(L, 3, "where");
	lua_pushinteger(L, luaL_checkoption(L, -1, "both", places));
	lua_rawseti(L, -3, COMMAND_WHERE);
	lua_pop(L, 1);
}

static void refuse_other_options(lua_State *L)
{
	static const char *const known[] = {"who", "where", "usage", "help", "min", "max"};

	lua_pushnil(L);
	while (lua_next(L, 3) != 0) {
		bool is_known = false;

		for (size_t i = 0; i < ARRAY_LEN(known) && lua_type(L, -2) == LUA_TSTRING; i++)
			is_known = is_known || strcmp(lua_tostring(L, -2), known[i]) == 0;
		if (!is_known)
			luaL_error(L,
				"command: no option '%s'; there are: who where usage help min max",
				luaL_tolstring(L, -2, NULL));
		lua_pop(L, 1);
	}
}

/* (command, name, options, function) */
int l_command(lua_State *L)
{
	size_t len;
	const char *name = luaL_checklstring(L, 2, &len);

	luaL_checktype(L, 3, LUA_TTABLE);
	luaL_checktype(L, 4, LUA_TFUNCTION);
	lua_settop(L, 4);
	if (!is_name(name, len))
		return luaL_error(L,
			"command '%s': a name is one word of at most %d bytes, without capitals",
			name, COMMAND_NAME_MAX);
	refuse_other_options(L);
	command_push_all(L);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, -2) != LUA_TNIL)
		return luaL_error(L, "command '%s': there is one of this name", name);
	lua_pop(L, 1);
	lua_createtable(L, COMMAND_MAX, 0);
	lua_pushvalue(L, 4);
	lua_rawseti(L, -2, COMMAND_FUNCTION);
	take_who(L);
	take_where(L);
	take_text(L, "usage", COMMAND_USAGE);
	take_text(L, "help", COMMAND_HELP);
	lua_Integer min = take_count(L, "min", COMMAND_MIN, 0),
		    max = take_count(L, "max", COMMAND_MAX, -1);
	if (max >= 0 && max < min)
		return luaL_error(L, "command '%s': 'max' is less than 'min'", name);
	lua_pushvalue(L, 2);
	lua_insert(L, -2);
	lua_rawset(L, -3);
	return 0;
}
