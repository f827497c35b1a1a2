#include "server/audience.h"
#include "server/script_state.h"

/* list(), and accept(). A list of Lua owns an audience, which goes when Lua collects it. */

#define TYPE "list"

static struct audience *check_list(lua_State *L)
{
	struct audience **a = luaL_checkudata(L, 1, TYPE);

	if (*a == NULL)
		luaL_error(L, "this list was dropped");
	return *a;
}

/* (list, player) */
static int l_add(lua_State *L)
{
	struct audience *a = check_list(L);

	if (!audience_add(a, script_check_player(L, 2)))
		return luaL_error(L, "list: not enough memory");
	return 0;
}

/* (list, player): also one who has left; he is on no list any more. */
static int l_remove(lua_State *L)
{
	struct audience *a = check_list(L);
	struct player *p = script_find_player(L, 2);

	if (p != NULL)
		audience_remove(a, p);
	return 0;
}

/* (list, text) */
static int l_send(lua_State *L)
{
	struct audience *a = check_list(L);
	struct markup text = script_check_text(L, 2, true);

	audience_show(a, &text);
	return 0;
}

static void tell_list(void *whom, const struct told *told)
{
	audience_tell(whom, told->channel, told->json, told->data);
}

/* (list, package, [value]) */
static int l_gmcp(lua_State *L)
{
	struct audience *a = check_list(L);
	const char *package = script_check_package(L, 2);

	lua_settop(L, 3);
	script_tell(L, "gmcp", package, 3, tell_list, a);
	return 0;
}

static int l_collect(lua_State *L)
{
	struct audience **a = luaL_checkudata(L, 1, TYPE);

	if (*a != NULL)
		audience_free(*a);
	*a = NULL;
	return 0;
}

/* () */
static int l_list(lua_State *L)
{
	struct audience **a = lua_newuserdatauv(L, sizeof(struct audience *), 0);

	*a = NULL;
	luaL_setmetatable(L, TYPE);
	*a = audience_new(script_of(L)->game);
	if (*a == NULL)
		return luaL_error(L, "list: there are too many lists");
	return 1;
}

/* ([localhost or all]): changes from where new users are let in; without an argument: what holds now. */
static int l_accept(lua_State *L)
{
	static const char *const words[] = {"all", "localhost", NULL};
	struct game *game = script_of(L)->game;

	if (lua_isnoneornil(L, 1)) {
		lua_pushstring(L, game_accept_word(game));
		return 1;
	}
	if (script_is_waiting(script_of(L)))
		return luaL_error(L, "accept: not while the map is loaded; say it in start");
	if (!game_accept(game, luaL_checkoption(L, 1, NULL, words) == 1))
		return luaL_error(L, "accept: the multiplexer is not there");
	return 0;
}

void script_open_list(lua_State *L)
{
	static const luaL_Reg methods[] = {{"add", l_add}, {"remove", l_remove}, {"send", l_send},
		{"gmcp", l_gmcp}, {NULL, NULL}};

	luaL_newmetatable(L, TYPE);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, l_collect);
	lua_setfield(L, -2, "__gc");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	lua_pushcfunction(L, l_list);
	lua_setfield(L, -2, "list");
	lua_pushcfunction(L, l_accept);
	lua_setfield(L, -2, "accept");
}
