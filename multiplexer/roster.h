/* All connections by number. Numbers are given so that no two of them have one place in the table: to
 * find somebody is one look. */
#ifndef MULTIPLEXER_ROSTER_H
#define MULTIPLEXER_ROSTER_H

#include "common/defs.h"

struct subclient;

/* All zero is empty. */
struct roster {
	struct subclient **at; /* owned: room places, a power of two; NULL = free */
	uint32_t room, count;
	uint32_t last; /* the number that was given last: to begin at a random one, set it before */
};

void roster_free(struct roster *r); /* the table only */

/* Gives u a number, u->number: one that nobody has, not 0, and not again before the counter has gone
 * round, 2^32 (AgNet: a new user "will not inherit the old user's state"). It goes up, and skips numbers
 * whose place is taken, less than half of all. False: memory is out, and u is not in it. */
bool roster_add(struct roster *r, struct subclient *u);

/* u is not in it any more; harmless when he was not. */
void roster_remove(struct roster *r, const struct subclient *u);

/* NULL: nobody has that number. */
struct subclient *roster_find(const struct roster *r, uint32_t number);

#endif
