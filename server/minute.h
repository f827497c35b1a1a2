/* What was measured in the last minute: the largest value, and the one that all but few stay below. */
#ifndef SERVER_MINUTE_H
#define SERVER_MINUTE_H

#include "common/defs.h"

enum { MINUTE_SECONDS = 60, MINUTE_BUCKETS = 100 };

/* All zero has measured nothing. Values are sorted into buckets, four for each power of two, for each
 * second apart. */
struct minute {
	uint64_t second[MINUTE_SECONDS]; /* which one a row is of */
	uint64_t largest[MINUTE_SECONDS];
	uint16_t count[MINUTE_SECONDS][MINUTE_BUCKETS];
};

void minute_add(struct minute *m, uint64_t now_ms, uint64_t value);

uint64_t minute_max(const struct minute *m, uint64_t now_ms); /* 0: nothing was measured */

/* At most so many of a thousand are above it: 990 of 1000 are below minute_above(m, now, 10). Right to a
 * quarter, and never above minute_max. */
uint64_t minute_above(const struct minute *m, uint64_t now_ms, unsigned of_thousand);

#endif
