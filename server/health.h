/* How well the frames keep their time: how late they begin, how long scripts and collecting take. */
#ifndef SERVER_HEALTH_H
#define SERVER_HEALTH_H

#include <jansson.h>

#include "common/metric.h"
#include "server/minute.h"

struct game;

/* Of struct game_metrics. */
extern const struct metric game_metric_table[];
extern const size_t game_metric_rows;

/* All zero is at the start. Microseconds. */
struct health {
	struct minute late;    /* how much after its time a frame began */
	struct minute work;    /* what the scripts' part of it took */
	struct minute collect; /* what was collected between two took, a piece at a time */
};

void health_frame(struct game *game, uint64_t late_us, uint64_t work_us);
void health_collected(struct game *game, uint64_t us);

/* The gauges among the metrics are as of now. */
void health_measure(struct game *game);

/* {"late_p99_ms": ..., "late_max_ms": ..., ...} of the last minute. New reference. */
json_t *health_status(const struct game *game);

#endif
