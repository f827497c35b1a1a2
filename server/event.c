#include "server/event.h"

#include "proto/features.h"

enum event_result event_add(
	struct event *e, const struct msg_got_subclient_event *m, struct slice *whole)
{
	bool more = (m->flags & EVENT_MORE_FOLLOWS) != 0, was_lost = e->lost;

	if (!more && !was_lost && e->pieces.len == 0) {
		*whole = m->data; /* as nearly all of them */
		return EVENT_WHOLE;
	}
	e->lost = was_lost || e->pieces.len + m->data.len > EVENT_MAX ||
		  !buf_add(&e->pieces, m->data);
	if (e->lost) {
		buf_free(&e->pieces);
		e->lost = more;
		return was_lost ? EVENT_MORE : EVENT_LOST;
	}
	*whole = buf_bytes(&e->pieces);
	return more ? EVENT_MORE : EVENT_WHOLE;
}

void event_end(struct event *e)
{
	buf_free(&e->pieces);
	e->lost = false;
}

void event_free(struct event *e)
{
	buf_free(&e->pieces);
}
