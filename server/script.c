#include "server/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <lualib.h>

#include "common/log.h"
#include "server/api/outgoing.h"
#include "server/api/script_api.h"
#include "server/api/types.h"
#include "server/map.h"
#include "server/script_await.h"
#include "server/script_state.h"
#include "server/value.h"

enum { FILE_MAX = 1024 * 1024 }; /* bytes of a script file */

static char why_text[900]; /* what *why of script_open points to */

struct script *script_of(lua_State *L)
{
	return *(struct script **)lua_getextraspace(L);
}

bool script_is_waiting(const struct script *s)
{
	return s->game->script != NULL && s->game->script != s;
}

/* ---- running ------------------------------------------------------------------------------------ */

lua_State *script_enter(struct script *s, lua_State *co)
{
	lua_State *before = s->running;
	if (before == NULL)
		limit_call_begins(s);
	s->running = co;
	limit_apply(s, co);
	return before;
}

void script_return(struct script *s, lua_State *before)
{
	s->running = before;
	if (before == NULL)
		limit_call_ended(s);
	else
		limit_apply(s, before);
}

bool script_was_stopped(lua_State *co)
{
	return lua_gethookmask(co) != 0;
}

/* Whoever waits for the end of co, taken off the list; NULL: nobody. */
static struct script_call *take_call(struct script *s, lua_State *co)
{
	/* What runs was begun last; the others wait. */
	for (struct list *node = s->calls.prev; node != &s->calls; node = node->prev) {
		struct script_call *call = container_of(node, struct script_call, node);

		if (call->co != co)
			continue;
		list_remove(&call->node);
		return call;
	}
	return NULL;
}

static void ended(struct script *s, lua_State *co, int status, int results)
{
	static const char yields[] =
		"a handler used coroutine.yield: nothing would ever resume it; "
		"use wait or waitframe";
	struct script_call *call = take_call(s, co);
	char text[900];

	if (call == NULL && status == LUA_YIELD)
		script_fault(s, yields);
	else if (call == NULL && status != LUA_OK)
		script_report(s, co);
	if (call == NULL)
		return;
	if (status != LUA_OK && status != LUA_YIELD)
		script_describe(co, text, sizeof text);
	call->done(call, co, status == LUA_OK ? results : 0,
		status == LUA_OK      ? NULL
		: status == LUA_YIELD ? yields
				      : text);
}

/* True: it has returned, and can be started anew. */
static bool go_on(lua_State *L, lua_State *co, int args)
{
	struct script *s = script_of(L);
	lua_State *handler = s->handler, *before = script_enter(s, co);
	s->handler = co;
	int results, status = lua_resume(co, L, args, &results);
	s->handler = handler;
	if (status == LUA_YIELD && s->parked == co) {
		s->parked = NULL;
		script_return(s, before);
		return false;
	}
	ended(s, co, status, results);
	bool good = status == LUA_OK && !script_was_stopped(co);
	if (status != LUA_OK && !script_was_stopped(co))
		lua_resetthread(
			co); /* closes what is to be closed, still on the time of this call */
	script_return(s, before);
	s->coroutines--;
	return good;
}

void script_go_on(lua_State *L, lua_State *co, int args)
{
	go_on(L, co, args);
}

void script_run(lua_State *L, int args)
{
	script_run_call(L, args, NULL);
}

/* ---- the spare coroutine ------------------------------------------------------------------------ */

/* Most handlers return without having waited: their coroutine serves the next one, which saves making and
 * collecting one each time. The registry keeps it, under this key. */
static const char spare_key;

/* Pushes a coroutine with nothing in it. */
static lua_State *push_coroutine(lua_State *L)
{
	struct script *s = script_of(L);
	lua_State *co = s->spare;

	if (co == NULL)
		return lua_newthread(L);
	s->spare = NULL;
	lua_pushthread(co);
	lua_xmove(co, L, 1);
	return co;
}

