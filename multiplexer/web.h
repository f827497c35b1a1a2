/* The page that a browser is given: the files of multiplexer/web/, part of the program. */
#ifndef MULTIPLEXER_WEB_H
#define MULTIPLEXER_WEB_H

#include "common/http_answer.h"
#include "common/http_request.h"

struct web_file {
	const char *name;    /* "play.js"; "/" is index.html */
	const char *type;    /* Content-Type */
	const char *hash;    /* of the content: its ETag */
	struct slice bytes;  /* as it is */
	struct slice zipped; /* the same by gzip */
};

/* Made at build, by multiplexer/web.sh. */
extern const struct web_file web_files[];
extern const size_t web_file_count;

/* Answers a request for a page; whatever is asked for, there is an answer. now: seconds of the wall
 * clock. The answer is whole, and the caller's. */
void web_answer(struct http_answer *a, const struct http_asked *asked, const struct http_request *r,
	time_t now);

#endif
