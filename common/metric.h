/* Counters and gauges in a table; counting is a plain `metrics.name++`. */
#ifndef COMMON_METRIC_H
#define COMMON_METRIC_H

#include <jansson.h>

#include "common/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

/* Each is a uint64_t at offset in the struct that the table describes. */
struct metric {
	const char *name;
	enum metric_kind kind;
	size_t offset;
	const char *help;
};

/* {"users_now": 3, ...} in the table's order. New reference. */
json_t *metrics_json(const struct metric *table, size_t rows, const void *values);

/* The same as Prometheus reads it (text format 0.0.4): PREFIX_players_now, PREFIX_frames_total; what
 * ends in _us, microseconds, as _seconds. False when memory is out. */
bool metrics_text(struct buf *out, const char *prefix, const struct metric *table, size_t rows,
	const void *values);

#endif
