#include "common/http_server.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http_worker.h"

/* ---- answers ------------------------------------------------------------------------------------ */

/* From here on they are the workers'. */
static void end_exchanges(struct http_server *s)
{
	uv_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->worker_count; i++) {
		LIST_EACH(at, &s->workers[i].outgoing)
		{
			struct http_part *part = container_of(at, struct http_part, node);

			if (!part->whole)
				continue;
			part->connection->state = EXCHANGE_ENDED;
			list_remove(&part->connection->left);
		}
	}
	uv_mutex_unlock(&s->lock);
}

static void hand_over(struct http_server *s)
{
	end_exchanges(s);
	for (unsigned i = 0; i < s->worker_count; i++) {
		struct http_worker *w = &s->workers[i];

		if (list_is_empty(&w->outgoing))
			continue;
		uv_mutex_lock(&w->lock);
		bool ring = list_is_empty(&w->parts);
		http_move_all(&w->outgoing, &w->parts);
		uv_mutex_unlock(&w->lock);
		if (ring)
			http_worker_ring(w);
	}
}

static void on_hand_over(struct loop_task *task)
{
	struct http_server *s = container_of(task, struct http_server, hand_over);

	if (s->config.ops->before_answers != NULL)
		s->config.ops->before_answers(s->config.owner);
	hand_over(s);
}

static void send_part(struct http_part *part, struct http_connection *c, struct http_answer *a)
{
	struct http_server *s = c->worker->server;

	part->connection = c;
	part->answer = *a;
	*a = (struct http_answer){.asked = a->asked, .status = a->status, .chunked = a->chunked};
	list_add_last(&c->worker->outgoing, &part->node);
	loop_at_turn_end(s->loop, &s->hand_over);
}

void http_exchange_end(struct http_exchange *x, struct http_answer *a)
{
	struct http_connection *c = x->connection;

	c->ended = true;
	c->last.whole = true;
	send_part(&c->last, c, a);
}

bool http_exchange_part(struct http_exchange *x, struct http_answer *a)
{
	struct http_part *part = x->gone ? NULL : calloc(1, sizeof *part);

	if (part == NULL) {
		http_answer_free(a);
		x->gone = true;
		return false;
	}
	send_part(part, x->connection, a);
	return true;
}

/* ---- what workers bring ------------------------------------------------------------------------- */

static void take_inbox(struct http_server *s)
{
	uv_mutex_lock(&s->lock);
	for (struct list *at = s->inbox.next; at != &s->inbox; at = at->next)
		container_of(at, struct http_connection, in)->state = EXCHANGE_OWNED;
	http_move_all(&s->inbox, &s->taken);
	uv_mutex_unlock(&s->lock);
}

/* The next that was taken; NULL: there is none. */
static struct http_exchange *next_taken(struct http_server *s)
{
	if (list_is_empty(&s->taken))
		return NULL;
	struct http_connection *c = container_of(s->taken.next, struct http_connection, in);

	list_remove(&c->in);
	c->ended = false;
	return &c->x;
}

static void tell_of_requests(struct http_server *s)
{
	struct http_exchange *x;

	take_inbox(s);
	while ((x = next_taken(s)) != NULL)
		s->config.ops->on_request(s->config.owner, x);
}

/* One whose client has left; NULL: there is none. */
static struct http_connection *next_left(struct http_server *s)
{
	struct http_connection *c = NULL;

	uv_mutex_lock(&s->lock);
	if (!list_is_empty(&s->left)) {
		c = container_of(s->left.next, struct http_connection, left);
		list_remove(&c->left);
	}
	uv_mutex_unlock(&s->lock);
	return c;
}

static void tell_who_left(struct http_server *s)
{
	struct http_connection *c;

	while ((c = next_left(s)) != NULL) {
		c->x.gone = true;
		if (!c->ended && s->config.ops->on_gone != NULL)
			s->config.ops->on_gone(s->config.owner, &c->x);
	}
}

static void end_if_done(struct http_server *s);

static void on_bell(struct bell *bell)
{
	struct http_server *s = container_of(bell, struct http_server, bell);

	if (!s->closing) {
		tell_of_requests(s);
		tell_who_left(s);
	}
	if (s->closing)
		end_if_done(s);
}

void http_server_counts(struct http_server *s, struct http_server_counts *out)
{
	uv_mutex_lock(&s->lock);
	*out = s->counts;
	uv_mutex_unlock(&s->lock);
}

/* ---- life --------------------------------------------------------------------------------------- */

static void server_free(struct http_server *s)
{
	for (unsigned i = 0; i < s->worker_count; i++) {
		free(s->workers[i].doors);
		uv_mutex_destroy(&s->workers[i].lock);
	}
	http_seats_close(&s->seats);
	uv_mutex_destroy(&s->lock);
	free(s->workers);
	free(s);
}

static void on_bell_closed(struct bell *bell)
{
	struct http_server *s = container_of(bell, struct http_server, bell);
	const struct http_server_ops *ops = s->config.ops;
	void *owner = s->config.owner;
	bool opened = s->closing;

	server_free(s);
	if (opened && ops->on_closed != NULL)
		ops->on_closed(owner);
}

static void end_if_done(struct http_server *s)
{
	uv_mutex_lock(&s->lock);
	bool all = s->done == s->worker_count;
	uv_mutex_unlock(&s->lock);
	if (!all || bell_is_closing(&s->bell))
		return;
	for (unsigned i = 0; s->config.threads > 0 && i < s->worker_count; i++)
		uv_thread_join(&s->workers[i].thread); /* it has said that it ends */
	bell_close(&s->bell, on_bell_closed);
}

