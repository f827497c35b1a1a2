/* Makes lines of bytes: the line ends of every client, and the erase keys of a plain terminal. */
#ifndef COMMON_LINE_H
#define COMMON_LINE_H

#include "common/buf.h"

enum { LINE_MAX_BYTES = 4000 };

/* CR LF, CR NUL, LF and a lone CR each end one line, wherever the bytes are cut (seen from real
 * clients: GNU telnet CR LF or CR NUL, tt++ CR LF, tf and nc LF). Other NULs are dropped (KildClient
 * sends strays). BS and DEL erase the last UTF-8 character with the accents on it, ^U the line; ^W the
 * last word; TAB and every byte from 0x20 on is kept, other C0 controls are dropped, and so are whole
 * escape sequences (ESC [ ... and ESC O x: arrows and function keys of a terminal). A line longer than
 * max loses the rest up to its end. All zero is an empty assembler, but set max. */
struct line {
	struct buf text; /* the line so far */
	size_t max;      /* bytes: LINE_MAX_BYTES or less */
	bool after_cr;   /* a LF or NUL now belongs to the line end before it */
	uint8_t escape;  /* how far an escape sequence has come; 0 = there is none */
	bool cut;        /* this line was longer than max */
};

void line_free(struct line *l);

enum line_result {
	LINE_MORE,  /* all of *in was eaten; no line yet */
	LINE_READY, /* l->text is a whole line (l->cut: its end is lost); take it, then line_next */
	LINE_NOMEM
};

/* Eats bytes from *in until a line is whole. */
enum line_result line_feed(struct line *l, struct slice *in);
void line_next(struct line *l); /* starts the next line */

/* The same without a copy, for what mostly comes: true when in is one line as it is, with its end and
 * nothing behind it, and *text is the line. False: nothing has changed, and line_feed takes it. */
bool line_whole(struct line *l, struct slice in, struct slice *text);

/* How many lines end in text, without erase keys and escapes. *after_cr says whether the text before it
 * ended in CR, and then whether this does. */
uint32_t line_count(struct slice text, bool *after_cr);

/* What telnet's IAC EC and IAC EL do. */
void line_erase_char(struct line *l);
void line_erase(struct line *l);

#endif
