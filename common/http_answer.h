/* Answers of HTTP/1.1, written line by line into a buffer; nothing in them can break a line. */
#ifndef COMMON_HTTP_ANSWER_H
#define COMMON_HTTP_ANSWER_H

#include <time.h>

#include "common/buf.h"
#include "common/http_request.h"

/* What an answer must know of its request; outlives it. */
struct http_asked {
	bool head;  /* HEAD: the same lines as for GET, no body */
	bool keep;  /* the connection is used again */
	bool is_10; /* HTTP/1.0: no chunks, and keep-alive has to be said */
};
struct http_asked http_asked_by(const struct http_request *r);

/*   open --field--> ... --> body: done
 *                       \-> stream --piece--> ... --> end: done */
struct http_answer {
	struct buf out; /* owned: what has to be sent; http_send (http.h) takes it */
	struct http_asked asked;
	unsigned status;
	bool chunked;
	bool no_memory; /* out is not whole: close without sending it */
};

/* The status line, Date (now: seconds of the wall clock) and Connection. */
void http_answer_open(
	struct http_answer *a, const struct http_asked *asked, unsigned status, time_t now);

/* The same in memory that was used before: takes that of room, which is empty then. */
void http_answer_open_in(struct http_answer *a, struct buf *room, const struct http_asked *asked,
	unsigned status, time_t now);

void http_answer_free(struct http_answer *a);

/* A header line. False, and nothing written, when a byte of the value could not stand in a line (a
 * control byte, or above 127), or the name is not one: nothing that a user said can split an answer. */
bool http_answer_field(struct http_answer *a, const char *name, struct slice value);

/* Header lines with their ends that are words of this program alone: they are not looked at. */
void http_answer_lines(struct http_answer *a, const char *lines);

/* Content-Type (NULL: none), Content-Length, the empty line and the body. For 1xx, 204 and 304 there
 * is neither length nor body (RFC 9110 section 8.6). */
void http_answer_body(struct http_answer *a, const char *type, struct slice body);

/* A body whose length is not known yet: chunked, or for HTTP/1.0 up to the end of the connection.
 * Take out between the pieces as it pleases. */
void http_answer_stream(struct http_answer *a, const char *type);
void http_answer_piece(struct http_answer *a, struct slice bytes);
void http_answer_end(struct http_answer *a);

/* A short body that says in words what the status says in numbers: "404 Not Found: text.\n". */
void http_answer_text(struct http_answer *a, const char *text);

const char *http_status_phrase(
	unsigned status); /* "Not Found"; "" for one not in http_status.def */

/* "Sat, 21 Nov 2026 12:40:00 GMT", RFC 9110 section 5.6.7. Valid until the same thread asks for another. */
const char *http_date(time_t now);

#endif
