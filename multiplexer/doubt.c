#include "multiplexer/doubt.h"

#include <stdlib.h>

#include "common/line.h"

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

uint32_t doubt_lines(struct doubt_text *t, struct slice text)
{
	uint32_t lines = line_count(text, &t->after_cr);

	if (lines > 0)
		t->in_line = false;
	for (size_t n = text.len; n > 0 && !t->in_line; n--) {
		uint8_t c = text.at[n - 1];

		if (c == '\r' || c == '\n')
			break;
		t->in_line = c >= ' ' || c == '\t';
	}
	return lines;
}

void doubt_sent(struct doubt *d, uint32_t message, uint32_t user, uint32_t lines)
{
	if (lines == 0)
		return;
	if (d->count == d->room && !grow(d)) {
		d->overflow = true;
		return;
	}
	d->ring[(d->first + d->count++) & (d->room - 1)] =
		(struct doubt_entry){.message = message, .user = user, .lines = lines};
}

void doubt_handled(struct doubt *d, uint32_t messages)
{
	while (d->count > 0 && (int32_t)(messages - d->ring[d->first].message) >= 0)
		doubt_take(d);
}

const struct doubt_entry *doubt_first(const struct doubt *d)
{
	return d->count > 0 ? &d->ring[d->first] : NULL;
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
