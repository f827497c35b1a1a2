/* How many log lines strangers may cause: so many a second from one address, so many from all. */
#ifndef COMMON_LOGQUOTA_H
#define COMMON_LOGQUOTA_H

#include "common/address.h"

enum {
	LOGQUOTA_ADDRESS = 10, /* lines a second from one IPv4 address or IPv6 /64 (row N02) */
	LOGQUOTA_ALL = 100,    /* from everywhere */
	LOGQUOTA_SLOTS =
		256 /* addresses that share one share a quota: never more is logged by that */
};

/* All zero is a fresh one. The time is handed in. */
struct logquota {
	uint64_t second; /* which one is counted */
	uint16_t all;
	uint16_t of[LOGQUOTA_SLOTS];
	uint64_t left_out; /* since logquota_left_out was asked */
};

/* Whether one more line about who may be logged; else it is counted as left out. */
bool logquota_take(struct logquota *q, const struct address *who, uint64_t now_ms);

/* Lines left out since this was asked last: for one that says so. */
uint64_t logquota_left_out(struct logquota *q);

#endif
