#include <stdlib.h>
#include <unistd.h>

#include "common/http_worker.h"

enum {
	READ_MAX = 16 * 1024,  /* bytes read at once, and so what may lie behind a request */
	AHEAD_MAX = 64 * 1024, /* what is said while parts come is kept, and no more of it */
	SLOW_HIGH = 64 * 1024, /* row K09: with so much unsent no further request is read */
	SLOW_LOW = 16 * 1024,
	GATHER_TURNS = 4, /* at most, each with new requests, before the owner is told of them */
	LINGER_MS = 2000  /* for the client to end its side, once we have ended ours */
};

static struct http_connection *of_stream(struct stream *s)
{
	return container_of(s, struct http_connection, stream);
}

static struct http_connection *of_http(struct http *h)
{
	return container_of(h, struct http_connection, http);
}

static uint64_t now_of(const struct http_connection *c)
{
	return loop_now_ms(c->worker->loop);
}

static struct http_server *server_of(const struct http_connection *c)
{
	return c->worker->server;
}

/* While a request waits for its answer the socket is still read, until something comes: to stop and start
 * again costs two system calls, and most clients wait, too. */
static bool may_read(const struct http_connection *c)
{
	const struct http *h = &c->http;

	return c->over_ms > 0 || c->streaming || http_wants_bytes(h) ||
	       (h->answering && h->ahead.len == 0 && !h->held);
}

static void update_reading(struct http_connection *c)
{
	if (may_read(c))
		stream_read(&c->stream);
	else
		stream_pause(&c->stream);
}

/* ---- requests ----------------------------------------------------------------------------------- */

static time_t wall_clock(struct http *h UNUSED)
{
	return time(NULL);
}

static void send_out(struct http_connection *c)
{
	loop_task_cancel(&c->send);
	stream_write_now(&c->stream, buf_bytes(&c->out));
	buf_eat(&c->out, c->out.len);
}

static void on_send(struct loop_task *task)
{
	send_out(container_of(task, struct http_connection, send));
}

/* Takes out's memory, and keeps what it took before for the next answer. */
static void swap_out(struct http_connection *c, struct buf *out)
{
	buf_free(&c->room);
	c->room = c->out;
	c->out = *out;
	*out = (struct buf){0};
}

static void on_output(struct http *h, struct buf *out)
{
	struct http_connection *c = of_http(h);

	if (c->full_ms == 0)
		c->full_ms = now_of(c);
	if (c->out.len == 0)
		swap_out(c, out);
	else if (!buf_add(&c->out, buf_bytes(out)))
		http_connection_close(c);
	loop_at_turn_end(c->worker->loop, &c->send);
}

static void count_fault(struct http_connection *c, enum http_fault fault)
{
	struct http_server *s = server_of(c);

	uv_mutex_lock(&s->lock);
	if (fault == HTTP_FAULT_SLOW_HEAD || fault == HTTP_FAULT_SLOW_BODY)
		s->counts.late++;
	else
		s->counts.malformed++;
	s->counts.last_malformed = c->from;
	s->counts.last_fault = fault;
	uv_mutex_unlock(&s->lock);
}

static void begin_end(struct http_connection *c)
{
	c->over_ms = now_of(c);
	send_out(c);
	stream_finish(&c->stream);
	loop_at_turn_end(c->worker->loop, &c->settle);
}

static void on_over(struct http *h, enum http_fault fault)
{
	struct http_connection *c = of_http(h);

	if (fault != HTTP_FAULT_NONE)
		count_fault(c, fault);
	begin_end(c);
}

/* Behind the stream's own work of this turn. */
static void settle(struct loop_task *task)
{
	struct http_connection *c = container_of(task, struct http_connection, settle);

	if (c->over_ms > 0 && c->peer_ended && stream_is_finished(&c->stream))
		http_connection_close(c);
}

static void refuse_busy(struct http_connection *c)
{
	struct http_answer a;

	c->http.asked.keep = false;
	http_answer_open(&a, &c->http.asked, 503, time(NULL));
	http_answer_field(&a, "Retry-After", slice_text("2"));
	http_answer_text(&a, "busy, or about to start again: ask again in a moment");
	http_send(&c->http, &a, true, now_of(c));
}

