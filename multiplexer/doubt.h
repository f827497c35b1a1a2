/* Which input the server has been told of and has not handled yet: after its crash, what is in doubt. */
#ifndef MULTIPLEXER_DOUBT_H
#define MULTIPLEXER_DOUBT_H

#include "common/defs.h"

/* One GOT SUBCLIENT TEXT on its way. */
struct doubt_entry {
	uint32_t message; /* the how-manieth message of the link it was, from 1 on */
	uint32_t user;    /* his number */
	uint32_t lines;   /* lines that end in it */
};

/* A queue in order of sending. All zero is empty. */
struct doubt {
	struct doubt_entry *ring; /* owned */
	uint32_t room, first, count;
	bool overflow; /* some were not noted: memory is out, or DOUBT_MAX */
};

/* Where one user's text stands that servers were told of. All zero: at the beginning of a line. */
struct doubt_text {
	bool in_line;  /* a line was begun: a server that crashes now has only its beginning */
	bool after_cr; /* a LF now belongs to the line end before it */
};

enum { DOUBT_MAX = 256 * 1024 }; /* entries: far more than a link's buffers can hold */

void doubt_free(struct doubt *d); /* leaves an empty queue */

/* The text goes on: how many lines end in this piece of it, by the line ends of common/line.h. */
uint32_t doubt_lines(struct doubt_text *t, struct slice text);

/* Of a message in which no line ends (lines 0) nothing need be noted: its line is still begun. */
void doubt_sent(struct doubt *d, uint32_t message, uint32_t user, uint32_t lines);

/* The server has handled so many messages. Counts wrap after 2^32; what lies ahead by less than half
 * of that is later. */
void doubt_handled(struct doubt *d, uint32_t messages);

/* The oldest entry, NULL when there is none. Valid until the next call. */
const struct doubt_entry *doubt_first(const struct doubt *d);

/* The oldest entry, NULL when there is none; then gone. For the count after a crash. Valid until the
 * next call. */
const struct doubt_entry *doubt_take(struct doubt *d);

#endif
