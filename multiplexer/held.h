/* What a user did while the server could not be told, in order: text, and events between it. */
#ifndef MULTIPLEXER_HELD_H
#define MULTIPLEXER_HELD_H

#include "common/buf.h"

/* All zero is empty and owns nothing. */
struct held {
	struct buf bytes;   /* entries, each with a header of HELD_HEADER bytes */
	size_t *total;      /* borrowed: follows what all that share it keep; may be NULL */
	uint32_t last_text; /* bytes of the last entry when it is text, to add to; 0 = it is not */
};

enum { HELD_HEADER = 8 };

struct held_entry {
	bool is_event;
	struct slice channel; /* of an event */
	uint32_t flags;
	struct slice data; /* of an event, or the text */
};

void held_free(struct held *h); /* leaves it empty, and as it is counted */

static inline size_t held_len(const struct held *h)
{
	return h->bytes.len;
}

/* The memory it takes; none when it is empty. */
static inline size_t held_kept(const struct held *h)
{
	return h->bytes.room;
}

/* From here on *total follows what all that were given it keep; once for each. */
void held_count_in(struct held *h, size_t *total);

/* False, and nothing changed, when memory is out. A channel has at most 255 bytes. */
bool held_add_text(struct held *h, struct slice text);
bool held_add_event(struct held *h, struct slice channel, uint32_t flags, struct slice data);

/* The oldest entry; false when there is none. Valid until held_eat, which removes it. */
bool held_first(const struct held *h, struct held_entry *entry);
void held_eat(struct held *h);

/* Removes the first n bytes of the oldest entry, which is text of more than n. */
void held_eat_text(struct held *h, size_t n);

#endif
