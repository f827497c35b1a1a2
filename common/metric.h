/* Counters and gauges in a table; counting is a plain `metrics.name++`. */
#ifndef COMMON_METRIC_H
#define COMMON_METRIC_H

#include <jansson.h>

#include "common/defs.h"

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

#endif
