#include "server/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/line.h"
#include "common/log.h"
#include "server/console.h"
#include "server/game.h"

enum { UNREAD_MAX = 1024 * 1024 };

struct terminal {
	struct game *game; /* borrowed: outlives us */
	struct line line;
	struct call_front front;
	uv_poll_t in, out; /* out: only while said waits, and if it can wait at all */
	int in_fd;         /* owned: our own way to it, or a copy of it */
	int out_fd;        /* likewise */
	struct buf said;   /* not yet taken by out */
	unsigned handles;  /* whose closing has not come back */
	bool has_out, closing;
};

/* O_NONBLOCK is set for all who share a descriptor, the shell that started us among them; so this is
 * another way to the same terminal or pipe. Sockets cannot be opened: a copy, and MSG_DONTWAIT. */
static int own_way_to(int fd, int mode)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int own = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return own >= 0 ? own : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static ssize_t read_some(int fd, void *room, size_t len)
{
	ssize_t n = recv(fd, room, len, MSG_DONTWAIT);

	return n < 0 && errno == ENOTSOCK ? read(fd, room, len) : n;
}

static ssize_t write_some(int fd, struct slice bytes)
{
	ssize_t n = send(fd, bytes.at, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 && errno == ENOTSOCK ? write(fd, bytes.at, bytes.len) : n;
}

static void write_cb(uv_poll_t *poll, int status, int events);

static void write_said(struct terminal *t)
{
	while (t->said.len > 0) {
		ssize_t n = write_some(t->out_fd, buf_bytes(&t->said));

		if (n < 0 && errno == EAGAIN && t->has_out) {
			uv_poll_start(&t->out, UV_WRITABLE, write_cb);
			return;
		}
		buf_eat(&t->said, n > 0 ? (size_t)n : t->said.len);
	}
	if (t->has_out)
		uv_poll_stop(&t->out);
}

static void write_cb(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	write_said(poll->data);
}

static void say(struct terminal *t, struct buf *text)
{
	if (t->said.len + text->len <= UNREAD_MAX)
		buf_add(&t->said, buf_bytes(text));
	buf_free(text);
	write_said(t);
}

static void on_done(struct call_front *front, json_t *answer, const char *error)
{
	struct buf text = {0};

	console_outcome(answer, error, &text);
	say(container_of(front, struct terminal, front), &text);
}

static void run_line(struct terminal *t)
{
	struct buf out = {0};

	if (t->line.cut)
		buf_addf(&out, "the line is too long\n");
	else if (buf_add_byte(&t->line.text, '\0'))
		console_run_from(
			t->game, (const char *)buf_bytes(&t->line.text).at, &t->front, &out);
	line_next(&t->line);
	say(t, &out);
}

static void read_cb(uv_poll_t *poll, int status, int events UNUSED)
{
	struct terminal *t = poll->data;
	ssize_t n = status < 0 ? 0 : read_some(t->in_fd, t->game->loop->read_room, LOOP_READ_ROOM);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* Ctrl-D; the other end of a pipe; or the terminal is somebody else's now */
		uv_poll_stop(&t->in);
		log_info("console: closed; the game goes on");
		return;
	}
	struct slice bytes = slice_of(t->game->loop->read_room, (size_t)n);
	while (!t->closing && line_feed(&t->line, &bytes) == LINE_READY)
		run_line(t);
}

static void free_terminal(struct terminal *t)
{
	if (t->in_fd >= 0)
		close(t->in_fd);
	if (t->out_fd >= 0)
		close(t->out_fd);
	line_free(&t->line);
	buf_free(&t->said);
	free(t);
}

static void closed_cb(uv_handle_t *handle)
{
	struct terminal *t = handle->data;

	if (--t->handles == 0)
		free_terminal(t);
}

struct terminal *terminal_open(struct game *game, int in, int out)
{
	struct terminal *t = calloc(1, sizeof *t);
	uv_loop_t *uv = &game->loop->uv;

	if (t == NULL)
		return NULL;
	t->game = game;
	t->line.max = COMMAND_LINE_MAX;
	call_front_open(&t->front, on_done);
	t->in_fd = own_way_to(in, O_RDONLY);
	t->out_fd = own_way_to(out, O_WRONLY);
	int status = t->in_fd < 0 ? UV_EBADF : uv_poll_init(uv, &t->in, t->in_fd);
	if (status < 0) {
		log_warn("console: not read: %s",
			status == UV_EPERM ? "neither a terminal nor a pipe" : uv_strerror(status));
		free_terminal(t);
		return NULL;
	}
	t->handles = 1;
	/* A file never has one wait, and cannot be polled. */
	t->has_out = t->out_fd >= 0 && uv_poll_init(uv, &t->out, t->out_fd) == 0;
	t->handles += t->has_out;
	t->in.data = t->out.data = t;
	uv_poll_start(&t->in, UV_READABLE, read_cb);
	return t;
}

void terminal_close(struct terminal *t)
{
	if (t == NULL || t->closing)
		return;
	t->closing = true;
	call_front_close(&t->front);
	write_said(t); /* what there is room for */
	uv_close((uv_handle_t *)&t->in, closed_cb);
	if (t->has_out)
		uv_close((uv_handle_t *)&t->out, closed_cb);
}
