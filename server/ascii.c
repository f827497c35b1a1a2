#include "server/ascii.h"

/* From U+00A0 and from U+0100 on: the letter without its mark; '\0': see below. */
static const char latin[] = " !cL\0Y|S\"\0a\"-\0\0-"
			    "\0\0002"
			    "3'u\0.,1o\"\0\0\0?"
			    "AAAAAA\0CEEEEIIII"
			    "DNOOOOOxOUUUUY\0\0"
			    "aaaaaa\0ceeeeiiii"
			    "dnooooo/ouuuuy\0y";
static const char extended[] = "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGg"
			       "GgGgHhHhIiIiIiIiIi\0\0JjKkkLlLlLlL"
			       "lLlNnNnNnnNnOoOoOo\0\0RrRrRrSsSsSs"
			       "SsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

_Static_assert(sizeof latin == 0x60 + 1, "U+00A0..U+00FF");
_Static_assert(sizeof extended == 0x80 + 1, "U+0100..U+017F");

/* What takes more than one letter, and what is far from the others. */
static const struct {
	uint32_t first, last;
	const char *text;
} others[] = {
	{0x00a4, 0x00a4, "?"},
	{0x00a9, 0x00a9, "(c)"},
	{0x00ad, 0x00ad, ""},
	{0x00ae, 0x00ae, "(R)"},
	{0x00b0, 0x00b0, " deg"},
	{0x00b1, 0x00b1, "+-"},
	{0x00b6, 0x00b6, "P"},
	{0x00bc, 0x00bc, "1/4"},
	{0x00bd, 0x00bd, "1/2"},
	{0x00be, 0x00be, "3/4"},
	{0x00c6, 0x00c6, "AE"},
	{0x00de, 0x00de, "Th"},
	{0x00df, 0x00df, "ss"},
	{0x00e6, 0x00e6, "ae"},
	{0x00fe, 0x00fe, "th"},
	{0x0132, 0x0132, "IJ"},
	{0x0133, 0x0133, "ij"},
	{0x0152, 0x0152, "OE"},
	{0x0153, 0x0153, "oe"},
	{0x0300, 0x036f, ""},
	{0x1e9e, 0x1e9e, "SS"},
	{0x2000, 0x200a, " "},
	{0x200b, 0x200f, ""},
	{0x2010, 0x2015, "-"},
	{0x2018, 0x201b, "'"},
	{0x201c, 0x201f, "\""},
	{0x2022, 0x2022, "*"},
	{0x2026, 0x2026, "..."},
	{0x202f, 0x202f, " "},
	{0x2032, 0x2032, "'"},
	{0x2033, 0x2033, "\""},
	{0x20ac, 0x20ac, "EUR"},
	{0x2122, 0x2122, "(TM)"},
	{0x2190, 0x2190, "<-"},
	{0x2192, 0x2192, "->"},
	{0x2212, 0x2212, "-"},
	{0x2500, 0x2501, "-"},
	{0x2502, 0x2503, "|"},
	{0x2504, 0x254f, "+"},
	{0x2550, 0x2550, "="},
	{0x2551, 0x2551, "|"},
	{0x2552, 0x257f, "+"},
	{0xfe00, 0xfe0f, ""},
	{0xfeff, 0xfeff, ""},
};

struct slice ascii_of(uint32_t c)
{
	const char *letter = c >= 0xa0 && c < 0x100    ? &latin[c - 0xa0]
			     : c >= 0x100 && c < 0x180 ? &extended[c - 0x100]
						       : "";

	if (*letter != '\0')
		return slice_of(letter, 1);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (c >= others[i].first && c <= others[i].last)
			return slice_text(others[i].text);
	return slice_text("?");
}
