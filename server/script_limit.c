#include "server/script_state.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"

/* The time limit costs a call that keeps it next to nothing: a counter is raised. A timer on this
 * thread's CPU time (so that neither a busy machine nor a debugger's stop counts) ticks while there
 * are calls; a call that several ticks in a row find running is over its time. Only then a hook is
 * set, on the coroutine that runs, for every instruction, so that no pcall of the script can go on.
 * The tick is a signal to this very thread: lua_sethook is made to be called from one.
 *
 * A hook cannot stop C code: what could take long there asks by itself (limit_check), and for what we have
 * not thought of there is a watchdog. */

enum { TICKS_PER_BUDGET = 4 };

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

void *script_alloc(void *script, void *at, size_t old_size, size_t size)
{
	struct script_limit *limit = &((struct script *)script)->limit;
	if (at == NULL)
		old_size = 0; /* Lua says here what kind of thing it will be */
	if (size == 0) {
		free(at);
		limit->memory -= old_size;
		return NULL;
	}
	bool fits = size <= old_size || limit->memory - old_size + size <= limit->memory_max;
	void *moved = fits ? realloc(at, size) : NULL;
	if (moved == NULL) {
		struct game *game = ((struct script *)script)->game;
		if (game != NULL)
			game->metrics.script_refused++;
		limit->refused++; /* Lua collects all, and asks once more */
		return NULL;
	}
	limit->memory += size - old_size;
	limit->allocated += size > old_size ? size - old_size : 0;
	return moved;
}

/* level: as luaL_where's. */
static void stop(lua_State *L, int level)
{
	luaL_where(L, level);
	lua_pushfstring(L, "stopped: it ran longer than sv_script_time (%I ms)",
		(LUAI_UACINT)script_of(L)->limit.budget_ms);
	lua_concat(L, 2);
	lua_error(L);
}

static void stop_hook(lua_State *L, UNUSED lua_Debug *at)
{
	if (script_of(L)->limit.over)
		stop(L, 0);
	lua_sethook(L, NULL, 0, 0);
}

void limit_check(lua_State *L)
{
	if (script_of(L)->limit.over)
		stop(L, 1);
}

static void tick_in_ms(struct script_limit *limit, uint64_t ms)
{
	ms = ms > 0 ? ms : 1;
	struct itimerspec in = {.it_value = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000}};
	limit->ticking = timer_settime(limit->timer, 0, &in, NULL) == 0;
}

/* Allocates nothing; if Lua is just changing what is read here it may crash, a moment before it aborts. */
static void say_where(struct script *s)
{
	char place[600] = "", text[700];

	lua_State *running = s->running;
	if (running != NULL)
		script_describe_place(running, place, sizeof place);
	int len = snprintf(text, sizeof text, "watchdog: map %s%s\n", s->name,
		place[0] != '\0' ? place : ": no script runs");
	struct pollfd log = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t n = poll(&log, 1, 0) == 1 ? write(STDERR_FILENO, text, (size_t)len) : 0;
	(void)n; /* there is nobody else to tell */
	abort();
}

void script_say_where(struct script *s, pthread_t running)
{
	pthread_sigqueue(running, SIGVTALRM, (union sigval){.sival_ptr = s});
}

/* A signal handler: touches nothing but the limit, and the hook. */
static void on_tick(UNUSED int number, siginfo_t *info, UNUSED void *context)
{
	if (info->si_code == SI_QUEUE && info->si_pid == getpid())
		say_where(info->si_value.sival_ptr);
	if (info->si_code != SI_TIMER)
		return;
	struct script *s = info->si_value.sival_ptr;
	struct script_limit *limit = &s->limit;
	lua_State *running = s->running;
	uint64_t budget_ms = limit->budget_ms;
	if (running == NULL || budget_ms == 0) {
		limit->ticking = 0;
		return;
	}
	if (limit->seen != limit->call) {
		limit->seen = limit->call;
		limit->ticks = 0;
	} else if (++limit->ticks >= TICKS_PER_BUDGET) {
		limit->over = 1;
		lua_sethook(running, stop_hook, LUA_MASKCOUNT, 1);
	}
	tick_in_ms(limit, budget_ms / TICKS_PER_BUDGET);
}

void limit_open(struct script *s)
{
	struct sigaction on = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigemptyset(&on.sa_mask);
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM};
	event.sigev_value.sival_ptr = s;
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	s->limit.has_timer = sigaction(SIGVTALRM, &on, NULL) == 0 &&
			     (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &s->limit.timer) == 0 ||
				     timer_create(CLOCK_MONOTONIC, &event, &s->limit.timer) == 0);
	if (!s->limit.has_timer)
		log_warn("map %s: no timer to be had: sv_script_time is without effect", s->name);
}

void limit_close(struct script *s)
{
	if (s->limit.has_timer)
		timer_delete(s->limit.timer);
	s->limit.has_timer = false;
}

void limit_call_begins(struct script *s)
{
	struct script_limit *limit = &s->limit;
	limit->call++;
	s->game->progress++;
	limit->over = 0;
	limit->budget_ms = s->game->cvars.set.sv_script_time;
	if (limit->has_timer && limit->budget_ms > 0 && !limit->ticking)
		tick_in_ms(limit, limit->budget_ms / TICKS_PER_BUDGET);
}

void limit_call_ended(struct script *s)
{
	s->limit.stopped += s->limit.over != 0;
	s->game->metrics.script_stopped += s->limit.over != 0;
	s->limit.over = 0;
}

void limit_apply(struct script *s, lua_State *L)
{
	if (s->limit.over)
		lua_sethook(L, stop_hook, LUA_MASKCOUNT, 1);
	else if (lua_gethookmask(L) != 0)
		lua_sethook(L, NULL, 0, 0);
}
