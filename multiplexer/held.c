#include "multiplexer/held.h"

/* A header: bytes behind it, flags of an event, and where its data begins (behind the channel). */
struct header {
	uint32_t len; /* the top bit: an event */
	uint32_t flags;
};

_Static_assert(sizeof(struct header) == HELD_HEADER, "the header is as long as it says");

#define IS_EVENT 0x80000000u

/* The memory has changed, and was before until now. */
static void count(struct held *h, size_t before)
{
	if (h->total != NULL)
		*h->total = *h->total - before + held_kept(h);
}

void held_count_in(struct held *h, size_t *total)
{
	h->total = total;
	*total += held_kept(h);
}

void held_free(struct held *h)
{
	size_t before = held_kept(h);

	buf_free(&h->bytes);
	h->last_text = 0;
	count(h, before);
}

static struct header get_header(const struct held *h)
{
	struct header header;

	memcpy(&header, buf_bytes(&h->bytes).at, sizeof header);
	return header;
}

static bool add_text(struct held *h, struct slice text)
{
	struct header header = {.len = h->last_text + (uint32_t)text.len};

	if (h->last_text == 0) {
		if (!buf_add(&h->bytes, slice_of(&header, sizeof header)))
			return false;
		if (!buf_add(&h->bytes, text)) {
			h->bytes.len -= sizeof header;
			return false;
		}
	} else {
		size_t at = h->bytes.start + h->bytes.len - h->last_text - sizeof header;
		size_t start = h->bytes.start;

		if (!buf_add(&h->bytes, text))
			return false;
		/* Growing may have moved what is left to the beginning of the memory. */
		at = at - start + h->bytes.start;
		memcpy(h->bytes.mem + at, &header, sizeof header);
	}
	h->last_text = header.len;
	return true;
}

bool held_add_text(struct held *h, struct slice text)
{
	size_t before = held_kept(h);
	bool ok = add_text(h, text);

	count(h, before);
	return ok;
}

static bool add_event(struct held *h, struct slice channel, uint32_t flags, struct slice data)
{
	struct header header = {
		.len = IS_EVENT | (uint32_t)(1 + channel.len + data.len), .flags = flags};
	size_t before = h->bytes.len;

	if (!buf_add(&h->bytes, slice_of(&header, sizeof header)) ||
		!buf_add_byte(&h->bytes, (uint8_t)channel.len) || !buf_add(&h->bytes, channel) ||
		!buf_add(&h->bytes, data)) {
		h->bytes.len = before;
		return false;
	}
	h->last_text = 0;
	return true;
}

bool held_add_event(struct held *h, struct slice channel, uint32_t flags, struct slice data)
{
	size_t before = held_kept(h);
	bool ok = add_event(h, channel, flags, data);

	count(h, before);
	return ok;
}

bool held_first(const struct held *h, struct held_entry *entry)
{
	if (h->bytes.len == 0)
		return false;
	struct header header = get_header(h);
	struct slice rest =
		slice_of(buf_bytes(&h->bytes).at + sizeof header, header.len & ~IS_EVENT);
	*entry = (struct held_entry){.is_event = (header.len & IS_EVENT) != 0, .data = rest};
	if (entry->is_event) {
		entry->flags = header.flags;
		entry->channel = slice_of(rest.at + 1, rest.at[0]);
		entry->data = slice_from(rest, 1 + (size_t)rest.at[0]);
	}
	return true;
}

void held_eat(struct held *h)
{
	struct header header = get_header(h);
	size_t before = held_kept(h);

	buf_eat(&h->bytes, sizeof header + (header.len & ~IS_EVENT));
	if (h->bytes.len == 0) { /* who waited once keeps nothing for it */
		buf_free(&h->bytes);
		h->last_text = 0;
	}
	count(h, before);
}

void held_eat_text(struct held *h, size_t n)
{
	struct header header = get_header(h);
	bool only = h->bytes.len == sizeof header + header.len;

	header.len -= (uint32_t)n;
	memcpy(h->bytes.mem + h->bytes.start + n, &header, sizeof header);
	buf_eat(&h->bytes, n);
	if (only)
		h->last_text = header.len;
}
