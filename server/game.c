/* The game server: it may end, crash or be replaced, and the players stay with the multiplexer.
 *
 *   multiplexers ==link.sock==> muxlinks --> handlers --> player --> input --> script (Lua)
 *                                 ^                                              |
 *                                 +--- output, save <-- end of the turn <--------+
 *
 *   frames --beat--> script_frame          console, control --> commands
 *
 * Stop, step by step (each step is told when the one before is through):
 *   game_stop --> muxlinks_mark --(all input handled)--> game_marked: stop event, saves, output
 *             --> muxlinks_leave --(all multiplexers have read it)--> game_left --> loop_stop */
#include "server/game.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "server/api/api.h"
#include "server/api/tokens.h"
#include "server/audience.h"
#include "server/console.h"
#include "server/grants.h"
#include "server/muxlinks.h"
#include "server/register/registrar.h"
#include "server/script.h"
#include "server/store.h"

/* ---- the end of a turn ---- */

/* Before anybody is shown what came of it. */
void game_commit_store(struct game *game)
{
	const char *why;

	if (game->store == NULL || store_commit(game->store, &why))
		return;
	game->metrics.store_failures++;
	log_error("%s: what scripts changed since the last turn is lost", why);
}

static void flush_task(struct loop_task *task)
{
	struct game *game = container_of(task, struct game, flush);

	game_commit_store(game);
	while (!list_is_empty(&game->dirty)) {
		struct player *p = container_of(game->dirty.next, struct player, dirty);

		list_remove(&p->dirty);
		player_flush(p);
		if (p->save_due && p->state == PLAYER_HERE)
			player_store(p, false);
	}
}

/* ---- frames ---- */

enum {
	SPARE_NS = 1000000, /* so long before the next frame nothing long is begun */
	PIECE_NS = 1000000  /* of collecting, between two looks at what players typed */
};

static void idle_task(struct loop_task *task)
{
	struct game *game = container_of(task, struct game, idle);
	uint64_t now = uv_hrtime(), end = now + PIECE_NS;

	if (!list_is_empty(&game->loop->at_turn_end)) {
		loop_at_turn_end(game->loop, task); /* what is shown to players goes first */
		return;
	}
	if (game->frames.due_ns != 0 && end > frames_next_ns(&game->frames) - SPARE_NS)
		return; /* it begins soon */
	bool more = script_collect(game->script, end);
	health_collected(game, (uv_hrtime() - now) / 1000);
	if (more)
		loop_at_next_turn(game->loop, task);
}

static void run_frame(struct game *game, double seconds)
{
	uint64_t begin = uv_hrtime();

	script_frame(game->script, seconds, game->frame);
	uint64_t took = uv_hrtime() - begin;
	health_frame(game, game->frames.late_ns / 1000, took / 1000);
	game->metrics.frame_overruns += took > 1000000000 / game->frames.fps;
	if (game->metrics.frames % game->frames.fps == 0)
		health_measure(game);
}

static void relieve(struct game *game)
{
	const char *why;

	if (!script_is_full(game->script))
		return;
	log_error(
		"map %s: its scripts keep %zu KiB, nearly all of sv_script_memory: it begins anew",
		game->map.name, script_memory(game->script) / 1024);
	if (!map_reload(game, &why))
		log_error("map %s: it cannot begin anew: %s", game->map.name, why);
}

static void on_frame(struct frames *f, uint64_t passed)
{
	struct game *game = container_of(f, struct game, frames);

	double seconds = (double)passed / (double)f->fps;

	if (game->stop_event_sent)
		return; /* all is saved: nothing may change any more */
	game->frame += passed;
	game->metrics.frames++;
	game->metrics.frames_late += passed - 1;
	run_frame(game, seconds);
	relieve(game);
	api_frame(game->api);
	loop_at_turn_end(game->loop, &game->idle);
	frames_set(f, game->cvars.set.sv_fps);
}

