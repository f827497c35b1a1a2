#include "common/line.h"

enum { BS = 0x08, TAB = 0x09, LF = 0x0a, CR = 0x0d, CTRL_U = 0x15, CTRL_W = 0x17, DEL = 0x7f };

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

/* How many bytes the last character has; 1 for a byte that is no part of proper UTF-8. */
static size_t last_char(struct slice text)
{
	static const uint8_t lead_mask[] = {0, 0, 0xe0, 0xf0, 0xf8};
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t n = 1; n <= 4 && n <= text.len; n++) {
		uint8_t byte = text.at[text.len - n];
		if ((byte & 0xc0) == 0x80)
			continue;
		return n >= 2 && (byte & lead_mask[n]) == lead[n] ? n : 1;
	}
	return 1;
}

void line_erase_char(struct line *l)
{
	if (l->text.len > 0)
		shorten(l, l->text.len - last_char(buf_bytes(&l->text)));
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

enum line_result line_feed(struct line *l, struct slice *in)
{
	while (in->len > 0) {
		uint8_t byte = in->at[0];
		bool after_cr = l->after_cr;

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
	}
	return LINE_MORE;
}

void line_next(struct line *l)
{
	buf_eat(&l->text, l->text.len);
	l->cut = false;
}
