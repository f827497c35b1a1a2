/* The game servers of the setting `server`, and which of them is the link or is dialled next. */
#ifndef MULTIPLEXER_SERVERS_H
#define MULTIPLEXER_SERVERS_H

#include "multiplexer/standby.h"

struct servers {
	struct standby each[UPSTREAMS_MAX]; /* as configured, the preferred one first */
	size_t count, at;                   /* at: which is the link, or dialled next */
	uint64_t loyal_until_ms;            /* before then no other is dialled */
	uint64_t told_ms;                   /* when the others were told last */
};

/* The one at hand. Borrowed: until the next servers_configure. */
struct standby *servers_at(struct servers *s);

/* Reads the setting; empty is link.sock in the run directory. link: the address of the link now, which
 * stays the one at hand if it is still there; NULL = none. False with *why (static), and nothing
 * has changed. */
bool servers_configure(struct servers *s, struct mux *mux, const char *setting, const char *link,
	const char **why);

/* For the setting server_standby_after only the one at hand is dialled: it restarts, or is started
 * again. */
void servers_wait(struct servers *s, uint64_t now_ms, uint64_t standby_after_ms);

/* The one at hand could not be had: it goes to the next one, unless that one is still waited for. */
void servers_next(struct servers *s, uint64_t now_ms);

/* Which comes behind the one at hand; behind the last comes the first. */
size_t servers_after(const struct servers *s);

/* One has answered: from now on it is said again when one does not. */
void servers_answered(struct servers *s);

/* Tells those whose address is not the link's that they are not it, once in every_ms: a second server
 * would wait for ever otherwise, and nobody would know why. */
void servers_tell_others(struct servers *s, const char *link, uint64_t now_ms, uint64_t every_ms);

void servers_drop(struct servers *s); /* forgets what runs, at once */

#endif