void game_beat(struct game *game, uint64_t passed)
{
	on_frame(&game->frames, passed);
}

static int start_frames(struct game *game)
{
	unsigned fps = (unsigned)game->cvars.set.sv_fps;

	game->frames.fps = fps;
	return game->config.by_hand ? 0 : frames_open(&game->frames, game->loop, fps, on_frame);
}

/* ---- stop ---- */

static const char *const stop_words[] = {
	[STOP_NOT] = "",
	[STOP_RESTART] = "restart",
	[STOP_QUIT] = "quit",
	[STOP_SIGNAL] = "quit",
	[STOP_MULTIPLEXER] = "quit",
};

static void stop_timeout_cb(uv_timer_t *timer)
{
	struct game *game = timer->data;

	log_warn("stop: the multiplexer does not answer; ending without it");
	if (!game->stop_event_sent)
		game_marked(game);
	loop_stop(game->loop);
}

/* An end goes before a restart that has begun; who asks for an end twice does not want to wait. */
static void stop_again(struct game *game, enum game_stop kind)
{
	bool ends = game->stop == STOP_SIGNAL || game->stop == STOP_QUIT;

	if (kind != STOP_SIGNAL && kind != STOP_QUIT)
		return; /* we are ending already */
	if (ends) {
		log_warn("asked to end a second time: ending at once");
		loop_stop(game->loop);
	} else {
		game->stop = kind;
		registrar_leave(game->registrar);
	}
}

void game_stop(struct game *game, enum game_stop kind, const char *reason)
{
	if (game->stop != STOP_NOT) {
		stop_again(game, kind);
		return;
	}
	if (kind == STOP_QUIT || kind == STOP_MULTIPLEXER)
		map_forget(game); /* an end: the next start is what the settings say */
	log_info("%s: %s", kind == STOP_RESTART ? "restarting" : "ending", reason);
	game->stop = kind;
	if (kind != STOP_RESTART)
		registrar_leave(game->registrar); /* who starts anew stays in the list */
	snprintf(game->stop_reason, sizeof game->stop_reason, "%s", reason);
	uv_timer_start(&game->stop_timer, stop_timeout_cb, game->cvars.set.sv_stop_timeout, 0);
	if (kind == STOP_MULTIPLEXER || game->muxlinks == NULL)
		game_marked(game); /* it has ended its side: what it sent was handled */
	else
		muxlinks_mark(game->muxlinks);
}

void game_marked(struct game *game)
{
	if (game->stop == STOP_NOT || game->stop_event_sent)
		return;
	game->stop_event_sent = true;
	if (game->script != NULL)
		script_stop(game->script, stop_words[game->stop]);
	api_stop(game->api);
	game_commit_store(game);
	LIST_EACH(node, &game->players)
	{
		struct player *p = container_of(node, struct player, node);

		player_flush(p);
		if (p->state == PLAYER_HERE &&
			(p->save_due || p->line.text.len > 0 || p->line.after_cr))
			player_store(p, true);
	}
	if (game->muxlinks != NULL)
		muxlinks_leave(game->muxlinks);
	else
		game_left(game);
}

void game_left(struct game *game)
{
	game->has_left = true;
	if (game->stop != STOP_NOT && !registrar_is_leaving(game->registrar))
		loop_stop(game->loop);
}

void game_unlisted(struct game *game)
{
	if (game->has_left)
		game_left(game);
}

/* ---- life ---- */

void game_open(struct game *game, struct loop *loop, const struct game_config *config)
{
	*game = (struct game){
		.loop = loop, .config = *config, .frames.fd = -1, .started_ms = loop_now_ms(loop)};
	cvar_open(&game->cvars);
	list_init(&game->players);
	list_init(&game->dirty);
	list_init(&game->audiences);
	map_open(game);
	bans_open(&game->bans, game);
	restart_open(game);
	loop_task_init(&game->flush, flush_task);
	loop_task_init(&game->idle, idle_task);
	uv_timer_init(&loop->uv, &game->stop_timer);
	game->stop_timer.data = game;
}

