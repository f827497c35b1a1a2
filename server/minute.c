#include "server/minute.h"

/* Four buckets for each power of two: 0 1 2 3, 4 5 6 7, 8- 10- 12- 14-, 16- 20- ... */
static unsigned bucket_of(uint64_t value)
{
	unsigned bits = 0;

	while (value >> bits >= 8)
		bits++;
	uint64_t bucket = bits * 4 + (value >> bits);
	return bucket < MINUTE_BUCKETS ? (unsigned)bucket : MINUTE_BUCKETS - 1;
}

/* The largest value of a bucket. */
static uint64_t top_of(unsigned bucket)
{
	unsigned bits = bucket < 8 ? 0 : bucket / 4 - 1;

	return ((uint64_t)(bucket - bits * 4 + 1) << bits) - 1;
}

static bool is_recent(const struct minute *m, unsigned row, uint64_t now_ms)
{
	return m->second[row] + MINUTE_SECONDS > now_ms / 1000;
}

void minute_add(struct minute *m, uint64_t now_ms, uint64_t value)
{
	uint64_t second = now_ms / 1000;
	unsigned row = second % MINUTE_SECONDS, bucket = bucket_of(value);

	if (m->second[row] != second) {
		m->second[row] = second;
		m->largest[row] = 0;
		memset(m->count[row], 0, sizeof m->count[row]);
	}
	if (value > m->largest[row])
		m->largest[row] = value;
	if (m->count[row][bucket] < UINT16_MAX)
		m->count[row][bucket]++;
}

uint64_t minute_max(const struct minute *m, uint64_t now_ms)
{
	uint64_t largest = 0;

	for (unsigned row = 0; row < MINUTE_SECONDS; row++)
		if (is_recent(m, row, now_ms) && m->largest[row] > largest)
			largest = m->largest[row];
	return largest;
}

uint64_t minute_above(const struct minute *m, uint64_t now_ms, unsigned of_thousand)
{
	uint64_t count[MINUTE_BUCKETS] = {0}, all = 0, above = 0, largest;

	for (unsigned row = 0; row < MINUTE_SECONDS; row++)
		for (unsigned b = 0; is_recent(m, row, now_ms) && b < MINUTE_BUCKETS; b++) {
			count[b] += m->count[row][b];
			all += m->count[row][b];
		}
	largest = minute_max(m, now_ms);
	for (unsigned b = MINUTE_BUCKETS; b-- > 0;) {
		above += count[b];
		if (above * 1000 > all * of_thousand)
			return top_of(b) < largest ? top_of(b) : largest;
	}
	return 0;
}
