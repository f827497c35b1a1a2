/* How many connections there are, in all and of each address; and whether one more may come. */
#ifndef COMMON_HTTP_SEATS_H
#define COMMON_HTTP_SEATS_H

#include "common/address.h"

struct http_seats {
	struct http_seat *rows; /* owned: room of them, those taken first */
	unsigned taken, room, per_address;
};

/* False when memory is out. */
bool http_seats_open(struct http_seats *s, unsigned room, unsigned per_address);
void http_seats_close(struct http_seats *s);

/* False when all are taken, or per_address by the same: IPv6 addresses count as their /64, addresses of
 * this machine are not held to it (a proxy on it brings everybody's). */
bool http_seats_take(struct http_seats *s, const struct address *who);
void http_seats_leave(struct http_seats *s, const struct address *who);

#endif
