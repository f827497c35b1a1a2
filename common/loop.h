/* The event loop of a daemon: libuv's, with two places to put work off to. */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <uv.h>

#include "common/defs.h"
#include "common/list.h"

/* Something to do once, soon. Lives inside the thing it serves; loop_task_init before first use. */
struct loop_task {
	struct list node;
	void (*run)(struct loop_task *task);
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t turn_end;
	uv_idle_t next_turn; /* active while a task waits for it, so that poll does not sleep */
	uv_check_t next_turn_run;
	struct list at_turn_end;
	struct list at_next_turn;
	struct list due; /* of at_next_turn: those whose turn it is */
	bool stopping;
	uint32_t turn;      /* the how-manieth it is; wraps */
	uint64_t hand_ms;   /* not 0: loop_now_ms, which a test moves by hand */
	uint8_t *read_room; /* owned: LOOP_READ_ROOM bytes that all streams of the loop read into */
};

enum { LOOP_READ_ROOM = 64 * 1024 };

/* 0 or a negative UV_E. Also ignores SIGPIPE for the process (libuv writes with write(2)). */
int loop_open(struct loop *loop);

/* Runs until nothing is open any more or loop_stop is called. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Call when loop_run has returned: runs what is left of closing, then frees. Returns 0, or UV_EBUSY
 * when a handle was leaked: a failed test, not a shrug. */
int loop_close(struct loop *loop);

/* Monotonic milliseconds, as of the start of this turn (uv_now). Never the wall clock. A test may keep
 * the time itself (hand_ms); timers of libuv do not know of that. */
uint64_t loop_now_ms(const struct loop *loop);

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task));

/* Runs the task once before the loop next waits for I/O: where writes are gathered. Asking again
 * before it ran changes nothing. A task may ask for itself or others; those run in the same turn. */
void loop_at_turn_end(struct loop *loop, struct loop_task *task);

/* Runs the task once in the next turn, after that turn's I/O: where long work is cut in pieces. */
void loop_at_next_turn(struct loop *loop, struct loop_task *task);

/* Forgets a task that waits; harmless when it does not. Call before freeing what holds it. */
void loop_task_cancel(struct loop_task *task);

#endif
