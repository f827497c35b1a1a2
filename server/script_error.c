/* What a map did wrong: one line in the log, one to the admins in the game, and all of it counted. A map
 * that fails a thousand times a second must not take the log away from everything else. */
#include "server/script_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/log.h"

enum {
	FRAMES_SHOWN = 8,       /* of a traceback */
	LINES_A_SECOND = 10,    /* logged; then how many more there were */
	ADMINS_EVERY_MS = 5000, /* a line in the game */
	ADMIN_TEXT_MAX = 300
};

static void add(char *out, size_t room, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void add(char *out, size_t room, const char *fmt, ...)
{
	size_t used = strlen(out);
	va_list args;
	va_start(args, fmt);
	vsnprintf(out + used, room - used, fmt, args);
	va_end(args);
}

/* Raises and allocates nothing: it also serves when memory is out, and a __tostring that never ends is
 * not asked. */
static void describe_error(lua_State *L, char *out, size_t room)
{
	out[0] = '\0';
	if (lua_type(L, -1) == LUA_TSTRING)
		add(out, room, "%s", lua_tostring(L, -1));
	else
		add(out, room, "an error that is a %s", luaL_typename(L, -1));
}

/* Adds where L stands: "; in go (anteroom/init.lua:12), from anteroom/init.lua:40". */
void script_describe_place(lua_State *L, char *out, size_t room)
{
	lua_Debug at;
	int shown = 0;
	for (int level = 0; shown <= FRAMES_SHOWN && lua_getstack(L, level, &at); level++) {
		lua_getinfo(L, "Sln", &at);
		if (at.currentline < 0)
			continue; /* C code: error() itself, and what called back */
		add(out, room, shown == 0 ? "; in " : ", from ");
		if (++shown > FRAMES_SHOWN)
			add(out, room, "...");
		else if (at.name != NULL)
			add(out, room, "%s (%s:%d)", at.name, at.short_src, at.currentline);
		else
			add(out, room, "%s:%d", at.short_src, at.currentline);
	}
}

void script_describe(lua_State *L, char *out, size_t room)
{
	describe_error(L, out, room);
	script_describe_place(L, out, room);
}

/* ---- the log ------------------------------------------------------------------------------------ */

static void log_fault(struct script *s, const char *text)
{
	struct script_faults *f = &s->faults;

	if (f->logged_in_second < LINES_A_SECOND)
		log_error("map %s: %s", s->name, text);
	else
		f->suppressed++;
	f->logged_in_second++;
}

static void next_second(struct script *s, uint64_t now_ms)
{
	struct script_faults *f = &s->faults;

	if (now_ms - f->second_ms < 1000)
		return;
	if (f->suppressed > 0)
		log_error("map %s: %" PRIu64 " errors more suppressed; %" PRIu64 " in all", s->name,
			f->suppressed, f->count);
	f->second_ms = now_ms;
	f->suppressed = 0;
	f->logged_in_second = 0;
}

/* ---- admins in the game ------------------------------------------------------------------------- */

static bool is_admin(const struct player *p)
{
	return p->state == PLAYER_HERE && p->role != NULL && strcmp(p->role, "admin") == 0;
}

/* What a player typed may be in it: nothing of that shall steer a terminal. */
static void tell_admins(struct script *s, uint64_t now_ms)
{
	struct script_faults *f = &s->faults;
	char safe[ADMIN_TEXT_MAX], line[ADMIN_TEXT_MAX + 80];

	if (f->untold == 0 || (f->told_ms != 0 && now_ms - f->told_ms < ADMINS_EVERY_MS))
		return;
	log_escape(safe, sizeof safe, slice_text(f->last));
	if (f->untold == 1)
		snprintf(line, sizeof line, "[script error: %s]\n", safe);
	else
		snprintf(line, sizeof line, "[script error: %s (%" PRIu64 " more)]\n", safe,
			f->untold - 1);
	f->untold = 0;
	f->told_ms = now_ms;
	LIST_EACH(node, &s->game->players)
	{
		struct player *p = container_of(node, struct player, node);

		if (is_admin(p))
			player_send(p, slice_text(line));
	}
}

/* ---- all of them -------------------------------------------------------------------------------- */

void script_faults_beat(struct script *s)
{
	uint64_t now_ms = loop_now_ms(s->game->loop);

	next_second(s, now_ms);
	tell_admins(s, now_ms);
}

/* text: with the place; what admins see is its first part. */
static void count(struct script *s, const char *error, const char *text)
{
	struct script_faults *f = &s->faults;

	f->count++;
	s->game->metrics.script_errors++;
	snprintf(f->last, sizeof f->last, "%s", error);
	next_second(s, loop_now_ms(s->game->loop));
	log_fault(s, text);
	f->untold++;
	tell_admins(s, loop_now_ms(s->game->loop));
}

void script_fault(struct script *s, const char *text)
{
	count(s, text, text);
}

void script_report(struct script *s, lua_State *L)
{
	char error[sizeof s->faults.last], text[900];

	describe_error(L, error, sizeof error);
	script_describe(L, text, sizeof text);
	count(s, error, text);
}
