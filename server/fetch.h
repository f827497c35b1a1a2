/* Asks somebody else's HTTP server something, and tells the answer; nothing of it waits for anybody. */
#ifndef SERVER_FETCH_H
#define SERVER_FETCH_H

#include "common/address.h"
#include "common/loop.h"

struct fetcher; /* does the fetching for one part of the game: a few at a time, the others wait */
struct fetch;   /* one request that was not answered yet */

enum {
	FETCH_AT_ONCE = 4,             /* of one fetcher (row M09) */
	FETCH_WAITING_MAX = 32,        /* behind those */
	FETCH_ANSWER_MAX = 256 * 1024, /* bytes, if the request does not say */
	FETCH_HEADERS_MAX =
		32 * 1024,            /* bytes of all header lines of an answer, 100 Continue too */
	FETCH_REDIRECTS_MAX = 3,      /* that are followed at most */
	FETCH_CONNECT_MS = 10 * 1000, /* to look up the name and connect */
	FETCH_TOTAL_MS = 20 * 1000,   /* from the beginning of the first connection on */
	FETCH_SLOW_BYTES = 100,       /* a second: an answer that has begun and comes slower ... */
	FETCH_SLOW_SECONDS = 5        /* ... for so long is given up */
};

/* What to ask. All is copied. 0 is the default of every number. */
struct fetch_request {
	const char *method;         /* "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD" */
	const char *url;            /* see fetch_url_check */
	const char *const *headers; /* "Name: value", NULL behind the last; NULL: none of its own.
	                             * They are shown to the scheme, host and port of url, and to no
	                             * other that it redirects to (row M08) */
	const char *content_type;   /* of the body; NULL: none is said */
	struct slice body;
	enum family family;         /* to go by; NONE: whichever */
	const struct address *from; /* an address of this machine to come from; its port does not
	                             * count. NULL: any. Give its family too */
	bool public_only;           /* only to places on the Internet: see internet.h */
	bool follow;                /* redirects, to http and https; else they are the answer */
	uint64_t connect_ms, total_ms;
	size_t answer_max;
};

struct fetch_answer {
	int status;        /* of HTTP; 0: there is none */
	struct slice body; /* valid during the callback */
	const char
		*why; /* there is none: a sentence; the same. It never holds a header or a body */
	bool bad_source;              /* ... since we do not have the address `from` */
	struct address local, remote; /* ends of the last connection; len 0: none was made */
};

/* Called once for each request, never from within fetch_begin. The fetch is gone then. */
typedef void (*fetch_cb)(void *owner, const struct fetch_answer *answer);

/* Opens one that fetches nothing. NULL when memory is out. */
struct fetcher *fetcher_open(struct loop *loop);

/* Cancels all and frees itself in a later turn of the loop. NULL is allowed. Also from a callback. */
void fetcher_close(struct fetcher *fr);

/* Begins a request, or has it wait for its turn. cb(owner, answer) is called when it is over, unless
 * it is cancelled. NULL with *why a sentence (static): a bad URL, too many waiting, memory. */
struct fetch *fetch_begin(struct fetcher *fr, const struct fetch_request *request, fetch_cb cb,
	void *owner, const char **why);

/* Its callback is not called any more. Nothing waits: not even a name server that is silent. */
void fetch_cancel(struct fetch *f);

#endif
