/* What waits for a time: a heap of items that live inside the things that wait. */
#ifndef SERVER_SCHEDULE_H
#define SERVER_SCHEDULE_H

#include "common/defs.h"

/* All zero waits for nothing. */
struct schedule_item {
	uint64_t due_ms;
	uint64_t order; /* of being added: who was first among those due at the same time */
	size_t place;   /* in the heap, from 1; 0 = not in it */
};

/* All zero is an empty schedule. */
struct schedule {
	struct schedule_item *
		*heap; /* owned; the items are borrowed: whoever frees one removes it first */
	size_t count, room;
	uint64_t next_order;
};

void schedule_free(struct schedule *s); /* leaves an empty schedule; the items wait no more */

/* The item must not wait already. False, and nothing changed, when memory is out. */
bool schedule_add(struct schedule *s, struct schedule_item *item, uint64_t due_ms);
void schedule_remove(
	struct schedule *s, struct schedule_item *item); /* harmless if it does not wait */

/* Takes out the first item that is due and was added before the order `before`; NULL when there is
 * none. A loop that asks with the next_order it began with ends, whatever is added meanwhile. */
struct schedule_item *schedule_take(struct schedule *s, uint64_t now_ms, uint64_t before);

#endif
