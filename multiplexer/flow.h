/* How one user's output flows: fast enough, slow, or not at all. No socket and no clock of its own. */
#ifndef MULTIPLEXER_FLOW_H
#define MULTIPLEXER_FLOW_H

#include "common/defs.h"

struct flow_limits {
	size_t soft;      /* above it he is slow, below a quarter of it again fast enough */
	size_t hard;      /* above it he is closed at once */
	uint64_t soft_ms; /* how long he may be above soft */
	uint64_t age_ms;  /* how long a byte may wait */
};

/* What waits for him, as of now. */
struct flow_state {
	uint64_t sent; /* bytes he was sent since he came */
	size_t queued; /* bytes that wait */
	size_t kept;   /* what they cost: what soft and hard are compared with */
};

/* All zero: nothing waits. */
struct flow {
	uint64_t mark;    /* when so much was sent, all that waited at mark_ms has gone */
	uint64_t mark_ms; /* 0 = nothing waits */
	uint64_t over_ms; /* since when he has been above soft; 0 = he is not */
	bool slow;        /* above soft, and not yet below a quarter of it */
};

enum flow_verdict {
	FLOW_FINE,
	FLOW_OVERFLOW, /* hard */
	FLOW_TOO_LONG, /* soft, for soft_ms */
	FLOW_STUCK     /* something has waited for age_ms, and at most for twice that */
};

/* To be called when output was added, and again and again while something waits: four times a second
 * is enough. now_ms is not 0. */
enum flow_verdict flow_look(
	struct flow *f, const struct flow_limits *l, const struct flow_state *now, uint64_t now_ms);

#endif
