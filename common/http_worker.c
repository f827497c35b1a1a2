#include "common/http_worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TICK_MS = 500,
	ACCEPTS = 64,        /* connections accepted in one turn */
	STOP_GRACE_MS = 1000 /* for answers to be taken, once the server is to close */
};

void http_move_all(struct list *from, struct list *to)
{
	while (!list_is_empty(from)) {
		struct list *node = from->next;

		list_remove(node);
		list_add_last(to, node);
	}
}

void http_worker_ring(struct http_worker *w)
{
	bell_ring(&w->bell);
}

/* ---- the end ------------------------------------------------------------------------------------ */

static void tell_done(struct http_worker *w)
{
	struct http_server *s = w->server;

	uv_mutex_lock(&s->lock);
	s->done++;
	uv_mutex_unlock(&s->lock);
	bell_ring(&s->bell);
}

static void handle_closed(struct http_worker *w)
{
	if (--w->handles == 0 && w->loop != &w->own)
		tell_done(w);
}

static void on_tick_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void on_bell_closed(struct bell *bell)
{
	handle_closed(container_of(bell, struct http_worker, bell));
}

static void on_door_closed(uv_handle_t *handle)
{
	struct http_door *d = handle->data;

	close(d->fd);
	handle_closed(d->worker);
}

static void close_doors(struct http_worker *w)
{
	for (unsigned i = 0; i < w->door_count; i++) {
		if (w->doors[i].open)
			uv_close((uv_handle_t *)&w->doors[i].poll, on_door_closed);
		w->doors[i].open = false;
	}
}

/* Closes itself when its last connection has gone. */
static void end_if_empty(struct http_worker *w)
{
	if (!w->stopping || !list_is_empty(&w->connections) || bell_is_closing(&w->bell))
		return;
	loop_task_cancel(&w->bring);
	bell_close(&w->bell, on_bell_closed);
	uv_close((uv_handle_t *)&w->tick, on_tick_closed);
}

/* ---- the clock ---------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer);

static void start_tick(struct http_worker *w)
{
	if (!uv_is_active((uv_handle_t *)&w->tick))
		uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
}

static void watch_doors(struct http_worker *w, bool watch);

static void on_tick(uv_timer_t *timer)
{
	struct http_worker *w = timer->data;
	bool late = w->stopping && loop_now_ms(w->loop) - w->stop_ms >= STOP_GRACE_MS;

	LIST_EACH(at, &w->connections)
	{
		struct http_connection *c = container_of(at, struct http_connection, node);

		if (late)
			http_connection_close(c);
		else if (w->stopping)
			http_connection_stop(c);
		else
			http_connection_tick(c);
	}
	if (w->paused)
		watch_doors(w, true);
	if (list_is_empty(&w->connections) && !w->paused)
		uv_timer_stop(&w->tick);
	end_if_empty(w);
}

/* ---- who comes ---------------------------------------------------------------------------------- */

static void welcome(struct http_worker *w, int fd, const struct address *from, unsigned listener)
{
	http_connection_open(w, fd, from, listener);
	start_tick(w);
}

/* To the next worker in turn. */
static void deal(struct http_worker *first, int fd, const struct address *from, unsigned listener)
{
	struct http_server *s = first->server;
	struct http_worker *w = &s->workers[first->next];
	struct http_arrival *a = NULL;

	first->next = (first->next + 1) % s->worker_count;
	if (w != first)
		a = malloc(sizeof *a);
	if (a == NULL) {
		welcome(first, fd, from, listener);
		return;
	}
	*a = (struct http_arrival){.fd = fd, .from = *from, .listener = listener};
	uv_mutex_lock(&w->lock);
	list_add_last(&w->arrivals, &a->node);
	uv_mutex_unlock(&w->lock);
	http_worker_ring(w);
}

/* It takes no more than the kernel takes at once. */
static void refuse_full(int fd)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n"
				   "Connection: close\r\nContent-Type: text/plain\r\n"
				   "Content-Length: 46\r\n\r\n"
				   "503 Service Unavailable: too many connections\n";

	send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void greet(struct http_door *d, int fd, const struct address *from)
{
	struct http_worker *w = d->worker;
	struct http_server *s = w->server;
	bool may = s->config.ops->may_connect == NULL ||
		   s->config.ops->may_connect(s->config.owner, from);

	uv_mutex_lock(&s->lock);
	bool seated = may && http_seats_take(&s->seats, from);
	if (seated) {
		s->counts.connections++;
		s->counts.now++;
	} else if (may) {
		s->counts.full++;
	} else {
		s->counts.denied++;
		s->counts.last_denied = *from;
	}
	uv_mutex_unlock(&s->lock);
	if (seated) {
		deal(w, fd, from, (unsigned)(d - w->doors));
		return;
	}
	if (may)
		refuse_full(fd);
	close(fd);
}

