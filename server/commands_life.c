/* Maps, restart, end. */
#include "server/commands.h"

#include <stdio.h>

#include "server/game.h"
#include "server/map.h"

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

static void stop(struct call *call, enum game_stop kind)
{
	const struct game *game = call->owner;
	char reason[400], text[600];

	if (game->stop != STOP_NOT && kind == STOP_RESTART) {
		call_fail(call, "the server is stopping already");
		return;
	}
	call_words(call, 1, reason, sizeof reason);
	snprintf(text, sizeof text, "%s by %s%s%s", call->argv[0], call->caller,
		reason[0] != '\0' ? ": " : "", reason);
	game_stop(call->owner, kind, text);
}

void cmd_restart(struct call *call)
{
	const char *why;

	if (game_check(call->owner, &why))
		stop(call, STOP_RESTART);
	else
		call_fail(call, "not restarted, since it would not come up again: %s", why);
}

void cmd_quit(struct call *call)
{
	stop(call, STOP_QUIT);
}
