/* The commands that a map makes with command(...): who may use them, on the console and in the game. */
#ifndef SERVER_SCRIPT_COMMAND_H
#define SERVER_SCRIPT_COMMAND_H

#include <jansson.h>

#include "common/command.h"

struct script;

/* Runs the map's command that call->argv names, for an admin on the console. Its answer is what the
 * function sent until it first waited. False: there is none for the console; the call is as it was. */
bool script_command(struct script *s, struct call *call);

/* Adds {command, usage, help} of those for the console to an array, but for those whose name is in
 * hidden. */
void script_command_help(
	struct script *s, json_t *all, const struct command *hidden, size_t hidden_rows);

#endif
