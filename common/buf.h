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

/* Room for n bytes more, at the least: adding them cannot fail then. False, and nothing changed,
 * when memory is out. */
bool buf_reserve(struct buf *b, size_t n);

static inline size_t buf_spare(const struct buf *b)
{
	return b->room - b->start - b->len;
}

/* Adds a copy of bytes. False, and nothing changed, when memory is out. */
static inline bool buf_add(struct buf *b, struct slice bytes)
{
	if (bytes.len == 0)
		return true;
	if (bytes.len > buf_spare(b) && !buf_reserve(b, bytes.len))
		return false;
	memcpy(b->mem + b->start + b->len, bytes.at, bytes.len);
	b->len += bytes.len;
	return true;
}

static inline bool buf_add_byte(struct buf *b, uint8_t byte)
{
	return buf_add(b, slice_of(&byte, 1));
}

enum { INT_TEXT_MAX = 20 };
/* number in decimal, not terminated. Returns its length. */
size_t int_text(int64_t number, char out[static INT_TEXT_MAX]);
bool buf_add_int(struct buf *b, int64_t number);

bool buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Eats n bytes (at most len) from the front. An emptied buffer gives its memory back when it held
 * more than 4 KiB, so that a thousand idle users do not keep what one busy moment needed. */
void buf_eat(struct buf *b, size_t n);

#endif
