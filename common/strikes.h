/* Who has failed to prove himself too often has to wait: counted by address. */
#ifndef COMMON_STRIKES_H
#define COMMON_STRIKES_H

#include "common/address.h"

enum {
	STRIKES_ROWS = 64, /* addresses remembered; the one that failed longest ago gives way */
	STRIKES_OUT = 3,   /* failures in a row ... */
	STRIKES_WAIT_MS = 10000,   /* ... for which an address waits so long (row F09) */
	STRIKES_FORGET_MS = 60000, /* after so long without a failure the count begins anew */
};

/* All zero has nobody. An IPv6 address stands for its whole /64, which is what one customer has;
 * AF_UNIX is never counted. */
struct strikes {
	struct strikes_row {
		uint8_t host[16];
		unsigned failures; /* 0: the row is free */
		uint64_t last_ms, out_until_ms;
	} rows[STRIKES_ROWS];
};

/* A failure of that address. True when it has to wait from now on. */
bool strikes_add(struct strikes *s, const struct address *who, uint64_t now_ms);

/* It has proved itself. */
void strikes_clear(struct strikes *s, const struct address *who);

/* Whether it has to wait. */
bool strikes_is_out(const struct strikes *s, const struct address *who, uint64_t now_ms);

#endif
