/* Texts with mark-up, {red}...{/}, and what each kind of client is shown of them.
 *
 * Of every text only printable characters, tabs and line ends come through: no control character, no
 * mark that turns the direction of writing round, no byte that is no UTF-8. What a script must have as
 * it is, it marks so (markup_trust).
 *
 * A coded text is made by markup_escape, markup_trust and markup_tag alone:
 *
 *   {bold red} {#ff8800} {on blue}   draws so (pen.h) up to the {/} that belongs to it, or the end
 *   {{                               a brace
 *   DLE byte                         this byte, whatever it is */
#ifndef SERVER_MARKUP_H
#define SERVER_MARKUP_H

#include "common/buf.h"
#include "server/pen.h"

/* What a client can be shown: enum pen_colors, and these. Small, so that clients can be counted by it. */
enum { LOOK_COLORS = 3, LOOK_ASCII = 4, LOOK_MXP = 8, LOOK_COUNT = 16 };

struct markup {
	struct slice bytes; /* borrowed */
	bool coded;         /* otherwise a brace in it is a brace */
	bool line;          /* shown with a line end, if it has none */
};

/* Which parts of a look make a difference to this text: LOOK_COLORS | LOOK_ASCII | LOOK_MXP, or some. */
unsigned markup_depends(const struct markup *m);

/* What a client of this look is shown: *shown is m's own bytes if nothing has to be changed, otherwise
 * those of out, an empty buffer. Lines are drawn one by one: none leaves its colours to what comes
 * after it. False when memory is out. */
bool markup_render(const struct markup *m, unsigned look, struct buf *out, struct slice *shown);

/* How wide it is shown, in characters. */
size_t markup_width(const struct markup *m);

/* The part of a coded text that stands for text as it is. out has room for twice its length; returns
 * how much was written. */
size_t markup_escape(struct slice text, uint8_t *out);

/* The same for bytes that reach every client as they are. */
size_t markup_trust(struct slice bytes, uint8_t *out);

/* How long the tag is that text begins with, braces included: {red}, {/}, or {{; 0: none. */
size_t markup_tag(struct slice text);

#endif
