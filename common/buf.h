/* Bytes that grow at the end and are eaten from the front. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/defs.h"

/* All zero is an empty buffer that owns nothing. */
struct buf {
	uint8_t *mem; /* owned */
	size_t start; /* first byte not yet eaten */
	size_t len;   /* bytes from start on */
	size_t room;  /* bytes at mem */
};

void buf_free(struct buf *b); /* leaves an empty buffer */

static inline struct slice buf_bytes(const struct buf *b)
{
	return b->len > 0 ? slice_of(b->mem + b->start, b->len) : slice_of(NULL, 0);
}

/* Adds a copy of bytes. False, and nothing changed, when memory is out. */
bool buf_add(struct buf *b, struct slice bytes);
bool buf_add_byte(struct buf *b, uint8_t byte);
bool buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Eats n bytes (at most len) from the front. An emptied buffer gives its memory back when it held
 * more than 4 KiB, so that a thousand idle users do not keep what one busy moment needed. */
void buf_eat(struct buf *b, size_t n);

#endif
