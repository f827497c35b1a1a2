#include "server/list/probe.h"

#include <stdlib.h>

#include "common/list.h"
#include "common/stream.h"

enum {
	AT_ONCE = 16,
	WAITING_MAX = 1024,
	TRY_MS = 3000, /* to connect, and then to say something */
	ADDRESSES_MAX = 2
};

/* A telnet game greets, or asks a question of telnet. One that waits for the player to begin is asked what
 * a WebSocket client asks; a TLS listener answers that with an alert. */
enum step { LISTEN, ASK, STEPS };

static const char question[] = "GET / HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\n"
			       "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
			       "Sec-WebSocket-Key: aG9sZGZhc3QtbGlzdC4uLg==\r\n\r\n";

struct probe {
	struct list node;
	struct probes *probes; /* borrowed: NULL when they were closed */
	int64_t id;
	struct address at[ADDRESSES_MAX];
	unsigned count, now;
	enum step step;
	bool answered;
	struct stream stream;
	uv_timer_t patience;
};

struct probes {
	struct loop *loop; /* borrowed */
	probe_done *done;
	void *owner;
	struct list waiting, running;
	unsigned waiting_count, running_count;
};

struct probes *probes_open(struct loop *loop, probe_done *done, void *owner)
{
	struct probes *ps = calloc(1, sizeof *ps);

	if (ps == NULL)
		return NULL;
	*ps = (struct probes){.loop = loop, .done = done, .owner = owner};
	list_init(&ps->waiting);
	list_init(&ps->running);
	return ps;
}

/* ---- one of them ---- */

static void start_next(struct probes *ps);

static void freed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

static void finish(struct probe *p)
{
	struct probes *ps = p->probes;

	list_remove(&p->node);
	uv_close((uv_handle_t *)&p->patience, freed_cb);
	if (ps == NULL)
		return;
	ps->running_count--;
	ps->done(ps->owner, p->id, p->answered);
	start_next(ps);
}

static void try_now(struct probe *p);

/* Not this way: the next question, or the next address. */
static void try_next(struct probe *p)
{
	p->step = (p->step + 1) % STEPS;
	if (p->step == LISTEN)
		p->now++;
	if (p->answered || p->probes == NULL || p->now == p->count)
		finish(p);
	else
		try_now(p);
}

static void patience_cb(uv_timer_t *timer)
{
	struct probe *p = timer->data;

	stream_close(&p->stream);
}

static void on_connected(struct stream *s, int status)
{
	struct probe *p = container_of(s, struct probe, stream);

	if (status != 0) {
		p->step = STEPS - 1; /* nobody is there to be asked */
		stream_close(s);
		return;
	}
	if (p->step == ASK) {
		struct shared *b = shared_new(slice_text(question));

		if (b != NULL)
			stream_write(s, b);
		shared_unref(b);
	}
	stream_read(s);
}

static void on_bytes(struct stream *s, struct slice bytes UNUSED)
{
	container_of(s, struct probe, stream)->answered = true;
	stream_close(s);
}

static void on_end(struct stream *s, int status UNUSED)
{
	stream_close(s);
}

static void on_closed(struct stream *s)
{
	struct probe *p = container_of(s, struct probe, stream);

	uv_timer_stop(&p->patience);
	try_next(p);
}

static const struct stream_ops ops = {.on_connected = on_connected,
	.on_bytes = on_bytes,
	.on_end = on_end,
	.on_closed = on_closed};

static void try_now(struct probe *p)
{
	if (stream_dial(&p->stream, p->probes->loop, &p->at[p->now], &ops) != 0) {
		p->step = STEPS - 1;
		try_next(p);
		return;
	}
	uv_timer_start(&p->patience, patience_cb, TRY_MS, 0);
}

/* ---- all of them ---- */

static void start_next(struct probes *ps)
{
	if (ps->running_count >= AT_ONCE || list_is_empty(&ps->waiting))
		return;
	struct probe *p = container_of(ps->waiting.next, struct probe, node);
	list_remove(&p->node);
	list_add_last(&ps->running, &p->node);
	ps->waiting_count--;
	ps->running_count++;
	uv_timer_init(&ps->loop->uv, &p->patience);
	p->patience.data = p;
	try_now(p);
}

bool probes_add(struct probes *ps, int64_t id, const struct address *at, unsigned count)
{
	LIST_EACH(node, &ps->waiting)
	if (container_of(node, struct probe, node)->id == id)
		return true;
	if (ps->waiting_count >= WAITING_MAX)
		return false;
	struct probe *p = calloc(1, sizeof *p);
	if (p == NULL)
		return false;
	p->probes = ps;
	p->id = id;
	while (p->count < count && p->count < ADDRESSES_MAX) {
		p->at[p->count] = at[p->count];
		p->count++;
	}
	list_add_last(&ps->waiting, &p->node);
	ps->waiting_count++;
	start_next(ps);
	return true;
}

void probes_close(struct probes *ps)
{
	if (ps == NULL)
		return;
	LIST_EACH(node, &ps->waiting)
	{
		struct probe *p = container_of(node, struct probe, node);

		list_remove(node);
		free(p);
	}
	LIST_EACH(node, &ps->running)
	{
		struct probe *p = container_of(node, struct probe, node);

		p->probes = NULL;
		stream_close(&p->stream);
	}
	/* Those that run end by themselves; the list they were in goes. */
	while (!list_is_empty(&ps->running))
		list_remove(ps->running.next);
	free(ps);
}
