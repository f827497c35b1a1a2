/* The process that speaks TLS: the private keys are here, and nobody's words are understood here. */
#ifndef MULTIPLEXER_TLS_SPEAKER_H
#define MULTIPLEXER_TLS_SPEAKER_H

#include "common/loop.h"
#include "multiplexer/tls/certificates.h"
#include "multiplexer/tls/channel.h"

struct session;

/* It is started by the multiplexer, does what the channel says (message.h), and ends when that does; what
 * is on its way to players then has SPEAKER_FLUSH_MS to get there. */
struct speaker {
	struct loop *loop; /* borrowed: outlives us */
	struct channel channel;
	struct tls_context *context; /* owned; NULL = no certificates yet */
	struct certificates next;    /* those that the next USE is about */
	struct session *by_id;       /* uthash head */
	struct list clocked;         /* sessions with a deadline, or that wait for their end */
	uv_timer_t clock;
	size_t count, max; /* sessions: now, and at most */
	bool over;         /* the multiplexer is gone */
};

enum { SPEAKER_FLUSH_MS = 5000 };

/* fd is the channel's; taken over on success. max: sessions at once. False: there is no memory. */
bool speaker_open(struct speaker *s, struct loop *loop, int fd, size_t max);

/* When the loop has ended. */
void speaker_free(struct speaker *s);

/* For sessions. Nothing comes of it when the multiplexer is gone. */
void speaker_say(struct speaker *s, const struct tls_message *m);

/* A session has a deadline now. */
void speaker_watch(struct speaker *s, struct session *session);

/* The last session has gone, maybe. */
void speaker_settle(struct speaker *s);

#endif
