/* Whatever players and scripts write: a terminal gets characters, tabs, line ends and our own colours,
 * which end with the line; the rest only where a script vouches for it. The first byte is the look, the
 * rest is a text as it is, then one with mark-up. */
#include <stdlib.h>

#include "common/utf8.h"
#include "server/markup.h"
#include "tests/fuzz/fuzz.h"

static struct slice render(struct slice bytes, bool coded, unsigned look, struct buf *out)
{
	struct markup m = {.bytes = bytes, .coded = coded};
	struct slice shown;

	must(markup_render(&m, look, out, &shown));
	return shown;
}

/* The length of the colours that s begins with. */
static size_t colours_len(struct slice s, unsigned look)
{
	size_t len = 2;

	must((look & LOOK_COLORS) != PEN_NONE && s.len > 2 && s.at[1] == '[');
	while (len < s.len && ((s.at[len] >= '0' && s.at[len] <= '9') || s.at[len] == ';'))
		len++;
	must(len < s.len && s.at[len] == 'm' && len < PEN_TEXT_MAX);
	return len + 1;
}

static void check_shown(struct slice s, unsigned look)
{
	bool drawn = false;

	must(utf8_is_valid(s));
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i], next = i + 1 < s.len ? s.at[i + 1] : 0;

		if (c == 0x1b) {
			size_t len = colours_len(slice_from(s, i), look);

			drawn = len != 4 || s.at[i + 2] != '0';
			i += len - 1;
			continue;
		}
		must(c >= 0x20 || c == '\t' || c == '\n' || (c == '\r' && next == '\n'));
		must(c != 0x7f && !(c == 0xc2 && next < 0xa0));
		must(c < 0x80 || (look & LOOK_ASCII) == 0);
		must(!(c == 0xe2 && next == 0x80 && s.at[i + 2] >= 0xa8 && s.at[i + 2] <= 0xae));
		must(!(c == 0xe2 && next == 0x81 && s.at[i + 2] >= 0xa6 && s.at[i + 2] <= 0xa9));
		must((look & LOOK_MXP) == 0 || (c != '<' && c != '>'));
		must(!drawn || c != '\n');
	}
	must(!drawn);
}

/* Bytes that vouch for the next one are scripts' alone. */
static void without_vouching(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = bytes[i] == 0x10 ? 0x11 : bytes[i];
}

static void check_coding(struct slice text, unsigned look)
{
	uint8_t *coded = malloc(2 * text.len + 1);
	struct buf plain = {0}, out = {0};

	must(coded != NULL);
	struct slice expected = render(text, false, look, &plain);
	struct slice escaped = slice_of(coded, markup_escape(text, coded));

	must(escaped.len <= 2 * text.len);
	must(slice_is(render(escaped, true, look, &out), expected));
	buf_free(&out);

	struct slice trusted = slice_of(coded, markup_trust(text, coded));

	must(trusted.len <= 2 * text.len);
	if ((look & LOOK_ASCII) == 0)
		must(slice_is(render(trusted, true, look, &out), text));
	buf_free(&out);
	buf_free(&plain);
	free(coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = {0}, again = {0};

	if (size < 1)
		return 0;
	unsigned look = data[0] % LOOK_COUNT;
	struct slice text = slice_of(data + 1, size - 1);
	struct slice shown = render(text, false, look, &out);

	check_shown(shown, look & ~(unsigned)LOOK_COLORS);
	if ((look & LOOK_MXP) == 0)
		must(slice_is(render(shown, false, look, &again), shown));
	buf_free(&out);
	buf_free(&again);
	check_coding(text, look);

	uint8_t *marked = malloc(size);

	must(marked != NULL);
	memcpy(marked, data + 1, size - 1);
	render(slice_of(marked, size - 1), true, look,
		&out); /* vouched or not: no more than that */
	buf_free(&out);
	without_vouching(marked, size - 1);
	check_shown(render(slice_of(marked, size - 1), true, look, &out), look);
	must(markup_width(&(struct markup){.bytes = slice_of(marked, size - 1), .coded = true}) <=
		size);
	buf_free(&out);
	free(marked);
	return 0;
}
