/* Listens for HTTP/1.1, reads requests and writes answers in threads of its own; one handler answers. */
#ifndef COMMON_HTTP_SERVER_H
#define COMMON_HTTP_SERVER_H

#include "common/address.h"
#include "common/http.h"
#include "common/list.h"
#include "common/loop.h"

/*   sockets ==> workers: read, parse, check heads  --inbox-->  the owner's loop: on_request
 *      ^        (each a thread with a loop)                         |  at once, or later
 *      +------- write <---------------------------------------- http_exchange_end
 *
 * No worker ever waits for the owner, and the owner never waits for a client. With no threads the
 * owner's loop does the workers' part as well. Without clients it does nothing; it owns no timer on
 * the owner's loop then. Log lines are the owner's: http_server_counts says what there is to tell. */

struct http_server;
struct http_connection;

/* A request that waits for its answer. Everything in it is valid until http_exchange_end. */
struct http_exchange {
	const struct http_request *request; /* borrowed */
	const struct http_asked *asked;     /* borrowed: for http_answer_open */
	struct address from;                /* unmapped */
	unsigned listener;                  /* which of the sockets, counted from 0 */
	bool gone;        /* the client has left: whatever is answered reaches nobody */
	struct buf room;  /* memory of an answer before this one, for http_answer_open_in */
	struct list node; /* the owner's, to list it; an empty list of its own at on_request */
	void *data;       /* the owner's; NULL at on_request */
	struct http_connection *connection; /* private */
};

struct http_server_ops {
	/* A client is about to be accepted; false: closed at once, unheard. In another thread: may
	 * only read what does not change. May be NULL. */
	bool (*may_connect)(void *owner, const struct address *from);
	/* A head is there, its body perhaps not. False: answered with *a, which this function has
	 * opened and filled, and on_request is not called. As above. May be NULL. */
	bool (*may_ask)(void *owner, const struct address *from, const struct http_request *r,
		const struct http_asked *asked, struct http_answer *a);
	/* A whole request, in the thread of the owner's loop. Answer it once, now or later. */
	void (*on_request)(void *owner, struct http_exchange *x);
	/* Its client left before it was answered; gone is set. It must be ended all the same, soon.
	 * May be NULL. */
	void (*on_gone)(void *owner, struct http_exchange *x);
	/* Before a batch of answers is handed to the workers, at the end of a turn. May be NULL. */
	void (*before_answers)(void *owner);
	/* The last call, after http_server_close: it is freed now. */
	void (*on_closed)(void *owner);
};

struct http_server_config {
	const struct http_server_ops *ops;      /* borrowed: static */
	void *owner;                            /* borrowed: until on_closed */
	const struct http_limits *limits;       /* borrowed: static */
	const struct http_deadlines *deadlines; /* borrowed: static */
	unsigned threads;                       /* 0: all is done on the owner's loop */
	unsigned clients;     /* connections at a time; who comes beyond is answered 503 */
	unsigned per_address; /* of one address (IPv6: of one /64); those of this machine aside */
	unsigned queue_ms;    /* a request that the owner has not taken by then is answered 503 */
	unsigned write_ms;    /* a client that takes nothing of an answer for so long is closed */
};

/* Takes the listening sockets, also when it fails. NULL with *why a sentence. */
struct http_server *http_server_open(struct loop *loop, const struct http_server_config *config,
	const int *sockets, unsigned count, const char **why);

/* The sockets listen no more when it returns. Requests that on_request was not told of are answered
 * 503; those it was told of must have been ended. Answers are still sent, for a second at most; then
 * on_closed. NULL is allowed. */
void http_server_close(struct http_server *server);

/* The last part of the answer, or all of it; takes a->out. x is not to be used any more. Begin the
 * answer with http_answer_open(a, x->asked, ...). Nothing is sent before the turn's end. */
void http_exchange_end(struct http_exchange *x, struct http_answer *a);

/* A part of an answer that goes on (http_answer_stream). False: memory is out, or the client does not
 * take what he is sent (64 KiB wait for him); then x->gone is set: end it. */
bool http_exchange_part(struct http_exchange *x, struct http_answer *a);

struct http_server_counts {
	uint64_t connections; /* accepted so far */
	uint64_t now;         /* of them are there */
	uint64_t denied;      /* by may_connect */
	uint64_t full;        /* since there were clients enough, or per_address of one address */
	uint64_t requests;    /* whole ones */
	uint64_t refused;     /* by may_ask, and those that waited too long */
	uint64_t malformed;   /* connections that ended with an http_fault, */
	uint64_t late;        /* or by a deadline */
	struct address last_denied, last_malformed; /* where they came from */
	enum http_fault last_fault;
};
void http_server_counts(struct http_server *server, struct http_server_counts *out);

#endif
