/* How many requests a second each address may make; counted by any thread. */
#ifndef SERVER_API_LIMITER_H
#define SERVER_API_LIMITER_H

#include "common/address.h"

struct limiter;

/* per_second: and twice as many at once. NULL when memory is out. */
struct limiter *limiter_new(unsigned per_second);
void limiter_free(struct limiter *l); /* NULL is allowed */

/* A request of that address (IPv6: of its /64), at now_ms of any clock that goes on. False: too many.
 * This machine's own addresses are never too many. Whom the table has no room for any more begins
 * anew. */
bool limiter_take(struct limiter *l, const struct address *who, uint64_t now_ms);

#endif
