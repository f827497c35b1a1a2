#include "proto/frame.h"

#include <stdio.h>

#include "proto/wire.h"

/* The message's length, or 0 when its header is refused. */
static size_t check_header(const uint8_t *at, struct refusal *why)
{
	size_t len = wire_get16(at);
	const char *name;

	if (len >= MSG_HEADER && len <= MSG_MAX && at[3] <= MSG_ARGS_MAX)
		return len;
	name = msg_name(at[2]);
	if (name == NULL)
		name = "unknown message";
	if (len < MSG_HEADER || len > MSG_MAX)
		snprintf(why->text, sizeof why->text, "%s (%u): length: %zu is not %d..%d", name,
			at[2], len, MSG_HEADER, MSG_MAX);
	else
		snprintf(why->text, sizeof why->text, "%s (%u): argument count: %u is over %d",
			name, at[2], at[3], MSG_ARGS_MAX);
	return 0;
}

static void set_frame(struct frame *out, const uint8_t *at, size_t len)
{
	*out = (struct frame){
		.id = at[2], .count = at[3], .args = slice_of(at + MSG_HEADER, len - MSG_HEADER)};
}

/* Moves bytes from *in to the part until it has want of them; false when *in has not enough. */
static bool fill_to(struct framer *f, struct slice *in, size_t want)
{
	size_t n = size_min(want - f->have, in->len);

	if (n > 0)
		memcpy(f->part + f->have, in->at, n);
	f->have += n;
	*in = slice_from(*in, n);
	return f->have == want;
}

enum frame_result framer_next(
	struct framer *f, struct slice *in, struct frame *out, struct refusal *why)
{
	size_t len;

	if (f->have == 0 && in->len >= MSG_HEADER) {
		len = check_header(in->at, why);
		if (len == 0)
			return FRAME_BAD;
		if (in->len >= len) {
			set_frame(out, in->at, len);
			*in = slice_from(*in, len);
			return FRAME_READY;
		}
	}
	if (f->have < MSG_HEADER && !fill_to(f, in, MSG_HEADER))
		return FRAME_MORE;
	len = check_header(f->part, why);
	if (len == 0)
		return FRAME_BAD;
	if (!fill_to(f, in, len))
		return FRAME_MORE;
	set_frame(out, f->part, len);
	f->have = 0;
	return FRAME_READY;
}
