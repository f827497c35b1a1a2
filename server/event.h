/* What a player's client says outside the text: its pieces, joined again before a script sees it. */
#ifndef SERVER_EVENT_H
#define SERVER_EVENT_H

#include "common/buf.h"
#include "proto/message.h"

enum {
	EVENT_MAX = 64 * 1024 /* bytes of all pieces together; more is dropped */
};

/* One for each player: his client says one thing at a time. All zero at birth. */
struct event {
	struct buf pieces;
	bool lost; /* it was too long: the rest of its pieces goes the same way */
};

enum event_result {
	EVENT_WHOLE, /* that was the last piece, or the only one */
	EVENT_MORE,  /* more follow; or this is the rest of one that is lost */
	EVENT_LOST   /* it has just been dropped: too long, or out of memory */
};

/* Takes a piece. EVENT_WHOLE: *whole is the event, until event_end, which the caller must call then. */
enum event_result event_add(
	struct event *e, const struct msg_got_subclient_event *m, struct slice *whole);

void event_end(struct event *e); /* the next piece begins a new one */
void event_free(struct event *e);

#endif
