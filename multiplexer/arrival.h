/* From a connection to a user: who comes in, who is refused and why, what has to be said before. */
#ifndef MULTIPLEXER_ARRIVAL_H
#define MULTIPLEXER_ARRIVAL_H

#include "common/buf.h"
#include "common/stream.h"

struct listener;
struct mux;
struct subclient;

/*  accept --> (from a listed proxy: KNOCKING until its PROXY header came)
 *         --> (the listener has tls: SECURING until his handshake is through) --> localhost only?
 *         --> (the kind has a handshake: ARRIVING until arrival_handshaken) --> full? busy? --> a user
 *
 * with admission.h right before the end. Until he is a user he is in no list but the clock's, with a
 * deadline that no byte of his moves (row A01), and known to nobody. */
struct arrival {
	struct buf header;    /* PROXY: what came of it so far */
	uint64_t deadline_ms; /* by then this step is through, or he goes */
	bool proxy;           /* a PROXY header has to come */
	bool securing;        /* counted in mux->securing, and not in mux->outside */
};

/* Takes the connection that waits on listening. Refused ones are told why, each with its counter. */
void arrival_accept(struct mux *mux, struct listener *listener, uv_stream_t *listening);

/* u is KNOCKING and has sent something: returns what belongs to the step behind the one that waited
 * for it, which may be all, or nothing. He may be gone by then. */
struct slice arrival_bytes(struct subclient *u, struct slice bytes);

/* His TLS is up; what follows is as for anybody else. */
void arrival_secured(struct subclient *u);

/* The handshake of his kind is through; he becomes a user, or is refused. */
void arrival_handshaken(struct subclient *u);

/* u has not typed anything yet and sends bytes: whether they are no telnet client's. Then he was told
 * so, and is leaving. */
bool arrival_is_stranger(struct subclient *u, struct slice bytes);

/* The clock. */
void arrival_tick(struct subclient *u);

/* He has typed for the first time: from now on he is no silent one. */
void arrival_proven(struct subclient *u);

/* u goes on where comer, who is ARRIVING, has come from: that is where he is counted from now on. Who is
 * here already is refused nowhere. */
void arrival_move(struct subclient *u, struct subclient *comer);

/* He is gone; whatever he was. */
void arrival_gone(struct subclient *u);

#endif
