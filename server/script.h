/* The map's Lua: C tells it what happened, it answers through the functions of its tables. */
#ifndef SERVER_SCRIPT_H
#define SERVER_SCRIPT_H

#include <jansson.h>
#include <pthread.h>

#include "common/defs.h"

struct game;
struct player;
struct script;

/* Loads DIR/init.lua of a map into a fresh state and runs it (its game.on calls). Nothing has been
 * told yet. NULL with *why (file:line: text) valid until the next call. */
struct script *script_open(struct game *game, const char *dir, const char **why);

/* The same for a map that is a text of ours. */
struct script *script_open_text(
	struct game *game, const char *name, const char *text, const char **why);

/* Compiles every .lua file in dir and below it, init.lua first, and runs none. False with *why as above:
 * for what should not begin when the script cannot even be read. */
bool script_check(const char *dir, const char **why);

/* Whether word stands in any script below this folder: a name that it may make while it runs. */
bool script_mentions(const char *dir, const char *word);

/* Each starts the handlers of one event, each in its own coroutine. What they raise is logged with
 * a traceback and counted; it never reaches the caller. */
void script_start(struct script *s);
void script_join(struct script *s, struct player *p);
void script_restore(
	struct script *s, struct player *p, const json_t *saved, const char *from); /* saved:
	* NULL: nothing kept. from: the map that he was in before, NULL: this one.
	* Without a restore handler, and also for a player about whom nothing was kept, see script.c */
void script_input(struct script *s, struct player *p, struct slice line); /* valid UTF-8, no end */
void script_event(struct script *s, struct player *p, struct slice channel, const json_t *data);
void script_lookup(struct script *s, struct player *p, const char *which); /* "dns", "ident" */
void script_slow(struct script *s, struct player *p, bool slow);
void script_leave(struct script *s, struct player *p, const char *why);
void script_frame(struct script *s, double dt, uint64_t n); /* also wakes what waits */
void script_stop(struct script *s, const char *why);

/* Collects what scripts do not need any more, until that time of uv_hrtime at the latest (a step takes
 * a part of a millisecond). True: there is more to be done, soon. No script may run meanwhile. */
bool script_collect(struct script *s, uint64_t until_ns);

/* Whether scripts were refused memory since the last time, and what they keep is nearly all they may
 * have: then only a new beginning helps. False in the first minute. */
bool script_is_full(struct script *s);

/* For a watchdog, from another thread: has the thread that runs this script write to the log which line
 * of which file it is in, and abort. The script must be what keeps it. */
void script_say_where(struct script *s, pthread_t running);

size_t script_memory(const struct script *s); /* bytes in use */

/* Ends every coroutine and timer; map_hook.end is told; frees the state. */
void script_close(struct script *s);

/* {"memory":…, "errors":…, "coroutines":…} for status. New reference. */
json_t *script_status(const struct script *s);

#endif
