/* Options that are on or off, and no more: ECHO (RFC 857), MXP, MCCP2, MSSP. */
#include "multiplexer/mssp.h"
#include "multiplexer/telnet.h"

/* With our ECHO on, his client shows nothing of what he types. */
void telnet_echo_us(struct telnet *t, bool on)
{
	t->ls->echoing = on;
}

void telnet_mxp_us(struct telnet *t, bool on)
{
	if (on)
		telnet_sub_say(t, TELNET_MXP, slice_of(NULL, 0));
	telnet_learnt(t);
}

void telnet_mccp2_us(struct telnet *t, bool on)
{
	if (!on) {
		compress_stop(t->ls);
	} else if (compress_may_start(t->ls)) {
		/* All in one piece: cut in two, TinTin++ 2.02.20 loses the first block. */
		telnet_sub_say(t, TELNET_MCCP2, slice_of(NULL, 0));
		if (!compress_start(t->ls))
			t->ls->ops->on_nomem(t->ls); /* he waits for a stream that never comes */
	} else {
		telnet_want(t, TELNET_MCCP2, false);
	}
	telnet_learnt(t);
}

void telnet_mssp_us(struct telnet *t, bool on)
{
	struct layers_house *house = t->ls->house;
	uint64_t now = t->ls->now_ms, *last = &t->client->mssp_ms;
	struct buf body = {0};

	if (!on || house == NULL || house->mssp == NULL)
		return;
	if (*last != 0 && now - *last < TELNET_PAUSE_MS) {
		t->ls->dropped_replies++;
		return;
	}
	*last = now == 0 ? 1 : now;
	house->mssp_answers++;
	if (mssp_add_wire(house->mssp, &body))
		telnet_sub_say(t, TELNET_MSSP, buf_bytes(&body));
	buf_free(&body);
}
