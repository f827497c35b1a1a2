/* Maps, restart, end. */
#include "server/commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "server/game.h"
#include "server/map.h"

enum { RESTART_MAX_S = 24 * 60 * 60 };

void cmd_map(struct call *call)
{
	struct game *game = call->owner;
	const char *why;

	if (call->argc == 1)
		call_answer(call, map_status(game));
	else if (!map_change(game, call->argv[1], &why))
		call_fail(call, "the map stays: %s", why);
}

void cmd_reload(struct call *call)
{
	const char *why;

	if (!map_reload(call->owner, &why))
		call_fail(call, "nothing is changed: %s", why);
}

/* "restart by console: new rooms" */
static void describe(const struct call *call, const char *reason, char *out, size_t room)
{
	snprintf(out, room, "%s by %s%s%s", call->argv[0], call->caller,
		reason[0] != '\0' ? ": " : "", reason);
}

/* The whole number of seconds that a word is. */
static bool read_seconds(const char *word, uint64_t *seconds)
{
	size_t digits = strspn(word, "0123456789");
	bool is_number = digits > 0 && digits < 10 && word[digits] == '\0';

	if (is_number)
		*seconds = strtoull(word, NULL, 10);
	return is_number;
}

static void plan(struct call *call)
{
	uint64_t seconds = 0;
	bool is_later = call->argc > 1 && read_seconds(call->argv[1], &seconds);
	char reason[300], text[600];
	const char *why;

	if (seconds > RESTART_MAX_S) {
		call_fail(call, "restart: at most %d seconds ahead", RESTART_MAX_S);
		return;
	}
	/* Most of what can be wrong is said at once. */
	if (!game_check(call->owner, &why)) {
		call_fail(call, "not restarted, since it would not come up again: %s", why);
		return;
	}
	call_shown_words(call, is_later ? 2 : 1, reason, sizeof reason);
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
	char reason[400], text[600];

	call_words(call, 1, reason, sizeof reason);
	describe(call, reason, text, sizeof text);
	game_stop(call->owner, STOP_QUIT, text);
}
