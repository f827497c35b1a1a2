#include "server/script_state.h"

#include <stdio.h>

/* ban(), unban(), bans(). */

/* nil, why */
static int refuse(lua_State *L, const char *why)
{
	lua_pushnil(L);
	lua_pushstring(L, why);
	return 2;
}

static bool option(lua_State *L, int index, const char *name)
{
	if (lua_isnoneornil(L, index))
		return false;
	luaL_checktype(L, index, LUA_TTABLE);
	lua_getfield(L, index, name);
	bool on = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return on;
}

/* Who says so: options.by, or the game. */
static void take_by(lua_State *L, int index, struct ban *b)
{
	const char *by = NULL;

	snprintf(b->by, sizeof b->by, "the game");
	if (lua_isnoneornil(L, index))
		return;
	luaL_checktype(L, index, LUA_TTABLE);
	if (lua_getfield(L, index, "by") == LUA_TSTRING)
		by = lua_tostring(L, -1);
	if (by != NULL)
		snprintf(b->by, sizeof b->by, "%s", by);
	lua_pop(L, 1);
}

/* (network or player, [seconds], [reason], [{force =, keep =, by =}]) */
static int l_ban(lua_State *L)
{
	const char *net =
		lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : script_check_player(L, 1)->ip;
	lua_Number seconds = luaL_optnumber(L, 2, 0);
	const char *reason = luaL_optstring(L, 3, ""), *why;
	struct ban b = {.keep = option(L, 4, "keep")};

	if (!lua_isnoneornil(L, 2) && !(seconds > 0))
		return luaL_error(L, "ban: seconds must be more than 0, or nil: for good");
	b.seconds = seconds > BAN_SECONDS_MAX               ? 0
		    : seconds < 1 && !lua_isnoneornil(L, 2) ? 1
							    : (uint32_t)seconds;
	snprintf(b.reason, sizeof b.reason, "%s", reason);
	take_by(L, 4, &b);
	if (!ban_parse_net(net, option(L, 4, "force"), &b.net, &why) ||
		!bans_make(&script_of(L)->game->bans, &b, &why))
		return refuse(L, why);
	lua_pushboolean(L, true);
	return 1;
}

/* (network, [{by =}]) */
static int l_unban(lua_State *L)
{
	struct bans *bans = &script_of(L)->game->bans;
	struct ban b = {.lifted = true};
	struct ban_clock now = ban_clock_now();
	const char *why;

	take_by(L, 2, &b);
	if (!net_parse(luaL_checkstring(L, 1), &b.net, &why))
		return refuse(L, why);
	const struct ban *there = banlist_get(&bans->list, &b.net);
	if (there == NULL || !ban_is_on(there, &now))
		return refuse(L, "it is not banned");
	if (!bans_make(bans, &b, &why))
		return refuse(L, why);
	lua_pushboolean(L, true);
	return 1;
}

static void push_ban(lua_State *L, const struct ban *b, const struct ban_clock *now)
{
	char net[NET_TEXT_MAX];

	lua_createtable(L, 0, 4);
	lua_pushstring(L, net_text(&b->net, net));
	lua_setfield(L, -2, "net");
	lua_pushstring(L, b->by);
	lua_setfield(L, -2, "by");
	if (b->reason[0] != '\0') {
		lua_pushstring(L, b->reason);
		lua_setfield(L, -2, "reason");
	}
	if (b->until_ms != 0) {
		lua_pushinteger(L, ban_left(b, now));
		lua_setfield(L, -2, "seconds_left");
	}
}

/* () */
static int l_bans(lua_State *L)
{
	const struct banlist *l = &script_of(L)->game->bans.list;
	struct ban_clock now = ban_clock_now();
	lua_Integer n = 0;

	lua_createtable(L, (int)l->bans, 0);
	LIST_EACH(node, &l->all)
	{
		const struct ban *b = container_of(node, struct ban, node);

		if (!ban_is_on(b, &now))
			continue;
		push_ban(L, b, &now);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

void script_open_ban(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"ban", l_ban}, {"unban", l_unban}, {"bans", l_bans}, {NULL, NULL}};

	luaL_setfuncs(L, functions, 0);
}
