#include "multiplexer/bucket.h"

/* What n of burst cost in time: the whole burst refills in burst_lines / rate seconds. */
static uint64_t cost_us(const struct bucket_limits *l, uint64_t n, uint32_t burst)
{
	uint64_t of_all = (uint64_t)l->rate * burst;

	return (n * l->burst_lines * 1000000 + of_all - 1) / of_all;
}

static void take(uint64_t *full_us, uint64_t cost, uint64_t now_us)
{
	*full_us = (*full_us > now_us ? *full_us : now_us) + cost;
}

void bucket_take(struct bucket *b, const struct bucket_limits *l, uint32_t lines, uint32_t bytes,
	uint64_t now_ms)
{
	if (l->rate == 0)
		return;
	take(&b->lines_us, cost_us(l, lines, l->burst_lines), now_ms * 1000);
	take(&b->bytes_us, cost_us(l, bytes, l->burst_bytes), now_ms * 1000);
}

/* What is in a bucket that will be full at full_us. */
static uint64_t level(
	uint64_t full_us, const struct bucket_limits *l, uint32_t burst, uint64_t now_us)
{
	uint64_t whole_us = cost_us(l, burst, burst);
	uint64_t missing_us = full_us > now_us ? full_us - now_us : 0;

	if (missing_us >= whole_us)
		return 0;
	return (whole_us - missing_us) * l->rate * burst / l->burst_lines / 1000000;
}

uint32_t bucket_room(const struct bucket *b, const struct bucket_limits *l, uint64_t now_ms)
{
	if (l->rate == 0)
		return UINT32_MAX;
	uint64_t lines = level(b->lines_us, l, l->burst_lines, now_ms * 1000);
	uint64_t bytes = level(b->bytes_us, l, l->burst_bytes, now_ms * 1000);

	return (uint32_t)(lines < bytes ? lines : bytes);
}
