#include "server/pen.h"

#include <stdio.h>

enum { GREY = 9, BRIGHT = 8 };

static const char *const color_names[] = {
	"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"};

static const struct {
	const char *name;
	uint8_t bit, number; /* number: of SGR */
} styles[] = {
	{"bold", PEN_BOLD, 1},
	{"dim", PEN_DIM, 2},
	{"underline", PEN_UNDERLINE, 4},
	{"reverse", PEN_REVERSE, 7},
};

/* The named colours as xterm draws them, for the nearest of them. */
static const uint32_t palette[] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
	0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff,
	0xffffff};

/* ---- words -------------------------------------------------------------------------------------- */

/* Eats the next word; empty when there is none, or two blanks. */
static struct slice next_word(struct slice *words)
{
	const uint8_t *blank = words->len > 0 ? memchr(words->at, ' ', words->len) : NULL;
	struct slice word =
		blank != NULL ? slice_of(words->at, (size_t)(blank - words->at)) : *words;

	*words = slice_from(*words, word.len + 1);
	return word;
}

static int hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* 0: it is none. */
static uint32_t rgb_of(struct slice word)
{
	uint32_t rgb = 0;

	if (word.len != 7 || word.at[0] != '#')
		return 0;
	for (size_t i = 1; i < word.len; i++) {
		int digit = hex_digit(word.at[i]);

		if (digit < 0)
			return 0;
		rgb = rgb << 4 | (uint32_t)digit;
	}
	return PEN_RGB | rgb;
}

static uint32_t named(struct slice word)
{
	for (uint32_t i = 0; i < ARRAY_LEN(color_names); i++)
		if (slice_is(word, slice_text(color_names[i])))
			return i + 1;
	return 0;
}

/* The colour that word begins; "bright" takes one more of words. 0: it is none. */
static uint32_t color_of(struct slice word, struct slice *words)
{
	if (slice_is(word, slice_text("bright"))) {
		uint32_t color = named(next_word(words));

		return color > 0 ? color + BRIGHT : 0;
	}
	if (slice_is(word, slice_text("grey")) || slice_is(word, slice_text("gray")))
		return GREY;
	return word.len > 0 && word.at[0] == '#' ? rgb_of(word) : named(word);
}

static uint8_t style_of(struct slice word)
{
	for (size_t i = 0; i < ARRAY_LEN(styles); i++)
		if (slice_is(word, slice_text(styles[i].name)))
			return styles[i].bit;
	return 0;
}

bool pen_take(struct pen *pen, struct slice words)
{
	struct pen p = *pen;

	if (words.len == 0 || words.at[words.len - 1] == ' ')
		return false;
	while (words.len > 0) {
		struct slice word = next_word(&words);
		uint8_t style = style_of(word);
		bool on = slice_is(word, slice_text("on"));
		uint32_t color;

		if (style != 0) {
			p.styles |= style;
			continue;
		}
		color = color_of(on ? next_word(&words) : word, &words);
		if (color == 0)
			return false;
		*(on ? &p.paper : &p.ink) = color;
	}
	*pen = p;
	return true;
}

/* ---- the nearest -------------------------------------------------------------------------------- */

/* How far apart two colours look: the eye sees green best, and red the better the more there is. */
static uint32_t distance(uint32_t a, uint32_t b)
{
	int32_t ar = a >> 16 & 0xff, br = b >> 16 & 0xff;
	int32_t r = ar - br, g = (int32_t)(a >> 8 & 0xff) - (int32_t)(b >> 8 & 0xff);
	int32_t bl = (int32_t)(a & 0xff) - (int32_t)(b & 0xff), mean = (ar + br) / 2;

	return (uint32_t)(((512 + mean) * r * r) / 256 + 4 * g * g +
			  ((767 - mean) * bl * bl) / 256);
}

static uint32_t nearest_of_16(uint32_t rgb)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < ARRAY_LEN(palette); i++)
		if (distance(rgb, palette[i]) < distance(rgb, palette[best]))
			best = i;
	return best;
}

/* The six steps of xterm's colour cube. */
static uint32_t step(uint32_t value)
{
	return value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40;
}

static uint32_t step_value(uint32_t step)
{
	return step == 0 ? 0 : 55 + 40 * step;
}

/* Of the cube (16..231) and the greys (232..255); the first 16 look different everywhere. */
static uint32_t nearest_of_256(uint32_t rgb)
{
	uint32_t r = step(rgb >> 16 & 0xff), g = step(rgb >> 8 & 0xff), b = step(rgb & 0xff);
	uint32_t cube = step_value(r) << 16 | step_value(g) << 8 | step_value(b);
	uint32_t mean = ((rgb >> 16 & 0xff) + (rgb >> 8 & 0xff) + (rgb & 0xff)) / 3;
	uint32_t grey = mean < 8 ? 0 : mean > 238 ? 23 : (mean - 3) / 10;
	uint32_t value = 8 + 10 * grey;

	return distance(rgb, value << 16 | value << 8 | value) < distance(rgb, cube)
		       ? 232 + grey
		       : 16 + 36 * r + 6 * g + b;
}

/* ---- what a terminal is told -------------------------------------------------------------------- */

/* Adds one colour: base is 30 for ink, 40 for paper. */
static int add_color(char *out, size_t room, uint32_t color, unsigned base, enum pen_colors colors)
{
	if (color == 0)
		return 0;
	if (color >= PEN_RGB && colors == PEN_TRUE)
		return snprintf(out, room, ";%u;2;%u;%u;%u", base + 8, color >> 16 & 0xff,
			color >> 8 & 0xff, color & 0xff);
	if (color >= PEN_RGB && colors == PEN_256)
		return snprintf(out, room, ";%u;5;%u", base + 8, nearest_of_256(color));
	color = color >= PEN_RGB ? nearest_of_16(color) : color - 1;
	return snprintf(out, room, ";%u", base + (color >= 8 ? 60 - 8 : 0) + color);
}

size_t pen_text(const struct pen *pen, enum pen_colors colors, char out[static PEN_TEXT_MAX])
{
	int len = snprintf(out, PEN_TEXT_MAX, "\x1b[0");

	for (size_t i = 0; i < ARRAY_LEN(styles); i++)
		if ((pen->styles & styles[i].bit) != 0)
			len += snprintf(
				out + len, PEN_TEXT_MAX - (size_t)len, ";%u", styles[i].number);
	len += add_color(out + len, PEN_TEXT_MAX - (size_t)len, pen->ink, 30, colors);
	len += add_color(out + len, PEN_TEXT_MAX - (size_t)len, pen->paper, 40, colors);
	out[len++] = 'm';
	return (size_t)len;
}
