/* One game with its map and a fake multiplexer, in which time passes only when a test says so. */
#ifndef SERVER_MAPTEST_STAGE_H
#define SERVER_MAPTEST_STAGE_H

#include "server/game.h"
#include "server/maptest/fakemux.h"

enum { STAGE_SETS_MAX = 70 };

/* What it is opened with. All borrowed, as long as the stage is open. */
struct stage_config {
	const char *maps_dir, *map;
	const char *const *sets; /* "name=value" */
	int set_count;
	const char *program;
};

/* All is real but the multiplexer and the clock: the link, players, output, saves, the store, stops. */
struct stage {
	struct stage_config config;
	const char *sets[STAGE_SETS_MAX];
	char map_set[MAP_NAME_MAX + 20];
	struct loop loop;
	struct game game;
	struct fakemux mux;
	char run_dir[64]; /* a folder of its own, removed at the end */
	uint64_t now_us;
	bool is_open;    /* a game runs */
	uint64_t errors; /* of scripts, in games that are over */
};

/* A new game in a new folder, with nobody in it. False with *why a sentence; stage_close in any case. */
bool stage_open(struct stage *s, const struct stage_config *config, const char **why);
void stage_close(struct stage *s);

/* Until nothing moves any more. Follows the game into a restart that it has asked for. False with
 * *why: it could not start again, or has ended. */
bool stage_settle(struct stage *s, const char **why);

/* So much time, frame by frame. */
bool stage_advance(struct stage *s, double seconds, const char **why);

/* In order, with the stop event; or as by kill -9, while it handles what this player has typed (NULL:
 * nothing): what it has not told the multiplexer or committed by then is lost. */
bool stage_restart(struct stage *s, const char **why);
bool stage_crash(
	struct stage *s, const struct fakeuser *typed, struct slice text, const char **why);

#endif
