#include "multiplexer/telnet_q.h"

static struct telnet_q_step step(enum telnet_q next, enum telnet_q_say say)
{
	return (struct telnet_q_step){next, say};
}

static struct telnet_q_step heard_on(enum telnet_q q, bool agree)
{
	switch (q) {
	case Q_NO:
		return agree ? step(Q_YES, Q_SAY_ON) : step(Q_NO, Q_SAY_OFF);
	case Q_YES:
		break;
	case Q_WANT_NO: /* his error: OFF answered by ON */
		return step(Q_NO, Q_SAY_NOTHING);
	case Q_WANT_NO_OPPOSITE: /* the same error, but it is what we want by now */
	case Q_WANT_YES:
		return step(Q_YES, Q_SAY_NOTHING);
	case Q_WANT_YES_OPPOSITE:
		return step(Q_WANT_NO, Q_SAY_OFF);
	}
	return step(q, Q_SAY_NOTHING);
}

static struct telnet_q_step heard_off(enum telnet_q q)
{
	switch (q) {
	case Q_NO:
		break;
	case Q_YES:
		return step(Q_NO, Q_SAY_OFF);
	case Q_WANT_NO_OPPOSITE:
		return step(Q_WANT_YES, Q_SAY_ON);
	case Q_WANT_NO:
	case Q_WANT_YES: /* he refused */
	case Q_WANT_YES_OPPOSITE:
		return step(Q_NO, Q_SAY_NOTHING);
	}
	return step(q, Q_SAY_NOTHING);
}

struct telnet_q_step telnet_q_heard(enum telnet_q q, bool on, bool agree)
{
	return on ? heard_on(q, agree) : heard_off(q);
}

struct telnet_q_step telnet_q_wish(enum telnet_q q, bool on)
{
	switch (q) {
	case Q_NO:
		return on ? step(Q_WANT_YES, Q_SAY_ON) : step(q, Q_SAY_NOTHING);
	case Q_YES:
		return on ? step(q, Q_SAY_NOTHING) : step(Q_WANT_NO, Q_SAY_OFF);
	case Q_WANT_NO:
	case Q_WANT_NO_OPPOSITE:
		return step(on ? Q_WANT_NO_OPPOSITE : Q_WANT_NO, Q_SAY_NOTHING);
	case Q_WANT_YES:
	case Q_WANT_YES_OPPOSITE:
		return step(on ? Q_WANT_YES : Q_WANT_YES_OPPOSITE, Q_SAY_NOTHING);
	}
	return step(q, Q_SAY_NOTHING);
}
