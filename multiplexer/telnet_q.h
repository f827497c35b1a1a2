/* RFC 1143, the Q method: one option of one side, negotiated so that no loop can ever begin. */
#ifndef MULTIPLEXER_TELNET_Q_H
#define MULTIPLEXER_TELNET_Q_H

#include "common/defs.h"

/* The six states of the RFC: its state, and its queue bit where there is one. WANT means that our
 * request is on the way; with OPPOSITE the wish has turned round meanwhile. */
enum telnet_q { Q_NO, Q_YES, Q_WANT_NO, Q_WANT_NO_OPPOSITE, Q_WANT_YES, Q_WANT_YES_OPPOSITE };

enum telnet_q_say { Q_SAY_NOTHING, Q_SAY_ON, Q_SAY_OFF };

/* What one event does: the next state, and what has to be said: ON is WILL for our own side and DO
 * for his, OFF is WONT or DONT. */
struct telnet_q_step {
	enum telnet_q next;
	enum telnet_q_say say;
};

/* He said WILL or DO (on), or WONT or DONT; agree: whether we would, if it is his wish. */
struct telnet_q_step telnet_q_heard(enum telnet_q q, bool on, bool agree);

/* We wish it on or off. */
struct telnet_q_step telnet_q_wish(enum telnet_q q, bool on);

#endif
