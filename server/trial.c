#include "server/trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"

enum { SAID_MAX = 16 * 1024 }; /* bytes that are kept of what it says */

struct trial {
	trial_cb done; /* NULL: nobody is to be told any more */
	void *owner;
	uv_process_t process;
	uv_pipe_t pipe; /* its standard error */
	uv_timer_t timer;
	unsigned handles; /* whose closing has not come back */
	bool exited, ended, late;
	int64_t status;
	int signal;
	size_t len;
	char said[SAID_MAX + 1];
	char room[4096];
};

static void closed_cb(uv_handle_t *handle)
{
	struct trial *t = handle->data;

	if (--t->handles == 0)
		free(t);
}

static void close_all(struct trial *t)
{
	uv_handle_t *const handles[] = {
		(uv_handle_t *)&t->process, (uv_handle_t *)&t->pipe, (uv_handle_t *)&t->timer};

	for (size_t i = 0; i < ARRAY_LEN(handles); i++)
		if (!uv_is_closing(handles[i]))
			uv_close(handles[i], closed_cb);
}

/* The last line that it said, cut to what fits: the reason comes last. */
static const char *last_words(struct trial *t)
{
	static char text[200];
	char *line;

	while (t->len > 0 && t->said[t->len - 1] == '\n')
		t->len--;
	t->said[t->len] = '\0';
	line = strrchr(t->said, '\n');
	line = line != NULL ? line + 1 : t->said;
	log_escape(text, sizeof text, slice_text(line));
	return text;
}

static void tell(struct trial *t)
{
	char why[300];

	if (!t->exited || !t->ended)
		return;
	if (t->late)
		snprintf(why, sizeof why, "--check-config took over %d seconds", TRIAL_MS / 1000);
	else if (t->signal != 0)
		snprintf(why, sizeof why, "--check-config was ended by signal %d (%s)", t->signal,
			strsignal(t->signal));
	else if (t->status != 0 && t->len == 0)
		snprintf(why, sizeof why, "--check-config ended with %d", (int)t->status);
	else if (t->status != 0)
		snprintf(why, sizeof why, "%s", last_words(t));
	trial_cb done = t->done;
	t->done = NULL;
	close_all(t);
	if (done != NULL)
		done(t->owner, t->late || t->signal != 0 || t->status != 0 ? why : NULL);
}

static void exit_cb(uv_process_t *process, int64_t status, int signal)
{
	struct trial *t = process->data;

	t->exited = true;
	t->status = status;
	t->signal = signal;
	tell(t);
}

static void room_cb(uv_handle_t *handle, size_t size UNUSED, uv_buf_t *buf)
{
	struct trial *t = handle->data;

	*buf = uv_buf_init(t->room, sizeof t->room);
}

static void read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf UNUSED)
{
	struct trial *t = stream->data;

	if (n < 0) {
		uv_read_stop(stream);
		t->ended = true;
		tell(t);
		return;
	}
	size_t kept = size_min((size_t)n, SAID_MAX - t->len);
	memcpy(t->said + t->len, t->room, kept);
	t->len += kept;
}

/* A child of the child may hold the pipe open: that is not waited for either. */
static void timer_cb(uv_timer_t *timer)
{
	struct trial *t = timer->data;

	t->late = !t->exited;
	t->ended = true;
	if (!t->exited)
		uv_process_kill(&t->process, SIGKILL); /* exit_cb tells */
	tell(t);
}

static char **arguments(const char *program, char *const *argv)
{
	size_t count = 0;

	while (argv != NULL && argv[count] != NULL)
		count++;
	char **all = calloc(count + 3, sizeof *all);
	if (all == NULL)
		return NULL;
	all[0] = (char *)(uintptr_t)program;
	for (size_t i = 1; i < count; i++)
		all[i] = argv[i];
	all[count > 0 ? count : 1] = (char *)(uintptr_t) "--check-config";
	return all;
}

/* Ours and TRIAL_VARIABLE. */
static char **environment(void)
{
	size_t count = 0;

	while (environ[count] != NULL)
		count++;
	char **all = calloc(count + 2, sizeof *all);
	if (all == NULL)
		return NULL;
	all[0] = (char *)(uintptr_t)(TRIAL_VARIABLE "=1");
	memcpy(all + 1, environ, count * sizeof *all);
	return all;
}

struct trial *trial_begin(struct loop *loop, const char *program, char *const *argv, trial_cb done,
	void *owner, const char **why)
{
	struct trial *t = calloc(1, sizeof *t);
	char **args = arguments(program, argv), **env = environment();

	*why = "out of memory";
	if (t == NULL || args == NULL || env == NULL) {
		free(t);
		free(args);
		free(env);
		return NULL;
	}
	t->done = done;
	t->owner = owner;
	t->handles = 3;
	t->process.data = t->pipe.data = t->timer.data = t;
	uv_pipe_init(&loop->uv, &t->pipe, 0);
	uv_timer_init(&loop->uv, &t->timer);
	uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
			.data.stream = (uv_stream_t *)&t->pipe}};
	uv_process_options_t options = {.exit_cb = exit_cb,
		.file = program,
		.args = args,
		.env = env,
		.stdio_count = 3,
		.stdio = stdio};
	int status = uv_spawn(&loop->uv, &t->process, &options);
	free(args);
	free(env);
	if (status < 0) {
		*why = uv_strerror(status);
		close_all(t);
		return NULL;
	}
	uv_read_start((uv_stream_t *)&t->pipe, room_cb, read_cb);
	uv_timer_start(&t->timer, timer_cb, TRIAL_MS, 0);
	return t;
}

void trial_cancel(struct trial *t)
{
	if (t == NULL)
		return;
	t->done = NULL;
	if (!t->exited)
		uv_process_kill(&t->process, SIGKILL);
	close_all(t);
}
