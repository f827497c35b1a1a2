/* One multiplexer behind us, and what we keep of it while it is away. */
#ifndef MULTIPLEXER_CHAINLINK_H
#define MULTIPLEXER_CHAINLINK_H

#include "common/address.h"
#include "common/hash.h"
#include "multiplexer/doubt.h"
#include "multiplexer/mux.h"
#include "proto/features.h"
#include "proto/link.h"

enum chain_state {
#define STATE(NAME, word, moves, down) CHAIN_##NAME,
#include "multiplexer/chainstates.def"
};

/* What the listing is for that it is giving us. */
enum chain_listing {
	CHAIN_LISTS_NOT,
	CHAIN_LISTS_TO_US, /* we compare; the server hears of arrivals and losses only */
	CHAIN_LISTS_ON     /* the server has asked for it: passed on */
};

enum {
	CHAIN_DOWN_MAX = 1024 * 1024,       /* bytes that wait for one that is away */
	CHAIN_QUEUE_MAX = 16 * 1024 * 1024, /* for one that does not read */
	CHAIN_HELD_MAX = 16 * 1024 * 1024,  /* from one that was told to wait: what was under way */
	CHAIN_USERS_MAX = 1000000,          /* of one */
	CHAIN_PROTOCOL_MAX = 32
};

/* One user of theirs. */
struct chainuser {
	struct chainlink *c;  /* borrowed: outlives us */
	struct clientkey key; /* there; numbers behind its depth are 0, since it is hashed */
	bool told;            /* the server of this link was told of him */
	bool gone;            /* he is not there any more; the server hears it when it is READY */
	bool kill_asked;      /* the server waits for KILLED */
	bool in_block;        /* a listing is telling of him: between its 20 and 47 ... */
	bool shown;           /* ... and the server gets it */
	uint32_t seen;        /* the listing that named him last */
	char protocol[CHAIN_PROTOCOL_MAX], ip[ADDRESS_IP_MAX]; /* cut to fit; for `users` alone */
	uint64_t since_ms;
	struct list lists; /* struct membership: the lists he is on */
	UT_hash_handle by_key;
};

/* One connection. Freed when its socket is closed. */
struct chainpeer {
	struct link link;
	struct chainlink *c; /* borrowed: outlives us */
	struct list node;    /* of c->candidates; alone when it is the link, or closing */
	struct address from;
	uint64_t since_ms;
	bool greeted; /* it has shown our key, if it needs one */
	bool said_hello, refused, proved, localhost_only;
	unsigned features; /* agreed on; 0 = plain AgNet */
	uint8_t incarnation[INCARNATION_LEN];
};

struct chainlink {
	struct chain *chain;                    /* borrowed: we are in its list */
	struct mux *mux;                        /* borrowed */
	const struct listener_config *listener; /* borrowed */
	struct list node;                       /* of chain->links */
	enum chain_state state;                 /* moved by chainlink.c alone */
	uint64_t since_ms;                      /* of the state */
	uint64_t grace_until_ms;                /* LOST: ABSENT then */
	struct chainpeer *peer;                 /* owned: NULL while ABSENT and LOST */
	struct list candidates;
	unsigned candidate_count;
	uint64_t refusal_ms; /* when the last refused one was logged */
	unsigned refusals;   /* since then */

	bool has_incarnation; /* the users we have belong to this run of it */
	uint8_t incarnation[INCARNATION_LEN];
	struct chainuser *users; /* uthash head */
	unsigned user_count, untold;
	uint64_t deep_ms; /* when a user too deep was logged last */

	enum chain_listing listing;
	uint32_t listing_number;
	bool owes;           /* the server's listing waits for its users */
	bool was_open;       /* under this server it has been OPEN */
	bool going;          /* it said that it ends */
	bool told_localhost; /* it lets nobody else in because we said so */
	bool too_much;       /* more waits for it than we keep */

	struct banreader bans; /* what it has heard of ours */

