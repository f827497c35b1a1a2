#include "multiplexer/lookup_ident.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/stream.h"
#include "multiplexer/lookup_ident_reply.h"

struct ident_query {
	struct stream stream;
	struct idents *all; /* borrowed: outlives us */
	struct list node;
	struct address user;
	ident_answer *answer;
	void *owner;
	uint64_t connect_deadline_ms; /* UINT64_MAX once connected */
	uint64_t deadline_ms;
	struct ident_reply reply;
};

static uint16_t port_of(const struct address *a)
{
	return ntohs(a->sa.sa_family == AF_INET ? a->in.sin_port : a->in6.sin6_port);
}

static uint64_t due_ms(const struct ident_query *q)
{
	return q->connect_deadline_ms < q->deadline_ms ? q->connect_deadline_ms : q->deadline_ms;
}

static void timer_cb(uv_timer_t *timer);

static void arm(struct idents *all)
{
	uint64_t now = loop_now_ms(all->loop), first = UINT64_MAX;

	if (all->closing)
		return;
	LIST_EACH(node, &all->queries)
	{
		uint64_t due = due_ms(container_of(node, struct ident_query, node));

		if (due < first)
			first = due;
	}
	if (first == UINT64_MAX)
		uv_timer_stop(&all->timer);
	else
		uv_timer_start(&all->timer, timer_cb, first > now ? first - now : 0, 0);
}

/* It is over; the answer is the last that its owner hears of it. */
static void finish(struct ident_query *q, const char *name)
{
	list_remove(&q->node);
	stream_close(&q->stream);
	q->answer(q->owner, name);
}

static void timer_cb(uv_timer_t *timer)
{
	struct idents *all = timer->data;
	uint64_t now = loop_now_ms(all->loop);

	LIST_EACH(node, &all->queries)
	{
		struct ident_query *q = container_of(node, struct ident_query, node);

		if (now >= due_ms(q))
			finish(q, NULL);
	}
	arm(all);
}

static void on_connected(struct stream *s, int status)
{
	struct ident_query *q = container_of(s, struct ident_query, stream);
	char line[32];

	if (status < 0) {
		finish(q, NULL);
		return;
	}
	q->connect_deadline_ms = UINT64_MAX;
	arm(q->all);
	int len = snprintf(line, sizeof line, "%u , %u\r\n", q->reply.theirs, q->reply.ours);
	struct shared *b = shared_new(slice_of(line, (size_t)len));
	if (b != NULL)
		stream_write(s, b);
	shared_unref(b);
	stream_read(s);
}

static void on_bytes(struct stream *s, struct slice bytes)
{
	struct ident_query *q = container_of(s, struct ident_query, stream);

	if (list_is_empty(&q->node))
		return; /* it is over */
	switch (ident_reply_feed(&q->reply, bytes)) {
	case IDENT_MORE:
		break;
	case IDENT_NAME:
		finish(q, q->reply.name);
		break;
	case IDENT_NONE:
		finish(q, NULL);
		break;
	}
}

static void on_end(struct stream *s, int status UNUSED)
{
	struct ident_query *q = container_of(s, struct ident_query, stream);

	if (!list_is_empty(&q->node))
		finish(q, NULL);
}

static void on_closed(struct stream *s)
{
	free(container_of(s, struct ident_query, stream));
}

static const struct stream_ops stream_ops = {
	.on_connected = on_connected,
	.on_bytes = on_bytes,
	.on_end = on_end,
	.on_closed = on_closed,
};

struct ident_query *ident_ask(struct idents *all, const struct address *user,
	const struct address *local, const struct ident_way *way, ident_answer *answer, void *owner)
{
	struct ident_query *q = calloc(1, sizeof *q);
	struct address to = *user;

	if (q == NULL)
		return NULL;
	q->all = all;
	q->user = *user;
	q->answer = answer;
	q->owner = owner;
	q->reply.theirs = port_of(user);
	q->reply.ours = port_of(local);
	q->deadline_ms = loop_now_ms(all->loop) + way->total_ms;
	q->connect_deadline_ms = loop_now_ms(all->loop) + way->connect_ms;
	if (to.sa.sa_family == AF_INET)
		to.in.sin_port = htons(way->port);
	else
		to.in6.sin6_port = htons(way->port);
	if (stream_dial_from(&q->stream, all->loop, local, &to, &stream_ops) != 0) {
		free(q);
		return NULL;
	}
	list_add_last(&all->queries, &q->node);
	arm(all);
	return q;
}

void ident_cancel(struct ident_query *q)
{
	list_remove(&q->node);
	stream_close(&q->stream);
}

void idents_open(struct idents *all, struct loop *loop)
{
	*all = (struct idents){.loop = loop};
	list_init(&all->queries);
	all->timer.data = all;
	uv_timer_init(&loop->uv, &all->timer);
}

void idents_close(struct idents *all)
{
	if (all->closing)
		return;
	all->closing = true;
	LIST_EACH(node, &all->queries)
	ident_cancel(container_of(node, struct ident_query, node));
	uv_close((uv_handle_t *)&all->timer, NULL);
}

unsigned idents_in_flight(const struct idents *all)
{
	unsigned n = 0;

	LIST_EACH(node, &all->queries)
	n++;
	return n;
}

unsigned idents_in_flight_for(const struct idents *all, const struct address *user)
{
	uint8_t wanted[ADDRESS_IP_BYTES], ip[ADDRESS_IP_BYTES];
	unsigned n = 0;

	if (!address_ip_bytes(user, wanted))
		return 0;
	LIST_EACH(node, &all->queries)
	{
		const struct ident_query *q = container_of(node, struct ident_query, node);

		n += address_ip_bytes(&q->user, ip) && memcmp(ip, wanted, sizeof ip) == 0;
	}
	return n;
}
