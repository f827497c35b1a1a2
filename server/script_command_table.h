/* What the files of scripts' commands share: the table that a command is. */
#ifndef SERVER_SCRIPT_COMMAND_TABLE_H
#define SERVER_SCRIPT_COMMAND_TABLE_H

#include "server/script_state.h"

/* A command is a table in the one that command_push_all pushes, by name; these are its places. */
enum {
	COMMAND_FUNCTION = 1,
	COMMAND_WHO,
	COMMAND_WHERE,
	COMMAND_USAGE,
	COMMAND_HELP,
	COMMAND_MIN,
	COMMAND_MAX
};
enum { COMMAND_BOTH, COMMAND_GAME, COMMAND_CONSOLE }; /* at COMMAND_WHERE */
enum { COMMAND_NAME_MAX = 32 };                       /* bytes */

void command_push_all(lua_State *L);

/* Pushes the command of that name (capitals do not matter) and returns true; or false, and nothing. */
bool command_push(lua_State *L, const char *name, size_t len);

/* What stands at a place of the command at index; the text is valid as long as the command is there. */
lua_Integer command_number(lua_State *L, int command, int place);
const char *command_text(lua_State *L, int command, int place);

/* Runs the command at index; the caller and the words are on top of the stack, and popped. Returns what is
 * wrong with the number of words, on top of the stack; or NULL. */
const char *command_start(
	lua_State *L, int command, const char *name, const char *rest, size_t len);

int l_command(lua_State *L);            /* (command, name, options, function): makes one */
void script_open_console(lua_State *L); /* the type of the console as a caller */

#endif
