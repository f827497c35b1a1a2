/* Who may connect just now: how many from one address, how fast, how many that have said nothing. */
#ifndef MULTIPLEXER_ADMISSION_H
#define MULTIPLEXER_ADMISSION_H

#include "common/address.h"

/* An "address" here is one IPv4 address, or an IPv6 network of 64 bits: who has one of those has all
 * of it. Local users (loopback, AF_UNIX) are counted among the unproven, but never refused.
 *
 * Without sockets and clocks: the time is handed in, and must not go backwards. */

/* Limits; 0 switches one off. */
struct admission_limits {
	uint32_t per_address;          /* connections at once */
	uint32_t unproven_per_address; /* of them, that have not sent a line yet */
	uint32_t burst, per_minute;    /* new ones: so many at once, then so many a minute */
	/* Of those that have not sent a line, from wherever: above drop_from new ones are refused by
	 * chance, the more of them the nearer to drop_all, at which all are; drop_percent is the
	 * chance right below it. */
	uint32_t drop_from, drop_percent, drop_all;
};

enum {
	ADMISSION_ENTRIES_MAX = 65536, /* addresses we remember; the one unused for longest goes */
	ADMISSION_PENALTY_MS = 15 * 1000,         /* after the first excess of the rate ... */
	ADMISSION_PENALTY_MAX_MS = 10 * 60 * 1000 /* ... doubled by each, up to this */
};

enum admission_verdict {
	ADMISSION_YES,
	ADMISSION_TOO_MANY, /* from his address */
	ADMISSION_TOO_MANY_UNPROVEN,
	ADMISSION_TOO_FAST,
	ADMISSION_CROWDED /* too many who say nothing, from everywhere */
};

struct admission;

/* NULL when memory is out. limits are borrowed and may change: each question looks again. */
struct admission *admission_new(const struct admission_limits *limits);
void admission_free(struct admission *a); /* NULL is allowed */

/* Somebody from there wants to connect. chance is a random number of 32 bits. With YES he is counted,
 * unproven; admission_gone must follow some time. Refused ones are not counted, but a refused
 * attempt during a penalty does not make it longer either. When memory is out the answer is YES. */
enum admission_verdict admission_ask(
	struct admission *a, const struct address *from, uint64_t now_ms, uint32_t chance);

/* The same for one who only looks for now, as a browser does with several connections at once: of
 * these there may be per_address, they cost nothing of the rate and are not among the unproven. With
 * true admission_visited must follow: when he goes, or right before the admission_ask that makes
 * him more. */
bool admission_visit(struct admission *a, const struct address *from, uint64_t now_ms);
void admission_visited(struct admission *a, const struct address *from);

/* One who was let in has sent a line. Once for each. */
void admission_proven(struct admission *a, const struct address *from);

/* One who was let in has left. */
void admission_gone(struct admission *a, const struct address *from, bool was_proven);

/* One who is here goes on from another address: he is counted there, and not refused. */
void admission_move(struct admission *a, const struct address *from, const struct address *to,
	bool is_proven, uint64_t now_ms);

/* For metrics: addresses remembered, and how many who are here have not sent a line. */
uint32_t admission_entries(const struct admission *a);
uint32_t admission_unproven(const struct admission *a);

#endif
