#include "common/strikes.h"

/* False for what is not counted. */
static bool host_of(const struct address *who, uint8_t host[static 16])
{
	struct address plain = *who;

	address_unmap(&plain);
	memset(host, 0, 16);
	if (plain.len > 0 && plain.sa.sa_family == AF_INET)
		memcpy(host + 12, &plain.in.sin_addr, 4);
	else if (plain.len > 0 && plain.sa.sa_family == AF_INET6)
		memcpy(host, &plain.in6.sin6_addr, 8);
	else
		return false;
	if (plain.sa.sa_family == AF_INET)
		host[10] = host[11] = 0xff; /* as ::ffff:192.0.2.7, apart from every /64 */
	return true;
}

static struct strikes_row *find(const struct strikes *s, const uint8_t host[static 16])
{
	for (size_t i = 0; i < STRIKES_ROWS; i++)
		if (s->rows[i].failures > 0 && memcmp(s->rows[i].host, host, 16) == 0)
			return (struct strikes_row *)&s->rows[i];
	return NULL;
}

static struct strikes_row *new_row(struct strikes *s)
{
	struct strikes_row *oldest = &s->rows[0];

	for (size_t i = 0; i < STRIKES_ROWS; i++) {
		if (s->rows[i].failures == 0)
			return &s->rows[i];
		if (s->rows[i].last_ms < oldest->last_ms)
			oldest = &s->rows[i];
	}
	return oldest;
}

bool strikes_add(struct strikes *s, const struct address *who, uint64_t now_ms)
{
	uint8_t host[16];
	struct strikes_row *row;

	if (!host_of(who, host))
		return false;
	row = find(s, host);
	if (row == NULL || now_ms - row->last_ms >= STRIKES_FORGET_MS) {
		row = row != NULL ? row : new_row(s);
		*row = (struct strikes_row){0};
		memcpy(row->host, host, 16);
	}
	row->last_ms = now_ms;
	if (++row->failures % STRIKES_OUT != 0)
		return false;
	row->out_until_ms = now_ms + STRIKES_WAIT_MS;
	return true;
}

void strikes_clear(struct strikes *s, const struct address *who)
{
	uint8_t host[16];
	struct strikes_row *row = host_of(who, host) ? find(s, host) : NULL;

	if (row != NULL)
		*row = (struct strikes_row){0};
}

bool strikes_is_out(const struct strikes *s, const struct address *who, uint64_t now_ms)
{
	uint8_t host[16];
	const struct strikes_row *row = host_of(who, host) ? find(s, host) : NULL;

	return row != NULL && now_ms < row->out_until_ms;
}
