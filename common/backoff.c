/* Delays that grow while a program dies young. */
#include "common/backoff.h"

static const uint64_t delays_ms[] = {200, 500, 1000, 2000, 5000};

uint64_t backoff_after(struct backoff *b, uint64_t lived_ms)
{
	size_t row;

	if (lived_ms >= BACKOFF_SHORT_LIFE_MS) {
		b->short_lives = 0;
		return 0;
	}
	row = size_min(b->short_lives, ARRAY_LEN(delays_ms) - 1);
	if (b->short_lives < ARRAY_LEN(delays_ms))
		b->short_lives++;
	return delays_ms[row];
}
