/* Lines: collects what a user types until Enter, with the erase keys of a plain terminal. */
#include "common/line.h"
#include "multiplexer/layers.h"

struct line_state {
	struct line line;
};

static void line_open(struct layers *ls UNUSED, void *state)
{
	((struct line_state *)state)->line.max = LINE_MAX_BYTES;
}

static void line_close(struct layers *ls UNUSED, void *state)
{
	line_free(&((struct line_state *)state)->line);
}

static void say_line_was_cut(struct layers *ls, unsigned position)
{
	static const char text[] =
		"[That line was too long: its end, from byte 4000 on, is lost.]\r\n";

	_Static_assert(LINE_MAX_BYTES == 4000, "the text names the limit");
	layers_say_from(ls, position, slice_text(text));
}

/* The Enter of a line that his client did not show. */
static void say_line_ends(struct layers *ls, unsigned position, unsigned lines)
{
	while (ls->hidden && ls->echoing && lines-- > 0)
		layers_say_from(ls, position, slice_text("\r\n"));
}

/* A crawler's question is for us, if it is the first line of all. */
static bool is_question(struct layers *ls, unsigned position, const struct line *l)
{
	bool first = !ls->typed;

	ls->typed = true;
	return first && layers_is_mssp_request(buf_bytes(&l->text)) &&
	       layers_say_mssp(ls, position);
}

/* Passes up what is one whole line, and was not the first; false when it is not. */
static bool whole_line_up(struct layers *ls, unsigned position, struct line *l, struct slice bytes)
{
	uint8_t line[LINE_MAX_BYTES + 1];
	struct slice text;

	if (!ls->typed || !line_whole(l, bytes, &text))
		return false;
	memcpy(line, text.at, text.len);
	line[text.len] = '\n';
	say_line_ends(ls, position, 1);
	layers_up_from(ls, position, slice_of(line, text.len + 1));
	return true;
}

/* All lines of one read go up together, so that they can share messages on the link. Who has typed no
 * part of a line has no memory for it. */
static void line_up(struct layers *ls, unsigned position, void *state, struct slice bytes)
{
	struct line *l = &((struct line_state *)state)->line;
	struct buf lines = {0};
	bool ok = true, cut = false;
	unsigned count = 0;
	enum line_result r;

	if (whole_line_up(ls, position, l, bytes))
		return;
	while (ok && (r = line_feed(l, &bytes)) != LINE_MORE) {
		ok = r == LINE_READY;
		if (ok && !is_question(ls, position, l)) {
			ok = buf_add(&lines, buf_bytes(&l->text)) && buf_add_byte(&lines, '\n');
			count++;
		}
		cut |= l->cut;
		line_next(l);
	}
	say_line_ends(ls, position, count);
	if (lines.len > 0)
		layers_up_from(ls, position, buf_bytes(&lines));
	buf_free(&lines);
	if (l->text.len == 0)
		buf_free(&l->text);
	if (!ok)
		ls->ops->on_nomem(ls);
	else if (cut)
		say_line_was_cut(ls, position);
}

static bool line_event(
	struct layers *ls UNUSED, unsigned position UNUSED, void *state, enum layer_event event)
{
	struct line *l = &((struct line_state *)state)->line;

	if (event == LAYER_ERASE_CHAR)
		line_erase_char(l);
	else if (event == LAYER_ERASE_LINE)
		line_erase(l);
	return event == LAYER_ERASE_CHAR || event == LAYER_ERASE_LINE;
}

const struct layer layer_line = {
	.name = "line",
	.memory = sizeof(struct line_state),
	.open = line_open,
	.up = line_up,
	.event = line_event,
	.close = line_close,
};
