#include "server/script_state.h"

#include "server/show.h"
#include "server/tell.h"
#include "server/value.h"

/* The player type, players() and all. Lua holds a handle, never a pointer: whoever has left is found
 * to have left, however long a script keeps him. */

#define TYPE "player"

struct holder {
	struct handle handle;
	char key[PLAYER_KEY_TEXT_MAX];
};

static const char holders_key; /* of the registry: handle -> userdata, weak: one for each player */

void script_push_player(lua_State *L, struct player *p)
{
	lua_Integer number = (lua_Integer)((uint64_t)p->handle.generation << 32 | p->handle.slot);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &holders_key);
	if (lua_rawgeti(L, -1, number) == LUA_TNIL) {
		lua_pop(L, 1);
		struct holder *holder = lua_newuserdatauv(L, sizeof *holder, 0);
		holder->handle = p->handle;
		player_key_text(p, holder->key);
		luaL_setmetatable(L, TYPE);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, number);
	}
	lua_remove(L, -2);
}

static bool is_same(struct handle a, struct handle b)
{
	return a.slot == b.slot && a.generation == b.generation;
}

/* NULL: he has left. */
static struct player *find(lua_State *L, const struct holder *holder)
{
	struct script *s = script_of(L);
	if (s->leaving != NULL && is_same(s->leaving->handle, holder->handle))
		return s->leaving;
	struct player *p = slots_find(&s->game->handles, holder->handle);
	return p != NULL && p->state == PLAYER_HERE ? p : NULL;
}

struct player *script_find_player(lua_State *L, int index)
{
	return find(L, luaL_checkudata(L, index, TYPE));
}

static struct player *check_player(lua_State *L)
{
	struct player *p = script_find_player(L, 1);
	if (p == NULL)
		luaL_error(L, "this player has left");
	return p;
}

struct player *script_check_player(lua_State *L, int index)
{
	struct player *p = script_find_player(L, index);
	if (p == NULL || p == script_of(L)->leaving)
		luaL_error(L, "this player has left");
	return p;
}

/* One of whom something can still be kept. */
static struct player *check_staying(lua_State *L)
{
	return script_check_player(L, 1);
}

/* ---- methods ------------------------------------------------------------------------------------ */

/* (player, text). Nothing reaches him who is just leaving, but a handler may well still try. */
static int l_send(lua_State *L)
{
	struct player *p = check_player(L);
	struct markup text = script_check_text(L, 2, true);
	if (p != script_of(L)->leaving)
		player_show(p, &text);
	return 0;
}

/* (player, value) */
static int l_save(lua_State *L)
{
	struct player *p = check_staying(L);
	struct value_fault fault;
	json_t *saved = NULL;
	luaL_checkany(L, 2);
	if (!lua_isnil(L, 2) && (saved = value_json(L, 2, &fault)) == NULL)
		return luaL_error(L, "save: %s", fault.text);
	const char *why;
	if (!player_save(p, saved, &why))
		return luaL_error(L, "save: %s", why);
	return 0;
}

/* (player, text) */
static int l_prompt(lua_State *L)
{
	struct player *p = check_player(L);
	struct markup text = script_check_text(L, 2, false);
	if (p != script_of(L)->leaving)
		player_show_prompt(p, &text);
	return 0;
}

/* (player, on) */
static int l_echo(lua_State *L)
{
	struct player *p = check_player(L);
	luaL_checktype(L, 2, LUA_TBOOLEAN);
	if (p != script_of(L)->leaving)
		player_tell(p, "echo", false, slice_text(lua_toboolean(L, 2) ? "on" : "off"));
	return 0;
}

/* (player, on) */
static int l_mxp(lua_State *L)
{
	struct player *p = check_player(L);
	luaL_checktype(L, 2, LUA_TBOOLEAN);
	if (p != script_of(L)->leaving)
		player_tell(p, "mxp", false, slice_text(lua_toboolean(L, 2) ? "on" : "off"));
	return 0;
}

static void tell_one(void *whom, const struct told *told)
{
	player_tell(whom, told->channel, told->json, told->data);
}

/* Nothing reaches him who is just leaving, but what is wrong is wrong. */
static void tell_player(
	lua_State *L, struct player *p, const char *channel, const char *package, int index)
{
	bool leaves = p == script_of(L)->leaving;
	script_tell(L, channel, package, index, leaves ? NULL : tell_one, p);
}

/* (player, package, [value]) */
static int l_gmcp(lua_State *L)
{
	struct player *p = check_player(L);
	const char *package = script_check_package(L, 2);
	lua_settop(L, 3);
	tell_player(L, p, "gmcp", package, 3);
	return 0;
}

