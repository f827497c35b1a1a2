/* Asks a user's own machine what it calls him (identd, RFC 1413): a claim, nothing is proved by it. */
#ifndef MULTIPLEXER_LOOKUP_IDENT_H
#define MULTIPLEXER_LOOKUP_IDENT_H

#include "common/address.h"
#include "common/loop.h"

/* Never called from inside an ident_ function. name: NULL when there is none to be had; valid during
 * the call. */
typedef void ident_answer(void *owner, const char *name);

/* All that are under way. */
struct idents {
	struct loop *loop;
	struct list queries;
	uv_timer_t timer; /* the next deadline */
	bool closing;
};

struct ident_query; /* one connection; its own until it is answered or cancelled */

void idents_open(struct idents *all, struct loop *loop);
void idents_close(struct idents *all); /* drops what is under way, without an answer */

/* Where to ask, and how long: a connection within connect_ms, all of it within total_ms. */
struct ident_way {
	uint16_t port; /* 113, or another in tests */
	uint64_t connect_ms, total_ms;
};

/* Asks the host of user, from the host of local (row E12), about the connection between their ports.
 * NULL when it could not even begin: no answer will come. */
struct ident_query *ident_ask(struct idents *all, const struct address *user,
	const struct address *local, const struct ident_way *way, ident_answer *answer,
	void *owner);

/* No answer will come any more. Only before it has come. */
void ident_cancel(struct ident_query *q);

unsigned idents_in_flight(const struct idents *all);
unsigned idents_in_flight_for(const struct idents *all, const struct address *user);

#endif
