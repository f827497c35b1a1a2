#include "multiplexer/flow.h"

/* A byte has no time of its own. Instead the end of the queue is marked now and then: when as much as
 * that was sent, all that stood before the mark has gone, and the end is marked anew. A mark that is
 * not reached within age_ms means that a byte is older than that. */
static bool is_stuck(
	struct flow *f, const struct flow_limits *l, const struct flow_state *now, uint64_t now_ms)
{
	if (now->queued == 0) {
		f->mark_ms = 0;
		return false;
	}
	if (f->mark_ms == 0 || now->sent >= f->mark) {
		f->mark = now->sent + now->queued;
		f->mark_ms = now_ms;
	}
	return now_ms - f->mark_ms >= l->age_ms;
}

enum flow_verdict flow_look(
	struct flow *f, const struct flow_limits *l, const struct flow_state *now, uint64_t now_ms)
{
	bool stuck = is_stuck(f, l, now, now_ms);

	if (now->kept <= l->soft)
		f->over_ms = 0;
	else if (f->over_ms == 0)
		f->over_ms = now_ms;
	if (now->kept > l->soft)
		f->slow = true;
	else if (now->kept <= l->soft / 4)
		f->slow = false;
	if (now->kept > l->hard)
		return FLOW_OVERFLOW;
	if (f->over_ms != 0 && now_ms - f->over_ms >= l->soft_ms)
		return FLOW_TOO_LONG;
	return stuck ? FLOW_STUCK : FLOW_FINE;
}
