#include "common/http_chunked.h"

enum at {
	AT_SIZE,
	AT_SIZE_LF,
	AT_DATA,
	AT_DATA_CR,
	AT_DATA_LF,
	AT_TRAILER, /* the start of a line behind the last chunk */
	AT_TRAILER_LINE,
	AT_TRAILER_LF,
	AT_LAST_LF
};

enum {
	SIZE_DIGITS = 8,
	TRAILER_MAX = 8192,
	OVERHEAD_FREE = 16384, /* what sizes may cost whatever the body's length ... */
	OVERHEAD_EACH = 6      /* ... and beyond it, for each byte: "1\r\n" x "\r\n" costs 5 */
};

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum http_fault on_size(struct http_chunked *c, uint8_t byte, uint32_t body_max)
{
	int digit = hex(byte);

	if (digit >= 0) {
		if (++c->digits > SIZE_DIGITS)
			return HTTP_FAULT_CHUNK_SIZE;
		c->left = c->left << 4 | (unsigned)digit;
		/* Told at the digit that makes it too long, wherever the line ends. */
		return c->left > body_max - c->body ? HTTP_FAULT_BODY_LONG : HTTP_FAULT_NONE;
	}
	if (c->digits == 0)
		return HTTP_FAULT_CHUNK_SIZE;
	if (byte == ';')
		return HTTP_FAULT_CHUNK_EXTENSION;
	if (byte != '\r')
		return HTTP_FAULT_CHUNK_SIZE;
	c->at = AT_SIZE_LF;
	return HTTP_FAULT_NONE;
}

/* RFC 9110 section 5.6.2: what a name may be made of. */
static bool is_token(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static enum http_fault on_trailer(struct http_chunked *c, uint8_t byte)
{
	if (c->at == AT_TRAILER && byte == '\r') {
		c->at = AT_LAST_LF;
		return HTTP_FAULT_NONE;
	}
	if (++c->trailer > TRAILER_MAX)
		return HTTP_FAULT_TRAILER;
	if (c->at == AT_TRAILER)
		c->name_bytes = 0;
	c->at = AT_TRAILER_LINE;
	if (c->name_bytes < 2) {
		if (byte == ':' && c->name_bytes == 1)
			c->name_bytes = 2;
		else if (is_token(byte))
			c->name_bytes = 1;
		else
			return HTTP_FAULT_TRAILER;
	} else if (byte == '\r') {
		c->at = AT_TRAILER_LF;
	} else if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
		return HTTP_FAULT_TRAILER;
	}
	return HTTP_FAULT_NONE;
}

/* One byte that is no body. *end: it was the last of all. */
static enum http_fault on_byte(struct http_chunked *c, uint8_t byte, uint32_t body_max, bool *end)
{
	if (++c->overhead > OVERHEAD_FREE + OVERHEAD_EACH * c->body)
		return HTTP_FAULT_CHUNK_WASTE;
	switch ((enum at)c->at) {
	case AT_SIZE:
		return on_size(c, byte, body_max);
	case AT_SIZE_LF:
		c->at = c->left > 0 ? AT_DATA : AT_TRAILER;
		return byte == '\n' ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK_SIZE;
	case AT_DATA_CR:
		c->at = AT_DATA_LF;
		return byte == '\r' ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK_END;
	case AT_DATA_LF:
		c->at = AT_SIZE;
		c->digits = 0;
		return byte == '\n' ? HTTP_FAULT_NONE : HTTP_FAULT_CHUNK_END;
	case AT_TRAILER:
	case AT_TRAILER_LINE:
		return on_trailer(c, byte);
	case AT_TRAILER_LF:
		c->at = AT_TRAILER;
		return byte == '\n' ? HTTP_FAULT_NONE : HTTP_FAULT_TRAILER;
	case AT_LAST_LF:
		*end = true;
		return byte == '\n' ? HTTP_FAULT_NONE : HTTP_FAULT_TRAILER;
	case AT_DATA:
		break;
	}
	return HTTP_FAULT_NONE;
}

enum http_chunked_result http_chunked_feed(struct http_chunked *c, uint32_t body_max,
	struct slice *bytes, struct slice *data, enum http_fault *fault)
{
	bool end = false;

	while (bytes->len > 0) {
		if (c->at == AT_DATA) {
			size_t n = c->left < bytes->len ? (size_t)c->left : bytes->len;

			*data = slice_of(bytes->at, n);
			*bytes = slice_from(*bytes, n);
			c->left -= n;
			c->body += (uint32_t)n;
			if (c->left == 0)
				c->at = AT_DATA_CR;
			return HTTP_CHUNKED_DATA;
		}
		*fault = on_byte(c, bytes->at[0], body_max, &end);
		*bytes = slice_from(*bytes, 1);
		if (*fault != HTTP_FAULT_NONE)
			return HTTP_CHUNKED_BAD;
		if (end)
			return HTTP_CHUNKED_END;
	}
	return HTTP_CHUNKED_MORE;
}
