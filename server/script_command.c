#include "server/script_command_table.h"

#include <stdio.h>

#include "server/console.h"
#include "server/grants.h"
#include "server/show.h"

/* The commands that a map makes: what they are, and how players run them. */

static const char commands_key; /* of the registry */

void command_push_all(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &commands_key);
}

bool command_push(lua_State *L, const char *name, size_t len)
{
	char lower[COMMAND_NAME_MAX + 1];

	if (len > COMMAND_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		lower[i] =
			(char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
	command_push_all(L);
	lua_pushlstring(L, lower, len);
	lua_rawget(L, -2);
	lua_remove(L, -2);
	if (!lua_isnil(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

lua_Integer command_number(lua_State *L, int command, int place)
{
	lua_rawgeti(L, command, place);
	lua_Integer n = lua_tointeger(L, -1);
	lua_pop(L, 1);
	return n;
}

const char *command_text(lua_State *L, int command, int place)
{
	lua_rawgeti(L, command, place);
	const char *text = lua_tostring(L, -1);
	lua_pop(L, 1);
	return text;
}

const char *command_start(lua_State *L, int command, const char *name, const char *rest, size_t len)
{
	lua_Integer count = (lua_Integer)lua_rawlen(L, -1),
		    max = command_number(L, command, COMMAND_MAX);

	if (count < command_number(L, command, COMMAND_MIN) || (max >= 0 && count > max)) {
		const char *usage = command_text(L, command, COMMAND_USAGE);

		return lua_pushfstring(
			L, "usage: %s%s%s", name, usage[0] != '\0' ? " " : "", usage);
	}
	lua_pushlstring(L, rest, len);
	lua_rawgeti(L, command, COMMAND_FUNCTION);
	lua_insert(L, -4); /* function, caller, words, rest */
	script_run(L, 3);
	return NULL;
}

/* An admin may do what any role may. */
static bool may_use(lua_State *L, int command, const char *role)
{
	const char *who = command_text(L, command, COMMAND_WHO);

	return strcmp(who, "all") == 0 ||
	       (role != NULL && (strcmp(role, "admin") == 0 || strcmp(role, who) == 0));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Pushes an array of the words; "..." holds blanks. False, and the same without that, where a quote
 * is left open. */
static bool push_words(lua_State *L, const char *at, size_t len, bool quotes)
{
	const char *end = at + len;
	lua_Integer count = 0;

	lua_newtable(L);
	for (;;) {
		while (at < end && is_blank(*at))
			at++;
		if (at == end)
			return true;
		luaL_Buffer word;
		bool quoted = false;
		luaL_buffinit(L, &word);
		for (; at < end && (quoted || !is_blank(*at)); at++) {
			if (quotes && *at == '"')
				quoted = !quoted;
			else
				luaL_addchar(&word, *at);
		}
		luaL_pushresult(&word);
		lua_rawseti(L, -2, ++count);
		if (quoted) {
			lua_pop(L, 1);
			return false;
		}
	}
}

/* The same, of a line that a player typed. */
static void push_typed_words(lua_State *L, const char *rest, size_t len)
{
	if (!push_words(L, rest, len, true))
		push_words(L, rest, len, false);
}

static void tell_player(struct player *p, const char *text)
{
	player_show(p, &(struct markup){.bytes = slice_text(text), .line = true});
}

/* (player, line): whether there is such a command that he may use. The map's go first. */
static int l_run(lua_State *L)
{
	struct player *p = script_check_player(L, 1);
	const char *line = luaL_checkstring(L, 2), *name = line + strspn(line, " \t");
	size_t name_len = strcspn(name, " \t");
	const char *rest = name + name_len + strspn(name + name_len, " \t"), *wrong;
	char word[COMMAND_NAME_MAX + 1];

	lua_settop(L, 2);
	bool is_ours = command_push(L, name, name_len) && may_use(L, 3, p->role) &&
		       command_number(L, 3, COMMAND_WHERE) != COMMAND_CONSOLE;
	if (!is_ours) {
		lua_pushboolean(L, console_run_for(p, name));
		return 1;
	}
	size_t len = strlen(rest);
	while (len > 0 && is_blank(rest[len - 1]))
		len--;
	snprintf(word, sizeof word, "%.*s", (int)name_len, name);
	lua_pushvalue(L, 1);
	push_typed_words(L, rest, len);
	wrong = command_start(L, 3, word, rest, len);
	if (wrong != NULL)
		tell_player(p, wrong);
	lua_pushboolean(L, true);
	return 1;
}

/* ---- what there is ------------------------------------------------------------------------------- */

static void push_row(
	lua_State *L, const char *name, const char *usage, const char *help, const char *who)
{
	lua_createtable(L, 0, 4);
	lua_pushstring(L, name);
	lua_setfield(L, -2, "name");
	lua_pushstring(L, usage);
	lua_setfield(L, -2, "usage");
	lua_pushstring(L, help);
	lua_setfield(L, -2, "help");
	lua_pushstring(L, who);
	lua_setfield(L, -2, "who");
}

/* (player): an array of those that he can use, the map's in no order, then the server's. */
static int l_list(lua_State *L)
{
	const struct player *p = script_check_player(L, 1);
	lua_Integer count = 0;

	lua_settop(L, 1);
	lua_newtable(L);
	command_push_all(L);
	lua_pushnil(L);
	while (lua_next(L, 3) != 0) {
		if (may_use(L, 5, p->role) &&
			command_number(L, 5, COMMAND_WHERE) != COMMAND_CONSOLE) {
			push_row(L, lua_tostring(L, 4), command_text(L, 5, COMMAND_USAGE),
				command_text(L, 5, COMMAND_HELP), command_text(L, 5, COMMAND_WHO));
			lua_rawseti(L, 2, ++count);
		}
		lua_pop(L, 1);
	}
	for (size_t i = 0; console_is_for(p) && i < console_command_rows; i++) {
		const struct command *c = &console_commands[i];

		if ((c->who & CONSOLE_GAME) == 0)
			continue;
		lua_pushstring(L, c->name);
		if (lua_rawget(L, 3) == LUA_TNIL) {
			push_row(L, c->name, c->usage, c->help, "admin");
			lua_rawseti(L, 2, ++count);
		}
		lua_pop(L, 1);
	}
	lua_settop(L, 2);
	return 1;
}

/* (account): the role that admins granted to it, in this map; or nil. */
static int l_role(lua_State *L)
{
	const struct game *game = script_of(L)->game;
	const char *account = luaL_checkstring(L, 1);
	char role[GRANT_ROLE_MAX + 1];

	if (game->store == NULL || !grants_role(game->store, script_of(L)->name, account, role))
		lua_pushnil(L);
	else
		lua_pushstring(L, role);
	return 1;
}

void script_open_command(lua_State *L)
{
	static const luaL_Reg functions[] = {{"run", l_run}, {"list", l_list}, {NULL, NULL}};

	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &commands_key);
	script_open_console(L);
	luaL_newlib(L, functions);
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, l_command);
	lua_setfield(L, -2, "__call");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_setfield(L, -2, "command");
	lua_pushcfunction(L, l_role);
	lua_setfield(L, -2, "role");
}