static void on_door(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct http_door *d = poll->data;

	for (int i = 0; i < ACCEPTS; i++) {
		struct address from = {.len = sizeof from.un};
		int fd = accept4(d->fd, &from.sa, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			address_unmap(&from);
			greet(d, fd, &from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			watch_doors(d->worker, false); /* poll would tell of it without end */
			start_tick(d->worker);
			return;
		} else if (errno == EINVAL) {
			uv_poll_stop(poll); /* it listens no more: the server is closing */
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void watch_doors(struct http_worker *w, bool watch)
{
	w->paused = !watch;
	for (unsigned i = 0; i < w->door_count; i++) {
		if (!w->doors[i].open)
			continue;
		if (watch)
			uv_poll_start(&w->doors[i].poll, UV_READABLE, on_door);
		else
			uv_poll_stop(&w->doors[i].poll);
	}
}

/* ---- the bell ----------------------------------------------------------------------------------- */

static void stop(struct http_worker *w)
{
	http_connection_bring(w);
	w->stopping = true;
	w->stop_ms = loop_now_ms(w->loop);
	close_doors(w);
	w->paused = false;
	LIST_EACH(at, &w->connections)
	{
		http_connection_stop(container_of(at, struct http_connection, node));
	}
	uv_timer_start(&w->tick, on_tick, 20, 20);
	end_if_empty(w);
}

static void on_bell(struct bell *bell)
{
	struct http_worker *w = container_of(bell, struct http_worker, bell);
	struct list parts, arrivals;

	list_init(&parts);
	list_init(&arrivals);
	uv_mutex_lock(&w->lock);
	http_move_all(&w->parts, &parts);
	http_move_all(&w->arrivals, &arrivals);
	bool to_stop = w->stop;
	uv_mutex_unlock(&w->lock);
	while (!list_is_empty(&arrivals)) {
		struct http_arrival *a = container_of(arrivals.next, struct http_arrival, node);

		list_remove(&a->node);
		welcome(w, a->fd, &a->from, a->listener);
		free(a);
	}
	while (!list_is_empty(&parts)) {
		struct http_part *part = container_of(parts.next, struct http_part, node);

		list_remove(&part->node);
		http_connection_take(part->connection, part);
	}
	if (to_stop && !w->stopping)
		stop(w);
}

/* ---- life --------------------------------------------------------------------------------------- */

static void open_doors(struct http_worker *w, const int *sockets)
{
	for (unsigned i = 0; i < w->door_count; i++) {
		struct http_door *d = &w->doors[i];

		d->worker = w;
		d->fd = sockets[i];
		d->poll.data = d;
		/* Can only fail for what is no socket. */
		if (uv_poll_init_socket(&w->loop->uv, &d->poll, d->fd) < 0) {
			close(d->fd);
			continue;
		}
		d->open = true;
		w->handles++;
	}
	watch_doors(w, true);
}

int http_worker_open(struct http_worker *w, struct http_server *server, unsigned index,
	const int *sockets, unsigned door_count)
{
	bool threaded = server->config.threads > 0;
	int status = threaded ? loop_open(&w->own) : 0;

	if (status < 0)
		return status;
	w->server = server;
	w->loop = threaded ? &w->own : server->loop;
	list_init(&w->connections);
	list_init(&w->asked);
	loop_task_init(&w->bring, http_connection_on_bring);
	list_init(&w->outgoing);
	list_init(&w->parts);
	list_init(&w->arrivals);
	w->door_count = index == 0 ? door_count : 0;
	w->doors = calloc(door_count, sizeof *w->doors);
	status = w->doors == NULL ? UV_ENOMEM : uv_mutex_init(&w->lock);
	if (status == 0) {
		status = bell_open(&w->bell, w->loop, on_bell);
		if (status < 0)
			uv_mutex_destroy(&w->lock);
	}
	if (status < 0) {
		if (threaded)
			loop_close(&w->own);
		free(w->doors);
		return status;
	}
	uv_timer_init(&w->loop->uv, &w->tick);
	w->tick.data = w;
	w->handles = 2;
	open_doors(w, sockets);
	return 0;
}

void http_worker_run(void *worker)
{
	struct http_worker *w = worker;

	loop_run(&w->own);
	loop_close(&w->own);
	tell_done(w);
}
