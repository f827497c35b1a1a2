/* How fast a user may type: a bucket of lines and one of bytes, each refilled all the time. */
#ifndef MULTIPLEXER_BUCKET_H
#define MULTIPLEXER_BUCKET_H

#include "common/defs.h"

struct bucket_limits {
	uint32_t rate;        /* lines a second; 0 = as fast as he likes */
	uint32_t burst_lines; /* at once, from a full bucket */
	uint32_t burst_bytes; /* the same; both buckets refill in the same time */
};

/* When each bucket will be full again, in microseconds of the caller's clock. All zero: full. */
struct bucket {
	uint64_t lines_us, bytes_us;
};

/* Takes lines and bytes out, also more than there are: then he is in debt. */
void bucket_take(struct bucket *b, const struct bucket_limits *l, uint32_t lines, uint32_t bytes,
	uint64_t now_ms);

/* How many bytes may be read now, so that, whatever they are, neither bucket is overdrawn (a byte may
 * be a line). 0: none, until it refills. UINT32_MAX when rate is 0. */
uint32_t bucket_room(const struct bucket *b, const struct bucket_limits *l, uint64_t now_ms);

#endif
