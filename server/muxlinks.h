/* All links to multiplexers: where they may connect, who waits for admission, which number each gets. */
#ifndef SERVER_MUXLINKS_H
#define SERVER_MUXLINKS_H

#include <jansson.h>

#include "common/address.h"
#include "common/list.h"
#include "common/strikes.h"
#include "server/muxlink.h"

struct game;
struct muxlinks_socket;
struct muxpeer;

struct muxlinks {
	struct game *game;     /* borrowed: outlives us */
	struct muxlink *links; /* owned: number n is links[n - 1] */
	uint32_t count;        /* sv_multiplexers, at least 1 */
	uv_timer_t clock;
	struct list sockets; /* struct muxlinks_socket */
	struct list candidates;
	struct list refused;    /* struct muxpeer that are told why */
	struct strikes strikes; /* who has failed to show his key */
	char last_refusal[256]; /* what was logged of a candidate last, and when */
	uint64_t last_refusal_ms;
	char refusal[256]; /* what muxlinks_refusal tells; empty = none */
	unsigned open;     /* handles and peers whose closing has not come back */
	bool marked, left; /* the halves of an orderly stop: all were asked */
	bool closing;
};

/* What has changed about who has which number is kept for the next server. */
void muxlinks_remember(struct muxlinks *all);

/* As many links as sv_multiplexers says, and nobody listening yet. NULL when memory is out. */
struct muxlinks *muxlinks_open(struct game *game);

/* Listens there too (AF_UNIX: mode 0600). key: NULL for AF_UNIX only; else borrowed, and must live until
 * all is closed. Whoever connects is a candidate (muxpeer.h); one that has not proved itself within
 * 5 s is closed and disturbs nobody. False with *why a sentence. */
bool muxlinks_listen(struct muxlinks *all, const struct address *at, const struct linkkey *key,
	const char **why);

/* At once; socket files are removed, and all is freed in a later turn. NULL is allowed. */
void muxlinks_close(struct muxlinks *all);

/* The link of that number; NULL if there is none, or no muxlinks (scripts speak before they are open). */
struct muxlink *muxlinks_find(struct muxlinks *all, uint32_t number);

/* for (struct muxlink *m = NULL; (m = muxlinks_next(all, m)) != NULL;): each link, connected or not. */
struct muxlink *muxlinks_next(struct muxlinks *all, const struct muxlink *before);

/* One word for all of them: "ready" if any link is, else the state of the first that is connected. */
const char *muxlinks_state_word(struct muxlinks *all);

/* For status: a row for each link that some multiplexer has, or had. New reference. */
json_t *muxlinks_status(struct muxlinks *all);

/* Why a multiplexer refused us, its words escaped; NULL: none has since the last one was taken. */
const char *muxlinks_refusal(const struct muxlinks *all);

/* Orderly stop, first half: muxlink_mark for all. game_marked is called when each has answered or is
 * gone; at once when there is none. */
void muxlinks_mark(struct muxlinks *all);

/* Second half: muxlink_leave for all. game_left is called when each multiplexer has read it all (it
 * ends its side); at once when there is none. */
void muxlinks_leave(struct muxlinks *all);

/* ---- muxpeer and muxlink tell ---- */

/* A multiplexer has proved itself: finds its number and lets that link take it. One that was here has
 * its old number, and its players; another run of it, or another one, has others. NULL with *why a
 * sentence: there is no place for it. */
struct muxlink *muxlinks_admit(struct muxlinks *all, struct muxpeer *p, const char **why);

/* MUX GOING OFFLINE: its players leave, and the game goes on if there is another multiplexer; after
 * the last one the game stops too. */
void muxlinks_on_going_offline(struct muxlinks *all, struct muxlink *m);

/* Whether a link but this one is connected. */
bool muxlinks_has_other(struct muxlinks *all, const struct muxlink *m);

/* LINK REFUSED: a multiplexer does not want us, and ends the link itself. */
void muxlinks_on_refused(struct muxlinks *all, struct slice reason);

/* A link has answered the mark, or is over: was it the last that was waited for? */
void muxlinks_settle(struct muxlinks *all);

/* One of all->open is closed for good. */
void muxlinks_closed_one(struct muxlinks *all);

#endif
