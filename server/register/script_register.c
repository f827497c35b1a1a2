#include "server/script_state.h"

#include "server/value.h"

/* game.register: what server lists are told of the map. It holds while the map runs. */

/* (table or nil) */
static int l_register(lua_State *L)
{
	struct listing *listing = &script_of(L)->listing;
	struct value_fault fault;
	const char *why;

	if (lua_isnoneornil(L, 1)) {
		listing_clear(listing);
		return 0;
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	json_t *fields = value_json(L, 1, &fault);
	if (fields == NULL)
		return luaL_error(L, "game.register: %s", fault.text);
	bool object = json_is_object(fields), ok = object && listing_set(listing, fields, &why);
	json_decref(fields);
	if (!object)
		return luaL_error(L, "game.register: a table of names and values is wanted");
	return ok ? 0 : luaL_error(L, "game.register: %s", why);
}

void script_open_register(lua_State *L)
{
	lua_getfield(L, -1, "game");
	lua_pushcfunction(L, l_register);
	lua_setfield(L, -2, "register");
	lua_pop(L, 1);
}
