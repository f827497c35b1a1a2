/* The connection between the two daemons: whole messages in, gathered messages out. */
#ifndef PROTO_LINK_H
#define PROTO_LINK_H

#include "common/buf.h"
#include "common/stream.h"
#include "proto/frame.h"

struct link;
struct linkkey;
struct tls;

struct link_ops {
	/* The link is usable: after link_dial, and after link_accept with a key; not called after
	 * link_accept without one. */
	void (*on_up)(struct link *l);
	/* A message came. False refuses it: the link ends with why->text as the reason. Unknown ids
	 * and wrong directions never get here: the former are skipped and counted, the latter refused. */
	bool (*on_message)(struct link *l, const struct frame *f, struct refusal *why);
	/* More than high bytes wait for the peer (slow), or low are reached again. May be NULL. */
	void (*on_slow)(struct link *l, bool slow);
	/* Once: the dial failed, the peer has ended, a fault, or a refusal; reason is a sentence for
	 * the log, valid during the call. refused: the peer broke the protocol. After an ordinary end
	 * of the peer (status UV_EOF) the link can still send; link_close when done. */
	void (*on_end)(struct link *l, int status, const char *reason, bool refused);
	void (*on_closed)(struct link *l); /* last call ever: free it here */
};

enum {
	LINK_HIGH = 4 * 1024 * 1024, /* bytes waiting: on_slow(true) */
	LINK_LOW = 1024 * 1024,      /* on_slow(false) */
	LINK_TURN_MESSAGES =
		256, /* handled per turn of the loop; the rest waits one turn (row F10) */
	LINK_HANDSHAKE_MS = 5000, /* a keyed link is up so long after it began, or it ends */
	LINK_REFUSE_MS = 2000     /* link_refuse: how long the peer may take to hear it */
};

struct link {
	struct stream stream;
	const struct link_ops *ops; /* borrowed: static */
	struct tls *tls;            /* owned: NULL = plain bytes */
	uv_timer_t clock;           /* LINK_HANDSHAKE_MS, LINK_REFUSE_MS */
	unsigned handles;           /* that have to close before on_closed: stream, clock */
	unsigned accepts; /* the direction this end hears: MSG_UP at the server, MSG_DOWN */
	struct framer framer;
	struct buf pending;              /* read, but over this turn's messages */
	unsigned turn_messages;          /* handled in this turn, in however many reads */
	struct loop_task turn_over;      /* sets it to 0 */
	struct loop_task resume;         /* goes on reading, with pending first */
	struct loop_task gather;         /* hands block to the stream at the end of the turn */
	struct shared *block;            /* owned: where messages are being written */
	uint32_t block_used, block_sent; /* bytes of it */
	int end_status;                  /* an end that waits behind pending; 0 = none */
	uint32_t last_words;             /* bytes that were read behind a fault of writing */
	bool no_memory; /* a message could not be queued: the link is about to end */
	bool up, ended, half_closed, closing;
	bool hold;     /* nothing is handed out until link_hold takes it back */
	bool refusing; /* link_refuse: nobody is told anything any more */
	uint64_t messages_in, messages_out, unknown_in; /* counters */
};

/* For on_end: the peer has closed its socket, having read all or (UV_ECONNRESET) not all of what was sent.
 * Which of the two it is says nothing of how it ended: who is killed when he has read all ends with UV_EOF,
 * who has said goodbye and ends with something unread does not. */
static inline bool link_peer_closed(int status)
{
	return status == UV_EOF || status == UV_ECONNRESET;
}

/* Connects; ops->on_up or ops->on_end tells how it went. 0 or a negative UV_E, nothing kept then.
 * key (linkkey.h): NULL = plain bytes, for AF_UNIX only. */
int link_dial(struct link *l, struct loop *loop, const struct address *to,
	const struct link_ops *ops, unsigned accepts, const struct linkkey *key);

/* Takes a waiting connection. 0 or a negative UV_E, nothing kept then. Starts to read. With a key the
 * link is usable when ops->on_up says so, without one at once. */
int link_accept(struct link *l, struct loop *loop, uv_stream_t *listening,
	const struct link_ops *ops, unsigned accepts, const struct linkkey *key);

/* link_send_NAME(l, m): queues a message; all of one turn go out in one write, in order. False when
 * it cannot be said (see msg_NAME_write) or the link is not up; nothing is queued then. */
#define MSG(num, NAME, name, fields, meaning) \
	bool link_send_##name(struct link *l, const struct msg_##name *m);
#include "proto/messages.def"

/* Queues one whole message that stands in bytes already, as msg_NAME_write or the wire made it: for who
 * passes on what another link said. False as above. */
bool link_pass(struct link *l, struct slice message);

/* true: on_message is not called until false is given, and no more is read than was; the peer then
 * waits, for whom it is as if we were slow. Its end is heard behind what is held. */
void link_hold(struct link *l, bool hold);

/* Bytes that wait for the peer, gathered ones included. */
size_t link_queued(const struct link *l);

/* From inside on_message: what else came waits for the next turn of the loop. */
void link_yield(struct link *l);

/* No more messages from us: what is queued is sent, then our side is shut down; reading goes on to
 * the peer's end (on_end with UV_EOF). */
void link_half_close(struct link *l);

/* Ends a link that is not wanted: says LINK REFUSED with the reason, sends what is queued, and closes
 * when the peer has heard it or after LINK_REFUSE_MS (a socket that is closed with something unread
 * may lose what was written to it). Of the callbacks only on_closed follows; link_close hurries it.
 * One that is not up is closed at once. */
void link_refuse(struct link *l, const char *reason);

/* Drops what is queued and closes; on_closed follows. Safe any time, any number of times. */
void link_close(struct link *l);

#endif
