/* A multiplexer with players that a test moves: to the game it is a real one, over a real link.sock. */
#ifndef SERVER_MAPTEST_FAKEMUX_H
#define SERVER_MAPTEST_FAKEMUX_H

#include <jansson.h>

#include "common/buf.h"
#include "common/loop.h"
#include "proto/features.h"
#include "proto/frame.h"

/* What a new one is: NULL is as nothing special. All copied. */
struct fakeuser_kind {
	const char *protocol, *ip, *dns, *ident;
	json_t *caps; /* borrowed */
};

struct fakeuser {
	uint32_t number;                   /* his key is number:1 */
	bool here;                         /* connected */
	bool hidden;                       /* what he types is not shown (player:echo) */
	char *protocol, *ip, *dns, *ident; /* owned */
	json_t *caps;                      /* owned; NULL = nothing is known */
	struct buf shown;                  /* all he was ever shown, with LF for CR LF */
	size_t looked;                     /* so far a test has looked at it */
	struct buf saved;                  /* empty: nothing is kept */
	struct buf lists;                  /* numbers (uint32_t) of those he is on */
	json_t *told; /* owned: array of [channel, data]: GMCP and what else is no text */
	uint64_t since_ms, typed_ms;
};

struct fakemux {
	struct loop *loop; /* borrowed: its clock */
	int fd;            /* -1: not connected */
	struct framer framer;
	struct buf out;
	struct fakeuser **users; /* owned, and each of them: by number, from 1 */
	size_t count;
	bool ready;          /* the game plays */
	bool localhost_only; /* what it was told */
	char incarnation[INCARNATION_LEN];
};

void fakemux_init(struct fakemux *m, struct loop *loop);
void fakemux_free(struct fakemux *m);

/* Connects to the game at this path. False with errno. All players are listed to the game then, as it
 * asks for them. */
bool fakemux_dial(struct fakemux *m, const char *path);
void fakemux_hang_up(struct fakemux *m); /* the link is gone, the players are not */

/* Reads what the game said, answers, writes. True if anything moved: call it between turns of the loop
 * until nothing does. */
bool fakemux_work(struct fakemux *m);

/* A new player; NULL when memory is out. He stays in m->users when he has left. */
struct fakeuser *fakemux_join(struct fakemux *m, const struct fakeuser_kind *kind);
void fakemux_leave(struct fakemux *m, struct fakeuser *u);
void fakemux_type(struct fakemux *m, struct fakeuser *u, struct slice bytes);
void fakemux_event(
	struct fakemux *m, struct fakeuser *u, const char *channel, bool json, struct slice data);
void fakemux_caps(struct fakemux *m, struct fakeuser *u, json_t *caps); /* they have changed */

#endif