/* What an installed game has in its run directory is gone when the machine starts again. */
const char *game_state_dir(const struct game *game)
{
	bool installed = strcmp(game->config.run_dir, HOLDFAST_RUN_DIR) == 0;

	return installed ? HOLDFAST_STATE_DIR : game->config.run_dir;
}

static bool open_store(struct game *game, const char **why)
{
	const struct cvars *set = &game->cvars.set;
	char path[512];

	snprintf(path, sizeof path, "%s/store.db", game_state_dir(game));
	game->store = store_open(set->sv_store[0] != '\0' ? set->sv_store : path, set->sv_map,
		set->sv_store_max, why);
	return game->store != NULL && grants_open(game->store, why) &&
	       tokens_open(game->store, why);
}

static bool start_control(struct game *game, const char **why)
{
	char path[512];

	snprintf(path, sizeof path, "%s/server.sock", game->config.run_dir);
	game->control = control_open(game->loop,
		&(struct control_config){.path = path,
			.table = console_commands,
			.rows = console_command_rows,
			.run = console_call,
			.who = CONSOLE_ADMIN,
			.owner = game},
		why);
	return game->control != NULL;
}

static bool start_links(struct game *game, const char **why)
{
	*why = "out of memory";
	game->muxlinks = muxlinks_open(game);
	if (game->muxlinks == NULL || !muxdoors_read(game, &game->doors, why))
		return false;
	for (size_t i = 0; i < game->doors.count; i++) {
		const struct address *at = &game->doors.at[i];
		char text[ADDRESS_TEXT_MAX];

		address_text(at, text);
		if (!muxlinks_listen(game->muxlinks, at,
			    at->sa.sa_family == AF_UNIX ? NULL : game->doors.key, why))
			return false;
		if (at->sa.sa_family != AF_UNIX)
			log_info("link: multiplexers may connect to %s with the key '%s'", text,
				game->doors.key->identity);
	}
	return true;
}

static void warn_of_unknown_cvars(const struct game *game)
{
	const struct list *at = NULL;
	const char *name;

	while ((name = cvar_next_unknown(&game->cvars, &at)) != NULL)
		log_warn("cvar %s: was set, but neither the server nor the map has it", name);
}

bool game_start(struct game *game, const char **why)
{
	int status;

	*why = "out of memory";
	game->api = api_open(game);
	if (game->api == NULL || !open_store(game, why) || !map_start(game, why))
		return false;
	warn_of_unknown_cvars(game);
	status = start_frames(game);
	if (status < 0) {
		*why = uv_strerror(status);
		return false;
	}
	game->registrar = registrar_open(game);
	if (game->registrar == NULL) {
		*why = "not enough memory";
		return false;
	}
	/* The link last: whoever finds it open finds a game. */
	return start_control(game, why) && start_links(game, why);
}

void game_close(struct game *game)
{
	registrar_close(game->registrar);
	game->registrar = NULL;
	restart_close(game); /* while whoever waits for it can be told */
	muxlinks_close(game->muxlinks);
	game->muxlinks = NULL;
	control_close(game->control);
	game->control = NULL;
	frames_close(&game->frames);
	loop_task_cancel(&game->flush);
	loop_task_cancel(&game->idle);
	if (!uv_is_closing((uv_handle_t *)&game->stop_timer))
		uv_close((uv_handle_t *)&game->stop_timer, NULL);
	api_close(game->api);
	map_close(game);
	store_close(game->store);
	game->store = NULL;
}

void game_free(struct game *game)
{
	muxdoors_free(&game->doors);
	LIST_EACH(node, &game->players)
	player_free(container_of(node, struct player, node));
	audience_free_all(game);
	slots_free(&game->handles);
	bans_close(&game->bans);
	free(game->mssp);
	api_free(game->api);
	cvar_close(&game->cvars);
}
