#include "server/script_state.h"

#include <math.h>

#include "server/script_await.h"

/* wait, waitframe, spawn, after, every. Whatever waits is woken by script_wake, once a frame. */

#define TYPE "timer"

/* A full userdata; its user value is the function to call, or the coroutine that waits. */
struct timer {
	struct schedule_item item;
	uint64_t every_ms;
	bool again; /* every: waits again at once */
};

static const char timers_key; /* of the registry: struct timer * -> its userdata while it waits */

static uint64_t check_ms(lua_State *L, int index)
{
	double seconds = luaL_checknumber(L, index);
	luaL_argcheck(L, !isnan(seconds), index, "not a number of seconds");
	if (seconds <= 0)
		return 0;
	return seconds < 1e9 ? (uint64_t)ceil(seconds * 1000) : 1000000000000;
}

/* Makes a timer of the value on top of the stack, and puts the timer in its place. */
static struct timer *start(lua_State *L, uint64_t in_ms)
{
	struct script *s = script_of(L);
	struct timer *timer = lua_newuserdatauv(L, sizeof *timer, 1);
	*timer = (struct timer){0};
	luaL_setmetatable(L, TYPE);
	lua_insert(L, -2);
	lua_setiuservalue(L, -2, 1);

	lua_rawgetp(L, LUA_REGISTRYINDEX, &timers_key);
	lua_pushvalue(L, -2);
	lua_rawsetp(L, -2, timer);
	if (!schedule_add(&s->schedule, &timer->item, loop_now_ms(s->game->loop) + in_ms)) {
		lua_pushnil(L);
		lua_rawsetp(L, -2, timer);
		luaL_error(L, "not enough memory");
	}
	lua_pop(L, 1);
	return timer;
}

/* Lets go of a timer that waits no more. */
static void forget(lua_State *L, struct timer *timer)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &timers_key);
	lua_pushnil(L);
	lua_rawsetp(L, -2, timer);
	lua_pop(L, 1);
}

static int park(lua_State *L, const char *function, uint64_t in_ms)
{
	struct script *s = script_of(L);
	script_await_check(L, function);
	lua_pushthread(L);
	start(L, in_ms);
	s->parked = L;
	return lua_yield(L, 0);
}

/* (seconds) */
static int l_wait(lua_State *L)
{
	return park(L, "wait", check_ms(L, 1));
}

/* (): until the next frame. */
static int l_waitframe(lua_State *L)
{
	return park(L, "waitframe", 0);
}

/* (function, ...): runs it now, in a coroutine of its own, until it first waits. */
static int l_spawn(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	script_run(L, lua_gettop(L) - 1);
	return 0;
}

/* (seconds, function): a timer. */
static int l_after(lua_State *L)
{
	uint64_t in_ms = check_ms(L, 1);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	start(L, in_ms);
	return 1;
}

static int l_every(lua_State *L)
{
	uint64_t in_ms = check_ms(L, 1);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	struct timer *timer = start(L, in_ms);
	timer->every_ms = in_ms;
	timer->again = true;
	return 1;
}

/* (timer): true if it was still to come. */
static int l_cancel(lua_State *L)
{
	struct timer *timer = luaL_checkudata(L, 1, TYPE);
	bool waits = timer->item.place != 0;
	schedule_remove(&script_of(L)->schedule, &timer->item);
	forget(L, timer);
	lua_pushboolean(L, waits);
	return 1;
}

static int l_timer_text(lua_State *L)
{
	const struct timer *timer = luaL_checkudata(L, 1, TYPE);
	lua_pushstring(L, timer->item.place != 0 ? "timer" : "timer (over)");
	return 1;
}

/* Times that were missed, since a frame took long, are left out, not made up for. */
static void wait_again(struct script *s, struct timer *timer, uint64_t now_ms)
{
	uint64_t due_ms = timer->item.due_ms + timer->every_ms;
	if (due_ms <= now_ms)
		due_ms = now_ms + timer->every_ms;
	schedule_add(&s->schedule, &timer->item, due_ms); /* there is room: it was just taken out */
}

enum {
	WAKE_NS = 250000000
}; /* of one frame, for all that waits: the rest goes on in the next one */

void script_wake(lua_State *L)
{
	uint64_t end_ns = uv_hrtime() + WAKE_NS;
	struct script *s = script_of(L);
	uint64_t now_ms = loop_now_ms(s->game->loop), before = s->schedule.next_order;
	struct schedule_item *item;
	while (uv_hrtime() < end_ns &&
		(item = schedule_take(&s->schedule, now_ms, before)) != NULL) {
		struct timer *timer = container_of(item, struct timer, item);
		lua_rawgetp(L, LUA_REGISTRYINDEX, &timers_key);
		lua_rawgetp(L, -1, timer);
		lua_getiuservalue(L, -1, 1);
		if (timer->again)
			wait_again(s, timer, now_ms);
		else
			forget(L, timer);
		lua_State *co = lua_tothread(L, -1);
		if (co != NULL) {
			script_go_on(L, co, 0);
			lua_pop(L, 3);
		} else {
			script_run(L, 0);
			lua_pop(L, 2);
		}
	}
}

void script_open_time(lua_State *L)
{
	static const luaL_Reg functions[] = {{"wait", l_wait}, {"waitframe", l_waitframe},
		{"spawn", l_spawn}, {"after", l_after}, {"every", l_every}, {NULL, NULL}};
	static const luaL_Reg methods[] = {{"cancel", l_cancel}, {NULL, NULL}};
	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &timers_key);
	luaL_newmetatable(L, TYPE);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, l_timer_text);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	luaL_setfuncs(L, functions, 0);
}
