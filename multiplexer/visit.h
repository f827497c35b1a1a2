/* HTTP before a WebSocket: a visitor gets pages, until he asks for the other protocol. */
#ifndef MULTIPLEXER_VISIT_H
#define MULTIPLEXER_VISIT_H

#include "common/http.h"
#include "multiplexer/handshake.h"
#include "multiplexer/layers.h"

enum visit_state {
	VISIT_GOES_ON,
	VISIT_WEBSOCKET, /* he speaks WebSocket from here on: subprotocol, visit_rest */
	VISIT_OVER,      /* send what came out, and close */
	VISIT_NO_MEMORY
};

struct visit_ops {
	void (*on_output)(void *owner, struct slice bytes); /* valid during the call only */
};

struct visit {
	enum visit_state state; /* look at it after each call */
	enum subprotocol subprotocol;
	const char *why; /* OVER: what was wrong, static; NULL: nothing */

	/* private */
	struct http http;
	const struct layers_door *door; /* borrowed */
	const struct visit_ops *ops;    /* borrowed: static */
	void *owner;
	uint64_t since_ms, now_ms;
};

enum {
	VISIT_HANDSHAKE_MS =
		10000,       /* a request, from its first byte; the first one from since_ms */
	VISIT_MAX_MS = 60000 /* the longest that a visitor stays */
};

/* since_ms: when he came. NULL when memory is out. */
struct visit *visit_open(const struct layers_door *door, const struct visit_ops *ops, void *owner,
	uint64_t since_ms);
void visit_free(struct visit *v); /* NULL is allowed */

void visit_bytes(struct visit *v, struct slice bytes, uint64_t now_ms);
void visit_tick(struct visit *v, uint64_t now_ms); /* at least once a second */

/* He has his page, and has not asked for more. */
bool visit_is_idle(const struct visit *v);

/* What came behind the handshake; valid until visit_free. */
struct slice visit_rest(const struct visit *v);

/* The whole answer to somebody who is let in by nobody, before he has asked for anything: 503, or 403. */
void visit_answer_early(struct slice words, unsigned status, struct http_answer *a, time_t now);

#endif
