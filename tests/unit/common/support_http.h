/* An HTTP connection whose answers are kept, and whose owner answers every request with its path. */
#ifndef TESTS_UNIT_COMMON_SUPPORT_HTTP_H
#define TESTS_UNIT_COMMON_SUPPORT_HTTP_H

#include "common/http.h"
#include "tests/unit/common/support_common.h"

struct peer {
	struct http http;
	struct buf out;  /* all that came out */
	struct buf seen; /* "GET /path?query body|" of each request */
	unsigned overs;  /* calls of on_over, the last with ... */
	enum http_fault fault;
	unsigned heads;       /* calls of on_head */
	bool later;           /* requests are not answered by themselves */
	unsigned refuse_head; /* the status that on_head answers with, 0 = none */
	bool take_over;       /* every request is taken over */
};

#define TEXT(text) slice_of(text, sizeof(text) - 1)

void peer_open(struct peer *p);
void peer_close(struct peer *p);
void peer_answer(struct peer *p, const char *body);
/* Opens, feeds bytes cut in two at cut, ends. */
void peer_run_cut(struct peer *p, struct slice bytes, size_t cut);

#endif
