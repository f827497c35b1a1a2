/* How text is drawn: colour, background, bold and the like, and how a terminal is told (SGR of ECMA-48). */
#ifndef SERVER_PEN_H
#define SERVER_PEN_H

#include "common/defs.h"

/* How many colours a client can show. */
enum pen_colors { PEN_NONE, PEN_16, PEN_256, PEN_TRUE };

/* All zero draws as the client draws by itself. */
struct pen {
	uint32_t ink, paper; /* 0 = its own; 1..16 = a named colour; PEN_RGB | 0xrrggbb */
	uint8_t styles;      /* PEN_BOLD and so on */
};

enum { PEN_RGB = 1 << 24 };
enum { PEN_BOLD = 1, PEN_DIM = 2, PEN_UNDERLINE = 4, PEN_REVERSE = 8 };

/* Takes what words says, "bold red" or "#ff8800 on bright black", and leaves the rest as it is. False,
 * and nothing changed, when that is no such thing: words are separated by one blank each, and small.
 *
 *   bold dim underline reverse    black red green yellow blue magenta cyan white, bright before one of
 *   these; grey (bright black)    #rrggbb    on before a colour: the background */
bool pen_take(struct pen *pen, struct slice words);

static inline bool pen_is(const struct pen *a, const struct pen *b)
{
	return a->ink == b->ink && a->paper == b->paper && a->styles == b->styles;
}

enum { PEN_TEXT_MAX = 64 };

/* What a terminal is told to draw so from now on, whatever it drew like before; colours it cannot show
 * become the nearest it can. Returns how long it is; no terminator. Not for PEN_NONE. */
size_t pen_text(const struct pen *pen, enum pen_colors colors, char out[static PEN_TEXT_MAX]);

#endif
