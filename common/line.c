#include "common/line.h"

#include "common/columns.h"

enum {
	BS = 0x08,
	TAB = 0x09,
	LF = 0x0a,
	CR = 0x0d,
	CTRL_U = 0x15,
	CTRL_W = 0x17,
	ESC = 0x1b,
	DEL = 0x7f
};
enum { NO_ESCAPE, ESCAPE_BEGUN, ESCAPE_CSI, ESCAPE_SS3 };

void line_free(struct line *l)
{
	buf_free(&l->text);
	*l = (struct line){.max = l->max};
}

static bool is_kept(uint8_t byte)
{
	return (byte >= 0x20 && byte != DEL) || byte == TAB;
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == TAB;
}

static void shorten(struct line *l, size_t len)
{
	l->text.len = len;
}

void line_erase_char(struct line *l)
{
	struct slice text = buf_bytes(&l->text);
	uint32_t c = 0;

	do
		text.len -= columns_last(text, &c);
	while (text.len > 0 && columns_of(c) == 0);
	shorten(l, text.len);
}

void line_erase(struct line *l)
{
	shorten(l, 0);
	l->cut = false;
}

static void erase_word(struct line *l)
{
	struct slice text = buf_bytes(&l->text);
	size_t len = text.len;

	while (len > 0 && is_blank(text.at[len - 1]))
		len--;
	while (len > 0 && !is_blank(text.at[len - 1]))
		len--;
	shorten(l, len);
}

/* Adds the run of kept bytes that *in begins with. */
static bool add_run(struct line *l, struct slice *in)
{
	size_t n = 0;

	while (n < in->len && is_kept(in->at[n]))
		n++;
	size_t fits = l->cut ? 0 : size_min(n, l->max - l->text.len);
	if (fits < n)
		l->cut = true;
	if (!buf_add(&l->text, slice_of(in->at, fits)))
		return false;
	*in = slice_from(*in, n);
	return true;
}

/* Whether byte belongs to an escape sequence: then it is no text. */
static bool in_escape(struct line *l, uint8_t byte)
{
	uint8_t at = l->escape;

	l->escape = byte == ESC ? ESCAPE_BEGUN : NO_ESCAPE;
	switch (at) {
	case ESCAPE_BEGUN:
		if (byte == '[')
			l->escape = ESCAPE_CSI;
		else if (byte == 'O')
			l->escape = ESCAPE_SS3;
		return byte == '[' || byte == 'O';
	case ESCAPE_CSI: /* parameters, then a final byte from @ to ~ */
		if (byte >= 0x20 && byte < 0x40)
			l->escape = ESCAPE_CSI;
		return byte >= 0x20 && byte < DEL;
	case ESCAPE_SS3:
		return byte >= 0x20 && byte < DEL;
	default:
		return false;
	}
}

enum line_result line_feed(struct line *l, struct slice *in)
{
	while (in->len > 0) {
		uint8_t byte = in->at[0];
		bool after_cr = l->after_cr;

		if (l->escape != NO_ESCAPE && in_escape(l, byte)) {
			l->after_cr = false;
			*in = slice_from(*in, 1);
			continue;
		}
		l->after_cr = false;
		if (is_kept(byte)) {
			if (!add_run(l, in))
				return LINE_NOMEM;
			continue;
		}
		*in = slice_from(*in, 1);
		if (byte == CR || (byte == LF && !after_cr)) {
			l->after_cr = byte == CR;
			return LINE_READY;
		}
		if (byte == BS || byte == DEL)
			line_erase_char(l);
		else if (byte == CTRL_U)
			line_erase(l);
		else if (byte == CTRL_W)
			erase_word(l);
		else if (byte == ESC)
			l->escape = ESCAPE_BEGUN;
	}
	return LINE_MORE;
}

void line_next(struct line *l)
{
	buf_eat(&l->text, l->text.len);
	l->cut = false;
}

bool line_whole(struct line *l, struct slice in, struct slice *text)
{
	bool cr, lf;
	size_t len = in.len, n = 0;

	if (l->text.len > 0 || l->cut || l->escape != NO_ESCAPE || l->after_cr)
		return false;
	lf = len > 0 && in.at[len - 1] == LF;
	len -= lf;
	cr = len > 0 && in.at[len - 1] == CR;
	len -= cr;
	while (n < len && is_kept(in.at[n]))
		n++;
	if (n < len || len > l->max || !(cr || lf))
		return false;
	l->after_cr = !lf;
	*text = slice_of(in.at, len);
	return true;
}

static uint32_t count_byte(const uint8_t *at, const uint8_t *end, uint8_t byte)
{
	uint32_t n = 0;

	for (; (at = memchr(at, byte, (size_t)(end - at))) != NULL; at++)
		n++;
	return n;
}

uint32_t line_count(struct slice text, bool *after_cr)
{
	const uint8_t *at = text.at, *end = text.at + text.len, *cr;
	uint32_t lines = 0;

	if (text.len == 0)
		return 0;
	at += *after_cr && *at == LF;
	while ((cr = memchr(at, CR, (size_t)(end - at))) != NULL) {
		lines += count_byte(at, cr, LF) + 1;
		at = cr + 1;
		at += at < end && *at == LF;
	}
	lines += count_byte(at, end, LF);
	*after_cr = end[-1] == CR;
	return lines;
}
