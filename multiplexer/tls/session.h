/* One player's TLS: his socket on one side, on the other the multiplexer, which hears plain text. */
#ifndef MULTIPLEXER_TLS_SESSION_H
#define MULTIPLEXER_TLS_SESSION_H

#include "common/hash.h"
#include "common/stream.h"
#include "common/tls.h"

struct speaker;

/*      his client                                                the multiplexer
 *   TLS records ---> wire ---> tls_read ---> plain ---> plain text
 *               <---      <--- tls_write <---      <---
 *
 * Neither side is read while more than SESSION_HIGH bytes wait for the other, so whoever does not read
 * costs that much and stops being listened to. No more of his is kept than TLS itself keeps. */
struct session {
	struct stream wire, plain;
	struct speaker *speaker; /* borrowed: outlives us */
	struct tls *tls;         /* owned */
	uint32_t id;
	uint64_t deadline_ms; /* of the handshake, or of its end; 0 = none */
	uint8_t open;         /* streams that are not closed */
	bool http;            /* for a browser */
	bool heard;           /* he has sent something */
	bool up;
	bool wire_over;  /* he will say nothing more */
	bool wire_dead;  /* he can be told nothing more than what is under way */
	bool wire_gone;  /* his socket has ended */
	bool plain_over; /* the multiplexer will say nothing more */
	bool left;       /* it has done with him */
	bool closing;
	struct list clocked;
	UT_hash_handle by_id;
};

enum { SESSION_HIGH = 16 * 1024, SESSION_LOW = 4 * 1024 };

/* Takes both descriptors, whatever comes of it. early: what he has sent already. What becomes of him the
 * speaker is told. False, and nothing kept, when memory is out. */
bool session_open(struct speaker *speaker, uint32_t id, bool http, uint64_t handshake_ms,
	struct slice early, int wire, int plain);

/* The multiplexer has done with him. */
void session_left(struct session *s);

/* The clock. */
void session_tick(struct session *s);

#endif
