/* Lua's memory is collected between frames, a piece at a time, and not in the midst of a handler: a frame
 * begins when it is due, and what players typed is answered first.
 *
 * Lua's own collector is halted. While a cycle is under way it owes as much work as scripts have
 * allocated, twice, so that it ends well before memory has doubled; then it rests until it has. If
 * there is no time between frames, and three quarters of the memory are in use, Lua's own goes on in the
 * handlers, as it always would. */
#include "server/script_state.h"

enum {
	STEP = 8 * 1024,         /* bytes that one basic step of Lua's collector stands for */
	REST_LEAST = 512 * 1024, /* bytes that are allocated before it is worth a cycle */
	FULL_PERCENT = 90,
	SETTLED_MS =
		60000 /* a map that is full when it has just begun needs more, not to begin anew */
};

static size_t near_full(const struct script_limit *limit)
{
	return limit->memory_max / 4 * 3;
}

/* When the next cycle begins: where memory has doubled, but not where Lua's own would step in. */
static size_t rest_until(const struct script_limit *limit)
{
	size_t wanted = limit->memory * 2;
	size_t most = near_full(limit) - limit->memory_max / 8;

	if (wanted < limit->memory + REST_LEAST)
		wanted = limit->memory + REST_LEAST;
	return wanted < most ? wanted : most;
}

static void set_automatic(struct script *s, bool automatic)
{
	if (s->gc.automatic == automatic)
		return;
	s->gc.automatic = automatic;
	lua_gc(s->L, automatic ? LUA_GCRESTART : LUA_GCSTOP);
}

void script_gc_open(struct script *s)
{
	lua_gc(s->L, LUA_GCSTOP);
	s->gc = (struct script_gc){.resting = true, .rest_until = rest_until(&s->limit)};
}

bool script_collect(struct script *s, uint64_t until_ns)
{
	struct script_gc *gc = &s->gc;
	struct script_limit *limit = &s->limit;
	uint64_t allocated = limit->allocated - gc->seen;

	gc->seen = limit->allocated;
	set_automatic(s, limit->memory > near_full(limit));
	if (gc->resting && limit->memory < gc->rest_until)
		return false;
	gc->owed = gc->resting ? STEP : gc->owed + 2 * allocated;
	gc->resting = false;
	while (gc->owed >= STEP) {
		gc->owed -= STEP;
		if (lua_gc(s->L, LUA_GCSTEP, 0) != 0) {
			gc->resting = true;
			gc->rest_until = rest_until(limit);
			gc->owed = 0;
			gc->cycles++;
		}
		if (uv_hrtime() >= until_ns)
			return gc->owed >= STEP;
	}
	return false;
}

/* ---- a map that has used up its memory ---------------------------------------------------------- */

static bool is_full(const struct script_limit *limit)
{
	return limit->memory >= limit->memory_max / 100 * FULL_PERCENT;
}

bool script_is_full(struct script *s)
{
	struct script_limit *limit = &s->limit;

	if (limit->refused == limit->seen_refused)
		return false;
	limit->seen_refused = limit->refused;
	if (!is_full(limit) || loop_now_ms(s->game->loop) - s->opened_ms < SETTLED_MS)
		return false;
	lua_gc(s->L, LUA_GCCOLLECT);
	return is_full(limit);
}
