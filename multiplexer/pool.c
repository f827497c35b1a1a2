#include "multiplexer/pool.h"

#include <stdlib.h>
#include <uv.h>

/* Hundredths of the limit. */
enum { OVER = 95, FULL = 98, DOWN_TO = 90 };

#define DEFAULT_MOST ((size_t)512 * 1024 * 1024)

size_t pool_default(uint64_t memory)
{
	return memory / 4 < DEFAULT_MOST ? (size_t)(memory / 4) : DEFAULT_MOST;
}

size_t pool_limit(size_t configured)
{
	uint64_t memory = uv_get_total_memory();
	uint64_t group = uv_get_constrained_memory(); /* 0, or beyond all memory: no limit known */

	if (configured > 0)
		return configured;
	return pool_default(group > 0 && group < memory ? group : memory);
}

static size_t share_of(const struct pool *p, unsigned hundredths)
{
	return p->limit / 100 * hundredths;
}

bool pool_is_over(struct pool *p)
{
	if (p->bytes > p->most)
		p->most = p->bytes;
	return p->bytes > share_of(p, OVER);
}

bool pool_is_full(const struct pool *p)
{
	return p->bytes > share_of(p, FULL);
}

size_t pool_excess(const struct pool *p)
{
	size_t most = share_of(p, DOWN_TO);

	return p->bytes > most ? p->bytes - most : 0;
}

static int by_size(const void *a, const void *b)
{
	const struct pool_share *x = a, *y = b;

	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

size_t pool_choose(struct pool_share *shares, size_t count, size_t excess)
{
	size_t n = 0;

	if (count > 0)
		qsort(shares, count, sizeof *shares, by_size);
	for (size_t gone = 0; n < count && gone < excess && shares[n].bytes > 0; n++)
		gone += shares[n].bytes;
	return n;
}
