#include "server/maptest/stage.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/store.h"

enum {
	QUIET_TURNS = 4,      /* in a row, and nothing moves any more */
	TURNS_MAX = 100000,   /* a game that never comes to rest */
	BEGIN_MS = 1000000000 /* of the clock: nobody connected before it began */
};

static char why_text[1200];

static bool fail(const char **why, const char *text)
{
	snprintf(why_text, sizeof why_text, "%s", text);
	*why = why_text;
	return false;
}

/* ---- one game ---- */

static void end_game(struct stage *s)
{
	if (!s->is_open)
		return;
	s->errors += s->game.metrics.script_errors;
	s->is_open = false;
	game_close(&s->game);
	loop_run(&s->loop);
	game_free(&s->game);
	fakemux_hang_up(&s->mux);
}

static bool connect_to(struct stage *s, const char **why)
{
	char path[100];

	snprintf(path, sizeof path, "%s/link.sock", s->run_dir);
	return fakemux_dial(&s->mux, path) || fail(why, strerror(errno));
}

/* Those of the config, and what a game of a test must have. How many; they live as long as the stage. */
static int choose_sets(struct stage *s)
{
	int count = 0;

	while (count < s->config.set_count && count < STAGE_SETS_MAX - 5) {
		s->sets[count] = s->config.sets[count];
		count++;
	}
	snprintf(s->map_set, sizeof s->map_set, "sv_map=%s", s->config.map);
	s->sets[count++] = s->map_set;
	s->sets[count++] = "sv_multiplexers=1";
	s->sets[count++] = "sv_store=";
	s->sets[count++] = "sv_link=";
	s->sets[count++] = "sv_register=0";
	return count;
}

static bool begin_game(struct stage *s, const char **why)
{
	int count = choose_sets(s);

	game_open(&s->game, &s->loop,
		&(struct game_config){.run_dir = s->run_dir,
			.maps_dir = s->config.maps_dir,
			.sets = s->sets,
			.set_count = count,
			.program = s->config.program,
			.by_hand = true,
			.begin_ms = BEGIN_MS});
	s->is_open = true;
	bool ok = game_configure(&s->game, why) && game_start(&s->game, why);
	if (ok && s->game.map.why[0] != '\0')
		ok = fail(why, s->game.map.why);
	return ok && connect_to(s, why);
}

/* ---- time ---- */

/* True if anything moved. */
static bool turn(struct stage *s)
{
	uv_run(&s->loop.uv, UV_RUN_NOWAIT);
	bool moved = fakemux_work(&s->mux);
	/* What a thread was asked for, a password's hash, is waited for; so is what is half written, but
	 * only while there is nothing for us to read. */
	if (!moved && s->loop.uv.active_reqs.count > 0 && !s->loop.stopping) {
		uv_run(&s->loop.uv, UV_RUN_ONCE);
		moved = true;
	}
	return moved;
}

static bool go_on_after_stop(struct stage *s, const char **why)
{
	bool restarts = s->game.stop == STOP_RESTART;

	end_game(s);
	if (!restarts)
		return fail(why, "the game has ended");
	return begin_game(s, why);
}

bool stage_settle(struct stage *s, const char **why)
{
	int quiet = 0;

	if (!s->is_open)
		return fail(why, "the game has ended");
	for (int turns = 0; quiet < QUIET_TURNS; turns++) {
		quiet = turn(s) ? 0 : quiet + 1;
		if (s->loop.stopping) {
			s->loop.stopping = false;
			if (!go_on_after_stop(s, why))
				return false;
			quiet = 0;
		}
		if (turns > TURNS_MAX)
			return fail(why, "the game does not come to rest");
	}
	return true;
}

bool stage_advance(struct stage *s, double seconds, const char **why)
{
	uint64_t end_us = s->now_us + (uint64_t)(seconds * 1e6 + 0.5);

	if (!stage_settle(s, why))
		return false;
	for (;;) {
		uint64_t frame_us = 1000000 / s->game.cvars.set.sv_fps;

		if (s->now_us + frame_us > end_us)
			break;
		s->now_us += frame_us;
		s->loop.hand_ms = s->now_us / 1000;
		game_beat(&s->game, 1);
		if (!stage_settle(s, why))
			return false;
	}
	s->now_us = end_us;
	s->loop.hand_ms = s->now_us / 1000;
	return true;
}

/* ---- ends ---- */

bool stage_restart(struct stage *s, const char **why)
{
	if (!s->is_open)
		return fail(why, "the game has ended");
	game_stop(&s->game, STOP_RESTART, "a test");
	return stage_settle(s, why);
}

bool stage_crash(struct stage *s, const struct fakeuser *typed, struct slice text, const char **why)
{
	if (!s->is_open)
		return fail(why, "the game has ended");
	if (typed != NULL) {
		struct clientkey key = clientkey_of(typed->number, 1);
		struct player *p = player_find(&s->game, 1, &key);

		if (p == NULL || p->state != PLAYER_HERE)
			return fail(why, "the game does not know this player");
		player_input(p, text);
	}
	/* No turn is made from here on: what waits for its end is lost. */
	fakemux_hang_up(&s->mux);
	store_rollback(s->game.store);
	end_game(s);
	return begin_game(s, why) && stage_settle(s, why);
}

/* ---- all of it ---- */

static void remove_folder(const char *path)
{
	char name[400];
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		unlink(name);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

bool stage_open(struct stage *s, const struct stage_config *config, const char **why)
{
	*s = (struct stage){.config = *config, .now_us = BEGIN_MS * (uint64_t)1000};
	snprintf(s->run_dir, sizeof s->run_dir, "/tmp/holdfast-test-XXXXXX");
	int status = loop_open(&s->loop);
	if (status != 0)
		return fail(why, uv_strerror(status));
	s->loop.hand_ms = s->now_us / 1000;
	fakemux_init(&s->mux, &s->loop);
	if (mkdtemp(s->run_dir) == NULL) {
		s->run_dir[0] = '\0';
		return fail(why, strerror(errno));
	}
	return begin_game(s, why) && stage_settle(s, why);
}

void stage_close(struct stage *s)
{
	if (s->loop.read_room == NULL)
		return;
	end_game(s);
	fakemux_free(&s->mux);
	loop_close(&s->loop);
	if (s->run_dir[0] != '\0')
		remove_folder(s->run_dir);
}
