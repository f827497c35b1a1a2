/* The console's terminal: commands typed on standard input, answers on standard output. */
#ifndef SERVER_TERMINAL_H
#define SERVER_TERMINAL_H

#include "common/loop.h"

struct game;
struct terminal;

/* Reads commands from in (a terminal, a pipe or a socket) until its end, runs them as an admin, and
 * answers to out. Never waits for out: over 1 MiB that nobody reads is not shown. Both descriptors
 * stay the caller's and open. NULL when in cannot be read, which is logged: a file, or /dev/null. */
struct terminal *terminal_open(struct game *game, int in, int out);
void terminal_close(struct terminal *t); /* freed in a later turn; NULL is allowed */

#endif