/* (player, table) */
static int l_msdp(lua_State *L)
{
	struct player *p = check_player(L);
	luaL_checktype(L, 2, LUA_TTABLE);
	tell_player(L, p, "msdp", NULL, 2);
	return 0;
}

/* (player, [reason]) */
static int l_kick(lua_State *L)
{
	struct player *p = check_staying(L);
	player_kick(p, lua_isnoneornil(L, 2) ? "" : script_check_words(L, 2));
	return 0;
}

/* (player, account): the role that was granted to it, or nil. */
static int l_login(lua_State *L)
{
	struct player *p = check_staying(L);
	size_t len;
	const char *account = luaL_checklstring(L, 2, &len), *why;
	luaL_argcheck(L, len > 0 && strlen(account) == len, 2, "no name of an account");
	if (!player_login(p, account, &why))
		return luaL_error(L, "login: %s", why);
	lua_pushstring(L, p->role); /* NULL is nil */
	return 1;
}

static int l_lookup(lua_State *L)
{
	player_lookup(check_staying(L));
	return 0;
}

/* ---- fields ------------------------------------------------------------------------------------- */

static void push_text(lua_State *L, const char *text)
{
	if (text != NULL)
		lua_pushstring(L, text);
	else
		lua_pushnil(L);
}

static void push_seconds_since(lua_State *L, const struct player *p, uint64_t then_ms)
{
	/* then may lie before this machine's clock began: the difference is right all the same. */
	uint64_t ms = loop_now_ms(p->game->loop) - then_ms;
	lua_pushinteger(L, (lua_Integer)(ms / 1000));
}

static void get_protocol(lua_State *L, const struct player *p)
{
	push_text(L, p->protocol);
}

static void get_ip(lua_State *L, const struct player *p)
{
	push_text(L, p->ip);
}

static void get_dns(lua_State *L, const struct player *p)
{
	push_text(L, p->dns);
}

static void get_ident(lua_State *L, const struct player *p)
{
	push_text(L, p->ident);
}

static void get_caps(lua_State *L, const struct player *p)
{
	if (p->caps != NULL)
		value_push(L, p->caps);
	else
		lua_newtable(L);
}

static void get_idle(lua_State *L, const struct player *p)
{
	push_seconds_since(L, p, p->input_ms);
}

static void get_connected(lua_State *L, const struct player *p)
{
	push_seconds_since(L, p, p->connected_ms);
}

static void get_slow(lua_State *L, const struct player *p)
{
	lua_pushboolean(L, p->slow > 0);
}

static void get_name(lua_State *L, const struct player *p)
{
	push_text(L, p->name);
}

static void get_role(lua_State *L, const struct player *p)
{
	push_text(L, p->role);
}

static void get_colours(lua_State *L, const struct player *p)
{
	push_text(L, player_colours_word(p));
}

/* set: NULL for what a script may only read. */
static const struct {
	const char *name;
	void (*get)(lua_State *L, const struct player *p);
	bool (*set)(struct player *p, const char *text, const char **why);
} fields[] = {
	{"protocol", get_protocol, NULL},
	{"ip", get_ip, NULL},
	{"dns", get_dns, NULL},
	{"ident", get_ident, NULL},
	{"caps", get_caps, NULL},
	{"idle", get_idle, NULL},
	{"connected", get_connected, NULL},
	{"slow", get_slow, NULL},
	{"name", get_name, player_set_name},
	{"role", get_role, player_set_role},
	{"colours", get_colours, player_set_colours},
};

static const luaL_Reg methods[] = {{"send", l_send}, {"save", l_save}, {"kick", l_kick},
	{"lookup", l_lookup}, {"login", l_login}, {"prompt", l_prompt}, {"echo", l_echo},
	{"gmcp", l_gmcp}, {"msdp", l_msdp}, {"mxp", l_mxp}, {NULL, NULL}};

/* (player, name). The upvalue has a function for each method, a number for each field. */
static int l_index(lua_State *L)
{
	const struct holder *holder = luaL_checkudata(L, 1, TYPE);
	const char *name = luaL_checkstring(L, 2);
	if (strcmp(name, "key") == 0) {
		lua_pushstring(L, holder->key);
		return 1;
	}
	if (strcmp(name, "here") == 0) {
		const struct player *p = find(L, holder);
		lua_pushboolean(L, p != NULL && p != script_of(L)->leaving);
		return 1;
	}
	lua_pushvalue(L, 2);
	int type = lua_rawget(L, lua_upvalueindex(1));
	if (type == LUA_TFUNCTION)
		return 1;
	if (type != LUA_TNUMBER)
		return luaL_error(L, "a player has no '%s'", name);
	fields[lua_tointeger(L, -1)].get(L, check_player(L));
	return 1;
}

