/* The beat of the game: frame n is due at the start plus n / fps, however long a frame took. */
#ifndef SERVER_FRAMES_H
#define SERVER_FRAMES_H

#include "common/loop.h"

struct frames;

/* passed: how many frames' time has gone since the last one; over 1 when some were left out. */
typedef void (*frames_cb)(struct frames *f, uint64_t passed);

struct frames {
	uv_poll_t poll;
	int fd; /* owned: a timerfd; -1 = not open. uv_timer has 1 ms and starts late */
	unsigned fps;
	uint64_t due_ns; /* of CLOCK_MONOTONIC: when the last one should have begun; 0 = not open */
	uint64_t late_ns; /* how much later it did: it, or the first of those that it stands for */
	uint32_t turn;    /* of the loop, in which other work was last told of */
	uint64_t turn_ns; /* when that was first told of in this turn */
	frames_cb cb;
};

/* Begins; 0 or a negative UV_E, nothing kept then. */
int frames_open(struct frames *f, struct loop *loop, unsigned fps, frames_cb cb);

/* When the next one is due, of CLOCK_MONOTONIC. */
uint64_t frames_next_ns(const struct frames *f);

/* Other work was done in this turn of the loop. Whether the rest of it should wait for the next turn: a
 * frame is due, and the turn has had its share of time. So a frame waits for no more than that, and the
 * other work gets its share though frames be always due. */
bool frames_are_held_up(struct frames *f, const struct loop *loop);

/* A new beat, from now on. Does nothing if it is the same. */
void frames_set(struct frames *f, unsigned fps);

void frames_close(
	struct frames *f); /* the handle is closed in a later turn; f must live till then */

#endif
