/* The commands of commands.def, one function each; commands_*.c has them by what they are about. */
#ifndef SERVER_COMMANDS_H
#define SERVER_COMMANDS_H

#include "common/command.h"

struct game;
struct player;

#define COMMAND(name, min, max, who, usage, help) void cmd_##name(struct call *call);
#include "server/commands.def"

/* What help shows to this caller: {command, usage, help} of the server's and the map's. New reference. */
json_t *call_rows(const struct call *call);

/* Whom a word names: by key, or by name as the script set it, whatever the case of its letters. NULL:
 * nobody who is here, and the call has failed with a sentence. */
struct player *call_player(struct call *call, const char *word);

/* call_words for players' screens: what would steer them is a question mark. */
char *call_shown_words(const struct call *call, int first, char *out, size_t room);

#endif
