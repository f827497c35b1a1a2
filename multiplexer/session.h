/* What it takes to come back after a connection was lost: a token that names who one is, and the
 * output that was sent last, to be sent again from the byte where it broke off. */
#ifndef MULTIPLEXER_SESSION_H
#define MULTIPLEXER_SESSION_H

#include "common/buf.h"
#include "common/hash.h"
#include "common/stream.h"

/* Without socket and clock. What is known of a session is plain, but for the index of all tokens, which
 * can be made anew from the digests.
 *
 * A token is 24 random bytes, written as 32 letters; kept is only its SHA-256, so that neither a look
 * into our memory nor the time that a wrong one takes tells anything of a right one. It is good for once:
 * who shows it gets the next. The one that he showed stays good until he has said that the next has come
 * to him (or he could never come back from a connection that was lost right then). */
enum { SESSION_TOKEN_BYTES = 24, SESSION_TOKEN_LEN = 32, SESSION_DIGEST = 32 };

struct session_key {
	uint8_t digest[SESSION_DIGEST];
	struct session *session;
	UT_hash_handle hh;
};

/* All sessions of one multiplexer. All zero, but for the limits, is none. */
struct sessions {
	/* limits, which may change at any time */
	size_t keep; /* output that one session keeps, each message counted as 4 bytes more */
	size_t pool; /* memory for the output of all; when it is used up the rings grow no more */
	uint64_t ttl_ms; /* how long one is waited for; 0 = there are no sessions */
	/* private */
	struct session_key *keys; /* uthash head */
	size_t bytes;             /* memory of all rings */
	uint32_t count;
	uint64_t gaps; /* times that somebody was back for whom not all was kept */
};

enum { SESSION_ROOM_MIN = 1024 }; /* of a ring, which nobody is refused */

struct session {
	struct sessions *all; /* borrowed: outlives us */
	void *owner;          /* borrowed: whoever made it */
	struct session_key now, before;
	/* Output is counted in bytes of payload, from 0; the ring holds what lies between first and next. */
	uint64_t first, next;
	uint64_t received; /* messages of input that have come */
	uint8_t *ring;     /* owned: each message behind a head of 4 bytes */
	uint32_t room;     /* bytes at ring: 0, or a power of two times SESSION_ROOM_MIN */
	uint32_t at, used; /* where the oldest begins, and bytes from there on; it wraps */
};

/* NULL when memory is out. It has no token yet. */
struct session *session_new(struct sessions *all, void *owner);
void session_free(struct session *s); /* NULL is allowed */

/* The next token, terminated. False when memory or randomness is out. */
bool session_issue(struct session *s, char token[SESSION_TOKEN_LEN + 1]);

/* The last token has arrived: the one before is void. */
void session_confirm(struct session *s);

/* The session that a token names, NULL for none. Nothing changes by asking. */
struct session *sessions_find(const struct sessions *all, struct slice token);

/* The token that named s is used: session_issue must follow, and until session_confirm it is good once
 * more. */
void session_use(struct session *s, struct slice token);

/* Keeps a message of output, and lets go of the oldest as far as there is no room for it; of one that is
 * longer than all there is room for nothing is kept. */
void session_record(struct session *s, bool is_text, struct slice payload);

/* A place in what is kept. */
struct session_place {
	uint64_t seq;  /* bytes of output before it */
	uint32_t skip; /* private: bytes of the ring before it */
};

/* The place for who has got seq bytes: the message with the next one; what is kept first when that is
 * not kept any more; the end when there is none. */
struct session_place session_seek(const struct session *s, uint64_t seq);

/* The message at a place, which moves behind it; the caller unrefs it. NULL: at the end, or, when
 * place->seq is less than s->next, memory is out. */
struct shared *session_next(const struct session *s, struct session_place *place, bool *is_text);

#endif
