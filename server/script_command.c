#include "server/script_command.h"

#include <stdio.h>

#include "common/log.h"
#include "server/console.h"
#include "server/grants.h"
#include "server/script_state.h"
#include "server/show.h"

/* A command is a table in commands_key's, by name; these are its places. */
enum { FUNCTION = 1, WHO, WHERE, USAGE, HELP, MIN, MAX };
enum { NAME_MAX_BYTES = 32, ANSWER_MAX = 256 * 1024 };

static const char commands_key; /* of the registry */
static const char *const places[] = {"both", "game", "console", NULL};
enum { BOTH, GAME, CONSOLE };

#define CONSOLE_TYPE "console"

/* The console as a caller. Its answer is open as long as its number is the script's. */
struct script_console {
	unsigned long number;
};

/* ---- making one --------------------------------------------------------------------------------- */

static bool is_name(const char *name, size_t len)
{
	json_t *utf8 = json_stringn(name, len);

	json_decref(utf8);
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)name[i];

		if (c <= ' ' || c == 0x7f || c == '"' || (c >= 'A' && c <= 'Z'))
			return false;
	}
	return utf8 != NULL && len > 0 && len <= NAME_MAX_BYTES && name[0] != '#';
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
	lua_rawseti(L, -3, WHO);
	lua_pop(L, 1);
}

static void take_where(lua_State *L)
{
	lua_getfield(L, 3, "where");
	lua_pushinteger(L, luaL_checkoption(L, -1, "both", places));
	lua_rawseti(L, -3, WHERE);
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
static int l_command(lua_State *L)
{
	size_t len;
	const char *name = luaL_checklstring(L, 2, &len);

	luaL_checktype(L, 3, LUA_TTABLE);
	luaL_checktype(L, 4, LUA_TFUNCTION);
	lua_settop(L, 4);
	if (!is_name(name, len))
		return luaL_error(L,
			"command '%s': a name is one word of at most %d bytes, without capitals",
			name, NAME_MAX_BYTES);
	refuse_other_options(L);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &commands_key);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, -2) != LUA_TNIL)
		return luaL_error(L, "command '%s': there is one of this name", name);
	lua_pop(L, 1);
	lua_createtable(L, MAX, 0);
	lua_pushvalue(L, 4);
	lua_rawseti(L, -2, FUNCTION);
	take_who(L);
	take_where(L);
	take_text(L, "usage", USAGE);
	take_text(L, "help", HELP);
	lua_Integer min = take_count(L, "min", MIN, 0), max = take_count(L, "max", MAX, -1);
	if (max >= 0 && max < min)
		return luaL_error(L, "command '%s': 'max' is less than 'min'", name);
	lua_pushvalue(L, 2);
	lua_insert(L, -2);
	lua_rawset(L, -3);
	return 0;
}

/* ---- running one -------------------------------------------------------------------------------- */

