/* The console: commands and cvars by name, from the terminal, server.cfg and the admin socket. */
#ifndef SERVER_CONSOLE_H
#define SERVER_CONSOLE_H

#include "common/buf.h"
#include "common/command.h"
#include "common/loop.h"

struct game;
struct console;

enum { CONSOLE_ADMIN = 1, CONSOLE_CONFIG = 2 };

extern const struct command console_commands[];
extern const size_t console_command_rows;

/* Runs one line as an admin, and adds what there is to say, as text, to out. A cvar's name alone shows
 * it. Blank lines and those that begin with # or // do nothing. */
void console_run(struct game *game, const char *line, struct buf *out);

/* Runs the lines of server.cfg, or one like it. False with *why "FILE:LINE: text" at the first that
 * fails; those before it are done. starting: cvars that only live scripts know may be set. */
bool console_exec_file(struct game *game, const char *file, bool starting, const char **why);

/* Whether all lines of a file could be run, without running them. NULL is no file, and fine. */
bool console_check_file(const char *file, const char **why);

/* Reads commands from fd (a terminal, a pipe) until its end, and answers to standard output. NULL when
 * it cannot be read, which is logged. */
struct console *console_open(struct game *game, int fd);
void console_close(struct console *c); /* freed in a later turn; NULL is allowed */

#endif
