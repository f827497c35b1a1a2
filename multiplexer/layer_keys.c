/* Keys: each goes to the game at once. To a client that leaves the echo to us they are shown as the
 * line editor of the game (common/line.h, the same one) will take them. */
#include "common/line.h"
#include "common/columns.h"
#include "multiplexer/layers.h"

struct keys_state {
	struct line line; /* what the game has of the line he types */
};

static void keys_open(struct layers *ls UNUSED, void *state)
{
	((struct keys_state *)state)->line.max = LINE_MAX_BYTES;
}

static void keys_close(struct layers *ls UNUSED, void *state)
{
	line_free(&((struct keys_state *)state)->line);
}

/* What one key changes on his screen. */
static bool show_key(struct line *l, uint8_t byte, bool hidden, struct buf *out)
{
	struct slice in = slice_of(&byte, 1);
	size_t len = l->text.len,
	       width = byte < 0x20 || byte == 0x7f ? columns_width(buf_bytes(&l->text)) : 0;

	switch (line_feed(l, &in)) {
	case LINE_NOMEM:
		return false;
	case LINE_READY:
		line_next(l);
		return buf_add(out, slice_text("\r\n"));
	case LINE_MORE:
		break;
	}
	if (hidden)
		return true;
	if (l->text.len > len)
		return buf_add_byte(out, byte == '\t' ? ' ' : byte);
	if (l->text.len < len)
		for (width -= columns_width(buf_bytes(&l->text)); width > 0; width--)
			if (!buf_add(out, slice_text("\b \b")))
				return false;
	return true;
}

static void show(struct layers *ls, unsigned position, struct line *l, struct slice bytes)
{
	struct buf out = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < bytes.len; i++)
		ok = show_key(l, bytes.at[i], ls->hidden, &out);
	if (!ok)
		ls->ops->on_nomem(ls);
	else if (ls->echoing && out.len > 0)
		layers_say_from(ls, position, buf_bytes(&out));
	buf_free(&out);
}

static void keys_up(struct layers *ls, unsigned position, void *state, struct slice bytes)
{
	struct keys_state *s = state;

	if (!ls->typed) {
		ls->typed = true;
		if (layers_is_mssp_request(bytes) && layers_say_mssp(ls, position))
			return;
	}
	/* What he typed stands before what the game answers to it. */
	show(ls, position, &s->line, bytes);
	layers_up_from(ls, position, bytes);
}

/* His own keys for erasing: the game gets what a plain terminal would have sent. */
static bool keys_event(struct layers *ls, unsigned position, void *state, enum layer_event event)
{
	static const uint8_t del[] = {0x7f}, control_u[] = {0x15};

	if (event == LAYER_ERASE_CHAR)
		keys_up(ls, position, state, slice_of(del, 1));
	else if (event == LAYER_ERASE_LINE)
		keys_up(ls, position, state, slice_of(control_u, 1));
	return event == LAYER_ERASE_CHAR || event == LAYER_ERASE_LINE;
}

const struct layer layer_keys = {
	.name = "keys",
	.memory = sizeof(struct keys_state),
	.open = keys_open,
	.up = keys_up,
	.event = keys_event,
	.close = keys_close,
};