	uint32_t asked, answered; /* ARE YOU ALIVE */
	uint32_t pause_mark;      /* the one that stands for PAUSE; 0 = none */
	uint32_t alive_done;      /* of chain->alive_asked */
	uint32_t heartbeat;
	uint64_t bytes_in, silent_ms;

	struct buf held;     /* from it, for the server, when it may hear input again */
	size_t held_old;     /* bytes of held from before this connection */
	bool flushing;       /* held is on its way */
	uint32_t at;         /* its how-manieth message is being handled; 0 = of an earlier link */
	struct doubt places; /* our message to the server -> its message to us ("user") */
	struct buf down;     /* whole messages that wait for it */
};

static inline struct chainlink *chainlink_of(struct list *node)
{
	return container_of(node, struct chainlink, node);
}

/* ---- chainlink.c ---- */

struct chainlink *chainlink_new(struct chain *chain, const struct listener_config *listener);
void chainlink_free(struct chainlink *c);
void chainlink_accept(struct chainlink *c, uv_stream_t *listening);

const char *chainlink_word(const struct chainlink *c);

/* Messages reach it: LISTING, HELD, OPEN or PAUSING. */
bool chainlink_is_live(const struct chainlink *c);
bool chainlink_has(const struct chainlink *c, unsigned feature);

/* Over, from our side: without a goodbye. */
void chainlink_end(struct chainlink *c, const char *reason);
void chainlink_leave(struct chainlink *c); /* GOING OFFLINE, then its end */
void chainlink_close(struct chainlink *c); /* at once, and its candidates */

void chainlink_not_ready(struct chainlink *c);
void chainlink_pause(struct chainlink *c);
void chainlink_on_paused(struct chainlink *c);
void chainlink_on_alive(struct chainlink *c);
void chainlink_ask_alive(struct chainlink *c);

/* READY to it, if the server is, and it is HELD and all its users are told. */
void chainlink_try_ready(struct chainlink *c);

/* Begins the listing that the server waits for, if it can now. */
void chainlink_list(struct chainlink *c);
void chainlink_on_list_end(struct chainlink *c);

void chainlink_clock(struct chainlink *c, bool second);

/* ---- chain.c ---- */

/* Something the server waits for may be through. */
void chain_progress(struct chain *chain);

/* ---- chainuser.c ---- */

/* By his key there; NULL: none, or he is gone. */
struct chainuser *chainuser_find(const struct chainlink *c, const struct clientkey *key);
/* Finds him, or makes him. NULL when memory is out. */
struct chainuser *chainuser_take(struct chainlink *c, const struct msg_got_subclient *m);
void chainuser_told(struct chainuser *u);                  /* the server knows him now */
struct clientkey chainuser_key(const struct chainuser *u); /* as the server knows him */
void chainuser_lose(struct chainuser *u); /* he is not there any more: the server hears it */
void chainuser_free(struct chainuser *u);
void chainuser_lose_all(struct chainlink *c);
void chainuser_lose_unseen(struct chainlink *c);   /* whom the listing did not name */
void chainuser_sweep(struct chainlink *c);         /* tells of those who are gone */
void chainuser_forget_server(struct chainlink *c); /* a new one knows nobody */

/* ---- chainroute.c ---- */

/* The same message about another key. Bytes written, 0 when it would be too long. */
size_t chainroute_rekey(const struct frame *f, const struct clientkey *key, uint8_t *out);

/* Input, arrivals and departures may go to the server now. */
bool chainroute_flows(const struct chainlink *c);
void chainroute_up(struct chainlink *c, struct chainuser *u, const struct frame *f);

/* Keeps a message until they may. False, with *why, when it is too much. */
bool chainroute_hold(struct chainlink *c, const struct frame *f, struct refusal *why);
void chainroute_flush_up(struct chainlink *c);

/* A whole message for it: sent, or kept while it is away. */
void chainroute_down(struct chainlink *c, struct slice message);
void chainroute_flush_down(struct chainlink *c);

/* ---- chain_handlers.c ---- */

/* Carries out one message of the link, or of what was held; false refuses it, with *why. */
bool chain_handle(struct chainlink *c, const struct frame *f, struct refusal *why);

#endif
