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

/* Makes room for n bytes behind the last one. */
static bool make_room(struct buf *b, size_t n)
{
	if (n <= b->room - b->start - b->len)
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

bool buf_add(struct buf *b, struct slice bytes)
{
	if (bytes.len == 0)
		return true;
	if (!make_room(b, bytes.len))
		return false;
	memcpy(b->mem + b->start + b->len, bytes.at, bytes.len);
	b->len += bytes.len;
	return true;
}

bool buf_add_byte(struct buf *b, uint8_t byte)
{
	return buf_add(b, slice_of(&byte, 1));
}

bool buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0 || !make_room(b, (size_t)n + 1)) /* its terminator lands behind the bytes */
		return false;
	va_start(args, fmt);
	vsnprintf((char *)b->mem + b->start + b->len, (size_t)n + 1, fmt, args);
	va_end(args);
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
