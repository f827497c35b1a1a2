/* A bell by which other threads wake a loop: who was rung for looks what has come. */
#ifndef COMMON_BELL_H
#define COMMON_BELL_H

#include "common/loop.h"

/* Unlike uv_async_t it never waits for who rings, who may have been put off the processor in the midst of
 * it: uv_async_t spins then, for up to 40 us each time. */
struct bell {
	uv_poll_t poll; /* uv_is_closing tells of it */
	int fd;         /* owned: an eventfd */
	void (*on_ring)(struct bell *b);
	void (*on_closed)(struct bell *b);
};

/* 0 or a negative UV_E, nothing kept then. on_ring is called in the loop's thread, once for however many
 * rings there were since the last time. */
int bell_open(struct bell *b, struct loop *loop, void (*on_ring)(struct bell *b));

/* From any thread, until it is closed. */
void bell_ring(struct bell *b);

/* on_closed is the last call, in a later turn. */
void bell_close(struct bell *b, void (*on_closed)(struct bell *b));

static inline bool bell_is_closing(const struct bell *b)
{
	return uv_is_closing((const uv_handle_t *)&b->poll);
}

#endif
