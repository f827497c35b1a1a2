/* Maps, restart, end. */
#include "server/commands.h"

#include <stdio.h>

#include "common/banlist.h"
#include "common/log.h"
#include "common/supervisor.h"
#include "server/api/script_api.h"
#include "server/game.h"
#include "server/map.h"

enum { RESTART_MAX_S = 24 * 60 * 60 };

/* What the admin who asked should not have to look for in the log. */
static void answer_change(struct call *call)
{
	const struct game *game = call->owner;
	const char *why = script_api_fault(game->map.next);

	if (why != NULL)
		call_answer(call, json_pack("{s:o}", "warning",
					  json_sprintf("the API is not started: %s", why)));
}

void cmd_map(struct call *call)
{
	struct game *game = call->owner;
	const char *why;

	if (call->argc == 1)
		call_answer(call, map_status(game));
	else if (!map_change(game, call->argv[1], &why))
		call_fail(call, "the map stays: %s", why);
	else
		answer_change(call);
}

void cmd_reload(struct call *call)
{
	const char *why;

	if (!map_reload(call->owner, &why))
		call_fail(call, "nothing is changed: %s", why);
	else
		answer_change(call);
}

/* "restart by console: new rooms" */
static void describe(const struct call *call, const char *reason, char *out, size_t room)
{
	snprintf(out, room, "%s by %s%s%s", call->argv[0], call->caller,
		reason[0] != '\0' ? ": " : "", reason);
}

/* False, and the call has failed: the word is meant to be a time and is none, or it is too long. */
static bool read_time(struct call *call, const char *word, uint32_t *seconds)
{
	*seconds = 0;
	if (strcmp(word, "0") == 0)
		return true;
	if (!ban_parse_time(word, seconds)) {
		call_fail(call,
			"restart: '%.60s' is no time such as 60, 90s or 5m; put a reason after a "
			"time, or begin it with a letter",
			word);
		return false;
	}
	if (*seconds > 0 && *seconds <= RESTART_MAX_S) /* 0: for good */
		return true;
	call_fail(call, "restart: at most %d seconds ahead", RESTART_MAX_S);
	return false;
}

static void plan(struct call *call)
{
	uint32_t seconds = 0;
	bool has_time = call->argc > 1 && ban_means_time(call->argv[1]);
	char reason[300], text[600];
	const char *why;

	if (has_time && !read_time(call, call->argv[1], &seconds))
		return;
	/* Most of what can be wrong is said at once. */
	if (!game_check(call->owner, &why)) {
		call_fail(call, "not restarted, since it would not come up again: %s", why);
		return;
	}
	call_shown_words(call, has_time ? 2 : 1, reason, sizeof reason);
	describe(call, reason, text, sizeof text);
	struct call_hold *hold = call_hold(call);
	if (hold != NULL)
		restart_plan(call->owner, seconds, reason, text, hold);
}

void cmd_restart(struct call *call)
{
	struct game *game = call->owner;

	if (game->stop != STOP_NOT) {
		call_fail(call, "the server is stopping already");
	} else if (call->argc == 2 && strcmp(call->argv[1], "cancel") == 0) {
		if (restart_cancel(game))
			log_info("restart: called off by %s", call->caller);
		else
			call_fail(call, "there is no restart to call off");
	} else {
		plan(call);
	}
}

void cmd_quit(struct call *call)
{
	struct game *game = call->owner;
	char reason[400], text[600];

	call_words(call, 1, reason, sizeof reason);
	describe(call, reason, text, sizeof text);
	/* Where both run in one terminal both end; else the multiplexer would tell of a restart first. */
	if (game->stop == STOP_NOT && supervisor_end())
		log_info("%s: the multiplexer ends, and we with it", text);
	else
		game_stop(game, STOP_QUIT, text);
}
