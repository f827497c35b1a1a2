#include "multiplexer/events.h"

#include "common/log.h"
#include "multiplexer/mux.h"

void events_forget(struct events *e)
{
	buf_free(&e->data);
	*e = (struct events){0};
}

static bool goes_on(const struct events *e, const struct msg_send_subclient_event *m)
{
	return e->begun && clientkey_is(&e->who, &m->who) &&
	       slice_is(m->channel, slice_text(e->channel));
}

/* Puts pieces together. True: *whole is all of an event, valid until events_forget. */
static bool add_piece(struct events *e, struct mux *mux, const struct msg_send_subclient_event *m,
	struct slice *whole)
{
	bool more = (m->flags & EVENT_MORE_FOLLOWS) != 0;

	if (e->begun && !goes_on(e, m)) {
		mux->metrics.events_cut++;
		events_forget(e);
	}
	*whole = m->data;
	if (!more && !e->begun)
		return true;
	if (!e->begun) {
		if (m->channel.len >= sizeof e->channel)
			return false; /* no channel of ours has such a name */
		memcpy(e->channel, m->channel.at, m->channel.len);
		e->who = m->who;
		e->begun = true;
	}
	if (e->cut || e->data.len + m->data.len > EVENTS_WHOLE_MAX || !buf_add(&e->data, m->data)) {
		e->cut = true;
		buf_free(&e->data);
	}
	if (more)
		return false;
	*whole = buf_bytes(&e->data);
	mux->metrics.events_cut += e->cut;
	return !e->cut;
}

static unsigned tell_all(struct mux *mux, struct tell *tell, struct shared *text)
{
	unsigned shown = 0;

	LIST_EACH(node, &mux->users)
	{
		struct subclient *u = container_of(node, struct subclient, node);

		if (u->known && u->state == SUBCLIENT_CONNECTED)
			shown += subclient_tell(u, tell, text);
	}
	return shown;
}

/* The whole table, for all who ask, now and while the game is away. */
static void take_mssp(struct mux *mux, struct slice json)
{
	const char *why;

	if (!mssp_set(&mux->mssp, json, &why))
		log_warn("link: the game's MSSP table is not used: %s", why);
}

static void tell(struct mux *mux, struct subclient *u, const struct msg_send_subclient_event *m,
	struct slice data)
{
	struct tell tell = {.channel = m->channel, .flags = m->flags, .data = data};
	struct shared *text = NULL;
	unsigned shown;

	if (slice_is(m->channel, slice_text("prompt")) && (text = shared_new(data)) == NULL)
		return;
	if (u != NULL)
		shown = subclient_tell(u, &tell, text);
	else if (m->who.number[0] == 0)
		shown = tell_all(mux, &tell, text);
	else
		shown = lists_tell(&mux->lists, m->who.number[0], &tell, text);
	if (shown == 0)
		mux->metrics.events_not_shown++;
	shared_unref(text);
	shared_unref(tell.wire);
}

void events_take(struct events *e, struct mux *mux, struct subclient *u,
	const struct msg_send_subclient_event *m)
{
	struct slice data;

	if (!add_piece(e, mux, m, &data))
		return;
	if (u == NULL && m->who.number[0] == 0 && slice_is(m->channel, slice_text("mssp")))
		take_mssp(mux, data);
	else
		tell(mux, u, m, data);
	events_forget(e);
}
