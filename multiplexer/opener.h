/* Who begins with another protocol than the listener's is told so, instead of playing with it. */
#ifndef MULTIPLEXER_OPENER_H
#define MULTIPLEXER_OPENER_H

#include "common/defs.h"

struct opener {
	const char *name;   /* "HTTP": for the log */
	const char *answer; /* a line for whoever reads what his program made of it */
};

/* bytes: the first that somebody sends to a listener for people. What no person types as a first line:
 * an HTTP request, a TLS record, an SSH banner. NULL: nothing of the kind. */
const struct opener *opener_find(struct slice bytes);

#endif
