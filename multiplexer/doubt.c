#include "multiplexer/doubt.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64 };

void doubt_free(struct doubt *d)
{
	free(d->ring);
	*d = (struct doubt){0};
}

static bool grow(struct doubt *d)
{
	uint32_t room = d->room > 0 ? d->room * 2 : FIRST_ROOM;
	struct doubt_entry *ring = room <= DOUBT_MAX ? calloc(room, sizeof *ring) : NULL;

	if (ring == NULL)
		return false;
	for (uint32_t i = 0; i < d->count; i++)
		ring[i] = d->ring[(d->first + i) & (d->room - 1)];
	free(d->ring);
	d->ring = ring;
	d->room = room;
	d->first = 0;
	return true;
}

static uint32_t count_lines(struct slice text)
{
	uint32_t lines = 0;

	for (const uint8_t *lf; text.len > 0 && (lf = memchr(text.at, '\n', text.len)) != NULL;) {
		lines++;
		text = slice_from(text, (size_t)(lf - text.at) + 1);
	}
	return lines > 0 ? lines : 1;
}

void doubt_sent(struct doubt *d, uint32_t message, uint32_t user, struct slice text)
{
	if (d->count == d->room && !grow(d)) {
		d->overflow = true;
		return;
	}
	d->ring[(d->first + d->count++) & (d->room - 1)] =
		(struct doubt_entry){.message = message, .user = user, .lines = count_lines(text)};
}

void doubt_handled(struct doubt *d, uint32_t messages)
{
	while (d->count > 0 && (int32_t)(messages - d->ring[d->first].message) >= 0)
		doubt_take(d);
}

const struct doubt_entry *doubt_take(struct doubt *d)
{
	if (d->count == 0)
		return NULL;
	const struct doubt_entry *entry = &d->ring[d->first];

	d->first = (d->first + 1) & (d->room - 1);
	d->count--;
	return entry;
}
