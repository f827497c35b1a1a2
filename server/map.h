/* The map that runs, and how another one takes its place while the players stay where they are. */
#ifndef SERVER_MAP_H
#define SERVER_MAP_H

#include <jansson.h>

#include "common/list.h"
#include "common/loop.h"

struct game;
struct player;
struct script;

enum { MAP_NAME_MAX = 64 };

/* A change of maps, in this order; only the first step can fail, and then nothing has happened:
 *
 *   map_change: all files of the new one compile; its init.lua runs, beside the old one
 *   the next turn: the old one's stop ("map"), store and saves kept
 *                  map_hook.end(old): what it registered is dropped; then its Lua state is freed
 *                  game->script is the new one, the store is its store, the cvars are its cvars
 *                  map_hook.begin(new), its start, and its restore for every player who is here, with
 *                  what the old one had saved about him, which is kept no longer
 *
 * So two states are there at once for a moment: whatever a script registers with C has to be kept
 * by script, and must do nothing until that script is game->script. There is always one that runs: where
 * no map could be loaded, a builtin one that tells players so. */
struct map_hook {
	struct list node; /* of map.hooks */
	void *owner;      /* borrowed: for whoever made the hook */
	/* s is game->script from now on; nothing of it has run but its files. */
	void (*begin)(struct map_hook *hook, struct script *s);
	/* s is about to be freed: nothing of it may be called any more. Also told of one that could not
	 * be loaded, and so never began. */
	void (*end)(struct map_hook *hook, struct script *s);
};

struct map {
	char name[MAP_NAME_MAX + 1];       /* that runs; or that could not be loaded */
	char configured[MAP_NAME_MAX + 1]; /* what sv_map said at start */
	char from[MAP_NAME_MAX + 1];       /* the program before ran it, if it was another; or "" */
	char why[900];                     /* why it could not be loaded; "" = it runs */
	bool is_reload;                    /* the change that is under way: to the same map */
	struct script *next;               /* owned: loaded, and the next that runs; or NULL */
	char next_name[MAP_NAME_MAX + 1];
	struct list next_cvars; /* those of next */
	struct loop_task change;
	struct list hooks;
};

void map_open(struct game *game);

/* The folder of a map: its name is letters, digits, _, - and dots (none in front), and there is an
 * init.lua in it. False with *why a sentence. */
bool map_folder(
	const struct game *game, const char *name, char *out, size_t room, const char **why);

/* Which map a start would start: sv_map, or the one that ran last if it was chosen while sv_map was
 * already what it is now. Valid until the next call. */
const char *map_to_start(const struct game *game);

/* Loads and starts that one; when it fails, which is logged, the builtin one. False with *why if there
 * is no memory even for that. */
bool map_start(struct game *game, const char **why);

/* As drawn above; the same name is allowed. False with *why (file:line: text), and all is as before. */
bool map_change(struct game *game, const char *name, const char **why);

/* The same for the map that runs, or that could not be loaded: as a restart is to it, without one. */
bool map_reload(struct game *game, const char **why);

/* {"map": …, "maps": […]}, and "failed" if it could not be loaded. New reference. */
json_t *map_status(const struct game *game);

/* The next start is sv_map's, whatever was chosen. */
void map_forget(const struct game *game);

/* The map that a player was in, who is being listed, if the program before ran another one; else NULL. */
const char *map_listed_from(const struct player *p);

/* One is here who was connected before this map began, or before the link was away. from: the map that he
 * was in, if that was another one, which a line tells him; else NULL. */
void map_restore(struct player *p, const char *from);

/* A multiplexer has listed its users, and what they have saved is this map's. */
void map_listed(const struct game *game);

void map_close(struct game *game); /* what runs, and what was to run */

/* Tells hook from now on, until it is removed from its list. Whoever has hooks adds them before
 * map_start, and keeps them until game_close has closed the map. */
void map_hook_add(struct game *game, struct map_hook *hook);

/* The script tells: */
void map_hooks_begin(struct script *s);
void map_hooks_end(struct script *s);

#endif
