/* A game server that is not the link: told, while another one is, that it is not. */
#ifndef MULTIPLEXER_STANDBY_H
#define MULTIPLEXER_STANDBY_H

#include "multiplexer/upstream.h"
#include "proto/link.h"

struct mux;
struct standby_probe;

/* One address of `server`, and what is known of who listens there. */
struct standby {
	struct mux *mux; /* borrowed: we live inside it */
	struct upstream upstream;
	struct upstream_search *search; /* owned: NULL when none runs */
	struct standby_probe *probe;    /* owned: NULL when none runs */
	bool there;                     /* when it was told last it was there */
	bool said_unproved;             /* that it has not shown our key was logged */
	bool said_nobody; /* that it was not there when it was to become the link was logged */
};

/* Dials it and says LINK REFUSED with the reason; harmless while the last time still runs. */
void standby_tell(struct standby *s, const char *reason);

/* Forgets what runs, at once. */
void standby_drop(struct standby *s);

#endif
