#include "common/control.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/address.h"
#include "common/buf.h"
#include "common/jsontext.h"
#include "common/log.h"
#include "common/stream.h"

enum {
	CONNS_MAX = 16,
	READ_MAX = 2048,          /* bytes at once: a line and the beginning of the next */
	ANSWERS_HIGH = 64 * 1024, /* bytes: above, no more requests are taken until they left */
	IDLE_MS = 60 * 1000,
	LAST_ANSWER_MS = 1000, /* how long the last answers may take to leave */
	SWEEP_MS = 1000
};

struct control {
	struct loop *loop;
	struct control_config config;
	char path[108];
	dev_t dev; /* of the socket file: we remove no other */
	ino_t ino;
	char our_name[32];
	uv_pipe_t listening;
	uv_timer_t sweep;
	struct list conns;
	unsigned count;   /* of conns */
	unsigned handles; /* that are still to be closed: listening, sweep */
	bool closing;
};

/* One admin. */
struct conn {
	struct list node;
	struct control *control; /* borrowed: outlives us */
	struct stream stream;
	struct loop_task next; /* the next request, or the end */
	struct buf in;
	struct call_front front;
	bool held;         /* the answer to its last request comes later: no more until then */
	uint64_t since_ms; /* since when it has been silent, or is leaving */
	bool slow;         /* its answers wait: no more requests */
	bool leaving;      /* no more requests at all; what was answered is being sent */
	char caller[64];
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct control *control = handle->data;

	if (--control->handles == 0)
		free(control);
}

/* The sweep stays as long as there is somebody to sweep, so its closing is the last. */
static void end_when_empty(struct control *control)
{
	uv_handle_t *sweep = (uv_handle_t *)&control->sweep;

	if (control->closing && list_is_empty(&control->conns) && !uv_is_closing(sweep))
		uv_close(sweep, on_handle_closed);
}

/* Answers */

static void leave(struct conn *c)
{
	if (c->leaving)
		return;
	c->leaving = true;
	c->since_ms = loop_now_ms(c->control->loop);
	buf_free(&c->in);
	stream_pause(&c->stream);
	stream_finish(&c->stream);
	stream_flush(&c->stream);
	loop_at_next_turn(c->control->loop, &c->next);
}

/* Takes the reference of message. */
static void send_line(struct conn *c, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	struct shared *line = NULL;

	json_decref(message);
	if (text != NULL) {
		size_t len = strlen(text);
		text[len] = '\n'; /* over the terminator */
		line = shared_new(slice_of(text, len + 1));
		free(text);
	}
	if (line == NULL) {
		log_error("admin socket: out of memory for the answer to %s", c->caller);
		stream_close(&c->stream);
		return;
	}
	stream_write(&c->stream, line);
	stream_flush(&c->stream);
	shared_unref(line);
}

static void send_error(struct conn *c, const char *error)
{
	json_t *text = json_string(error);

	if (text == NULL) { /* a word of the caller, cut in the middle of a character */
		char plain[1024];
		log_escape(plain, sizeof plain, slice_text(error));
		text = json_string(plain);
	}
	send_line(c, json_pack("{s:b, s:o}", "ok", 0, "error", text));
}

/* Takes the reference of answer. */
static void send_answer(struct conn *c, json_t *answer)
{
	send_line(c,
		json_pack("{s:b, s:o}", "ok", 1, "answer", answer != NULL ? answer : json_null()));
}

static void send_result(struct conn *c, struct call *call)
{
	if (call->error[0] != '\0')
		send_error(c, call->error);
	else if (call->held)
		c->held = !list_is_empty(&c->front.holds);
	else
		send_answer(c, json_incref(call->answer));
}

static void on_done(struct call_front *front, json_t *answer, const char *error)
{
	struct conn *c = container_of(front, struct conn, front);

	if (error == NULL) {
		send_answer(c, answer);
	} else {
		json_decref(answer);
		send_error(c, error);
	}
	c->held = false;
	c->since_ms = loop_now_ms(c->control->loop);
	if (!c->stream.closing)
		loop_at_next_turn(c->control->loop, &c->next);
}

/* Requests */