/* False: it was answered. */
static bool may_ask(struct http_connection *c, const struct http_request *r)
{
	struct http_server *s = server_of(c);
	struct http_answer a;

	if (s->config.ops->may_ask == NULL ||
		s->config.ops->may_ask(s->config.owner, &c->from, r, &c->http.asked, &a))
		return true;
	uv_mutex_lock(&s->lock);
	s->counts.refused++;
	uv_mutex_unlock(&s->lock);
	http_send(&c->http, &a, true, now_of(c));
	return false;
}

static void on_head(struct http *h, const struct http_request *r)
{
	may_ask(of_http(h), r);
}

/* Memory for an answer: what the last one left unused, or that of what has been sent. */
static struct buf take_room(struct http_connection *c)
{
	struct buf *from = c->x.room.mem != NULL ? &c->x.room : &c->room;

	if (from->mem == NULL && c->out.len == 0)
		from = &c->out;
	struct buf room = *from;
	*from = (struct buf){0};
	return room;
}

static void on_request(struct http *h, const struct http_request *r)
{
	struct http_connection *c = of_http(h);
	struct http_worker *w = c->worker;

	if (!r->has_body && !may_ask(c, r)) /* the others were asked at their head */
		return;
	c->asked_ms = now_of(c);
	struct buf room = take_room(c);
	c->x = (struct http_exchange){.request = r,
		.asked = &h->asked,
		.from = c->from,
		.listener = c->listener,
		.room = room,
		.connection = c};
	list_init(&c->x.node);
	list_add_last(&w->asked, &c->in);
	w->asked_turn = w->loop->turn;
	loop_at_next_turn(w->loop, &w->bring);
}

void http_connection_on_bring(struct loop_task *task)
{
	struct http_worker *w = container_of(task, struct http_worker, bring);

	if (w->asked_turn == w->loop->turn && ++w->gathered < GATHER_TURNS)
		loop_at_next_turn(w->loop, &w->bring);
	else
		http_connection_bring(w);
}

void http_connection_bring(struct http_worker *w)
{
	struct http_server *s = w->server;

	w->gathered = 0;
	if (list_is_empty(&w->asked))
		return;
	uv_mutex_lock(&s->lock);
	bool ring = list_is_empty(&s->inbox), shut = s->shut;
	LIST_EACH(at, &w->asked)
	{
		if (shut)
			break;
		container_of(at, struct http_connection, in)->state = EXCHANGE_WAITING;
		s->counts.requests++;
	}
	if (!shut)
		http_move_all(&w->asked, &s->inbox);
	uv_mutex_unlock(&s->lock);
	if (!shut && ring)
		bell_ring(&s->bell);
	while (!list_is_empty(&w->asked)) {
		struct http_connection *c = container_of(w->asked.next, struct http_connection, in);

		list_remove(&c->in);
		refuse_busy(c);
	}
}

static const struct http_ops http_ops = {
	.on_head = on_head,
	.on_request = on_request,
	.on_output = on_output,
	.on_over = on_over,
	.wall_clock = wall_clock,
};

/* ---- answers ------------------------------------------------------------------------------------ */

static void connection_free(struct http_connection *c)
{
	http_free(&c->http);
	buf_free(&c->out);
	buf_free(&c->room);
	buf_free(&c->x.room);
	free(c);
}

void http_connection_take(struct http_connection *c, struct http_part *part)
{
	struct http_answer answer = part->answer;
	bool whole = part->whole;

	if (!whole)
		free(part);
	else
		c->state = EXCHANGE_NONE; /* nobody else looks at it any more */
	if (c->closed) {
		http_answer_free(&answer);
		if (whole)
			connection_free(c);
		return;
	}
	c->streaming = !whole;
	http_send(&c->http, &answer, whole, now_of(c));
	if (!whole)
		http_answer_free(&answer);
	if (!whole && c->peer_ended)
		http_connection_close(c); /* he may have read all that he wants */
	update_reading(c);
}

/* ---- the stream --------------------------------------------------------------------------------- */

static void on_bytes(struct stream *s, struct slice bytes)
{
	struct http_connection *c = of_stream(s);

	if (c->over_ms > 0)
		return; /* nobody waits for them */
	if (c->streaming && c->http.ahead.len + bytes.len > AHEAD_MAX) {
		http_connection_close(c);
		return;
	}
	http_bytes(&c->http, bytes, now_of(c));
	update_reading(c);
}

static void on_slow(struct stream *s)
{
	struct http_connection *c = of_stream(s);

	if (c->streaming)
		http_connection_close(c); /* who listens to events and does not read them */
	else
		http_hold(&c->http, true, now_of(c));
	update_reading(c);
}

