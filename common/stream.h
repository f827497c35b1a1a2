/* A connected socket: bytes in as they come, shared bytes out once per turn of the loop.
 *
 * It is libuv's poll handle and recv and send of our own, not libuv's stream: read(2) and write(2), which
 * that calls, look at what a file is besides a socket. With a thousand users who type, none of it is
 * in the cache, and it costs a tenth of the way of a line and its answer; and the handle is 100 bytes
 * smaller. */
#ifndef COMMON_STREAM_H
#define COMMON_STREAM_H

#include <uv.h>

#include "common/address.h"
#include "common/defs.h"
#include "common/loop.h"

/* One copy of some bytes, for any number of streams. Counted; the last unref frees. Bytes that a
 * stream was given never change, but a writer who owns the block may go on filling what lies
 * behind them (the link does). */
struct shared {
	uint32_t refs;
	uint32_t len;  /* bytes */
	uint32_t mark; /* a note of whoever looked at the bytes first; 0 at birth */
	uint8_t bytes[];
};

struct shared *shared_new(struct slice bytes); /* a copy, one reference; NULL when memory is out */
struct shared *shared_room(uint32_t len);      /* the same, bytes not set */
struct shared *shared_ref(struct shared *b);   /* returns b */
void shared_unref(struct shared *b);           /* NULL is allowed */

struct stream;

/* All are called from the loop, never from inside a stream_ function. on_connected, on_slow and
 * on_drained may be NULL when the stream is never dialled, or its owner never asks for them. */
struct stream_ops {
	/* The outcome of stream_dial: 0 or a negative UV_E. */
	void (*on_connected)(struct stream *s, int status);
	/* The bytes are valid during the call only. */
	void (*on_bytes)(struct stream *s, struct slice bytes);
	/* More than high bytes are queued, now that the kernel took what it could: once, until ... */
	void (*on_slow)(struct stream *s);
	/* ... low or less are. */
	void (*on_drained)(struct stream *s);
	/* UV_EOF when the peer ended its side, after which we can still write; and a fault of reading
	 * or writing, the last that is told. Each once. The stream stays until stream_close. */
	void (*on_end)(struct stream *s, int status);
	/* The last call ever: free it here. */
	void (*on_closed)(struct stream *s);
};

/* Private: shared bytes in the queue. */
struct stream_chunk {
	struct shared *b; /* owned: one reference */
	uint32_t from, len;
};

struct stream {
	uv_poll_t poll;               /* of fd */
	int fd;                       /* owned: -1 when it is closed */
	uint8_t polled;               /* what poll waits for: UV_READABLE, UV_WRITABLE, or 0 */
	struct loop *loop;            /* borrowed: outlives us */
	const struct stream_ops *ops; /* borrowed: static */
	struct loop_task flush;
	union {
		struct stream_chunk only;  /* the queue while queue_room is 0: this one, or none */
		struct stream_chunk *ring; /* owned: a ring of queue_room chunks */
	} queue;
	uint32_t queue_room, queue_first, queue_count;
	uint32_t read_max; /* bytes of one on_bytes; 0 = LOOP_READ_ROOM */
	size_t queued;     /* bytes not yet taken by the kernel */
	size_t *total;     /* borrowed: follows what all streams that share it keep; may be NULL */
	size_t high, low;  /* thresholds of on_slow and on_drained, bytes */
	uint64_t bytes_in, bytes_out;
	int dial_status; /* what on_connected tells */
	int end_status;  /* not 0: what on_end tells, or has told */
	bool is_tcp;     /* else AF_UNIX */
	bool open, connected, reading, is_slow, finishing, finished, closing;
	bool dialling;  /* the kernel is connecting it ... */
	bool dial_over; /* ... or is through, and on_connected has to tell */
	bool full;      /* the kernel takes no more at the moment */
	bool ended;     /* on_end was called, with end_status */
	bool broken;    /* a fault: nothing can be written any more */
};

/* Takes the connection that waits on a listening handle, only from its connection callback. 0, or a
 * negative UV_E with nothing kept. TCP_NODELAY and SO_OOBINLINE come from the listening socket
 * (address_listen). Does not read until stream_read. */
int stream_accept(
	struct stream *s, struct loop *loop, uv_stream_t *listening, const struct stream_ops *ops);