/* Pops a coroutine that has returned. */
static void keep_coroutine(lua_State *L, lua_State *co)
{
	struct script *s = script_of(L);

	if (s->spare != NULL || s->coroutines_are_known) {
		lua_pop(L, 1);
		return;
	}
	lua_settop(co, 0);
	if (s->kept == co) { /* it still is */
		lua_pop(L, 1);
	} else {
		s->kept = NULL;
		lua_rawsetp(L, LUA_REGISTRYINDEX, &spare_key);
		s->kept = co;
	}
	s->spare = co;
}

void script_run_call(lua_State *L, int args, struct script_call *call)
{
	struct script *s = script_of(L);
	luaL_checkstack(L, 1, NULL);
	lua_State *co = push_coroutine(L);
	lua_insert(L, -args - 2);
	if (!lua_checkstack(co, args + 1))
		luaL_error(L, "not enough memory");
	lua_xmove(L, co, args + 1);
	s->coroutines++;
	if (call != NULL) {
		call->co = co;
		list_add_last(&s->calls, &call->node);
	}
	if (go_on(L, co, args))
		keep_coroutine(L, co);
	else
		lua_pop(L, 1);
}

/* What an event brings to its handlers. */
struct happening {
	enum script_event event;
	struct player *player;
	const json_t *saved; /* NULL: nil */
	struct slice text;
	double seconds;
	uint64_t number;
	bool yes;
};

static const char *const event_arguments[] = {
#define EVENT(name, arguments, meaning) arguments,
#include "server/events.def"
};

static const char *const event_names[] = {
#define EVENT(name, arguments, meaning) #name,
#include "server/events.def"
};

static void push_argument(lua_State *L, char kind, const struct happening *h)
{
	if (kind == 'p')
		script_push_player(L, h->player);
	else if (kind == 's')
		lua_pushlstring(L, h->text.len > 0 ? (const char *)h->text.at : "", h->text.len);
	else if (kind == 'o')
		lua_pushstring(L, (const char *)h->text.at); /* NULL is nil */
	else if (kind == 't')
		lua_pushnumber(L, h->seconds);
	else if (kind == 'n')
		lua_pushinteger(L, (lua_Integer)h->number);
	else if (kind == 'b')
		lua_pushboolean(L, h->yes);
	else if (h->saved != NULL)
		value_push(L, h->saved);
	else
		lua_pushnil(L);
}

/* (happening): runs each handler of an event. */
static int l_fire(lua_State *L)
{
	const struct happening *h = lua_touserdata(L, 1);
	struct script *s = script_of(L);
	const char *arguments = event_arguments[h->event];
	if (h->event == EVENT_frame) {
		script_wake(L);
		outgoing_tell(L);
	}
	script_push_handlers(L, h->event);
	unsigned count = s->handlers[h->event]; /* one that is added now is not for this time */
	for (unsigned i = 1; i <= count; i++) {
		lua_rawgeti(L, 2, i);
		for (const char *kind = arguments; *kind != '\0'; kind++)
			push_argument(L, *kind, h);
		script_run(L, (int)strlen(arguments));
	}
	return 0;
}

/* The one door from C into Lua. */
static void fire(struct script *s, const struct happening *h)
{
	if (s->handlers[h->event] == 0 &&
		(h->event != EVENT_frame || (s->schedule.count == 0 && !outgoing_is_due(s))))
		return;
	lua_State *L = s->running != NULL ? s->running : s->L;
	if (!lua_checkstack(L, 4)) {
		script_fault(s, "not enough memory for an event");
		return;
	}
	const char *before = s->game->doing;
	s->game->doing = event_names[h->event];
	lua_pushcfunction(L, l_fire);
	lua_pushlightuserdata(L, (void *)h);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
		script_report(s, L);
		lua_pop(L, 1);
	}
	s->game->doing = before;
}

/* ---- events ------------------------------------------------------------------------------------- */

void script_start(struct script *s)
{
	fire(s, &(struct happening){.event = EVENT_start});
}

