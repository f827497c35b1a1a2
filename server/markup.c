#include "server/markup.h"

#include "common/utf8.h"
#include "server/ascii.h"

enum { DLE = 0x10, ESC = 0x1b, DEL = 0x7f };
enum {
	TAG_MAX = 80,
	NESTED_MAX = 16
}; /* bytes in a tag; tags in tags: deeper ones change nothing */

/* ---- characters --------------------------------------------------------------------------------- */

/* How long the character at the front is, and which; 0: these bytes are no UTF-8. */
static size_t take_utf8(struct slice s, uint32_t *c)
{
	struct utf8 u = {0};

	*c = s.at[0] < 0x80 ? s.at[0]
			    : s.at[0] & (s.at[0] < 0xe0          ? 0x1f
						: s.at[0] < 0xf0 ? 0x0f
								 : 7);
	for (size_t i = 0; i < s.len && i < 4; i++) {
		if (!utf8_byte(&u, s.at[i]))
			return 0;
		if (i > 0)
			*c = *c << 6 | (s.at[i] & 0x3f);
		if (utf8_is_between(&u))
			return i + 1;
	}
	return 0;
}

/* What could steer a terminal, or make a line look like another: controls, U+0080..U+009F, line ends
 * other than ours, and the marks that turn the direction of writing round. */
