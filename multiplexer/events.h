/* What the game tells clients outside the text: SEND SUBCLIENT EVENT, to one user or a list. */
#ifndef MULTIPLEXER_EVENTS_H
#define MULTIPLEXER_EVENTS_H

#include "common/buf.h"
#include "proto/message.h"

struct mux;
struct subclient;

enum { EVENTS_WHOLE_MAX = 64 * 1024 }; /* bytes of an event that comes in pieces */

/* An event in pieces, as far as it came: its pieces follow each other, without another event between
 * them. All zero is none, and owns nothing. */
struct events {
	struct buf data;
	struct clientkey who;
	char channel[32];
	bool cut; /* it was too long: dropped at its last piece */
	bool begun;
};

/* Takes one message; u is whom it is for, NULL if it is for the list m->who, which exists. */
void events_take(struct events *e, struct mux *mux, struct subclient *u,
	const struct msg_send_subclient_event *m);

/* The server is lost, and what it had begun to say is not to be finished by another. */
void events_forget(struct events *e);

#endif