void script_join(struct script *s, struct player *p)
{
	fire(s, &(struct happening){.event = EVENT_join, .player = p});
}

/* A map that restores nobody greets everybody as if he were new. A map that does is told of all who
 * were here, also of those about whom nothing was kept. */
void script_restore(struct script *s, struct player *p, const json_t *saved, const char *from)
{
	bool restores = s->handlers[EVENT_restore] > 0;
	fire(s, &(struct happening){.event = restores ? EVENT_restore : EVENT_join,
			.player = p,
			.saved = saved,
			.text = from != NULL ? slice_text(from) : slice_of(NULL, 0)});
}

void script_input(struct script *s, struct player *p, struct slice line)
{
	fire(s, &(struct happening){.event = EVENT_input, .player = p, .text = line});
}

void script_event(struct script *s, struct player *p, struct slice channel, const json_t *data)
{
	fire(s, &(struct happening){
			.event = EVENT_event, .player = p, .text = channel, .saved = data});
}

void script_lookup(struct script *s, struct player *p, const char *which)
{
	fire(s, &(struct happening){.event = EVENT_lookup, .player = p, .text = slice_text(which)});
}

void script_slow(struct script *s, struct player *p, bool slow)
{
	fire(s, &(struct happening){.event = EVENT_slow, .player = p, .yes = slow});
}

void script_leave(struct script *s, struct player *p, const char *why)
{
	struct player *before = s->leaving;
	s->leaving = p;
	fire(s, &(struct happening){.event = EVENT_leave, .player = p, .text = slice_text(why)});
	s->leaving = before;
}

void script_frame(struct script *s, double dt, uint64_t n)
{
	script_faults_beat(s);
	fire(s, &(struct happening){.event = EVENT_frame, .seconds = dt, .number = n});
}

void script_stop(struct script *s, const char *why)
{
	fire(s, &(struct happening){.event = EVENT_stop, .text = slice_text(why)});
}

size_t script_memory(const struct script *s)
{
	return s->limit.memory;
}

json_t *script_status(const struct script *s)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "map", s->name, "memory",
		(json_int_t)s->limit.memory, "memory_refused", (json_int_t)s->limit.refused,
		"stopped", (json_int_t)s->limit.stopped, "errors", (json_int_t)s->faults.count,
		"coroutines", (json_int_t)s->coroutines, "waiting", (json_int_t)s->schedule.count);
}

/* ---- opening and closing ------------------------------------------------------------------------ */

int script_load_file(lua_State *L, const char *dir, const char *map, const char *path)
{
	lua_pushfstring(L, "%s/%s", dir, path);
	const char *full = lua_tostring(L, -1);
	const char *name = lua_pushfstring(L, "@%s/%s", map, path);
	struct stat is;
	if (stat(full, &is) != 0 || !S_ISREG(is.st_mode) || is.st_size > FILE_MAX) {
		lua_pushfstring(L, "%s: no such file, or over 1 MiB", full);
		return LUA_ERRFILE;
	}
	/* Lua owns the room, so that nothing leaks if it raises. */
	char *text = lua_newuserdatauv(L, (size_t)is.st_size + 1, 0);
	FILE *file = fopen(full, "re");
	if (file == NULL) {
		lua_pushfstring(L, "%s: cannot be read", full);
		return LUA_ERRFILE;
	}
	size_t len = fread(text, 1, (size_t)is.st_size, file);
	fclose(file);
	size_t bom = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	return luaL_loadbufferx(L, text + bom, len - bom, name, "t");
}

static void open_globals(lua_State *L)
{
	lua_pushglobaltable(L);
	script_open_base(L);
	script_open_string(L);
	script_open_table(L);
	script_open_os(L);
	script_open_coroutine(L);
	script_open_require(L);
	script_open_game(L);
	script_open_markup(L);
	script_open_player(L);
	script_open_cvar(L);
	script_open_time(L);
	script_open_log(L);
	script_open_json(L);
	script_open_list(L);
	script_open_store(L);
	script_open_command(L);
	script_open_password(L);
	script_open_types(L);
	script_open_outgoing(L);
	script_open_ban(L);
	script_open_api(L);
	script_open_register(L);
	script_seal_globals(L);
	lua_pop(L, 1);
}

