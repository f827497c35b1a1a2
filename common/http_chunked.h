/* The chunked transfer coding of requests (RFC 9112 section 7.1), as strict as it can be read. */
#ifndef COMMON_HTTP_CHUNKED_H
#define COMMON_HTTP_CHUNKED_H

#include "common/defs.h"
#include "common/http_fault.h"

struct http_chunked {
	uint64_t left;      /* bytes of this chunk still to come */
	uint32_t overhead;  /* bytes so far that are not body */
	uint32_t trailer;   /* bytes so far behind the last chunk */
	uint32_t body;      /* bytes of body so far */
	uint8_t at;         /* where we are; 0 at the start */
	uint8_t digits;     /* of the size */
	uint8_t name_bytes; /* of a trailer line: 0 none yet, 1 some, 2 the colon was there */
};

enum http_chunked_result {
	HTTP_CHUNKED_MORE, /* all bytes were taken */
	HTTP_CHUNKED_DATA, /* *data is body; go on with what is left of *bytes */
	HTTP_CHUNKED_END,  /* the empty line behind the last chunk was taken */
	HTTP_CHUNKED_BAD   /* *fault says why */
};

/* All zero is the start. body_max: what the body may hold in all; an announced chunk that passes it
 * is refused before its bytes come. Trailers are checked for form, bounded, and dropped. */
enum http_chunked_result http_chunked_feed(struct http_chunked *c, uint32_t body_max,
	struct slice *bytes, struct slice *data, enum http_fault *fault);

#endif
