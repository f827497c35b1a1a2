/* One HTTP connection, the server's side: requests one after the other, each answered in turn.
 * Without a socket or a clock: bytes and the time are handed in, bytes come out. */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include "common/http_answer.h"
#include "common/http_request.h"

struct http;

/* None may free the connection; http_free when the call into it has returned. */
struct http_ops {
	/* A head is there whose body is not (never called for a request without a body). May answer
	 * (http_send): the body is not read then and the connection ends. May be NULL. */
	void (*on_head)(struct http *h, const struct http_request *r);
	/* A request, until http_send has answered it, at once or later. Until then no further one is
	 * read. Or http_take_over is called. */
	void (*on_request)(struct http *h, const struct http_request *r);
	/* Bytes for the client, behind those before. The owner may take them with their memory, or leave
	 * them: they are valid during the call only then. */
	void (*on_output)(struct http *h, struct buf *out);
	/* Nothing more is read or answered: send what came out, then close. fault: why, or NONE when
	 * it is an ordinary end. Called once. */
	void (*on_over)(struct http *h, enum http_fault fault);
	time_t (*wall_clock)(struct http *h); /* for Date; seconds */
};

/* Absolute: a byte now and then does not move them. */
struct http_deadlines {
	uint32_t head_ms; /* from the first byte of a request; for the first one, from http_open */
	uint32_t body_ms; /* from the end of the head */
	uint32_t idle_ms; /* from the end of an answer to the first byte of the next request */
};
extern const struct http_deadlines http_usual_deadlines; /* 10 s, 10 s, 15 s */

struct http {
	const struct http_ops *ops;             /* borrowed: static */
	const struct http_deadlines *deadlines; /* borrowed: static */
	struct http_parser parser;
	struct http_asked asked;
	/* private */
	struct buf ahead;     /* owned: what was sent behind a request that is not answered yet */
	uint64_t deadline_ms; /* 0 = none: an answer is owed by the owner */
	uint64_t requests;    /* answered */
	bool answering;       /* the owner has a request */
	bool answered;        /* he answered it during the call */
	bool running;         /* a loop further out takes what lies ahead */
	bool held, ended, over, taken;
};

void http_open(struct http *h, const struct http_ops *ops, const struct http_limits *limits,
	const struct http_deadlines *deadlines, uint64_t now_ms);
void http_free(struct http *h); /* calls nothing */

/* Bytes of the client. While a request waits for its answer they are kept: stop reading the socket
 * when http_wants_bytes is false, then that is no more than one read. */
void http_bytes(struct http *h, struct slice bytes, uint64_t now_ms);
bool http_wants_bytes(const struct http *h);

/* Something was answered, and nothing new has been begun. */
bool http_is_idle(const struct http *h);

/* The client has ended its side: on_over, at once or after the answer that is owed. */
void http_end(struct http *h, uint64_t now_ms);

/* Looks at the clock; call it at least once a second. A deadline that passed ends the connection, with
 * 408 if a request was begun. */
void http_tick(struct http *h, uint64_t now_ms);

/* No new request is begun as long as held: for an owner whose client does not read its answers. */
void http_hold(struct http *h, bool held, uint64_t now_ms);

/* An answer to the request that on_request gave; begin it with http_answer_open(a, &h->asked, ...).
 * Takes a->out. whole: it is the last part of it. */
void http_send(struct http *h, struct http_answer *a, bool whole, uint64_t now_ms);

/* Answers with a status and a sentence; close: and ends the connection. */
void http_refuse(struct http *h, unsigned status, const char *text, bool close, uint64_t now_ms);

/* From on_request: the connection speaks another protocol from here on; nothing is called any more.
 * What was sent behind the request is http_rest, once the call that gave the request has returned;
 * valid until http_free. */
void http_take_over(struct http *h);
struct slice http_rest(const struct http *h);

#endif
