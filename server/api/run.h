/* Private to server/api: the API of one map, from its beginning to its end. */
#ifndef SERVER_API_RUN_H
#define SERVER_API_RUN_H

#include "common/http_server.h"
#include "server/api/config.h"
#include "server/api/routes.h"
#include "server/api/tokens.h"
#include "server/script_state.h"

enum {
	API_CALLS_MAX =
		1000, /* begun and not ended: those who wait for an answer, and those no more */
	API_QUEUE_MS = 10000,   /* a request that was not begun by then is answered 503 (row K10) */
	API_BATCH_NS = 2000000, /* then others have their turn */
	API_LISTENERS_MAX = 32  /* of events */
};

struct api {
	struct game *game; /* borrowed */
	struct map_hook hook;
	struct api_run *run; /* NULL: it does not run */
	unsigned runs;       /* not freed yet */
};

/* A request that a script has to answer. */
struct api_call {
	struct script_call script; /* its coroutine, once it has begun */
	struct list node;          /* of spare, waiting, pending or forgotten */
	struct api_run *run;
	struct http_exchange *x; /* NULL: it was answered */
	uint64_t since_ms;
	char who[TOKEN_NAME_MAX + 1]; /* the token that was shown; "": none */
};

struct api_run {
	struct api *api;
	struct script *script; /* borrowed: NULL once it may not be called any more */
	struct api_config config;
	struct http_server *server;
	struct limiter *limiter;
	struct list spare; /* struct api_call: not in use */
	unsigned spare_count;
	struct list waiting;   /* struct api_call: to be begun, in order */
	struct list pending;   /* the same, begun: their scripts wait for something */
	struct list forgotten; /* the same: answered already, their scripts still wait */
	unsigned calls;        /* in those three */
	unsigned started;      /* in this frame */
	struct list listeners; /* struct http_exchange: of GET /events */
	unsigned listener_count;
	uint64_t pinged_ms;
	struct loop_task go_on;         /* with waiting, in the next turn */
	struct http_server_counts told; /* what of it the log was told */
	uint64_t told_ms;
};

/* ---- answer.c: what is not a script's answer ---- */

/* What every answer has: it may not be kept, and whose pages may read it. of: a struct answering. */
struct answering {
	const struct api_run *run;
	const struct http_request *request;
};
void answer_headers(struct http_answer *a, void *of);

/* {"status":"error_...", "message" : "..."} as NightFall has it for 404 and 500. */
void answer_error(struct api_run *run, struct http_exchange *x, unsigned status);

/* A refusal of the worker's thread, or an answer of ours; x->request must still be there. */
void answer_error_to(struct http_answer *a, const struct answering *of,
	const struct http_asked *asked, unsigned status);
void answer_allow(struct api_run *run, struct http_exchange *x, unsigned methods);
void answer_body(struct api_run *run, struct http_exchange *x, const char *type, struct slice body);

/* ---- guard.c: who may ask; runs in the workers' threads ---- */

bool guard_lists_origin(const struct api_config *config, struct slice origin);
bool guard_may_connect(void *run, const struct address *from);
bool guard_may_ask(void *run, const struct address *from, const struct http_request *r,
	const struct http_asked *asked, struct http_answer *a);

/* In the game's thread: false, and answered, when a token is missing or may not do this. Who asked is
 * in who, for the audit line. */
bool guard_token(struct api_run *run, struct http_exchange *x, char who[static TOKEN_NAME_MAX + 1]);

/* ---- builtin.c ---- */

/* True: it was one of ours (status, metrics, events, openapi.json), and is answered. */
bool builtin_answer(struct api_run *run, struct http_exchange *x);

/* ---- events.c ---- */

void events_listen(struct api_run *run, struct http_exchange *x);
void events_tell(struct api_run *run, struct slice name, struct slice json);
void events_gone(struct api_run *run, struct http_exchange *x);
void events_beat(struct api_run *run); /* keeps the connections in use */
void events_close(struct api_run *run);

#endif
