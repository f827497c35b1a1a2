#include "multiplexer/pulse.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

enum { BEAT_MS = 1000 };

/* The kernel tells how much of what we sent was not read yet (SIOCOUTQ; over AF_UNIX that is the peer's
 * unread input). */
static bool reads_or_speaks(struct pulse *p, struct link *link)
{
	uint64_t bytes_in = link->stream.bytes_in;
	int unread = 0;

	ioctl(stream_fd(&link->stream), SIOCOUTQ, &unread);
	bool lives = unread == 0 || unread < p->unread || bytes_in != p->bytes_in;
	p->unread = unread;
	p->bytes_in = bytes_in;
	return lives;
}

static bool has_answered(struct pulse *p, struct link *link)
{
	if (p->heartbeat_open)
		return false;
	p->heartbeat_open = true;
	link_send_heartbeat(link, &(struct msg_heartbeat){.number = ++p->heartbeat});
	return true;
}

/* Counted in beats of our own clock, so that a time in which we stood still ourselves is no hang. */
bool pulse_beat(struct pulse *p, struct link *link, bool asks, uint64_t hang_after_ms)
{
	bool lives = asks ? has_answered(p, link) : reads_or_speaks(p, link);
	bool was_hung = p->hung;

	p->still_ms = lives ? 0 : p->still_ms + BEAT_MS;
	p->hung = p->still_ms >= hang_after_ms;
	return p->hung != was_hung;
}

void pulse_answered(struct pulse *p, uint32_t number)
{
	if (p->heartbeat_open && number == p->heartbeat)
		p->heartbeat_open = false;
}
