/* All queues together: what waits for users and what they typed, and how much of it there may be. */
#ifndef MULTIPLEXER_POOL_H
#define MULTIPLEXER_POOL_H

#include "common/defs.h"

/* What is counted, for every user: his output as stream_kept() has it (bytes that many users share
 * at each of them), and the memory of his held input. What the game saved about him is not a queue:
 * it is bounded by users x 4 KiB. */
struct pool {
	size_t bytes; /* streams and held inputs add to it and take from it themselves */
	size_t limit; /* see pool_limit */
	size_t most;  /* the most there ever was */
};

/* The limit: configured, or when that is 0 at most 512 MiB and at most a quarter of the memory that
 * this machine, or our control group, has. */
size_t pool_limit(size_t configured);
size_t pool_default(uint64_t memory); /* the rule alone */

/* Notes the most; cheap. True when it is over 95 %: the largest must go. */
bool pool_is_over(struct pool *p);

/* Over 98 %: nobody new is let in. */
bool pool_is_full(const struct pool *p);

/* How much has to go to be down at 90 %. */
size_t pool_excess(const struct pool *p);

struct pool_share {
	void *who;
	size_t bytes;
};

/* Sorts shares, the largest first, and returns how many of them, from the front on, have to go to be
 * rid of excess bytes. Shares of nothing never go. */
size_t pool_choose(struct pool_share *shares, size_t count, size_t excess);

#endif
