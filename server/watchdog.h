/* A thread that ends a server whose loop stands still: a supervisor starts it anew, the players stay. */
#ifndef SERVER_WATCHDOG_H
#define SERVER_WATCHDOG_H

#include "common/defs.h"

struct game;
struct watchdog;

/* Begins to watch the thread that calls this, which must run game's loop. NULL with *why: there is nothing
 * that watches, and nothing else is wrong. When the loop has not come round, and no script was called
 * anew, for sv_watchdog and sv_script_time together (sv_watchdog 0: never), it says what was under way
 * and aborts.
 *
 * It counts its own looks, ten in that time, and not what a clock says has gone: a machine that was
 * suspended, and a process that was stopped, look as if they had stood still, but then so has it. */
struct watchdog *watchdog_open(struct game *game, const char **why);

/* NULL is allowed. The game must still be there. */
void watchdog_close(struct watchdog *w);

#endif
