/* Paths and queries of HTTP requests: percent-decoding that nothing slips through. */
#ifndef COMMON_HTTP_TARGET_H
#define COMMON_HTTP_TARGET_H

#include "common/buf.h"
#include "common/http_request.h"

/* Decodes a path ("/a%20b") to the end of out. HTTP_FAULT_NONE, or what is wrong with it; then out
 * may hold a part. What comes out has no control byte, no backslash, no '/' that was sent as %2F, is
 * UTF-8, and no part of it is "." or ".." or, but for the last, empty. */
enum http_fault http_path_decode(struct slice path, struct buf *out);

/* A query's parts, "a=1&b", in order, one after the other. */
struct http_query {
	struct buf copy; /* owned: decoded in place */
	size_t at;
};

/* False when memory is out. Always close, also then. */
bool http_query_open(struct http_query *q, struct slice query);
void http_query_close(struct http_query *q);

/* False at the end. Key and value are decoded ('+' is a blank, %00 a NUL) and valid until
 * http_query_close; a value that is missing is empty. A '%' without two hex digits stands for itself. */
bool http_query_next(struct http_query *q, struct slice *key, struct slice *value);

#endif
