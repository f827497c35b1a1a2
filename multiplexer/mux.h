/* The multiplexer as a whole: listeners, users, the link to the game server. */
#ifndef MULTIPLEXER_MUX_H
#define MULTIPLEXER_MUX_H

#include "common/control.h"
#include "common/logquota.h"
#include "common/loop.h"
#include "common/secret.h"
#include "multiplexer/admission.h"
#include "multiplexer/bans.h"
#include "multiplexer/chain.h"
#include "multiplexer/config.h"
#include "multiplexer/events.h"
#include "multiplexer/listener.h"
#include "multiplexer/lists.h"
#include "multiplexer/lookup.h"
#include "multiplexer/mssp.h"
#include "multiplexer/outage.h"
#include "multiplexer/queues.h"
#include "multiplexer/roster.h"
#include "multiplexer/serverlink.h"
#include "multiplexer/session.h"
#include "multiplexer/subclient.h"
#include "multiplexer/tls_helper.h"

struct mux_metrics {
#define METRIC(KIND, name, help) uint64_t name;
#include "multiplexer/metrics.def"
};

struct mux {
	struct loop *loop;           /* borrowed: outlives us */
	struct config config;        /* owned */
	const char *config_file;     /* borrowed: NULL = built in */
	const char *run_dir;         /* borrowed */
	struct listener **listeners; /* owned; config.listener_count of them, NULL where left out */
	struct list users;           /* CONNECTED and CLOSING, in order of arrival */
	struct list ticking;         /* users and ARRIVING ones whose layers want the clock */
	struct list waiting;         /* the server has to be told, in order */
	struct list watched;         /* looked at by the clock */
	struct secrets secrets;      /* what the game saved about users (row H06) */
	struct sessions sessions;    /* of the users of the play page */
	struct list claiming;        /* ARRIVING: their page has shown a token */
	struct queues queues;        /* what waits for users and from them, kept in bounds */
	struct list graves;          /* GONE with nothing left open, and still to be freed */
	struct list unflushed;       /* their layers want layers_flush() at the end of the turn */
	struct roster roster;        /* all connections and those who left, by number */
	unsigned departed;           /* who left, and are kept for what they typed */
	unsigned outside;     /* connections that are no users: KNOCKING, ARRIVING, or refused */
	unsigned securing;    /* connections whose TLS handshake is not through: SECURING */
	unsigned refused_now; /* of them, those that are being told why */
	struct admission *admission; /* owned */
	struct admission_limits admission_limits;
	struct bans bans;         /* who is not let in at all */
	struct logquota refusals; /* lines about connections that became no users */
	struct serverlink server;
	struct tls_helper tls; /* the process that speaks TLS */
	struct chain chain;    /* multiplexers that are connected to us */
	struct lists lists;    /* made by the server of this link */
	struct lookups lookups;
	struct outage outage;
	uint8_t incarnation[INCARNATION_LEN]; /* who we are, this run */
	struct loop_task pump;                /* news_pump at the end of the turn */
	struct loop_task flush;               /* layers_flush of all in unflushed */
	struct loop_task bury;                /* subclient_bury of all in graves */
	struct loop_task claims;              /* detached_claims */
	struct layers_house house;            /* what the layers of all users share */
	struct mssp mssp;                     /* what crawlers are told */
	struct events events;                 /* of the server, in pieces */
	struct control *control;              /* owned */
	uv_timer_t pace; /* runs while somebody is read no faster than input_rate */
	uint32_t paces;
	uv_timer_t clock;   /* four times a second: lingers, deadlines, notices */
	uint64_t second_ms; /* when the once-a-second work was done last */
	bool localhost_only;
	bool stopping;
	uint64_t stopping_ms, started_ms;
	time_t started_at; /* by the wall clock, for MSSP's UPTIME alone */
	struct mux_metrics metrics;
};

/* Takes the config over (also on failure). run_dir is where link.sock and multiplexer.sock are.
 * False with *why a sentence, valid until the next call: a listener or the admin socket failed; call
 * mux_close, run the loop to its end, then mux_free as if it had gone well. */
bool mux_open(struct mux *mux, struct loop *loop, struct config *config, const char *config_file,
	const char *run_dir, const char **why);

/* Orderly: no new users, last words to all, GOING OFFLINE to the server; the loop ends when all of it
 * was sent, or after 5 s. reason is for the log. A second call ends at once. */
void mux_stop(struct mux *mux, const char *reason);

void mux_close(struct mux *mux); /* at once */
void mux_free(struct mux *mux);  /* when the loop has ended */

/* Reads the configuration again and takes what may change while running. */
void mux_reload(struct mux *mux);

/* Localhost only, or all; takes effect at once and drops nobody. who asked is for the log. */
void mux_accept(struct mux *mux, bool localhost_only, const char *who);

/* Tells all connected users; SAY_NOTHING tells nothing. */
void mux_tell_all(struct mux *mux, enum outage_say say);

/* The game crashed, and it is known what it has not handled: tells each user how many lines of his may
 * be lost and, if all are to be told, the others that none are. */
void mux_tell_doubt(struct mux *mux, bool all);

/* One who left while no server could be told typed something before: whether he is kept until one can.
 * No more than departed_max are, and half as many of those whom no server has ever heard of, so that
 * passers-by cannot take the place of players. */
bool mux_keep_departed(struct mux *mux, struct subclient *u);

/* Somebody types too fast: looks after him, and all like him, until there is none. Each is looked at
 * four times a second, a tenth of them at a time, so that what they typed does not come in one heap. */
void mux_pace(struct mux *mux);

const char *mux_notice(const struct mux *mux, enum outage_say say);

/* admin.c */
extern const struct command mux_commands[];
extern const size_t mux_command_rows;

#endif
