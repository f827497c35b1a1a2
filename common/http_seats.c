#include "common/http_seats.h"

#include <stdlib.h>

struct http_seat {
	uint8_t host[ADDRESS_IP_BYTES];
};

/* A list that is walked: no address can be chosen so that it takes longer than that. */
static void host_of(const struct address *who, uint8_t host[static ADDRESS_IP_BYTES])
{
	struct address plain = *who;

	address_unmap(&plain);
	if (!address_ip_bytes(&plain, host))
		memset(host, 0, ADDRESS_IP_BYTES);
	else if (plain.sa.sa_family == AF_INET6)
		memset(host + 8, 0, 8);
}

bool http_seats_open(struct http_seats *s, unsigned room, unsigned per_address)
{
	*s = (struct http_seats){
		.rows = calloc(room, sizeof *s->rows), .room = room, .per_address = per_address};
	return s->rows != NULL;
}

void http_seats_close(struct http_seats *s)
{
	free(s->rows);
	*s = (struct http_seats){0};
}

bool http_seats_take(struct http_seats *s, const struct address *who)
{
	struct http_seat seat;
	unsigned same = 0;

	if (s->taken == s->room)
		return false;
	host_of(who, seat.host);
	for (unsigned i = 0; i < s->taken; i++)
		same += memcmp(s->rows[i].host, seat.host, sizeof seat.host) == 0;
	if (same >= s->per_address && !address_is_local(who))
		return false;
	s->rows[s->taken++] = seat;
	return true;
}

void http_seats_leave(struct http_seats *s, const struct address *who)
{
	uint8_t host[ADDRESS_IP_BYTES];

	host_of(who, host);
	for (unsigned i = 0; i < s->taken; i++) {
		if (memcmp(s->rows[i].host, host, sizeof host) == 0) {
			s->rows[i] = s->rows[--s->taken];
			return;
		}
	}
}
