#include "server/frames.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static uint64_t period_ns(const struct frames *f)
{
	return 1000000000 / f->fps;
}

uint64_t frames_next_ns(const struct frames *f)
{
	return f->due_ns + period_ns(f);
}

/* Of a turn in which a frame is due: a fifth of the time between two of them. */
static uint64_t share_ns(const struct frames *f)
{
	return period_ns(f) / 5;
}

bool frames_are_held_up(struct frames *f, const struct loop *loop)
{
	uint64_t now = uv_hrtime();

	if (f->turn_ns == 0 || f->turn != loop->turn) {
		f->turn = loop->turn;
		f->turn_ns = now;
	}
	return f->due_ns != 0 && now > frames_next_ns(f) && now - f->turn_ns > share_ns(f);
}

static void beat_cb(uv_poll_t *poll, int status, int events UNUSED)
{
	struct frames *f = poll->data;
	uint64_t passed = 0;

	/* The kernel counts the beats by its own clock, so a late reader learns how many there were. */
	if (status != 0 || read(f->fd, &passed, sizeof passed) != sizeof passed || passed == 0)
		return;
	uint64_t now = uv_hrtime(), first = frames_next_ns(f);
	f->late_ns = now > first ? now - first : 0;
	f->due_ns += passed * period_ns(f);
	f->cb(f, passed);
}

static int set_beat(struct frames *f, unsigned fps)
{
	long period = 1000000000L / (long)fps;
	struct timespec now;
	struct itimerspec beat = {.it_interval = {period / 1000000000L, period % 1000000000L}};

	clock_gettime(CLOCK_MONOTONIC, &now);
	long next = now.tv_nsec + period;
	beat.it_value.tv_sec = now.tv_sec + next / 1000000000L;
	beat.it_value.tv_nsec = next % 1000000000L;
	if (timerfd_settime(f->fd, TFD_TIMER_ABSTIME, &beat, NULL) < 0)
		return -errno;
	f->fps = fps;
	f->due_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return 0;
}

int frames_open(struct frames *f, struct loop *loop, unsigned fps, frames_cb cb)
{
	f->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (f->fd < 0)
		return -errno;
	f->cb = cb;
	int status = set_beat(f, fps);
	if (status == 0)
		status = uv_poll_init(&loop->uv, &f->poll, f->fd);
	if (status < 0) {
		close(f->fd);
		f->fd = -1;
		return status;
	}
	f->poll.data = f;
	return uv_poll_start(&f->poll, UV_READABLE, beat_cb);
}

void frames_set(struct frames *f, unsigned fps)
{
	if (f->fd >= 0 && fps != f->fps)
		set_beat(f, fps);
}

static void closed_cb(uv_handle_t *handle)
{
	struct frames *f = handle->data;

	close(f->fd);
	f->fd = -1;
}

void frames_close(struct frames *f)
{
	if (f->fd >= 0 && !uv_is_closing((uv_handle_t *)&f->poll))
		uv_close((uv_handle_t *)&f->poll, closed_cb);
}
