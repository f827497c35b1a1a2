#include "server/script_command.h"

#include <stdio.h>

#include "common/log.h"
#include "server/script_command_table.h"

/* The console as a caller of the map's commands. */

enum { ANSWER_MAX = 256 * 1024 };

#define CONSOLE_TYPE "console"

/* Its answer is open as long as its number is the script's. */
struct script_console {
	unsigned long number;
};

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

	run->found = command_push(L, name, strlen(name)) &&
		     command_number(L, 2, COMMAND_WHERE) != COMMAND_GAME;
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
	wrong = command_start(L, 2, name, rest, strlen(rest));
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
	command_push_all(L);
	int commands = lua_gettop(L);
	lua_pushnil(L);
	while (lua_next(L, commands) != 0) {
		int command = lua_gettop(L);
		const char *name = lua_tostring(L, -2);

		if (command_number(L, command, COMMAND_WHERE) != COMMAND_GAME &&
			!is_hidden(name, hidden, hidden_rows))
			json_array_append_new(
				all, json_pack("{s:s, s:s, s:s}", "command", name, "usage",
					     command_text(L, command, COMMAND_USAGE), "help",
					     command_text(L, command, COMMAND_HELP)));
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

void script_open_console(lua_State *L)
{
	luaL_newmetatable(L, CONSOLE_TYPE);
	lua_pushcfunction(L, l_console_index);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, l_console_text);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}
