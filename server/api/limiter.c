#include "server/api/limiter.h"

#include <stdlib.h>

#include <uv.h>

#include "common/hash.h"

enum { SETS = 256, WAYS = 4, BURST_SECONDS = 2 };

struct limiter_row {
	uint8_t host[ADDRESS_IP_BYTES];
	uint64_t last_ms;
	uint64_t thousandths; /* of a request */
};

struct limiter {
	unsigned per_second;
	uv_mutex_t lock;
	struct limiter_row rows[SETS][WAYS];
};

struct limiter *limiter_new(unsigned per_second)
{
	struct limiter *l = calloc(1, sizeof *l);

	if (l == NULL)
		return NULL;
	l->per_second = per_second;
	hash_bytes("", 0); /* its secret is drawn before there are several threads */
	if (uv_mutex_init(&l->lock) < 0) {
		free(l);
		return NULL;
	}
	return l;
}

void limiter_free(struct limiter *l)
{
	if (l != NULL)
		uv_mutex_destroy(&l->lock);
	free(l);
}

/* His row, or that of who has been silent for longest, emptied. */
static struct limiter_row *row_of(
	struct limiter *l, const uint8_t host[static ADDRESS_IP_BYTES], uint64_t now_ms)
{
	struct limiter_row *set = l->rows[hash_bytes(host, ADDRESS_IP_BYTES) % SETS];
	struct limiter_row *oldest = set;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].last_ms > 0 && memcmp(set[i].host, host, ADDRESS_IP_BYTES) == 0)
			return &set[i];
		if (set[i].last_ms < oldest->last_ms)
			oldest = &set[i];
	}
	memcpy(oldest->host, host, ADDRESS_IP_BYTES);
	oldest->last_ms = now_ms;
	oldest->thousandths = (uint64_t)l->per_second * BURST_SECONDS * 1000;
	return oldest;
}

static bool take(struct limiter *l, struct limiter_row *row, uint64_t now_ms)
{
	uint64_t most = (uint64_t)l->per_second * BURST_SECONDS * 1000;

	if (now_ms > row->last_ms) {
		row->thousandths += (now_ms - row->last_ms) * l->per_second;
		row->last_ms = now_ms;
	}
	if (row->thousandths > most)
		row->thousandths = most;
	if (row->thousandths < 1000)
		return false;
	row->thousandths -= 1000;
	return true;
}

bool limiter_take(struct limiter *l, const struct address *who, uint64_t now_ms)
{
	struct address plain = *who;
	uint8_t host[ADDRESS_IP_BYTES];

	address_unmap(&plain);
	if (address_is_local(&plain) || !address_ip_bytes(&plain, host))
		return true;
	if (plain.sa.sa_family == AF_INET6)
		memset(host + 8, 0, 8);
	uv_mutex_lock(&l->lock);
	bool may = take(l, row_of(l, host, now_ms), now_ms);
	uv_mutex_unlock(&l->lock);
	return may;
}
