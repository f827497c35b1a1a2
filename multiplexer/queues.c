/* Who has to go when all queues together are too long: the largest first, until 90 % are left. */
#include "multiplexer/queues.h"

#include <stdlib.h>

#include "common/log.h"
#include "multiplexer/mux.h"

enum { SHOWN = 20 }; /* users in the answer of `queues` */

size_t queues_of(const struct subclient *u)
{
	return stream_kept(u->stream) + held_kept(&u->held);
}

/* Those who have left, and whose input the server has still to be told, stand in waiting alone. */
static bool only_waits(const struct subclient *u)
{
	return u->state == SUBCLIENT_GONE;
}

size_t queues_sum(const struct mux *mux)
{
	size_t sum = 0;

	LIST_EACH(node, &mux->users)
	sum += queues_of(container_of(node, struct subclient, node));
	LIST_EACH(node, &mux->waiting)
	{
		const struct subclient *u = container_of(node, struct subclient, waiting);

		if (only_waits(u))
			sum += queues_of(u);
	}
	return sum;
}

/* Everybody's share; count is set. NULL when memory is out. */
static struct pool_share *shares(const struct mux *mux, size_t *count)
{
	size_t room = 1, n = 0;

	LIST_EACH(node, &mux->users)
	room++;
	LIST_EACH(node, &mux->waiting)
	room += only_waits(container_of(node, struct subclient, waiting));
	struct pool_share *all = calloc(room, sizeof *all);
	if (all == NULL)
		return NULL;
	LIST_EACH(node, &mux->users)
	{
		struct subclient *u = container_of(node, struct subclient, node);

		all[n++] = (struct pool_share){u, queues_of(u)};
	}
	LIST_EACH(node, &mux->waiting)
	{
		struct subclient *u = container_of(node, struct subclient, waiting);

		if (only_waits(u))
			all[n++] = (struct pool_share){u, queues_of(u)};
	}
	*count = n;
	return all;
}

/* Without memory for a list of all: one at a time. */
static void drop_the_largest(struct mux *mux)
{
	struct subclient *largest = NULL;

	LIST_EACH(node, &mux->users)
	{
		struct subclient *u = container_of(node, struct subclient, node);

		if (largest == NULL || queues_of(u) > queues_of(largest))
			largest = u;
	}
	if (largest != NULL)
		subclient_drop(largest, CLOSING_POOL);
}

static void squeeze_task(struct loop_task *task)
{
	struct queues *q = container_of(task, struct queues, squeeze);
	struct mux *mux = container_of(q, struct mux, queues);
	size_t count = 0;

	if (!q->flushed) { /* behind all that the streams do at this turn's end */
		q->flushed = true;
		loop_at_turn_end(mux->loop, &q->squeeze);
		return;
	}
	q->flushed = false;
	if (!pool_is_over(&q->pool))
		return;
	struct pool_share *all = shares(mux, &count);
	if (all == NULL) {
		drop_the_largest(mux);
		loop_at_next_turn(mux->loop, &q->squeeze);
		return;
	}
	size_t n = pool_choose(all, count, pool_excess(&q->pool));
	log_warn("queues: %zu bytes wait, the limit is %zu: the %zu users with the most are closed",
		q->pool.bytes, q->pool.limit, n);
	for (size_t i = 0; i < n; i++) {
		struct subclient *u = all[i].who;

		if (only_waits(u))
			subclient_forget(u);
		else
			subclient_drop(u, CLOSING_POOL);
	}
	free(all);
}

void queues_open(struct queues *q, size_t configured)
{
	*q = (struct queues){.pool = {.limit = pool_limit(configured)}};
	loop_task_init(&q->squeeze, squeeze_task);
}

void queues_check(struct mux *mux)
{
	if (!pool_is_over(&mux->queues.pool))
		return;
	if (mux->server.peer != NULL)
		link_yield(serverlink_link(&mux->server));
	loop_at_turn_end(mux->loop, &mux->queues.squeeze);
}

json_t *queues_json(const struct mux *mux)
{
	const struct pool *p = &mux->queues.pool;
	size_t count = 0;
	struct pool_share *all = shares(mux, &count);
	json_t *users = json_array();

	if (all != NULL)
		pool_choose(all, count, 0);
	for (size_t i = 0; all != NULL && i < count && i < SHOWN && all[i].bytes > 0; i++) {
		const struct subclient *u = all[i].who;
		struct clientkey k = subclient_key(u);
		char key[CLIENTKEY_TEXT_MAX];

		json_array_append_new(
			users, json_pack("{s:s, s:I, s:I, s:b}", "key", clientkey_text(&k, key),
				       "output", (json_int_t)stream_kept(u->stream), "input",
				       (json_int_t)held_kept(&u->held), "slow", u->flow.slow));
	}
	free(all);
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "bytes", (json_int_t)p->bytes, "sum",
		(json_int_t)queues_sum(mux), "most", (json_int_t)p->most, "limit",
		(json_int_t)p->limit, "largest", users);
}