/* False with call->error set. The words belong to request. */
static bool read_argv(struct call *call, const json_t *request)
{
	const json_t *argv = json_object_get(request, "argv");
	size_t count = json_array_size(argv);

	if (!json_is_array(argv) || json_object_size(request) != 1) {
		call_fail(call, "a request is {\"argv\": [\"command\", \"word\"]}");
		return false;
	}
	if (count > COMMAND_ARGS_MAX) {
		call_fail(call, "too many words");
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		call->argv[i] = json_string_value(json_array_get(argv, i));
		if (call->argv[i] == NULL) {
			call_fail(call, "a word of argv is no string");
			return false;
		}
	}
	call->argc = (int)count;
	return true;
}

static void handle_request(struct conn *c, struct slice line)
{
	const struct control_config *config = &c->control->config;
	struct call call = {.owner = config->owner,
		.caller = c->caller,
		.who = config->who,
		.front = &c->front};
	json_error_t error;
	json_t *request = jsontext_read(line, JSON_REJECT_DUPLICATES, &jsontext_message, &error);

	if (request == NULL)
		call_fail(&call, "not JSON: %s", error.text);
	else if (read_argv(&call, request) && config->run != NULL)
		config->run(&call);
	else if (call.error[0] == '\0')
		command_run(config->table, config->rows, &call);
	send_result(c, &call);
	call_free(&call);
	json_decref(request);
}

/* One request a turn: an admin with a thousand of them must not hold up anybody else. */
static void handle_next(struct conn *c)
{
	struct slice in = buf_bytes(&c->in);
	const uint8_t *end = in.len > 0 ? memchr(in.at, '\n', in.len) : NULL;
	size_t len = end != NULL ? (size_t)(end - in.at) : in.len;

	if (len > COMMAND_LINE_MAX) {
		send_error(c, "the line is too long");
		leave(c);
		return;
	}
	if (end == NULL) {
		if (c->stream.ended)
			leave(c);
		else
			stream_read(&c->stream);
		return;
	}
	handle_request(c, slice_of(in.at, len));
	buf_eat(&c->in, len + 1);
	if (!c->stream.closing && !c->held)
		loop_at_next_turn(c->control->loop, &c->next);
}

static void on_next(struct loop_task *task)
{
	struct conn *c = container_of(task, struct conn, next);

	if (c->leaving) {
		if (stream_is_finished(&c->stream))
			stream_close(&c->stream);
	} else if (c->control->closing) {
		leave(c);
	} else if (!c->slow && !c->held) {
		handle_next(c);
	}
}

/* The stream of a connection */

static void on_bytes(struct stream *s, struct slice bytes)
{
	struct conn *c = container_of(s, struct conn, stream);

	c->since_ms = loop_now_ms(c->control->loop);
	if (!buf_add(&c->in, bytes)) {
		log_error("admin socket: out of memory for a request of %s", c->caller);
		stream_close(s);
		return;
	}
	stream_pause(s); /* until these are dealt with */
	loop_at_next_turn(c->control->loop, &c->next);
}

static void on_slow(struct stream *s)
{
	container_of(s, struct conn, stream)->slow = true;
}

static void on_drained(struct stream *s)
{
	struct conn *c = container_of(s, struct conn, stream);

	c->slow = false;
	loop_at_next_turn(c->control->loop, &c->next);
}

static void on_end(struct stream *s, int status)
{
	struct conn *c = container_of(s, struct conn, stream);

	if (status == UV_EOF) /* what it asked before is still answered */
		loop_at_next_turn(c->control->loop, &c->next);
	else
		stream_close(s);
}

static void on_closed(struct stream *s)
{
	struct conn *c = container_of(s, struct conn, stream);
	struct control *control = c->control;

	loop_task_cancel(&c->next);
	call_front_close(&c->front);
	list_remove(&c->node);
	control->count--;
	buf_free(&c->in);
	free(c);
	if (control->count == 0)
		uv_timer_stop(&control->sweep);
	end_when_empty(control);
}

static const struct stream_ops conn_ops = {
	.on_bytes = on_bytes,
	.on_slow = on_slow,
	.on_drained = on_drained,
	.on_end = on_end,
	.on_closed = on_closed,
};

static void on_sweep(uv_timer_t *timer)
{
	struct control *control = container_of(timer, struct control, sweep);
	uint64_t now_ms = loop_now_ms(control->loop);

	LIST_EACH(at, &control->conns)
	{
		struct conn *c = container_of(at, struct conn, node);
		uint64_t patience_ms = control->closing ? LAST_ANSWER_MS : IDLE_MS;
		if (stream_is_finished(&c->stream) || now_ms - c->since_ms >= patience_ms)
			stream_close(&c->stream);
	}
}

