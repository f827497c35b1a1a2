#include "server/watchdog.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "server/game.h"
#include "server/script.h"

enum {
	LOOKS = 10,          /* without progress, and it ends */
	PULSE_MS = 100,      /* the loop shows that it turns */
	OFF_LOOK_MS = 500,   /* between looks at whether it is still off */
	LAST_WORDS_MS = 1000 /* for the thread that hangs, to say where */
};

struct watchdog {
	struct game *game; /* borrowed: outlives us */
	pthread_t watched, thread;
	pthread_mutex_t lock; /* of closing */
	pthread_cond_t wake;
	bool closing;
	atomic_uint patience_ms; /* what the cvars say; 0: there is nothing to look for */
	uv_timer_t pulse;
};

/* ---- the end ---- */

/* From a thread that must not wait for a log nobody reads, about one that may hold any lock. */
static void say(const char *text)
{
	struct pollfd log = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t n = poll(&log, 1, 0) == 1 ? write(STDERR_FILENO, text, strlen(text)) : 0;

	(void)n; /* there is nobody else to tell */
}

static void wait_ms(unsigned ms)
{
	struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&pause, NULL);
}

static void end_it(struct watchdog *w)
{
	struct game *game = w->game;
	struct script *s = game->script;
	const char *doing = game->doing;
	char text[300];

	snprintf(text, sizeof text,
		"watchdog: the loop has stood still for %llu ms, in %s of map %s: this server ends; "
		"its players are kept\n",
		(unsigned long long)atomic_load(&w->patience_ms),
		doing != NULL ? doing : "no script", game->map.name);
	say(text);
	if (doing != NULL && s != NULL) {
		script_say_where(s, w->watched); /* and it aborts itself */
		wait_ms(LAST_WORDS_MS);
	}
	abort();
}

/* ---- the thread ---- */

/* False: it is to end. */
static bool pause_of(struct watchdog *w, unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&w->lock);
	int status = 0;
	while (!w->closing && status == 0)
		status = pthread_cond_timedwait(&w->wake, &w->lock, &until);
	bool go_on = !w->closing;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

static void *watch(void *arg)
{
	struct watchdog *w = arg;
	unsigned seen = 0, still = 0, ms = w->patience_ms / LOOKS;

	while (pause_of(w, ms > 0 ? ms : OFF_LOOK_MS)) {
		unsigned progress = w->game->progress;

		still = progress == seen && ms > 0 ? still + 1 : 0;
		seen = progress;
		if (still >= LOOKS)
			end_it(w);
		ms = w->patience_ms / LOOKS;
	}
	return NULL;
}

/* ---- life ---- */

/* The cvars are the loop's own: the thread reads a copy. */
static void read_patience(struct watchdog *w)
{
	const struct cvars *set = &w->game->cvars.set;

	w->patience_ms =
		set->sv_watchdog == 0 ? 0 : (unsigned)(set->sv_watchdog + set->sv_script_time);
}

static void pulse_cb(uv_timer_t *timer)
{
	struct watchdog *w = timer->data;

	read_patience(w);
	w->game->progress++;
}

static void closed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

/* The thread gets no signals: those are the loop's. */
static int start_thread(struct watchdog *w)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int status = pthread_create(&w->thread, NULL, watch, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

struct watchdog *watchdog_open(struct game *game, const char **why)
{
	struct watchdog *w = calloc(1, sizeof *w);
	pthread_condattr_t monotonic;

	*why = "out of memory";
	if (w == NULL)
		return NULL;
	w->game = game;
	w->watched = pthread_self();
	read_patience(w);
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (start_thread(w) != 0) {
		*why = "no thread is to be had";
		free(w);
		return NULL;
	}
	uv_timer_init(&game->loop->uv, &w->pulse);
	w->pulse.data = w;
	uv_timer_start(&w->pulse, pulse_cb, PULSE_MS, PULSE_MS);
	uv_unref((uv_handle_t *)&w->pulse);
	return w;
}

void watchdog_close(struct watchdog *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	uv_close((uv_handle_t *)&w->pulse, closed_cb);
}
