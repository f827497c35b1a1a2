/* Whether the game server lives, looked at once a second: one that stands still is hung. */
#ifndef MULTIPLEXER_PULSE_H
#define MULTIPLEXER_PULSE_H

#include "proto/link.h"

/* All zero: nothing is known yet. */
struct pulse {
	uint32_t heartbeat;  /* number of the last one asked */
	bool heartbeat_open; /* it has not been answered */
	int unread;          /* bytes the server had not read when we looked last */
	uint64_t bytes_in;   /* we had from it when we looked last */
	uint64_t still_ms;   /* for how long it has shown no life */
	bool hung;           /* for longer than it may */
};

/* Looks; to be called once a second. With asks a HEARTBEAT is sent, which the loop that runs the game
 * answers; without it, as to a plain AgNet server, life is to speak, or to read what we sent. True when
 * hung has changed. */
bool pulse_beat(struct pulse *p, struct link *link, bool asks, uint64_t hang_after_ms);

/* HEARTBEAT ANSWER; one to an older question says nothing. */
void pulse_answered(struct pulse *p, uint32_t number);

#endif