/* (): makes the globals, and runs init.lua. True, or false and why_text set. */
static int l_open(lua_State *L)
{
	struct script *s = script_of(L);
	open_globals(L);
	lua_State *co = lua_newthread(L), *at_fault = L;
	int results, status = s->text != NULL
				      ? luaL_loadbufferx(L, s->text, strlen(s->text), s->name, "t")
				      : script_load_file(L, s->dir, s->name, "init.lua");
	if (status == LUA_OK) {
		lua_xmove(L, co, 1);
		lua_State *before = script_enter(s, co);
		s->loading++;
		status = lua_resume(co, L, 0, &results);
		s->loading--;
		script_return(s, before);
		at_fault = co;
	}
	if (status == LUA_YIELD)
		snprintf(why_text, sizeof why_text, "%s/init.lua: yields while it is loaded",
			s->name);
	else if (status != LUA_OK)
		script_describe(at_fault, why_text, sizeof why_text);
	lua_pushboolean(L, status == LUA_OK);
	return 1;
}

static int on_panic(lua_State *L)
{
	log_error("script: an error outside of any call: %s", lua_tostring(L, -1));
	return 0; /* and Lua aborts */
}

static char *last_part(const char *dir)
{
	size_t end = strlen(dir);
	while (end > 1 && dir[end - 1] == '/')
		end--;
	size_t start = end;
	while (start > 0 && dir[start - 1] != '/')
		start--;
	return strndup(dir + start, end - start);
}

struct script *script_new(struct game *game, const char *dir, size_t memory_max)
{
	struct script *s = calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->game = game;
	s->opened_ms = game != NULL ? loop_now_ms(game->loop) : 0;
	list_init(&s->awaits);
	list_init(&s->calls);
	s->limit.memory_max = memory_max;
	s->dir = strdup(dir);
	s->name = last_part(dir);
	s->L = lua_newstate(script_alloc, s);
	if (s->dir == NULL || s->name == NULL || s->L == NULL) {
		script_close(s);
		return NULL;
	}
	*(struct script **)lua_getextraspace(s->L) = s;
	lua_atpanic(s->L, on_panic);
	return s;
}

static struct script *open_state(
	struct game *game, const char *dir, const char *text, const char **why)
{
	*why = why_text;
	struct script *s = script_new(game, dir, game->cvars.set.sv_script_memory);
	if (s == NULL) {
		snprintf(why_text, sizeof why_text, "not enough memory");
		return NULL;
	}
	s->text = text;
	limit_open(s);
	lua_pushcfunction(s->L, l_open);
	bool opened = lua_pcall(s->L, 0, 1, 0) == LUA_OK;
	if (!opened)
		script_describe(s->L, why_text, sizeof why_text);
	if (!opened || !lua_toboolean(s->L, -1)) {
		script_close(s);
		return NULL;
	}
	lua_pop(s->L, 1);
	script_gc_open(s);
	return s;
}

struct script *script_open(struct game *game, const char *dir, const char **why)
{
	return open_state(game, dir, NULL, why);
}

struct script *script_open_text(
	struct game *game, const char *name, const char *text, const char **why)
{
	return open_state(game, name, text, why);
}

void script_close(struct script *s)
{
	if (s == NULL)
		return;
	map_hooks_end(s);
	script_await_end_all(s);
	script_api_close(s);
	limit_close(s);
	outgoing_close(s);
	listing_clear(&s->listing);
	schedule_free(&s->schedule);
	if (s->L != NULL)
		lua_close(s->L);
	free(s->dir);
	free(s->name);
	free(s);
}
