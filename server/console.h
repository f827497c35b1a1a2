/* The console: commands and cvars by name, from the terminal, server.cfg and the admin socket. */
#ifndef SERVER_CONSOLE_H
#define SERVER_CONSOLE_H

#include "common/buf.h"
#include "common/command.h"

struct game;
struct player;

/* Who runs a command: an admin at the console or the admin socket, an admin in the game, and a file (or
 * --set) when the game starts, when it is only tried whether all reads, and when it is read again while
 * the game runs. */
enum {
	CONSOLE_ADMIN = 1,
	CONSOLE_CONFIG = 2,
	CONSOLE_STARTING = 4,
	CONSOLE_TRYING = 8,
	CONSOLE_AGAIN = 16,
	CONSOLE_GAME = 32,
	CONSOLE_LIVE = CONSOLE_ADMIN | CONSOLE_GAME
};

extern const struct command console_commands[];
extern const size_t console_command_rows;

/* Runs one line as an admin, and adds what there is to say, as text, to out. A cvar's name alone shows
 * it. Blank lines and those that begin with # or // do nothing. */
void console_run(struct game *game, const char *line, struct buf *out);

/* The same for a front that hears of what is not done at once: see console_outcome. */
void console_run_from(
	struct game *game, const char *line, struct call_front *front, struct buf *out);

/* Adds, as text, what call_front.done tells, and takes the reference of answer. */
void console_outcome(json_t *answer, const char *error, struct buf *out);

/* Runs what call->argv says, for an admin: a command of the table; else one of the map. */
void console_call(struct call *call);

/* The same line typed in the game by an admin: the answer is shown to him. False: he is none, or there is
 * no such command for the game. */
bool console_run_for(struct player *p, const char *line);
bool console_is_for(const struct player *p); /* he is one */

/* Runs the lines of server.cfg, or one like it; mode is one of the last three above, or
 * what the call that asks is. False with *why
 * "FILE:LINE: text" at the first that fails; those before it are done. */
bool console_exec_file(struct game *game, const char *file, unsigned mode, const char **why);

/* Runs what --set says, NAME=VALUE. False with *why a sentence. */
bool console_set(struct game *game, const char *assignment, unsigned mode, const char **why);

#endif
