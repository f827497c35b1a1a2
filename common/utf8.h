/* UTF-8, byte by byte: what is not is refused at the first byte that cannot be (RFC 3629). */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include "common/defs.h"

/* Where in a character we are; all zero is between two. */
struct utf8 {
	uint8_t need; /* continuation bytes still to come */
	uint8_t low;  /* what the next one must at least be ... */
	uint8_t high; /* ... and at most */
};

/* False when the byte cannot follow: overlong forms, surrogates and all above U+10FFFF too. The state
 * is not to be used any more then. */
bool utf8_byte(struct utf8 *u, uint8_t byte);

/* The length of the longest start of bytes that is, or could become, UTF-8 going on from *u. */
size_t utf8_check(struct utf8 *u, struct slice bytes);

static inline bool utf8_is_between(const struct utf8 *u)
{
	return u->need == 0;
}

/* All of it, and nothing begun at its end. */
bool utf8_is_valid(struct slice bytes);

#endif