static bool is_dropped(uint32_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || (c >= DEL && c < 0xa0) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static bool is_line_end(struct slice s)
{
	return s.at[0] == '\n' || (s.at[0] == '\r' && s.len > 1 && s.at[1] == '\n');
}

static const char *entity(uint8_t c)
{
	return c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : NULL;
}

/* Nearly all bytes: they mean nothing in any text, to any client. */
static inline bool is_harmless(uint8_t c)
{
	return c >= 0x20 && c < DEL && c != '{' && c != '<' && c != '>' && c != '&';
}

/* How many bytes at the front every client of this look is shown as they are, in one go. */
static size_t plain_len(struct slice s, bool coded, unsigned look)
{
	size_t i = 0;

	while (i < s.len) {
		if (is_harmless(s.at[i])) {
			i++;
			continue;
		}
		uint8_t c = s.at[i];
		size_t len = 1;
		uint32_t character;

		if (c == '\n' && coded)
			return i; /* the pen may have to be put down */
		if (c == '\r' && !coded && is_line_end(slice_from(s, i)))
			len = 2;
		else if ((c < 0x20 && c != '\t' && c != '\n') || c == DEL || (c == '{' && coded) ||
			 ((look & LOOK_MXP) != 0 && entity(c) != NULL))
			return i;
		if (c >= 0x80) {
			len = (look & LOOK_ASCII) != 0 ? 0
						       : take_utf8(slice_from(s, i), &character);
			if (len == 0 || is_dropped(character))
				return i;
		}
		i += len;
	}
	return i;
}

/* ---- tags --------------------------------------------------------------------------------------- */

/* The words of the tag that text begins with; empty: it is none. */
static struct slice tag_words(struct slice text)
{
	struct slice rest = slice_from(text, 1);
	const uint8_t *end =
		rest.len > 0 ? memchr(rest.at, '}', size_min(rest.len, TAG_MAX)) : NULL;

	return slice_of(rest.at, end != NULL ? (size_t)(end - rest.at) : 0);
}

size_t markup_tag(struct slice text)
{
	struct pen pen = {0};

	if (text.len < 2 || text.at[0] != '{')
		return 0;
	if (text.at[1] == '{')
		return 2;
	struct slice words = tag_words(text);

	return slice_is(words, slice_text("/")) || pen_take(&pen, words) ? words.len + 2 : 0;
}

/* ---- what a client is shown --------------------------------------------------------------------- */

struct painter {
	struct buf *out;
	unsigned look;
	bool ok;
	struct pen drawn;            /* what the terminal draws like now */
	struct pen pens[NESTED_MAX]; /* of the open tags, and before them none */
	size_t open; /* how many tags are open; may be more than there is room for */
};

static void add(struct painter *p, struct slice bytes)
{
	p->ok = p->ok && buf_add(p->out, bytes);
}

static const struct pen *wanted(const struct painter *p)
{
	return &p->pens[size_min(p->open, NESTED_MAX - 1)];
}

static void take_pen(struct painter *p, const struct pen *pen)
{
	enum pen_colors colors = p->look & LOOK_COLORS;
	char text[PEN_TEXT_MAX];

	if (colors == PEN_NONE || pen_is(&p->drawn, pen))
		return;
	add(p, slice_of(text, pen_text(pen, colors, text)));
	p->drawn = *pen;
}

static void put_pen_down(struct painter *p)
{
	take_pen(p, &(struct pen){0});
}

static void open_tag(struct painter *p, struct slice words)
{
	struct pen pen = *wanted(p);

	if (p->open + 1 < NESTED_MAX && pen_take(&pen, words))
		p->pens[p->open + 1] = pen;
	p->open++;
}

/* Shows a brace, or opens or closes a tag; returns how many bytes that took. */
static size_t brace(struct painter *p, struct slice s)
{
	struct slice words = tag_words(s);
	size_t len = markup_tag(s);
	bool closes = len > 0 && s.at[1] == '/';

	if (len == 0 || s.at[1] == '{' || (closes && p->open == 0)) {
		take_pen(p, wanted(p));
		add(p, slice_text("{"));
		return len == 2 ? 2 : 1;
	}
	if (closes)
		p->open--;
	else
		open_tag(p, words);
	return len;
}

/* Shows what stands for the character at the front, which cannot be shown as it is; returns its length. */
static size_t character(struct painter *p, struct slice s)
{
	uint32_t c;
	size_t len = take_utf8(s, &c);
	bool ascii = (p->look & LOOK_ASCII) != 0;

	if (len > 0 && is_dropped(c))
		return len;
	take_pen(p, wanted(p));
	if (len == 0)
		add(p, slice_text(ascii ? "?" : "\xef\xbf\xbd"));
	else if (c >= 0x80 && ascii)
		add(p, ascii_of(c));
	else if (c < 0x80 && entity((uint8_t)c) != NULL)
		add(p, slice_text(entity((uint8_t)c)));
	else
		add(p, slice_of(s.at, len));
	return len > 0 ? len : 1;
}

/* Shows what the text begins with, plain_len being 0; returns how many bytes that took. */
static size_t special(struct painter *p, struct slice s, bool coded)
{
	if (coded && s.at[0] == DLE) {
		take_pen(p, wanted(p));
		add(p, slice_of(s.at + 1, s.len > 1 ? 1 : 0));
		return size_min(2, s.len);
	}
	if (coded && s.at[0] == '{')
		return brace(p, s);
	if (is_line_end(s)) {
		put_pen_down(p);
		add(p, slice_of(s.at, s.at[0] == '\r' ? 2 : 1));
		return s.at[0] == '\r' ? 2 : 1;
	}
	return character(p, s);
}

static void paint(struct painter *p, struct slice s, bool coded)
{
	while (s.len > 0 && p->ok) {
		size_t len = plain_len(s, coded, p->look);

		if (len > 0) {
			take_pen(p, wanted(p));
			add(p, slice_of(s.at, len));
		} else {
			len = special(p, s, coded);
		}
		s = slice_from(s, len);
	}
	put_pen_down(p);
}

static bool ends_line(struct slice s)
{
	return s.len > 0 && s.at[s.len - 1] == '\n';
}

/* A coded text without a tag is as a plain one. */
static bool is_coded(const struct markup *m)
{
	return m->coded && m->bytes.len > 0 &&
	       (memchr(m->bytes.at, '{', m->bytes.len) != NULL ||
		       memchr(m->bytes.at, DLE, m->bytes.len) != NULL);
}

bool markup_render(const struct markup *m, unsigned look, struct buf *out, struct slice *shown)
{
	bool coded = is_coded(m), wants_end = m->line && !ends_line(m->bytes);
	struct painter p = {.out = out, .look = look, .ok = true};

	*shown = m->bytes;
	if (!wants_end && !coded && plain_len(m->bytes, false, look) == m->bytes.len)
		return true;
	paint(&p, m->bytes, coded);
	if (m->line && !ends_line(buf_bytes(out)))
		add(&p, slice_text("\n"));
	*shown = buf_bytes(out);
	return p.ok;
}

unsigned markup_depends(const struct markup *m)
{
	unsigned depends = 0;

	for (size_t i = 0; i < m->bytes.len; i++) {
		uint8_t c = m->bytes.at[i];

		if (is_harmless(c))
			continue;
		depends |= c >= 0x80 ? LOOK_ASCII : 0u;
		depends |= c == '{' && m->coded ? LOOK_COLORS : 0u;
		depends |= entity(c) != NULL ? LOOK_MXP : 0u;
	}
	return depends;
}

size_t markup_width(const struct markup *m)
{
	struct painter p = {.ok = true};
	struct buf out = {0};
	size_t width = 0;

	p.out = &out;
	paint(&p, m->bytes, m->coded);
	for (size_t i = 0; i < out.len; i++)
		width += (buf_bytes(&out).at[i] & 0xc0) != 0x80;
	buf_free(&out);
	return width;
}

/* ---- how coded texts are made ------------------------------------------------------------------- */

size_t markup_escape(struct slice text, uint8_t *out)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i];

		if (c == '{')
			out[len++] = '{';
		out[len++] = c == DLE ? 0x01 : c; /* both are left out when it is shown */
	}
	return len;
}

size_t markup_trust(struct slice bytes, uint8_t *out)
{
	size_t len = 0;

	while (bytes.len > 0) {
		uint32_t c;
		size_t n = take_utf8(bytes, &c);
		bool plain = n > 0 && !is_dropped(c) && (n > 1 || entity(bytes.at[0]) == NULL);

		n = n > 0 ? n : 1;
		for (size_t i = 0; i < n; i++) {
			if (!plain || bytes.at[i] == '{')
				out[len++] = plain ? '{' : DLE;
			out[len++] = bytes.at[i];
		}
		bytes = slice_from(bytes, n);
	}
	return len;
}