/* Pushes the command and true, or nothing. In the game capitals do not matter. */
static bool push_command(lua_State *L, const char *name, size_t len)
{
	char lower[NAME_MAX_BYTES + 1];

	if (len > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < len; i++)
		lower[i] =
			(char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &commands_key);
	lua_pushlstring(L, lower, len);
	lua_rawget(L, -2);
	lua_remove(L, -2);
	if (!lua_isnil(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

static lua_Integer number_at(lua_State *L, int command, int place)
{
	lua_rawgeti(L, command, place);
	lua_Integer n = lua_tointeger(L, -1);
	lua_pop(L, 1);
	return n;
}

/* Valid as long as the command is on the stack. */
static const char *text_at(lua_State *L, int command, int place)
{
	lua_rawgeti(L, command, place);
	const char *text = lua_tostring(L, -1);
	lua_pop(L, 1);
	return text;
}

/* An admin may do what any role may. */
static bool may_use(lua_State *L, int command, const char *role)
{
	const char *who = text_at(L, command, WHO);

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

/* Runs the command at index; the caller and the words are on top of the stack, and popped. Returns what is
 * wrong with the number of words, on top of the stack; or NULL. */
static const char *run_command(
	lua_State *L, int command, const char *name, const char *rest, size_t len)
{
	lua_Integer count = (lua_Integer)lua_rawlen(L, -1), max = number_at(L, command, MAX);

	if (count < number_at(L, command, MIN) || (max >= 0 && count > max)) {
		const char *usage = text_at(L, command, USAGE);

		return lua_pushfstring(
			L, "usage: %s%s%s", name, usage[0] != '\0' ? " " : "", usage);
	}
	lua_pushlstring(L, rest, len);
	lua_rawgeti(L, command, FUNCTION);
	lua_insert(L, -4); /* function, caller, words, rest */
	script_run(L, 3);
	return NULL;
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
	char word[NAME_MAX_BYTES + 1];

	lua_settop(L, 2);
	bool is_ours = push_command(L, name, name_len) && may_use(L, 3, p->role) &&
		       number_at(L, 3, WHERE) != CONSOLE;
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
	wrong = run_command(L, 3, word, rest, len);
	if (wrong != NULL)
		tell_player(p, wrong);
	lua_pushboolean(L, true);
	return 1;
}

/* ---- the console as a caller --------------------------------------------------------------------- */

/* (console, text): into the answer; to the log, once that has been given. */
static int l_console_send(lua_State *L)
{
	const struct script_console *console = luaL_checkudata(L, 1, CONSOLE_TYPE);
	struct script *s = script_of(L);
	struct slice line = script_check_line(L, 2);

	if (s->console_answer == NULL || s->console_number != console->number)
		log_info("console: %.*s", (int)(line.len - 1), (const char *)line.at);
	else if (s->console_answer->len + line.len > ANSWER_MAX)
		return luaL_error(L, "console: the answer is over %d bytes", ANSWER_MAX);
	else if (!buf_add(s->console_answer, line))
		return luaL_error(L, "not enough memory");
	return 0;
}

/* (console, name) */
static int l_console_index(lua_State *L)
{
	const char *name = luaL_checkstring(L, 2);

	if (strcmp(name, "send") == 0)
		lua_pushcfunction(L, l_console_send);
	else if (strcmp(name, "name") == 0 || strcmp(name, "key") == 0)
		lua_pushliteral(L, "console");
	else if (strcmp(name, "role") == 0)
		lua_pushliteral(L, "admin");
	else if (strcmp(name, "here") == 0)
		lua_pushboolean(L, true);
	else
		return luaL_error(L,
			"the console has no '%s'; a command only for players says where = 'game'",
			name);
	return 1;
}

static int l_console_text(lua_State *L)
{
	lua_pushliteral(L, "console");
	return 1;
}

struct console_run {
	struct call *call;
	bool found;
};

/* (console_run) */
static int l_run_for_console(lua_State *L)
{
	struct console_run *run = lua_touserdata(L, 1);
	struct call *call = run->call;
	const char *name = call->argv[0], *wrong;
	char rest[COMMAND_LINE_MAX + 1];

	run->found = push_command(L, name, strlen(name)) && number_at(L, 2, WHERE) != GAME;
	if (!run->found)
		return 0;
	struct script_console *console = lua_newuserdatauv(L, sizeof *console, 0);
	console->number = script_of(L)->console_number;
	luaL_setmetatable(L, CONSOLE_TYPE);
	call_words(call, 1, rest, sizeof rest);
	lua_createtable(L, call->argc, 0);
	for (int i = 1; i < call->argc; i++) {
		lua_pushstring(L, call->argv[i]);
		lua_rawseti(L, -2, i);
	}
	wrong = run_command(L, 2, name, rest, strlen(rest));
	if (wrong != NULL)
		call_fail(call, "%s", wrong);
	return 0;
}

static json_t *answer_json(const struct buf *answer)
{
	struct slice bytes = buf_bytes(answer);
	json_t *text = json_stringn((const char *)bytes.at, bytes.len);

	if (text == NULL) { /* not UTF-8 */
		char plain[1024];

		log_escape(plain, sizeof plain, bytes);
		text = json_string(plain);
	}
	return text;
}

bool script_command(struct script *s, struct call *call)
{
	struct console_run run = {.call = call};
	struct buf answer = {0}, *before = s->console_answer;
	uint64_t faults = s->faults.count;
	lua_State *L = s->running != NULL ? s->running : s->L;

	if (!lua_checkstack(L, 4))
		return false;
	s->console_answer = &answer;
	s->console_number++;
	lua_pushcfunction(L, l_run_for_console);
	lua_pushlightuserdata(L, &run);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
		script_report(s, L);
		lua_pop(L, 1);
	}
	s->console_answer = before;
	if (s->faults.count != faults && call->error[0] == '\0')
		call_fail(call, "%s", s->faults.last);
	if (run.found && answer.len > 0)
		call_answer(call, answer_json(&answer));
	buf_free(&answer);
	return run.found;
}

/* ---- what there is ------------------------------------------------------------------------------- */

static bool is_hidden(const char *name, const struct command *hidden, size_t rows)
{
	for (size_t i = 0; i < rows; i++)
		if (strcmp(hidden[i].name, name) == 0)
			return true;
	return false;
}

/* Allocates nothing of Lua's, so nothing is raised. */
void script_command_help(
	struct script *s, json_t *all, const struct command *hidden, size_t hidden_rows)
{
	lua_State *L = s->L;

	if (!lua_checkstack(L, 6))
		return;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &commands_key);
	int commands = lua_gettop(L);
	lua_pushnil(L);
	while (lua_next(L, commands) != 0) {
		int command = lua_gettop(L);
		const char *name = lua_tostring(L, -2);

		if (number_at(L, command, WHERE) != GAME && !is_hidden(name, hidden, hidden_rows))
			json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "command", name,
							   "usage", text_at(L, command, USAGE),
							   "help", text_at(L, command, HELP)));
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

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
	lua_rawgetp(L, LUA_REGISTRYINDEX, &commands_key);
	lua_pushnil(L);
	while (lua_next(L, 3) != 0) {
		if (may_use(L, 5, p->role) && number_at(L, 5, WHERE) != CONSOLE) {
			push_row(L, lua_tostring(L, 4), text_at(L, 5, USAGE), text_at(L, 5, HELP),
				text_at(L, 5, WHO));
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
	luaL_newmetatable(L, CONSOLE_TYPE);
	lua_pushcfunction(L, l_console_index);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, l_console_text);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);

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
