/* One end of the socket between the multiplexer and the process that speaks TLS: whole messages, with
 * descriptors. */
#ifndef MULTIPLEXER_TLS_CHANNEL_H
#define MULTIPLEXER_TLS_CHANNEL_H

#include "common/list.h"
#include "common/loop.h"
#include "multiplexer/tls/message.h"

struct channel;

struct channel_ops {
	/* fds has count descriptors, which are the callee's now; m is valid during the call only. */
	void (*on_message)(
		struct channel *c, const struct tls_message *m, const int *fds, size_t count);
	/* Once: the other end is gone, or spoke nonsense. Nothing is sent any more. */
	void (*on_end)(struct channel *c);
	/* What waited has gone. May be NULL. */
	void (*on_drained)(struct channel *c);
	/* The last call ever, after channel_close. */
	void (*on_closed)(struct channel *c);
};

struct channel {
	uv_poll_t poll;
	struct loop *loop;             /* borrowed: outlives us */
	const struct channel_ops *ops; /* borrowed: static */
	int fd;                        /* owned; -1 = closed */
	struct list queue;             /* what the kernel has not taken yet */
	size_t waits;                  /* messages in queue */
	bool ended, closing;
};

/* Takes fd over, on success. 0 or a negative UV_E. */
int channel_open(struct channel *c, struct loop *loop, int fd, const struct channel_ops *ops);

/* Sends m, and copies of count descriptors; the caller's stay his. False: it has ended, or memory is out.
 * Order is kept. */
bool channel_send(struct channel *c, const struct tls_message *m, const int *fds, size_t count);

/* Calls on_message for all that is there by now, and on_end: for one who has to know before he goes on. */
void channel_drain(struct channel *c);

/* on_closed follows. Safe at any time, any number of times. */
void channel_close(struct channel *c);

#endif
