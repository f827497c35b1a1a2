/* One link to a multiplexer, seen from the server: its states, its listing, its heartbeat, its end. */
#ifndef SERVER_MUXLINK_H
#define SERVER_MUXLINK_H

#include "common/banlist.h"
#include "proto/features.h"
#include "proto/link.h"

struct game;
struct muxpeer;

enum muxlink_state {
#define STATE(NAME, word, moves) MUXLINK_##NAME,
#include "server/muxstates.def"
};

/* A place for one multiplexer. It outlives the connection: the multiplexer that lost it dials again
 * and gets the same number, and its next listing tells which of its users are still there. */
struct muxlink {
	struct game *game;    /* borrowed: outlives us */
	uint32_t number;      /* 1..sv_multiplexers: goes behind the keys of its users */
	struct muxpeer *peer; /* owned: NULL while ALONE */
	enum muxlink_state state;
	uint8_t incarnation
		[INCARNATION_LEN]; /* of the multiplexer whose users we know; 0 = none said */
	bool taken;                /* a multiplexer has this number, or will when it comes back */
	bool listed;               /* it has listed its users to this program */
	bool localhost_only;       /* what it said last */
	uint32_t heartbeat;        /* number of the last one asked */
	bool heartbeat_open;       /* it has not been answered ... */
	uint64_t heartbeat_ms;     /* ... for so long, by our own waking time */
	uint64_t listing_ms;       /* how long the listing takes already, likewise */
	uint64_t away_ms;          /* how long it is gone while others are there, likewise */
	uint32_t handled;          /* messages of the link, as we said last */
	uint64_t no_list_second;   /* when a list was unknown last, so that it is logged once */
	struct banreader bans;     /* what it was told of the others' bans */
	struct loop_task tell_handled;
};

void muxlink_init(struct muxlink *m, struct game *game, uint32_t number);
void muxlink_close(struct muxlink *m); /* at once; the peer is freed in a later turn */

/* Of no link (NULL) all of these say that there is none. */
enum muxlink_state muxlink_state(const struct muxlink *m);
const char *muxlink_state_word(enum muxlink_state state);

/* "link", or "link 2" where there may be several: what a log line begins with. Until the next call. */
const char *muxlink_label(const struct muxlink *m);

/* Where to send; NULL while there is no connection, or nothing more may be sent on it. */
struct link *muxlink_out(struct muxlink *m);

/* Whether both ends have a feature (features.h): the hellos agreed on it. */
bool muxlink_has(const struct muxlink *m, unsigned feature);

/* ---- muxpeer and muxlinks tell ---- */

/* A candidate has proved itself: it is ours now, and lists its users. is_old: it had this link
 * before, and the players are its own, unless its incarnation says that another server had them since;
 * otherwise they are another multiplexer's. Those who are not its own have left. */
void muxlink_take(struct muxlink *m, struct muxpeer *p, bool is_old);

/* It said something; false refuses it, with *why. */
bool muxlink_message(struct muxlink *m, const struct frame *f, struct refusal *why);

/* The connection is over; the players stay. how is a word for the log, at_fault: no ordinary end. */
void muxlink_end(struct muxlink *m, const char *how, const char *reason, bool at_fault);

/* Its multiplexer ends, and the game does not: its players have left. */
void muxlink_on_going_offline(struct muxlink *m);

/* So many milliseconds of our own waking time have passed. */
void muxlink_clock(struct muxlink *m, uint64_t passed_ms);

/* ---- handlers.c ---- */

void muxlink_on_heartbeat_answer(struct muxlink *m, uint32_t number);

/* I AM ALIVE or PAUSED: behind the mark nothing comes any more. */
void muxlink_on_mark_answered(struct muxlink *m);

/* Carries out one message of the multiplexer; false refuses it, with *why. */
bool handle_message(struct muxlink *m, const struct frame *f, struct refusal *why);

/* ---- what the game wants ---- */

/* The listing is through and everybody restored: says READY. */
void muxlink_ready(struct muxlink *m);

/* First half of an orderly stop: no more input, please, and a mark behind the last of it. */
void muxlink_mark(struct muxlink *m);

/* Second half: GOING OFFLINE, and our side ends. */
void muxlink_leave(struct muxlink *m);

#endif
