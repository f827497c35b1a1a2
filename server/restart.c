#include "server/restart.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "server/game.h"
#include "server/show.h"
#include "server/trial.h"

/* When players are told, in seconds before; and when it is planned. */
static const uint64_t marks[] = {3600, 1800, 900, 600, 300, 120, 60, 30, 10, 5, 4, 3, 2, 1};

static void tell_all(struct game *game, const char *text)
{
	game_show_all(game, &(struct markup){.bytes = slice_text(text)});
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void tell_left(struct game *game, uint64_t left_s)
{
	const struct restart *r = &game->restart;
	char when[60], text[500];

	if (left_s > 0 && left_s % 60 == 0)
		snprintf(when, sizeof when, "%" PRIu64 " minute%s", left_s / 60,
			plural(left_s / 60));
	else
		snprintf(when, sizeof when, "%" PRIu64 " second%s", left_s, plural(left_s));
	snprintf(text, sizeof text, "[The game restarts in %s%s%s. You stay connected.]\n", when,
		r->reason[0] != '\0' ? ": " : "", r->reason);
	tell_all(game, text);
	game->restart.told_s = left_s;
}

int64_t restart_left_s(const struct game *game)
{
	uint64_t now_ms = loop_now_ms(game->loop), due_ms = game->restart.due_ms;

	if (due_ms == 0)
		return -1;
	return due_ms > now_ms ? (int64_t)((due_ms - now_ms + 999) / 1000) : 0;
}

/* text: NULL = it is done. */
static void answer(struct restart *r, const char *text, const char *error)
{
	struct call_hold *hold = r->hold;

	r->hold = NULL;
	if (hold != NULL)
		call_done(hold, text != NULL ? json_string(text) : NULL, error);
}

static void end_countdown(struct restart *r)
{
	r->due_ms = 0;
	uv_timer_stop(&r->timer);
}

static void refused(struct game *game, const char *why)
{
	struct restart *r = &game->restart;
	char text[400];

	snprintf(text, sizeof text, "not restarted, since it would not come up again: %s", why);
	log_error("restart: %s", text);
	if (r->due_ms != 0)
		tell_all(game, "[The restart is put off.]\n");
	end_countdown(r);
	answer(r, NULL, text);
}

static void tick_cb(uv_timer_t *timer);

static void on_trial(void *owner, const char *why)
{
	struct game *game = owner;
	struct restart *r = &game->restart;
	bool is_due = r->due_ms != 0 || r->seconds == 0;
	char text[80];

	r->trial = NULL;
	if (why != NULL) {
		refused(game, why);
		return;
	}
	if (is_due) {
		answer(r, NULL, NULL);
		end_countdown(r);
		game_stop(game, STOP_RESTART, r->text);
		return;
	}
	r->due_ms = loop_now_ms(game->loop) + r->seconds * 1000;
	log_info("restart: in %" PRIu64 " seconds: %s", r->seconds, r->text);
	snprintf(text, sizeof text, "in %" PRIu64 " s; restart cancel calls it off", r->seconds);
	answer(r, text, NULL);
	tell_left(game, r->seconds);
	uv_timer_start(&r->timer, tick_cb, 1000, 1000);
}

static void begin_trial(struct game *game)
{
	struct restart *r = &game->restart;
	const char *why;

	if (!game_check(game, &why)) {
		refused(game, why);
		return;
	}
	if (game->config.by_hand) { /* there is no next program */
		on_trial(game, NULL);
		return;
	}
	r->trial = trial_begin(
		game->loop, game->config.program, game->config.argv, on_trial, game, &why);
	if (r->trial == NULL)
		refused(game, why);
}

static void tick_cb(uv_timer_t *timer)
{
	struct game *game = timer->data;
	struct restart *r = &game->restart;
	uint64_t left_s = (uint64_t)restart_left_s(game);
	bool tell = false;

	if (game->stop != STOP_NOT) {
		end_countdown(r);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		tell = tell || (r->told_s > marks[i] && left_s <= marks[i]);
	if (left_s == 0 && r->trial == NULL)
		begin_trial(game); /* it may have changed since */
	else if (left_s > 0 && tell)
		tell_left(game, left_s);
}

static void forget(struct restart *r, const char *why)
{
	trial_cancel(r->trial);
	r->trial = NULL;
	end_countdown(r);
	answer(r, NULL, why);
}

void restart_plan(struct game *game, uint64_t seconds, const char *reason, const char *text,
	struct call_hold *hold)
{
	struct restart *r = &game->restart;

	forget(r, "another restart was asked for meanwhile");
	r->hold = hold;
	r->seconds = seconds;
	snprintf(r->reason, sizeof r->reason, "%s", reason);
	snprintf(r->text, sizeof r->text, "%s", text);
	begin_trial(game);
}

bool restart_cancel(struct game *game)
{
	struct restart *r = &game->restart;
	bool was_told = r->due_ms != 0, was = was_told || r->trial != NULL;

	forget(r, "the restart was called off");
	if (was_told)
		tell_all(game, "[The restart is called off.]\n");
	return was;
}

void restart_open(struct game *game)
{
	struct restart *r = &game->restart;

	uv_timer_init(&game->loop->uv, &r->timer);
	r->timer.data = game;
}

void restart_close(struct game *game)
{
	struct restart *r = &game->restart;

	forget(r, "the server ends");
	if (!uv_is_closing((uv_handle_t *)&r->timer))
		uv_close((uv_handle_t *)&r->timer, NULL);
}
