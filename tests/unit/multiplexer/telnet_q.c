#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/telnet_q.h"

/* RFC 1143, section 7, word for word. */
static const struct {
	enum telnet_q from;
	enum { HEARD_ON_AGREED, HEARD_ON_REFUSED, HEARD_OFF, WISH_ON, WISH_OFF } event;
	enum telnet_q to;
	enum telnet_q_say say;
} rows[] = {
	{Q_NO, HEARD_ON_AGREED, Q_YES, Q_SAY_ON},
	{Q_NO, HEARD_ON_REFUSED, Q_NO, Q_SAY_OFF},
	{Q_YES, HEARD_ON_AGREED, Q_YES, Q_SAY_NOTHING},
	{Q_YES, HEARD_ON_REFUSED, Q_YES, Q_SAY_NOTHING},
	{Q_WANT_NO, HEARD_ON_AGREED, Q_NO, Q_SAY_NOTHING},
	{Q_WANT_NO, HEARD_ON_REFUSED, Q_NO, Q_SAY_NOTHING},
	{Q_WANT_NO_OPPOSITE, HEARD_ON_AGREED, Q_YES, Q_SAY_NOTHING},
	{Q_WANT_NO_OPPOSITE, HEARD_ON_REFUSED, Q_YES, Q_SAY_NOTHING},
	{Q_WANT_YES, HEARD_ON_AGREED, Q_YES, Q_SAY_NOTHING},
	{Q_WANT_YES, HEARD_ON_REFUSED, Q_YES, Q_SAY_NOTHING},
	{Q_WANT_YES_OPPOSITE, HEARD_ON_AGREED, Q_WANT_NO, Q_SAY_OFF},
	{Q_WANT_YES_OPPOSITE, HEARD_ON_REFUSED, Q_WANT_NO, Q_SAY_OFF},
	{Q_NO, HEARD_OFF, Q_NO, Q_SAY_NOTHING},
	{Q_YES, HEARD_OFF, Q_NO, Q_SAY_OFF},
	{Q_WANT_NO, HEARD_OFF, Q_NO, Q_SAY_NOTHING},
	{Q_WANT_NO_OPPOSITE, HEARD_OFF, Q_WANT_YES, Q_SAY_ON},
	{Q_WANT_YES, HEARD_OFF, Q_NO, Q_SAY_NOTHING},
	{Q_WANT_YES_OPPOSITE, HEARD_OFF, Q_NO, Q_SAY_NOTHING},
	{Q_NO, WISH_ON, Q_WANT_YES, Q_SAY_ON},
	{Q_YES, WISH_ON, Q_YES, Q_SAY_NOTHING},
	{Q_WANT_NO, WISH_ON, Q_WANT_NO_OPPOSITE, Q_SAY_NOTHING},
	{Q_WANT_NO_OPPOSITE, WISH_ON, Q_WANT_NO_OPPOSITE, Q_SAY_NOTHING},
	{Q_WANT_YES, WISH_ON, Q_WANT_YES, Q_SAY_NOTHING},
	{Q_WANT_YES_OPPOSITE, WISH_ON, Q_WANT_YES, Q_SAY_NOTHING},
	{Q_NO, WISH_OFF, Q_NO, Q_SAY_NOTHING},
	{Q_YES, WISH_OFF, Q_WANT_NO, Q_SAY_OFF},
	{Q_WANT_NO, WISH_OFF, Q_WANT_NO, Q_SAY_NOTHING},
	{Q_WANT_NO_OPPOSITE, WISH_OFF, Q_WANT_NO, Q_SAY_NOTHING},
	{Q_WANT_YES, WISH_OFF, Q_WANT_YES_OPPOSITE, Q_SAY_NOTHING},
	{Q_WANT_YES_OPPOSITE, WISH_OFF, Q_WANT_YES_OPPOSITE, Q_SAY_NOTHING},
};

static void each_state_and_event_do_what_the_rfc_says(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(rows), 6 * 5);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct telnet_q_step step =
			rows[i].event <= HEARD_OFF
				? telnet_q_heard(rows[i].from, rows[i].event != HEARD_OFF,
					  rows[i].event == HEARD_ON_AGREED)
				: telnet_q_wish(rows[i].from, rows[i].event == WISH_ON);

		if (step.next != rows[i].to || step.say != rows[i].say)
			print_error("row %zu\n", i);
		assert_int_equal(step.next, rows[i].to);
		assert_int_equal(step.say, rows[i].say);
	}
}

/* Two ends of one option, and what is on the way between them. */
enum { WIRE = 6 };
struct pair {
	uint8_t q[2];     /* both in enum telnet_q */
	uint8_t agree[2]; /* whether each would agree to the other's wish */
	uint8_t on_wire[2];
	uint8_t wire[2][WIRE]; /* to end 0, and to end 1: enum telnet_q_say */
};

static void say(struct pair *p, int from, struct telnet_q_step step)
{
	p->q[from] = (uint8_t)step.next;
	if (step.say == Q_SAY_NOTHING)
		return;
	assert_true(p->on_wire[1 - from] < WIRE);
	p->wire[1 - from][p->on_wire[1 - from]++] = (uint8_t)step.say;
}

static void hear(struct pair *p, int end)
{
	uint8_t said = p->wire[end][0];

	memmove(p->wire[end], p->wire[end] + 1, --p->on_wire[end]);
	say(p, end, telnet_q_heard((enum telnet_q)p->q[end], said == Q_SAY_ON, p->agree[end] != 0));
}

/* Whatever is still said and heard comes to an end, and both ends then believe the same. */
static void settle(struct pair p, unsigned order)
{
	unsigned steps = 0;

	while (p.on_wire[0] + p.on_wire[1] > 0) {
		int end = p.on_wire[0] == 0 ? 1 : p.on_wire[1] == 0 ? 0 : order >> (steps % 16) & 1;

		hear(&p, end);
		assert_true(++steps < 32);
	}
	assert_int_equal(p.q[0], p.q[1]);
	assert_true(p.q[0] == Q_YES || p.q[0] == Q_NO);
}

/* Every order of wishes and deliveries, seven deep; from each point everything settles. */
static void explore(struct pair p, unsigned depth, unsigned *count)
{
	++*count;
	for (unsigned order = 0; order < 4; order++)
		settle(p, order * 0x5555);
	if (depth == 0)
		return;
	for (int end = 0; end < 2; end++) {
		for (int on = 0; on < 2; on++) {
			struct pair next = p;

			/* Who wishes it would agree to it from then on, as our ends do. */
			next.agree[end] = (uint8_t)on;
			say(&next, end, telnet_q_wish((enum telnet_q)next.q[end], on));
			explore(next, depth - 1, count);
		}
		if (p.on_wire[end] > 0) {
			struct pair next = p;

			hear(&next, end);
			explore(next, depth - 1, count);
		}
	}
}

static void both_ends_agree_in_the_end_whatever_they_wish_and_when(void **state)
{
	unsigned count = 0;

	(void)state;
	for (unsigned agree = 0; agree < 4; agree++)
		explore((struct pair){.agree = {agree & 1, agree >> 1}}, 7, &count);
	assert_true(count > 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_and_event_do_what_the_rfc_says),
		cmocka_unit_test(both_ends_agree_in_the_end_whatever_they_wish_and_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
