#include "server/health.h"

#include "server/game.h"
#include "server/script.h"

const struct metric game_metric_table[] = {
#define METRIC(KIND, name, help) {#name, METRIC_##KIND, offsetof(struct game_metrics, name), help},
#include "server/metrics.def"
};
const size_t game_metric_rows = ARRAY_LEN(game_metric_table);

enum { P99 = 10 }; /* of a thousand are above */

void health_frame(struct game *game, uint64_t late_us, uint64_t work_us)
{
	uint64_t now_ms = loop_now_ms(game->loop);

	minute_add(&game->health.late, now_ms, late_us);
	minute_add(&game->health.work, now_ms, work_us);
}

void health_collected(struct game *game, uint64_t us)
{
	minute_add(&game->health.collect, loop_now_ms(game->loop), us);
}

void health_measure(struct game *game)
{
	const struct health *h = &game->health;
	uint64_t now_ms = loop_now_ms(game->loop);

	game->metrics.frame_late_p99_us = minute_above(&h->late, now_ms, P99);
	game->metrics.frame_late_max_us = minute_max(&h->late, now_ms);
	game->metrics.frame_work_p99_us = minute_above(&h->work, now_ms, P99);
	game->metrics.frame_work_max_us = minute_max(&h->work, now_ms);
	game->metrics.collect_max_us = minute_max(&h->collect, now_ms);
	game->metrics.script_memory = game->script != NULL ? script_memory(game->script) : 0;
}

static json_t *pair(const struct minute *m, uint64_t now_ms)
{
	return json_pack("{s:f, s:f}", "p99_ms", (double)minute_above(m, now_ms, P99) / 1000,
		"max_ms", (double)minute_max(m, now_ms) / 1000);
}

json_t *health_status(const struct game *game)
{
	const struct health *h = &game->health;
	uint64_t now_ms = loop_now_ms(game->loop);

	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "run", (json_int_t)game->metrics.frames,
		"left_out", (json_int_t)game->metrics.frames_late, "overruns",
		(json_int_t)game->metrics.frame_overruns, "late", pair(&h->late, now_ms), "work",
		pair(&h->work, now_ms), "collecting", pair(&h->collect, now_ms));
}
