#include "common/loop.h"

#include <signal.h>
#include <stdlib.h>

#include "common/log.h"

/* A turn: I/O (poll), tasks that were due (check), closings, timers, tasks of the turn's end
 * (prepare); then libuv waits for I/O again. */

static void move_all(struct list *from, struct list *to)
{
	while (!list_is_empty(from)) {
		struct list *node = from->next;
		list_remove(node);
		list_add_last(to, node);
	}
}

static void run_all(struct list *tasks)
{
	while (!list_is_empty(tasks)) {
		struct loop_task *task = container_of(tasks->next, struct loop_task, node);
		list_remove(&task->node);
		task->run(task);
	}
}

static void on_idle(uv_idle_t *idle UNUSED)
{
}

static void on_turn_end(uv_prepare_t *prepare)
{
	struct loop *loop = container_of(prepare, struct loop, turn_end);

	run_all(&loop->at_turn_end);
	loop->turn++;
	move_all(&loop->at_next_turn, &loop->due);
}

/* What these tasks ask for goes to at_next_turn, so this ends. */
static void on_next_turn(uv_check_t *check)
{
	struct loop *loop = container_of(check, struct loop, next_turn_run);

	run_all(&loop->due);
	if (list_is_empty(&loop->at_next_turn))
		uv_idle_stop(&loop->next_turn);
}

int loop_open(struct loop *loop)
{
	signal(SIGPIPE, SIG_IGN);
	*loop = (struct loop){0};
	list_init(&loop->at_turn_end);
	list_init(&loop->at_next_turn);
	list_init(&loop->due);
	loop->read_room = malloc(LOOP_READ_ROOM);
	if (loop->read_room == NULL)
		return UV_ENOMEM;
	int status = uv_loop_init(&loop->uv);
	if (status < 0) {
		free(loop->read_room);
		return status;
	}
	uv_prepare_init(&loop->uv, &loop->turn_end);
	uv_prepare_start(&loop->turn_end, on_turn_end);
	uv_unref((uv_handle_t *)&loop->turn_end);
	uv_check_init(&loop->uv, &loop->next_turn_run);
	uv_check_start(&loop->next_turn_run, on_next_turn);
	uv_unref((uv_handle_t *)&loop->next_turn_run);
	uv_idle_init(&loop->uv, &loop->next_turn);
	return 0;
}

void loop_run(struct loop *loop)
{
	/* A task of the turn's end does not keep libuv running by itself, but is not forgotten. */
	do {
		run_all(&loop->at_turn_end);
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	} while (!loop->stopping && !list_is_empty(&loop->at_turn_end));
	loop->stopping = false;
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
	uv_stop(&loop->uv);
}

static void log_leak(uv_handle_t *handle, void *arg UNUSED)
{
	log_error("loop: a %s handle was never closed", uv_handle_type_name(handle->type));
}

int loop_close(struct loop *loop)
{
	/* A closing may need a few turns: a cancelled write, then its stream, then its owner's. */
	for (int turn = 0; turn < 8; turn++)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	uv_close((uv_handle_t *)&loop->turn_end, NULL);
	uv_close((uv_handle_t *)&loop->next_turn, NULL);
	uv_close((uv_handle_t *)&loop->next_turn_run, NULL);
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	int status = uv_loop_close(&loop->uv);
	if (status < 0)
		uv_walk(&loop->uv, log_leak, NULL);
	free(loop->read_room);
	loop->read_room = NULL;
	return status;
}

uint64_t loop_now_ms(const struct loop *loop)
{
	return loop->hand_ms != 0 ? loop->hand_ms : uv_now(&loop->uv);
}

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task))
{
	list_init(&task->node);
	task->run = run;
}

void loop_at_turn_end(struct loop *loop, struct loop_task *task)
{
	if (list_is_empty(&task->node))
		list_add_last(&loop->at_turn_end, &task->node);
}

void loop_at_next_turn(struct loop *loop, struct loop_task *task)
{
	if (!list_is_empty(&task->node))
		return;
	list_add_last(&loop->at_next_turn, &task->node);
	uv_idle_start(&loop->next_turn, on_idle); /* no harm when it runs already */
}

void loop_task_cancel(struct loop_task *task)
{
	list_remove(&task->node);
}