/* Who asks. NULL when it may; else why not. */
static const char *identify(struct conn *c)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(stream_fd(&c->stream), SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		snprintf(c->caller, sizeof c->caller, "admin unknown");
		return "not allowed: nobody knows who you are";
	}
	bool is_us = peer.uid == geteuid();
	if (peer.uid == 0 || is_us)
		snprintf(c->caller, sizeof c->caller, "admin %s (pid %ld)",
			is_us ? c->control->our_name : "root", (long)peer.pid);
	else
		snprintf(c->caller, sizeof c->caller, "admin uid %lu (pid %ld)",
			(unsigned long)peer.uid, (long)peer.pid);
	if (peer.uid != 0 && !is_us)
		return "not allowed: only root and the user the daemon runs as may ask";
	return c->control->count > CONNS_MAX ? "too many connections; try again later" : NULL;
}

static void on_connection(uv_stream_t *listening, int status)
{
	struct control *control = listening->data;
	struct conn *c;

	if (status < 0) {
		log_warn("admin socket: a connection failed: %s", uv_strerror(status));
		return;
	}
	c = control->count < 2 * CONNS_MAX ? calloc(1, sizeof *c) : NULL;
	if (c == NULL || stream_accept(&c->stream, control->loop, listening, &conn_ops) < 0) {
		stream_refuse(listening);
		free(c);
		return;
	}
	c->control = control;
	c->since_ms = loop_now_ms(control->loop);
	call_front_open(&c->front, on_done);
	loop_task_init(&c->next, on_next);
	list_add_last(&control->conns, &c->node);
	if (control->count++ == 0)
		uv_timer_start(&control->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	stream_limits(&c->stream, ANSWERS_HIGH, 0);
	stream_read_max(&c->stream, READ_MAX);
	const char *why = identify(c);
	if (why == NULL) {
		stream_read(&c->stream);
		return;
	}
	log_warn("admin socket: %s: refused: %s", c->caller, why);
	send_error(c, why);
	leave(c);
}

/* Opening and closing */

static void note_our_name(struct control *control)
{
	const struct passwd *pw = getpwuid(geteuid());

	if (pw != NULL)
		snprintf(control->our_name, sizeof control->our_name, "%s", pw->pw_name);
	else
		snprintf(control->our_name, sizeof control->our_name, "uid %lu",
			(unsigned long)geteuid());
}

struct control *control_open(
	struct loop *loop, const struct control_config *config, const char **why)
{
	struct address address = {.un.sun_family = AF_UNIX, .len = sizeof address.un};
	struct stat st;

	if (strlen(config->path) >= sizeof address.un.sun_path) {
		*why = "the path of the admin socket is longer than 107 bytes";
		return NULL;
	}
	strcpy(address.un.sun_path, config->path);
	struct control *control = calloc(1, sizeof *control);
	if (control == NULL) {
		*why = "out of memory";
		return NULL;
	}
	int fd = address_listen(&address, 0600, why);
	if (fd < 0) {
		free(control);
		return NULL;
	}
	control->loop = loop;
	control->config = *config;
	strcpy(control->path, config->path);
	control->config.path = control->path;
	if (lstat(control->path, &st) == 0) {
		control->dev = st.st_dev;
		control->ino = st.st_ino;
	}
	note_our_name(control);
	list_init(&control->conns);
	control->handles = 2;
	uv_timer_init(&loop->uv, &control->sweep);
	control->sweep.data = control;
	uv_pipe_init(&loop->uv, &control->listening, 0);
	control->listening.data = control;
	int status = uv_pipe_open(&control->listening, fd);
	if (status < 0)
		close(fd);
	else
		status = uv_listen((uv_stream_t *)&control->listening, CONNS_MAX, on_connection);
	if (status < 0) {
		control_close(control);
		*why = uv_strerror(status);
		return NULL;
	}
	return control;
}

void control_close(struct control *control)
{
	struct stat st;

	if (control == NULL || control->closing)
		return;
	control->closing = true;
	if (lstat(control->path, &st) == 0 && st.st_dev == control->dev &&
		st.st_ino == control->ino)
		unlink(control->path);
	uv_close((uv_handle_t *)&control->listening, on_handle_closed);
	/* A command may be what closes us: its answer is still to come, so they leave in a turn. */
	LIST_EACH(at, &control->conns)
	loop_at_next_turn(control->loop, &container_of(at, struct conn, node)->next);
	end_when_empty(control);
}
