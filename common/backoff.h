/* How long to wait before a program that ended is started again. */
#ifndef COMMON_BACKOFF_H
#define COMMON_BACKOFF_H

#include "common/defs.h"

enum { BACKOFF_SHORT_LIFE_MS = 5000 };

/* All zero is a program that has not failed yet. */
struct backoff {
	unsigned short_lives; /* in a row: each shorter than BACKOFF_SHORT_LIFE_MS */
};

/* The program lived that long and ended. Returns the milliseconds to wait: 0 after a life that was
 * not short; 200, 500, 1000, 2000 and from then on 5000 after the first, second, ... short one. */
uint64_t backoff_after(struct backoff *b, uint64_t lived_ms);

#endif
