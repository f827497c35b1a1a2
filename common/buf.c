#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEAST_ROOM = 64, KEPT_ROOM = 4096 };

void buf_free(struct buf *b)
{
	free(b->mem);
	*b = (struct buf){0};
}

bool buf_reserve(struct buf *b, size_t n)
{
	if (n <= buf_spare(b))
		return true;
	if (n > SIZE_MAX / 2 - b->len)
		return false;
	size_t need = b->len + n;

	/* Moving is worth it only when it frees at least half: else a queue that is eaten a byte at
	 * a time would be moved at each of them. */
	if (need <= b->room && b->start >= b->room / 2) {
		memmove(b->mem, b->mem + b->start, b->len);
		b->start = 0;
		return true;
	}
	size_t room = b->room > LEAST_ROOM ? b->room : LEAST_ROOM;
	while (room < need)
		room *= 2;
	if (room == b->room)
		room *= 2;
	uint8_t *mem = malloc(room);
	if (mem == NULL)
		return false;
	if (b->len > 0)
		memcpy(mem, b->mem + b->start, b->len);
	free(b->mem);
	*b = (struct buf){.mem = mem, .len = b->len, .room = room};
	return true;
}

size_t int_text(int64_t number, char out[static INT_TEXT_MAX])
{
	char text[INT_TEXT_MAX]; /* from its end */
	size_t i = sizeof text;
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do
		text[--i] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (number < 0)
		text[--i] = '-';
	memcpy(out, text + i, sizeof text - i);
	return sizeof text - i;
}

bool buf_add_int(struct buf *b, int64_t number)
{
	char text[INT_TEXT_MAX];

	return buf_add(b, slice_of(text, int_text(number, text)));
}

bool buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	size_t spare = buf_spare(b);
	char *at = spare > 0 ? (char *)b->mem + b->start + b->len : NULL;

	va_start(args, fmt);
	int n = vsnprintf(at, spare, fmt, args);
	va_end(args);
	if (n < 0)
		return false;
	if ((size_t)n >= spare) { /* its terminator lands behind the bytes */
		if (!buf_reserve(b, (size_t)n + 1))
			return false;
		va_start(args, fmt);
		vsnprintf((char *)b->mem + b->start + b->len, (size_t)n + 1, fmt, args);
		va_end(args);
	}
	b->len += (size_t)n;
	return true;
}

void buf_eat(struct buf *b, size_t n)
{
	n = size_min(n, b->len);
	b->start += n;
	b->len -= n;
	if (b->len > 0)
		return;
	b->start = 0;
	if (b->room > KEPT_ROOM)
		buf_free(b);
}
