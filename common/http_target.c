#include "common/http_target.h"

#include "common/utf8.h"

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that bytes[*i] stands for, -1 when its escape is none; *i stands behind it then. */
static int unescape(struct slice bytes, size_t *i)
{
	int high, low;

	if (bytes.at[*i] != '%')
		return bytes.at[(*i)++];
	if (*i + 2 >= bytes.len)
		return -1;
	high = hex(bytes.at[*i + 1]);
	low = hex(bytes.at[*i + 2]);
	if (high < 0 || low < 0)
		return -1;
	*i += 3;
	return high << 4 | low;
}

/* "", "." or "..": what a part of a path may not be. */
static bool is_dots(struct slice part)
{
	return part.len <= 2 &&
	       memcmp("..", part.len > 0 ? part.at : (const uint8_t *)"", part.len) == 0;
}

enum http_fault http_path_decode(struct slice path, struct buf *out)
{
	size_t start = out->len, part = 1;

	if (path.len == 0 || path.at[0] != '/')
		return HTTP_FAULT_TARGET;
	for (size_t i = 0; i < path.len;) {
		bool escaped = path.at[i] == '%';
		int c = unescape(path, &i);

		if (c < 0)
			return HTTP_FAULT_ESCAPE;
		if (c < 0x20 || c == 0x7f || c == '\\' || (escaped && c == '/'))
			return HTTP_FAULT_PATH_BYTE;
		if (!buf_add_byte(out, (uint8_t)c))
			return HTTP_FAULT_NO_MEMORY;
		if (c != '/' || out->len - start == 1)
			continue;
		if (is_dots(slice_of(
			    out->mem + out->start + start + part, out->len - start - part - 1)))
			return HTTP_FAULT_PATH_DOTS;
		part = out->len - start;
	}
	struct slice decoded = slice_of(out->mem + out->start + start, out->len - start);
	struct slice last = slice_from(decoded, part);
	if (last.len > 0 && is_dots(last))
		return HTTP_FAULT_PATH_DOTS;
	return utf8_is_valid(decoded) ? HTTP_FAULT_NONE : HTTP_FAULT_PATH_UTF8;
}

bool http_query_open(struct http_query *q, struct slice query)
{
	memset(q, 0, sizeof *q);
	return buf_add(&q->copy, query);
}

void http_query_close(struct http_query *q)
{
	buf_free(&q->copy);
}

/* Decodes in place; it can only become shorter. */
static struct slice decode(uint8_t *at, size_t len)
{
	struct slice raw = slice_of(at, len);
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		int c = unescape(raw, &i);

		if (c < 0)
			c = at[i++];
		else if (c == '+' && at[i - 1] == '+')
			c = ' ';
		at[n++] = (uint8_t)c;
	}
	return slice_of(at, n);
}

bool http_query_next(struct http_query *q, struct slice *key, struct slice *value)
{
	while (q->at < q->copy.len) {
		uint8_t *part = q->copy.mem + q->copy.start + q->at;
		size_t left = q->copy.len - q->at;
		uint8_t *end = memchr(part, '&', left);
		size_t len = end != NULL ? (size_t)(end - part) : left;
		uint8_t *equals = memchr(part, '=', len);

		q->at += len + 1;
		if (len == 0)
			continue;
		if (equals != NULL) {
			*value = decode(equals + 1, len - (size_t)(equals - part) - 1);
			*key = decode(part, (size_t)(equals - part));
		} else {
			*value = slice_of(NULL, 0);
			*key = decode(part, len);
		}
		return true;
	}
	return false;
}
