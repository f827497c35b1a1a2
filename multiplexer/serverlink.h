/* The multiplexer's end of the link: dials the game server for ever, holds back what must wait. */
#ifndef MULTIPLEXER_SERVERLINK_H
#define MULTIPLEXER_SERVERLINK_H

#include "multiplexer/doubt.h"
#include "multiplexer/pulse.h"
#include "multiplexer/servers.h"
#include "proto/features.h"
#include "proto/link.h"

struct mux;
struct subclient;

enum link_state {
#define STATE(NAME, word, moves, input) LINK_##NAME,
#include "multiplexer/linkstates.def"
};

enum { REFUSAL_MAX = 256 };

/* One connection to a server. Freed when its socket is closed; a new one is made for each dial. */
struct serverlink_peer {
	struct link link;
	struct mux *mux;            /* borrowed: outlives us */
	struct list node;           /* of leaving, when it is the link no more */
	char at[UPSTREAM_TEXT_MAX]; /* as configured when it was dialled */
};

struct serverlink {
	struct mux *mux;       /* borrowed: we live inside it */
	enum link_state state; /* moved by serverlink_move() alone */
	struct servers servers;
	struct upstream_search *search; /* owned: of the one that is dialled next; NULL = none */
	struct serverlink_peer *peer;   /* owned: NULL while DOWN */
	struct list leaving;            /* peers that are told why they are not wanted */
	uv_timer_t dial;                /* when DOWN: the next try */
	bool unproved;                  /* the last handshake failed: dialled slowly */
	uv_timer_t tick;                /* TICK */
	bool stopping;                  /* never dial again */
	bool was_open;                  /* this connection has been OPEN */
	bool heard;                     /* this connection has said something */
	char reign[UPSTREAM_TEXT_MAX];  /* the address of the last one that has; "" = none */
	unsigned short_lives;      /* connections in a row that died young and without a goodbye */
	bool refused_now;          /* this connection was refused by the server ... */
	bool wrong_version;        /* its version was refused before: not logged again */
	char refusal[REFUSAL_MAX]; /* ... in its own words, escaped; kept until one is OPEN */
	uint64_t connected_ms;
	uint64_t left_ms;  /* when the last game that was OPEN went away */
	uint64_t since_ms; /* of the state */

	unsigned features;  /* agreed on by the hellos: bits of features.h; 0 = plain AgNet */
	struct doubt doubt; /* with HANDLED: input that may not be handled yet */

	unsigned listings;   /* GET ALL asked for and not yet ended */
	struct list *listed; /* where the running listing stands in mux->users; NULL = none */
	bool slow;           /* much waits for the server: input is held until less does */
	struct pulse pulse;
};

/* Dials as mux->config says. False with *why (static); serverlink_close in any case. */
bool serverlink_open(struct serverlink *s, struct mux *mux, const char **why);

/* mux->config has changed. A link whose address is not there any more stays until it ends. */
bool serverlink_configure(struct serverlink *s, const char **why);

/* The address of the link, or of the server that is dialled now or next, as configured. */
const char *serverlink_address(const struct serverlink *s);

/* Gives the place of a server that is hung or away to the next one that is configured. False with *why
 * (static) when there is none, or the server is well. by is for the log. */
bool serverlink_takeover(struct serverlink *s, const char *by, const char **why);

/* Says GOING OFFLINE, sends what is queued, ends. serverlink_is_down tells when it is through. */
void serverlink_stop(struct serverlink *s);
bool serverlink_is_down(const struct serverlink *s);
void serverlink_close(struct serverlink *s); /* at once, handles too */

/* For news.c. Whether the server may be told anything: the link is HELD or OPEN. The link itself:
 * borrowed, only while it may. And whether so much waits for it that users' input is held back. */
bool serverlink_can_tell(const struct serverlink *s);
struct link *serverlink_link(const struct serverlink *s);
bool serverlink_is_full(const struct serverlink *s);

/* The server's words that change the state; false if the move is not one of linkstates.def. */
bool serverlink_on_ready(struct serverlink *s);
bool serverlink_on_not_ready(struct serverlink *s);
bool serverlink_on_going_offline(struct serverlink *s);

/* SERVER HELLO: the first message of a link, or false. Answers, and switches on what both have. */
bool serverlink_on_hello(struct serverlink *s, unsigned features);

/* It speaks another version of the protocol: it will be cut off, and dialled slowly. */
void serverlink_on_wrong_version(struct serverlink *s, const char *text);
bool serverlink_has(const struct serverlink *s, unsigned feature);

/* ACCEPTING LOCALHOST ONLY or ALL: the answer to who asks. Only while serverlink_can_tell. */
void serverlink_tell_accept_mode(struct serverlink *s);

/* PAUSE: holds input as NOT READY does; PAUSED is said behind the last of it, when those behind us have
 * paused too. */
bool serverlink_on_pause(struct serverlink *s);
void serverlink_say_paused(struct serverlink *s);

/* LINK REFUSED: the server does not want us and will end the link. Dialled slowly until one does. */
void serverlink_on_refused(struct serverlink *s, struct slice reason);

void serverlink_on_heartbeat_answer(struct serverlink *s, uint32_t number);

/* Once a second: hello deadline, hang. */
void serverlink_tick(struct serverlink *s);

const char *link_state_word(enum link_state state);

/* handlers.c: carries out one message of the server; false refuses it, with *why. */
bool handle_message(struct mux *mux, const struct frame *f, struct refusal *why);

#endif
