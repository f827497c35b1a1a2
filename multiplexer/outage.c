#include "multiplexer/outage.h"

enum { STEADY_MIN_MS = 1000, STEADY_MAX_MS = 60 * 1000, MINUTE_MS = 60 * 1000 };

void outage_start(struct outage *o, uint64_t now_ms)
{
	*o = (struct outage){.running = true,
		.away = true,
		.since_ms = now_ms,
		.away_ms = now_ms,
		.steady_ms = STEADY_MIN_MS};
}

/* When the n-th reminder is due, counted from the beginning: 1, 5, 15, 30, 45 ... minutes. */
static uint64_t reminder_ms(unsigned n)
{
	static const unsigned first[] = {1, 5, 15};

	return MINUTE_MS * (uint64_t)(n < ARRAY_LEN(first) ? first[n] : 15 * (n - 1));
}

enum outage_say outage_gone(struct outage *o, enum outage_say cause, uint64_t now_ms)
{
	bool first = !o->running;

	if (cause == SAY_CRASH && !o->away) {
		o->steady_ms =
			now_ms - o->up_ms >= STEADY_MAX_MS ? STEADY_MIN_MS : o->steady_ms * 2;
		if (o->steady_ms > STEADY_MAX_MS)
			o->steady_ms = STEADY_MAX_MS;
	}
	o->hung = false;
	if (first) {
		o->running = true;
		o->back_told = false;
		o->flaps = o->reminders = 0;
		o->longest_ms = 0;
		o->since_ms = now_ms;
		o->said = SAY_NOTHING;
	} else if (!o->away) {
		o->flaps++;
	}
	if (!o->away || first)
		o->away_ms = now_ms;
	o->away = true;
	if (first || (cause == SAY_CRASH && o->said == SAY_RESTART)) {
		o->said = cause;
		return cause;
	}
	return SAY_NOTHING;
}

/* Only who was made to wait wants to hear that it is over. */
static enum outage_say tell_back(struct outage *o, uint64_t after_ms)
{
	if (o->back_told || (o->longest_ms <= after_ms && o->reminders == 0))
		return SAY_NOTHING;
	o->back_told = true;
	return SAY_BACK;
}

enum outage_say outage_back(struct outage *o, uint64_t after_ms, uint64_t now_ms)
{
	if (!o->away)
		return SAY_NOTHING;
	o->away = false;
	o->up_ms = now_ms;
	if (now_ms - o->away_ms > o->longest_ms)
		o->longest_ms = now_ms - o->away_ms;
	if (o->said == SAY_NOTHING)
		o->running = false; /* the first game after our start: nobody has missed it */
	return o->flaps == 0 ? tell_back(o, after_ms) : SAY_NOTHING;
}

enum outage_say outage_hang(struct outage *o, bool hung)
{
	if (hung == o->hung)
		return SAY_NOTHING;
	o->hung = hung;
	return hung ? SAY_HANG : SAY_BACK;
}

enum outage_say outage_tick(struct outage *o, uint64_t after_ms, uint64_t now_ms)
{
	if (!o->running)
		return SAY_NOTHING;
	if (o->away) {
		if (now_ms - o->since_ms < reminder_ms(o->reminders))
			return SAY_NOTHING;
		o->reminders++;
		return SAY_AWAY;
	}
	if (now_ms - o->up_ms < o->steady_ms)
		return SAY_NOTHING;
	o->running = false;
	return o->flaps > 0 ? tell_back(o, after_ms) : SAY_NOTHING;
}
