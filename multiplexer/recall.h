/* The last message of each GMCP package that describes how things are: for a page that was loaded anew
 * and has lost what it showed. */
#ifndef MULTIPLEXER_RECALL_H
#define MULTIPLEXER_RECALL_H

#include "common/buf.h"

enum {
	RECALL_MAX = 24, /* packages; of more the one that was told longest ago is forgotten */
	RECALL_BYTES =
		4 * 1024, /* of one message; a longer one is not kept, nor the one before it */
	RECALL_ROOM = 16 * 1024 /* of all together */
};

/* Plain, in the order in which they were told; all zero is empty. */
struct recall {
	struct buf *bodies; /* owned: count of them, "Package.Name json" each */
	uint8_t count;
	uint32_t bytes; /* of all */
};

void recall_free(struct recall *r); /* leaves it empty */

/* Keeps body in the place of what the same package said before. What happens once and is over (Comm.,
 * Core., Client.) is not kept. When memory is out it is not kept either. */
void recall_keep(struct recall *r, struct slice body);

void recall_forget(struct recall *r, struct slice package);
bool recall_has(const struct recall *r, struct slice package);

static inline struct slice recall_at(const struct recall *r, uint8_t i)
{
	return buf_bytes(&r->bodies[i]);
}

#endif