/* Closes a waiting connection unseen, for when there is no memory for it: libuv accepts no more as
 * long as one waits. Only from the connection callback of the listening handle. */
void stream_refuse(uv_stream_t *listening);

/* The same, behind words, if they can be written at once: nobody waits for it. */
void stream_refuse_with(uv_stream_t *listening, const char *words, size_t len);

/* Whether the peer has answered nothing at all for so long, though something was sent to him, and sent
 * again: his machine is gone. One who only does not read answers. */
bool stream_is_dead(const struct stream *s, uint64_t ms);

/* Where a waiting connection comes from, before it is taken or refused; as stream_refuse. */
bool stream_waiting_from(const uv_stream_t *listening, struct address *out);

/* Takes a connected socket; on success the descriptor is the stream's. 0 or a negative UV_E. */
int stream_open_fd(struct stream *s, struct loop *loop, int fd, const struct stream_ops *ops);

/* Starts to connect; ops->on_connected tells the outcome (then stream_close after a failure, as
 * always). 0, or a negative UV_E when it could not even begin: nothing is kept then. */
int stream_dial(struct stream *s, struct loop *loop, const struct address *to,
	const struct stream_ops *ops);

/* The same over TCP with the local address of from; its port does not matter. */
int stream_dial_from(struct stream *s, struct loop *loop, const struct address *from,
	const struct address *to, const struct stream_ops *ops);

/* What the queue costs: its bytes, and for each piece what a piece costs whatever its length, so that
 * a queue of single bytes is not taken for a short one. Bytes that several streams share are counted
 * at each. */
enum { STREAM_PIECE_COST = 48 };
static inline size_t stream_kept(const struct stream *s)
{
	return s->queued + (size_t)s->queue_count * STREAM_PIECE_COST;
}

/* *total follows the sum of stream_kept over all streams that were given it, at all times, from now
 * on. Once; total outlives the stream. */
void stream_count_in(struct stream *s, size_t *total);

/* No longer; what it keeps now is taken off. Harmless when it was not counted. */
void stream_count_out(struct stream *s);

/* Asks for on_slow above high bytes and on_drained at low or less. SIZE_MAX (the default): never. */
void stream_limits(struct stream *s, size_t high, size_t low);

/* At most so many bytes are read and handed to on_bytes at once (LOOP_READ_ROOM or less): for an
 * owner who stops reading at a limit and wants to pass it by no more than this. That is also all that is
 * read in a turn of the loop: a peer who sends without end has no more of it than any other. Without a
 * limit, eight times LOOP_READ_ROOM are. */
void stream_read_max(struct stream *s, uint32_t bytes);

void stream_read(struct stream *s);  /* go on reading; harmless twice */
void stream_pause(struct stream *s); /* stop reading: what the peer sends waits in the kernel */

/* For an owner who was told a fault while it was pausing: the next piece of what the peer had said
 * before, not given to on_bytes; empty at its end. Valid until the loop next reads. */
struct slice stream_rest(struct stream *s);

/* Queues bytes; the kernel gets all of one turn in one sendmsg. Takes its own reference. Dropped
 * without a word once the stream has ended by a fault, is finishing or closing. If memory is out
 * the stream ends with UV_ENOMEM. */
void stream_write(struct stream *s, struct shared *b);
void stream_write_part(struct stream *s, struct shared *b, uint32_t from, uint32_t len);

/* The same for bytes that are nobody else's and all there is of this turn: given to the kernel at once, if
 * nothing waits before them; what it does not take is copied and queued. */
void stream_write_now(struct stream *s, struct slice bytes);

/* Sends what is queued now instead of at the end of the turn. */
void stream_flush(struct stream *s);

/* No more writes: what is queued is sent, then our side is shut down (FIN), reading goes on.
 * stream_close when the peer has ended as well, or when the owner is tired of waiting. */
void stream_finish(struct stream *s);

/* True once a stream_finish has been carried out: everything was handed to the kernel, and the FIN;
 * or when a fault has made it pointless. Either way there is nothing more to wait for. */
bool stream_is_finished(const struct stream *s);

/* Drops what is queued and closes; on_closed follows, in a later turn. Safe at any time, any number
 * of times, from any callback of the stream. */
void stream_close(struct stream *s);

int stream_fd(const struct stream *s); /* borrowed; -1 when there is none */

#endif