static void on_drained(struct stream *s)
{
	struct http_connection *c = of_stream(s);

	http_hold(&c->http, false, now_of(c));
	update_reading(c);
}

static void on_end(struct stream *s, int status)
{
	struct http_connection *c = of_stream(s);

	c->peer_ended = true;
	if (status != UV_EOF || c->streaming) {
		http_connection_close(c);
		return;
	}
	http_end(&c->http, now_of(c));
	loop_at_turn_end(c->worker->loop, &c->settle);
}

static void on_closed(struct stream *stream)
{
	struct http_connection *c = of_stream(stream);
	struct http_server *s = server_of(c);
	bool ring = false;

	loop_task_cancel(&c->send);
	loop_task_cancel(&c->settle);
	list_remove(&c->node);
	uv_mutex_lock(&s->lock);
	c->closed = true;
	http_seats_leave(&s->seats, &c->from);
	s->counts.now--;
	if (c->state == EXCHANGE_OWNED) {
		ring = list_is_empty(&s->left);
		list_add_last(&s->left, &c->left);
	} else if (c->state != EXCHANGE_ENDED) {
		list_remove(&c->in);
		c->state = EXCHANGE_NONE;
	}
	bool ours = c->state == EXCHANGE_NONE;
	uv_mutex_unlock(&s->lock);
	if (ring)
		bell_ring(&s->bell);
	if (ours)
		connection_free(c);
}

static const struct stream_ops stream_ops = {
	.on_bytes = on_bytes,
	.on_slow = on_slow,
	.on_drained = on_drained,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* ---- life --------------------------------------------------------------------------------------- */

static void give_up(struct http_server *s, int fd, const struct address *from)
{
	close(fd);
	uv_mutex_lock(&s->lock);
	http_seats_leave(&s->seats, from);
	s->counts.now--;
	uv_mutex_unlock(&s->lock);
}

void http_connection_open(
	struct http_worker *w, int fd, const struct address *from, unsigned listener)
{
	struct http_connection *c = calloc(1, sizeof *c);

	if (c == NULL || stream_open_fd(&c->stream, w->loop, fd, &stream_ops) < 0) {
		free(c);
		give_up(w->server, fd, from);
		return;
	}
	c->worker = w;
	c->from = *from;
	c->listener = listener;
	list_init(&c->in);
	list_init(&c->left);
	list_init(&c->last.node);
	loop_task_init(&c->send, on_send);
	loop_task_init(&c->settle, settle);
	list_add_last(&w->connections, &c->node);
	http_open(&c->http, &http_ops, w->server->config.limits, w->server->config.deadlines,
		now_of(c));
	stream_limits(&c->stream, SLOW_HIGH, SLOW_LOW);
	stream_read_max(&c->stream, READ_MAX);
	stream_read(&c->stream);
}

/* The owner has not even looked at its request. */
static void refuse_if_waiting(struct http_connection *c)
{
	struct http_server *s = server_of(c);

	uv_mutex_lock(&s->lock);
	bool waits = c->state == EXCHANGE_WAITING;
	if (waits) {
		list_remove(&c->in);
		c->state = EXCHANGE_NONE;
		s->counts.refused++;
	}
	uv_mutex_unlock(&s->lock);
	if (waits)
		refuse_busy(c);
}

void http_connection_tick(struct http_connection *c)
{
	const struct http_server_config *config = &server_of(c)->config;
	uint64_t now = now_of(c);

	if (c->stream.queued == 0 && c->out.len == 0)
		c->full_ms = 0;
	bool late = c->full_ms > 0 && now - c->full_ms >= config->write_ms;
	bool lingers =
		c->over_ms > 0 && stream_is_finished(&c->stream) && now - c->over_ms >= LINGER_MS;
	if (late || lingers) {
		if (late) {
			struct http_server *s = server_of(c);

			uv_mutex_lock(&s->lock);
			s->counts.late++;
			uv_mutex_unlock(&s->lock);
		}
		http_connection_close(c);
		return;
	}
	http_tick(&c->http, now);
	if (c->http.answering && !c->streaming && now - c->asked_ms >= config->queue_ms)
		refuse_if_waiting(c);
	update_reading(c);
}

void http_connection_stop(struct http_connection *c)
{
	bool idle = c->stream.queued == 0 && c->out.len == 0;

	if (c->over_ms == 0)
		begin_end(c);
	if (idle)
		http_connection_close(c);
}

void http_connection_close(struct http_connection *c)
{
	stream_close(&c->stream);
}
