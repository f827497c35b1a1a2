#include "server/script_state.h"

#include "server/tell.h"
#include "server/value.h"

/* game.on, and the lists of handlers. */

static const char handlers_key; /* of the registry: event -> table of functions */

static const char *const event_names[] = {
#define EVENT(name, arguments, meaning) #name,
#include "server/events.def"
};

void script_push_handlers(lua_State *L, enum script_event event)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &handlers_key);
	lua_rawgeti(L, -1, event + 1);
	lua_remove(L, -2);
}

static int no_such_event(lua_State *L, const char *name)
{
	luaL_Buffer text;
	luaL_buffinit(L, &text);
	for (size_t i = 0; i < ARRAY_LEN(event_names); i++) {
		luaL_addchar(&text, ' ');
		luaL_addstring(&text, event_names[i]);
	}
	luaL_pushresult(&text);
	return luaL_error(L, "game.on: no event '%s'; there are:%s", name, lua_tostring(L, -1));
}

/* (event, function) */
static int l_on(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	struct script *s = script_of(L);
	for (size_t i = 0; i < ARRAY_LEN(event_names); i++) {
		if (strcmp(name, event_names[i]) != 0)
			continue;
		script_push_handlers(L, (enum script_event)i);
		lua_pushvalue(L, 2);
		lua_rawseti(L, -2, s->handlers[i] + 1);
		s->handlers[i]++;
		return 0;
	}
	return no_such_event(L, name);
}

/* (table or nil): what crawlers of MUD lists are told. */
static int l_mssp(lua_State *L)
{
	struct value_fault fault;
	json_t *table = NULL;
	if (!lua_isnoneornil(L, 1)) {
		luaL_checktype(L, 1, LUA_TTABLE);
		table = value_json(L, 1, &fault);
		if (table == NULL)
			return luaL_error(L, "game.mssp: %s", fault.text);
		if (!json_is_object(table)) {
			json_decref(table);
			return luaL_error(L, "game.mssp: a table of names and values is wanted");
		}
	}
	if (!game_set_mssp(script_of(L)->game, table))
		return luaL_error(L, "game.mssp: the table is too long");
	return 0;
}

void script_open_game(lua_State *L)
{
	static const luaL_Reg functions[] = {{"on", l_on}, {"mssp", l_mssp}, {NULL, NULL}};
	lua_newtable(L);
	for (int i = 0; i < EVENT_COUNT; i++) {
		lua_newtable(L);
		lua_rawseti(L, -2, i + 1);
	}
	lua_rawsetp(L, LUA_REGISTRYINDEX, &handlers_key);
	luaL_newlib(L, functions);
	lua_setfield(L, -2, "game");
}
