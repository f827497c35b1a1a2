/* How all is. */
#include "server/commands.h"

#include <unistd.h>

#include "common/metric.h"
#include "server/api/api.h"
#include "server/health.h"
#include "server/game.h"
#include "server/muxlinks.h"
#include "server/register/registrar.h"
#include "server/script.h"

void cmd_status(struct call *call)
{
	const struct game *game = call->owner;

	call_answer(call,
		json_pack(
			"{s:s, s:s, s:i, s:I, s:s, s:s*, s:o, s:I, s:s, s:s, s:I, s:I, s:o, s:o, s:o*, s:o*}",
			"program", "holdfast-server", "version", HOLDFAST_VERSION, "pid",
			(int)getpid(), "uptime_s",
			(json_int_t)((loop_now_ms(game->loop) - game->started_ms) / 1000), "link",
			muxlinks_state_word(game->muxlinks), "refused_by_multiplexer",
			muxlinks_refusal(game->muxlinks), "links", muxlinks_status(game->muxlinks),
			"players", (json_int_t)game->metrics.players_now, "accept",
			game_accept_word(game), "name", game->cvars.set.sv_name, "fps",
			(json_int_t)game->cvars.set.sv_fps, "frame", (json_int_t)game->frame,
			"frames", health_status(game), "script", script_status(game->script), "api",
			api_status(game->api), "restart_in_s",
			restart_left_s(game) < 0 ? NULL : json_integer(restart_left_s(game))));
}

void cmd_metrics(struct call *call)
{
	struct game *game = call->owner;

	health_measure(game);
	call_answer(call, metrics_json(game_metric_table, game_metric_rows, &game->metrics));
}

void cmd_players(struct call *call)
{
	const struct game *game = call->owner;
	uint64_t now = loop_now_ms(game->loop);
	json_t *all = json_array();

	LIST_EACH(node, &game->players)
	{
		const struct player *p = container_of(node, struct player, node);
		char key[PLAYER_KEY_TEXT_MAX];

		if (p->state == PLAYER_HERE)
			json_array_append_new(all,
				json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:I, s:I}", "key",
					player_key_text(p, key), "name", p->name, "role", p->role,
					"address", p->ip, "protocol", p->protocol, "connected_s",
					(json_int_t)((now - p->connected_ms) / 1000), "idle_s",
					(json_int_t)((now - p->input_ms) / 1000)));
	}
	call_answer(call, all);
}

void cmd_register(struct call *call)
{
	const struct game *game = call->owner;

	if (call->argc > 1 && strcmp(call->argv[1], "status") != 0)
		call_fail(call, "register: '%s' is not status", call->argv[1]);
	else
		call_answer(call, registrar_status(game->registrar));
}
