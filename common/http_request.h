/* HTTP/1.1 requests out of bytes, cut anywhere: strict, bounded, without a socket or a clock. */
#ifndef COMMON_HTTP_REQUEST_H
#define COMMON_HTTP_REQUEST_H

#include "common/buf.h"
#include "common/defs.h"
#include "common/http_chunked.h"
#include "common/http_fault.h"

/* RFC 9110 and 9112, read as narrowly as they allow, since what two programs read differently is a
 * way to smuggle a request past one of them. Beyond the RFCs refused are: an empty line before the
 * request, absolute targets, chunk extensions, transfer codings other than chunked, paths that are
 * not canonical ("/a/../b", "//", %2F). The lines of the head are read by llhttp; what it would
 * forgive is refused before it sees the head. */

enum http_method {
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_PATCH,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
	HTTP_METHODS
};
const char *http_method_name(enum http_method method);

enum {
	HTTP_FIELDS_ROOM = 64 /* no limit of header lines can be above this */
};

struct http_limits {
	uint32_t line;   /* bytes of the request line without its end; above it 414 */
	uint32_t head;   /* bytes of all header lines with their ends; above it 431 */
	uint32_t fields; /* header lines, at most HTTP_FIELDS_ROOM; above it 431 */
	uint32_t body;   /* bytes; above it 413 */
};
extern const struct http_limits http_usual_limits; /* 8 KiB, 8 KiB, 64, 64 KiB */

struct http_field {
	struct slice name;  /* as it was sent: compare with slice_is_word */
	struct slice value; /* without white space around it; bytes above 127 are possible */
};

/* All slices are valid until the parser's http_next or http_parser_free. */
struct http_request {
	enum http_method method;
	unsigned minor;      /* HTTP/1.minor: 0 or 1 */
	struct slice target; /* as it was sent */
	/* Decoded, UTF-8, without control bytes, with no . or .. or empty part but perhaps the last;
	 * begins with '/'. "*" for OPTIONS *. */
	struct slice path;
	struct slice query; /* as it was sent, without the '?'; see http_query.h */
	struct slice
		host; /* the Host header without its port: "[::1]" with brackets; may be empty */
	struct slice upgrade; /* of a request that asks for Connection: upgrade; else empty */
	bool keep_alive;      /* the client wants to use the connection again */
	bool expects_100;     /* it waits for "100 Continue" before it sends the body */
	bool has_body;        /* a body was announced; it may turn out to be empty */
	struct slice body;
	unsigned field_count;
	struct http_field fields[HTTP_FIELDS_ROOM];
};

/* The value of the only header of this name; NULL if there is none or there are several. */
const struct slice *http_field(const struct http_request *r, const char *name);
unsigned http_field_count(const struct http_request *r, const char *name);

/* True if one of the headers of this name, taken as lists with commas, has word in it. */
bool http_field_has(const struct http_request *r, const char *name, const char *word);

/* The next element of a list with commas, without white space; takes it off *list. False at the end;
 * empty elements are left out. */
bool http_list_next(struct slice *list, struct slice *element);

/* True if the request's host (its port aside) is one of the words of hosts, which have blanks between
 * them: names; "ip" for any address. A request without a host is on no list. What may not be reached by
 * a name that somebody's DNS has made point here (row K02) lists "localhost ip". */
bool http_host_is_listed(const struct http_request *r, const char *hosts);

/* The same letters, upper or lower case (ASCII). */
bool slice_is_word(struct slice a, const char *word);

enum http_step {
	HTTP_MORE,    /* all bytes were taken: give more */
	HTTP_HEAD_IN, /* the head is there; go on feeding for the body */
	HTTP_WHOLE,   /* the request is there; http_next before the next is fed */
	HTTP_BAD      /* see fault; feeding more changes nothing */
};

struct http_parser {
	const struct http_limits *limits; /* borrowed */
	enum http_fault fault;
	struct http_request request;
	/* private */
	struct buf head;     /* owned: what was sent up to the empty line, then the decoded path */
	struct buf body;     /* owned */
	uint32_t line_len;   /* bytes of the request line */
	uint32_t lines;      /* that have ended */
	uint32_t fields_len; /* bytes of the lines behind the first */
	uint32_t left;       /* bytes of a body with Content-Length still to come */
	uint8_t at;          /* enum at */
	struct http_chunked chunked;
};

/* limits must outlive the parser. Owns no memory before the first byte. */
void http_parser_init(struct http_parser *p, const struct http_limits *limits);
void http_parser_free(struct http_parser *p);

/* Takes bytes off the front of *bytes, up to the next step. What is left after HTTP_HEAD_IN belongs
 * to the body, or, when the owner makes another protocol of the connection, to that one. */
enum http_step http_feed(struct http_parser *p, struct slice *bytes);

/* The bytes have ended. False if that was in the middle of a request: fault is CUT. */
bool http_feed_end(struct http_parser *p);

/* Ready for the next request; gives back the memory of a large one. */
void http_next(struct http_parser *p);

/* Nothing of a request has come yet. */
static inline bool http_is_between(const struct http_parser *p)
{
	return p->head.len == 0 && p->fault == HTTP_FAULT_NONE;
}
bool http_is_in_body(const struct http_parser *p);

#endif