static void tell_to_stop(struct http_worker *w)
{
	uv_mutex_lock(&w->lock);
	w->stop = true;
	uv_mutex_unlock(&w->lock);
	http_worker_ring(w);
}

/* What nobody was told of is answered here. */
static void refuse_the_rest(struct http_server *s)
{
	struct http_exchange *x;
	struct http_answer a;

	take_inbox(s);
	while ((x = next_taken(s)) != NULL) {
		struct http_asked asked = *x->asked;

		asked.keep = false;
		http_answer_open(&a, &asked, 503, time(NULL));
		http_answer_field(&a, "Retry-After", slice_text("2"));
		http_answer_text(&a, "about to start again: ask again in a moment");
		http_exchange_end(x, &a);
	}
}

void http_server_close(struct http_server *s)
{
	if (s == NULL || s->closing)
		return;
	s->closing = true;
	/* At once, for who opens them again; the descriptors are the first worker's to close. */
	for (unsigned i = 0; i < s->workers[0].door_count; i++)
		shutdown(s->workers[0].doors[i].fd, SHUT_RDWR);
	uv_mutex_lock(&s->lock);
	s->shut = true;
	uv_mutex_unlock(&s->lock);
	refuse_the_rest(s);
	if (s->config.ops->before_answers != NULL)
		s->config.ops->before_answers(s->config.owner);
	loop_task_cancel(&s->hand_over);
	hand_over(s);
	for (unsigned i = 0; i < s->worker_count; i++)
		tell_to_stop(&s->workers[i]);
}

/* One whose thread does not run ends here. */
static void discard(struct http_worker *w)
{
	tell_to_stop(w);
	http_worker_run(w);
	free(w->doors);
	uv_mutex_destroy(&w->lock);
}

/* A worker that wakes waits until the owner's loop waits, instead of taking the processor from it: else each
 * request that comes would cut short what the owner does, and a frame would wait for the worker. */
static void run_thread(void *worker)
{
	const struct sched_param none = {0};

	pthread_setschedparam(pthread_self(), SCHED_BATCH, &none); /* if it may not, so be it */
	http_worker_run(worker);
}

static int start_thread(struct http_worker *w)
{
	sigset_t all, before;

	/* No signal is for a worker: whoever handles one expects it elsewhere. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int status = uv_thread_create(&w->thread, run_thread, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

/* The first one, which deals connections to all, comes last; if others cannot be had, it does with
 * fewer. */
static int start_threads(struct http_server *s)
{
	unsigned count = s->worker_count, running = 1;

	while (running < count && start_thread(&s->workers[running]) == 0)
		running++;
	s->worker_count = running;
	for (unsigned i = running; i < count; i++)
		discard(&s->workers[i]);
	int status = start_thread(&s->workers[0]);
	if (status == 0) {
		uv_mutex_lock(&s->lock);
		s->done = 0; /* of those that were discarded */
		uv_mutex_unlock(&s->lock);
		return 0;
	}
	for (unsigned i = 1; i < running; i++) {
		tell_to_stop(&s->workers[i]);
		uv_thread_join(&s->workers[i].thread);
		free(s->workers[i].doors);
		uv_mutex_destroy(&s->workers[i].lock);
	}
	discard(&s->workers[0]);
	s->worker_count = 0;
	return status;
}

static void close_sockets(const int *sockets, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		close(sockets[i]);
}

static struct http_server *server_new(
	struct loop *loop, const struct http_server_config *config, unsigned workers)
{
	struct http_server *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->config = *config;
	s->workers = calloc(workers, sizeof *s->workers);
	list_init(&s->taken);
	list_init(&s->inbox);
	list_init(&s->left);
	loop_task_init(&s->hand_over, on_hand_over);
	bool seats = http_seats_open(&s->seats, config->clients, config->per_address);
	if (s->workers != NULL && seats && uv_mutex_init(&s->lock) == 0)
		return s;
	http_seats_close(&s->seats);
	free(s->workers);
	free(s);
	return NULL;
}

/* As many workers as can be had, one at least. */
static int open_workers(struct http_server *s, unsigned workers, const int *sockets, unsigned count)
{
	int status = 0;

	while (status == 0 && s->worker_count < workers) {
		struct http_worker *w = &s->workers[s->worker_count];

		status = http_worker_open(w, s, s->worker_count, sockets, count);
		s->worker_count += status == 0;
	}
	if (s->worker_count > 0)
		return s->config.threads > 0 ? start_threads(s) : 0;
	close_sockets(sockets, count);
	return status;
}

struct http_server *http_server_open(struct loop *loop, const struct http_server_config *config,
	const int *sockets, unsigned count, const char **why)
{
	unsigned workers = config->threads > 0 ? config->threads : 1;
	struct http_server *s = server_new(loop, config, workers);
	int status = s == NULL ? UV_ENOMEM : bell_open(&s->bell, loop, on_bell);

	if (status < 0) {
		*why = uv_strerror(status);
		close_sockets(sockets, count);
		if (s != NULL)
			server_free(s);
		return NULL;
	}
	status = open_workers(s, workers, sockets, count);
	if (status == 0)
		return s;
	*why = uv_strerror(status);
	bell_close(&s->bell, on_bell_closed);
	return NULL;
}
