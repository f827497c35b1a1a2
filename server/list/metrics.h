/* What the list counts, and how Prometheus reads it. */
#ifndef SERVER_LIST_METRICS_H
#define SERVER_LIST_METRICS_H

#include "common/buf.h"
#include "server/list/registry.h"

/* Why a request was refused: a row of sub_codes.def, or its method. */
enum {
#define SUB_CODE(NAME, number, status, text) REFUSED_##NAME,
#include "server/list/sub_codes.def"
	REFUSED_METHOD,
	REFUSED_WHYS
};

struct list_metrics {
#define METRIC(KIND, name, help) uint64_t name;
#include "server/list/metrics.def"
	uint64_t refused[REFUSED_WHYS];
};

/* Counts a refusal; a call-back is none. */
void list_metrics_refused(struct list_metrics *m, enum sub_code code);

/* False when memory is out. */
bool list_metrics_text(struct buf *out, const struct list_metrics *m);

#endif
