/* Reads what an identd answers (RFC 1413), bytes in and a verdict out. */
#ifndef MULTIPLEXER_LOOKUP_IDENT_REPLY_H
#define MULTIPLEXER_LOOKUP_IDENT_REPLY_H

#include "multiplexer/lookup_name.h"

enum { IDENT_REPLY_MAX = 1000 }; /* bytes of an answer, as RFC 1413 has it */

enum ident_verdict {
	IDENT_MORE, /* no whole line yet */
	IDENT_NAME,
	IDENT_NONE /* an ERROR, another connection's ports, nonsense, too long, no name in it */
};

struct ident_reply {
	uint16_t theirs, ours; /* set before: the ports at the user's end and at ours */
	uint16_t len;
	uint8_t line[IDENT_REPLY_MAX];
	char name[LOOKUP_PERSON_MAX + 1]; /* with IDENT_NAME */
};

/* The next bytes. Once it is not IDENT_MORE the verdict stands: what follows a line is not looked at. */
enum ident_verdict ident_reply_feed(struct ident_reply *r, struct slice bytes);

#endif