/* (player, name, value) */
static int l_newindex(lua_State *L)
{
	struct player *p = check_staying(L);
	const char *name = luaL_checkstring(L, 2);
	lua_pushvalue(L, 2);
	int type = lua_rawget(L, lua_upvalueindex(1));
	if (type != LUA_TNUMBER || fields[lua_tointeger(L, -1)].set == NULL)
		return luaL_error(
			L, "'%s' of a player cannot be set; only name, role and colours can", name);
	size_t len = 0;
	const char *text = NULL, *why;
	if (!lua_isnil(L, 3)) {
		luaL_checktype(L, 3, LUA_TSTRING);
		text = lua_tolstring(L, 3, &len);
		if (strlen(text) != len)
			return luaL_error(L, "%s: there is a NUL in it", name);
	}
	if (!fields[lua_tointeger(L, -1)].set(p, text, &why))
		return luaL_error(L, "%s: %s", name, why);
	return 0;
}

static int l_equal(lua_State *L)
{
	const struct holder *a = luaL_checkudata(L, 1, TYPE), *b = luaL_checkudata(L, 2, TYPE);
	lua_pushboolean(L, is_same(a->handle, b->handle));
	return 1;
}

static int l_text(lua_State *L)
{
	const struct holder *holder = luaL_checkudata(L, 1, TYPE);
	const struct player *p = find(L, holder);
	if (p == NULL)
		lua_pushfstring(L, "player %s (left)", holder->key);
	else if (p->name != NULL)
		lua_pushfstring(L, "player %s (%s)", holder->key, p->name);
	else
		lua_pushfstring(L, "player %s", holder->key);
	return 1;
}

/* ---- everybody ---------------------------------------------------------------------------------- */

/* The next of players(): those who left since are passed over. Upvalues: the list, the last index. */
static int l_next_player(lua_State *L)
{
	lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));
	while (lua_rawgeti(L, lua_upvalueindex(1), ++i) != LUA_TNIL) {
		const struct player *p = find(L, lua_touserdata(L, -1));
		if (p != NULL && p != script_of(L)->leaving)
			break;
		lua_pop(L, 1);
	}
	lua_pushinteger(L, i);
	lua_replace(L, lua_upvalueindex(2));
	return 1;
}

/* (): an iterator over all who are here, in order of arrival. */
static int l_players(lua_State *L)
{
	struct script *s = script_of(L);
	lua_Integer count = 0;
	lua_settop(L, 0);
	lua_createtable(L, (int)s->game->handles.count, 0);
	LIST_EACH(at, &s->game->players)
	{
		struct player *p = container_of(at, struct player, node);
		if (p->state != PLAYER_HERE || p == s->leaving || script_is_waiting(s))
			continue;
		script_push_player(L, p);
		lua_rawseti(L, 1, ++count);
	}
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, l_next_player, 2);
	return 1;
}

/* (all, text) */
static int l_send_all(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	struct markup text = script_check_text(L, 2, true);
	if (!script_is_waiting(script_of(L)))
		game_show_all(script_of(L)->game, &text);
	return 0;
}

static void tell_all(void *whom, const struct told *told)
{
	game_tell_all(whom, told->channel, told->json, told->data);
}

/* (all, package, [value]) */
static int l_gmcp_all(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	const char *package = script_check_package(L, 2);
	bool waits = script_is_waiting(script_of(L));
	lua_settop(L, 3);
	script_tell(L, "gmcp", package, 3, waits ? NULL : tell_all, script_of(L)->game);
	return 0;
}

void script_open_player(lua_State *L)
{
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "v");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &holders_key);

	luaL_newmetatable(L, TYPE);
	luaL_newlib(L, methods);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		lua_pushinteger(L, (lua_Integer)i);
		lua_setfield(L, -2, fields[i].name);
	}
	lua_pushvalue(L, -1);
	lua_pushcclosure(L, l_index, 1);
	lua_setfield(L, -3, "__index");
	lua_pushcclosure(L, l_newindex, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushcfunction(L, l_equal);
	lua_setfield(L, -2, "__eq");
	lua_pushcfunction(L, l_text);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);

	static const luaL_Reg all[] = {{"send", l_send_all}, {"gmcp", l_gmcp_all}, {NULL, NULL}};
	luaL_newlib(L, all);
	lua_setfield(L, -2, "all");
	lua_pushcfunction(L, l_players);
	lua_setfield(L, -2, "players");
}
