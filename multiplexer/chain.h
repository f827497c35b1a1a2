/* Multiplexers that are connected to us instead of to the server: their users are ours to the server.
 *
 *      server  <==== U (this program) <==== L (another one, whose `server =` names our listener)
 *                    its users: n:2          its users: n:1, at U and the server n:1:2
 *
 * To L we are a game server: what our server says of itself (READY, PAUSE, GOING OFFLINE, its loss) we
 * say to L in our turn, so that L's own rules about what is held, told and in doubt are as true as if it
 * were connected to the server. To our server L's users are users of ours whose key is one level
 * deeper. One listener has one L: two could have users of the same key.
 *
 *   chain.c           what the server does, done to all of them
 *   chainlink.c       one of them: connection and states (chainstates.def)
 *   chainuser.c       one of its users, as far as we must know him
 *   chainroute.c      messages on their way through us, their keys grown and stripped
 *   chain_handlers.c  what we do at each message of L
 *
 * L's connection alone may go and come back (chain_grace): the server is not told. What is for its
 * users waits meanwhile, and when it is back its listing says who is still there. */
#ifndef MULTIPLEXER_CHAIN_H
#define MULTIPLEXER_CHAIN_H

#include <jansson.h>
#include <uv.h>

#include "common/banlist.h"
#include "common/list.h"
#include "common/strikes.h"
#include "proto/clientkey.h"
#include "proto/frame.h"

struct chainlink;
struct chainuser;
struct listener_config;
struct mux;

struct chain {
	struct mux *mux;        /* borrowed: we live inside it */
	struct list links;      /* struct chainlink: one for each listener of kind multiplexer */
	struct strikes strikes; /* who has failed to show a listener's key */
	bool stopping;
	bool pausing;    /* the server waits for PAUSED */
	bool listing;    /* the server waits for the end of a listing */
	bool no_handled; /* our server does not say HANDLED, so neither do we */
	uint32_t alive_asked, alive_answered; /* ARE YOU ALIVE of the server */
	uint64_t second_ms;
};

/* After the configuration was taken, before listeners are opened. False when memory is out. */
bool chain_open(struct chain *chain, struct mux *mux);

/* A connection waits on a listener of kind multiplexer. */
void chain_accept(
	struct chain *chain, const struct listener_config *listener, uv_stream_t *listening);

/* GOING OFFLINE to all; through when they have ended. */
void chain_stop(struct chain *chain);
bool chain_is_through(const struct chain *chain);
void chain_close(struct chain *chain); /* at once */
void chain_free(struct chain *chain);  /* when the loop has ended */

/* Several times a second. */
void chain_clock(struct chain *chain);

/* ---- what the server says of itself ---- */

void chain_server_ready(struct chain *chain);
void chain_server_not_ready(struct chain *chain);

/* Calls serverlink_say_paused when no input is under way any more, at once if it is so now. */
void chain_server_pauses(struct chain *chain);

/* Answers I AM ALIVE when all of them have. */
void chain_server_asks_alive(struct chain *chain);
void chain_server_goes_offline(struct chain *chain);
void chain_server_terminates(struct chain *chain);
void chain_server_handled(struct chain *chain, uint32_t messages);

/* The connection to the server is over; knows nobody now. goodbye: it had said so. */
void chain_server_down(struct chain *chain, bool goodbye);

/* The accept mode is another one: theirs too. */
void chain_accept_mode(struct chain *chain);

/* ---- users ---- */

/* For the server's GET ALL, behind our own users: asks for theirs; true when they were all told. Until
 * then mux->pump is asked for when something has changed. */
bool chain_list(struct chain *chain);

/* A message of the server whose first argument names a user of theirs is on its way; true: it was for
 * nobody else. One to a list goes to its members among them, and false. */
bool chain_down(struct chain *chain, const struct frame *f);

/* The server's link takes more again. */
void chain_pump(struct chain *chain);

/* NULL unless the server knows a user of theirs by that key. */
struct chainuser *chain_find(const struct chain *chain, const struct clientkey *key);

/* An admin ends him: he reads reason first. False: there is no such user. */
bool chain_kick(struct chain *chain, const struct clientkey *key, const char *reason);

/* Ends those of theirs whom a ban is about, where their multiplexer knows no bans itself; they read words
 * first. */
void chain_throw_out(struct chain *chain, const struct ban *ban, const char *words);

/* The address of one of theirs, as his multiplexer told it; NULL: there is no such user. */
const char *chain_address(const struct chain *chain, const struct clientkey *key);

/* Whether one of theirs who comes is kept out by a ban of ours. */
bool chain_is_banned(const struct chain *chain, struct slice ip);

/* For `status` and `users`: adds to the listener's object, and to the array of users. */
void chain_status(
	const struct chain *chain, const struct listener_config *listener, json_t *object);
void chain_users(const struct chain *chain, json_t *all);

#endif
