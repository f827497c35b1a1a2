/* What a user's address is called (DNS), and what his machine calls him (identd): asked, kept, limited. */
#ifndef MULTIPLEXER_LOOKUP_H
#define MULTIPLEXER_LOOKUP_H

#include "common/list.h"
#include "common/nets.h"
#include "multiplexer/lookup_cache.h"
#include "multiplexer/lookup_ident.h"

struct dns;
struct mux_metrics;
struct options;

enum lookup_kind { LOOKUP_DNS, LOOKUP_IDENT, LOOKUP_KINDS };

/* A listener's `dns =` and `ident =`. AUTO: as soon as somebody connects, and the game is told of him
 * only when the answer is there or its time is over. */
enum lookup_mode { LOOKUP_OFF, LOOKUP_ON_REQUEST, LOOKUP_AUTO };

bool lookup_mode_parse(const char *text, enum lookup_mode *mode);
const char *lookup_mode_text(enum lookup_mode mode);

/* Whom it is about. By address, not by socket: behind a proxy these are what the proxy says. */
struct lookup_subject {
	struct endpoint user;  /* where he comes from; identd is asked about its port */
	struct endpoint local; /* what he connected to; identd is asked from there */
};

enum lookup_state {
	LOOKUP_OPEN,    /* not asked, or the asking failed: it may be asked (again) */
	LOOKUP_PENDING, /* on_done will be called, unless lookup_forget is */
	LOOKUP_KNOWN
};

/* One thing to know of one user. Lives inside him. */
struct lookup {
	enum lookup_kind kind;
	enum lookup_mode mode;
	enum lookup_state state;
	char *name;                        /* owned: NULL when KNOWN is that there is none */
	void (*on_done)(struct lookup *l); /* from the loop, never from inside a lookup_ function */
	struct list askers;                /* DNS: of those who wait for the same answer */
	struct ident_query *ident;         /* identd, while PENDING */
	struct mux_metrics *metrics;       /* identd: borrowed */
};

/* All lookups of a multiplexer: one resolver, one cache, one set of limits. */
struct lookups {
	struct loop *loop;
	const struct options *options; /* borrowed: outlives us; may change, see lookups_reload */
	struct mux_metrics *metrics;   /* borrowed: outlives us */
	struct dns *dns;               /* owned: NULL = DNS is off */
	struct list questions;         /* of DNS: one for an address, however many ask it */
	struct lookup_cache cache;
	struct idents idents;
	struct nets skip; /* whose identd is not asked */
};

/* Without a usable resolver DNS is off: that is logged, and no fault (row E14). */
void lookups_open(struct lookups *ls, struct loop *loop, const struct options *options,
	struct mux_metrics *metrics);

/* The options may have changed, or /etc/resolv.conf. A resolver that cannot be used leaves the old
 * one in use. */
void lookups_reload(struct lookups *ls);

/* At once, its handles too; forget all lookups before. */
void lookups_close(struct lookups *ls);

void lookup_init(struct lookup *l, enum lookup_kind kind, enum lookup_mode mode,
	void (*on_done)(struct lookup *l));

/* Looks it up if it is OPEN. False: it is PENDING, and on_done will tell. True: lookup_word() tells
 * now; nothing will be called. */
bool lookup_start(struct lookups *ls, struct lookup *l, const struct lookup_subject *of);

/* What is known, in the words of the protocol: a name, "unresolved", or "unsupported" when this user
 * is not looked up. Valid until l changes. */
const char *lookup_word(
	const struct lookups *ls, const struct lookup *l, const struct lookup_subject *of);

/* No on_done any more, nothing is owned any more. May be called twice. */
void lookup_forget(struct lookup *l);

#endif
