/* Private to http_server*.c: a worker, the connections it reads and writes, and what it shares. */
#ifndef COMMON_HTTP_WORKER_H
#define COMMON_HTTP_WORKER_H

#include "common/bell.h"
#include "common/http_seats.h"
#include "common/http_server.h"
#include "common/stream.h"

/* Who may touch what: a connection is its worker's, but for x, in and ended, which are the owner's from
 * the moment that it is OWNED until its last part has come back. Lists that two threads use, and state,
 * are under the lock that stands above them; no lock is held while anything is called.
 *
 * Both sides gather, so that a lock is taken and a thread is woken once for many: a worker brings its
 * requests when a turn of its loop had no new one (or after a few turns), the owner hands over all answers
 * of one turn of his. */

enum { HTTP_SERVER_THREADS_MAX = 64 };

enum exchange_state {
	EXCHANGE_NONE,    /* the worker's alone, also when it has a request for the owner */
	EXCHANGE_WAITING, /* in the inbox */
	EXCHANGE_OWNED,   /* the owner has it */
	EXCHANGE_ENDED    /* its last part is on its way back to the worker */
};

/* Bytes of an answer on their way to a worker. */
struct http_part {
	struct list node;
	struct http_connection *connection;
	struct http_answer answer; /* owned */
	bool whole;                /* the last: it lives in its connection, others are freed */
};

struct http_connection {
	struct http_exchange x;
	struct http_part last;
	enum exchange_state state; /* under server->lock */
	struct list in;            /* asked, inbox or taken */
	struct list left;          /* of left; under server->lock */
	bool ended;                /* the owner has answered */

	struct http_worker *worker; /* borrowed */
	struct list node;           /* of the worker's connections */
	struct stream stream;
	struct http http;
	struct loop_task send, settle;
	struct buf out;  /* owned: for the stream, at the turn's end */
	struct buf room; /* owned: for the next x */
	struct address from;
	unsigned listener;
	uint64_t asked_ms; /* when its request went to the inbox */
	uint64_t full_ms;  /* since when something waits to be written; 0: nothing does */
	uint64_t over_ms;  /* when it was over; 0: it is not */
	bool streaming;    /* its answer comes in parts */
	bool peer_ended;   /* the client has ended its side */
	bool closed;       /* the stream is (under server->lock): freed once x is not the owner's */
};

/* A connection that was accepted for another worker. */
struct http_arrival {
	struct list node;
	int fd;
	struct address from;
	unsigned listener;
};

struct http_door {
	uv_poll_t poll;
	struct http_worker *worker;
	int fd; /* owned */
	bool open;
};

struct http_worker {
	struct http_server *server; /* borrowed */
	struct loop own, *loop;     /* own, or the owner's */
	uv_thread_t thread;
	struct bell bell;
	uv_timer_t tick;
	struct list connections;
	struct http_door *doors;   /* owned: of the first worker, one for each socket */
	unsigned door_count, next; /* the worker that the next connection is for */
	unsigned handles;          /* not yet closed */
	bool paused;               /* there were no descriptors: the doors wait for the next tick */
	bool stopping;
	uint64_t stop_ms;
	struct loop_task bring;
	struct list asked;    /* struct http_connection: whose requests go to the inbox, soon */
	uint32_t asked_turn;  /* when the last of them came */
	unsigned gathered;    /* turns that more came in */
	struct list outgoing; /* struct http_part, of this turn: the owner's thread */

	uv_mutex_t lock;
	struct list parts;    /* struct http_part, for this worker */
	struct list arrivals; /* struct http_arrival */
	bool stop;
};

struct http_server {
	struct loop *loop; /* borrowed: the owner's */
	struct http_server_config config;
	struct bell bell;
	struct loop_task hand_over;
	struct list taken; /* connections whose request the owner is about to be told of */
	bool closing;
	struct http_worker *workers; /* owned */
	unsigned worker_count;

	uv_mutex_t lock;
	struct list inbox; /* struct http_connection: their request waits */
	struct list left;  /* struct http_connection: OWNED, and their client has gone */
	struct http_seats seats;
	struct http_server_counts counts;
	bool shut;     /* nothing goes to the inbox any more */
	unsigned done; /* workers that have ended */
};

/* Moves all of one list to the end of another. */
void http_move_all(struct list *from, struct list *to);

/* ---- http_worker.c ---- */

/* 0 or a negative UV_E; then nothing is left of it. door_count sockets are its own from then on. */
int http_worker_open(struct http_worker *w, struct http_server *server, unsigned index,
	const int *sockets, unsigned door_count);
void http_worker_run(void *worker); /* the thread */
void http_worker_ring(struct http_worker *w);

/* ---- http_connection.c ---- */

/* Takes fd and the seat it has. */
void http_connection_open(
	struct http_worker *w, int fd, const struct address *from, unsigned listener);
void http_connection_take(struct http_connection *c, struct http_part *part);
void http_connection_tick(struct http_connection *c);
void http_connection_stop(struct http_connection *c); /* ends it, once what is queued was sent */
void http_connection_close(struct http_connection *c);
void http_connection_on_bring(struct loop_task *bring); /* of a worker */
void http_connection_bring(struct http_worker *w);

#endif
