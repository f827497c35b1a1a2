/* A table of things that are known by handle, so that a stale handle is found, never followed. */
#ifndef COMMON_SLOTS_H
#define COMMON_SLOTS_H

#include "common/defs.h"

struct handle {
	uint32_t slot;
	uint32_t generation; /* 0 is never given out: an all-zero handle is nobody's */
};

struct slots_row {
	void *thing; /* borrowed: NULL when the slot is free */
	uint32_t generation;
	uint32_t next_free;
};

/* All zero is an empty table. */
struct slots {
	struct slots_row *rows; /* owned */
	uint32_t room, used;    /* rows there are; rows ever used */
	uint32_t first_free;    /* index + 1; 0 = none */
	uint32_t count;         /* things in it */
};

void slots_free(struct slots *s); /* the table only, not the things */

/* False when memory is out. The oldest freed slot need not be used first. */
bool slots_put(struct slots *s, void *thing, struct handle *handle);
void *slots_find(const struct slots *s, struct handle handle); /* NULL: stale */
void slots_drop(struct slots *s, struct handle handle);        /* every copy is stale from now on */

#endif
