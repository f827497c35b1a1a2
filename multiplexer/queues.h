/* The queues of all users together, kept within their pool. */
#ifndef MULTIPLEXER_QUEUES_H
#define MULTIPLEXER_QUEUES_H

#include <jansson.h>

#include "common/loop.h"
#include "multiplexer/pool.h"

struct mux;
struct subclient;

struct queues {
	struct pool pool;
	struct loop_task squeeze; /* closes the largest, at the end of the turn */
	bool flushed;             /* the queues of this turn went to the kernel first */
};

void queues_open(struct queues *q, size_t configured);

/* Something was added. Over 95 % of the pool the rest of what the server says waits for the next turn,
 * and at the end of this one, when the kernel has taken what it can, the largest are closed. */
void queues_check(struct mux *mux);

/* What is kept for one user, and the sum of that over all: always pool.bytes. */
size_t queues_of(const struct subclient *u);
size_t queues_sum(const struct mux *mux);

/* For the command `queues`; a new reference. */
json_t *queues_json(const struct mux *mux);

#endif
