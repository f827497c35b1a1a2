#include "server/maptest/api.h"

#include <lauxlib.h>

#include "server/console.h"
#include "server/script_state.h"
#include "server/value.h"

#define TEST   "test"
#define PLAYER "test player"

/* The player of a test: his number, and of which test he is. */
struct actor {
	uint32_t test, number;
};

static const char trial_key; /* of the registry */

static struct trial *trial_of(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &trial_key);
	struct trial *trial = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return trial;
}

static struct trial *check_trial(lua_State *L)
{
	luaL_checkudata(L, 1, TEST);
	return trial_of(L);
}

static struct fakeuser *check_actor(lua_State *L, int index)
{
	const struct actor *a = luaL_checkudata(L, index, PLAYER);
	struct trial *trial = trial_of(L);

	if (a->test != trial->number)
		luaL_error(L, "this player is of another test");
	return trial->stage.mux.users[a->number - 1];
}

static struct fakeuser *check_here(lua_State *L, int index)
{
	struct fakeuser *u = check_actor(L, index);

	if (!u->here)
		luaL_error(L, "player %d is not connected any more", (int)u->number);
	return u;
}

/* ---- what came of it ---------------------------------------------------------------------------- */

static uint64_t count_errors(const struct trial *trial)
{
	const struct stage *s = &trial->stage;

	return s->errors + (s->is_open ? s->game.metrics.script_errors : 0);
}

/* After all that makes the game do something: it must have come to rest, and made no mistake. */
static void check_game(lua_State *L, bool ok, const char *why)
{
	struct trial *trial = trial_of(L);
	uint64_t errors = count_errors(trial);
	bool new = errors != trial->errors;

	if (!ok)
		luaL_error(L, "%s", why);
	if (trial->tolerant)
		return;
	trial->errors = errors;
	if (new && trial->stage.is_open && trial->stage.game.script != NULL)
		luaL_error(L, "script error: %s", trial->stage.game.script->faults.last);
	if (new)
		luaL_error(L, "a script error, in a game that is over");
}

static void settle(lua_State *L)
{
	const char *why = NULL;

	check_game(L, stage_settle(&trial_of(L)->stage, &why), why);
}

/* ---- players ------------------------------------------------------------------------------------ */

static const char *field(lua_State *L, int index, const char *name)
{
	if (lua_isnoneornil(L, index))
		return NULL;
	luaL_checktype(L, index, LUA_TTABLE);
	lua_getfield(L, index, name); /* stays on the stack, and so valid */
	return luaL_optstring(L, -1, NULL);
}

static json_t *check_json(lua_State *L, int index)
{
	struct value_fault why;
	json_t *json = value_json(L, index, &why);

	if (json == NULL)
		luaL_error(L, "%s", why.text);
	return json;
}

/* (test, [what he is]): a player. */
static int l_join(lua_State *L)
{
	struct trial *trial = check_trial(L);
	struct fakeuser_kind kind = {field(L, 2, "protocol"), field(L, 2, "ip"), field(L, 2, "dns"),
		field(L, 2, "ident"), NULL};
	struct actor *a = lua_newuserdatauv(L, sizeof *a, 0);
	luaL_setmetatable(L, PLAYER);
	int player = lua_gettop(L);

	if (lua_istable(L, 2) && lua_getfield(L, 2, "caps") != LUA_TNIL)
		kind.caps = check_json(L, -1);
	struct fakeuser *u = fakemux_join(&trial->stage.mux, &kind);
	json_decref(kind.caps);
	if (u == NULL)
		return luaL_error(L, "not enough memory");
	*a = (struct actor){trial->number, u->number};
	settle(L);
	lua_pushvalue(L, player);
	return 1;
}

/* (player, line): what he was shown before has been looked at. */
static int l_type(lua_State *L)
{
	struct fakeuser *u = check_here(L, 1);
	struct slice line = script_check_line(L, 2);

	u->looked = u->shown.len;
	fakemux_type(&trial_of(L)->stage.mux, u, line);
	settle(L);
	return 0;
}

static int l_leave(lua_State *L)
{
	fakemux_leave(&trial_of(L)->stage.mux, check_here(L, 1));
	settle(L);
	return 0;
}

/* (player, channel, data): what the game's event is told. */
static int l_event(lua_State *L)
{
	struct fakeuser *u = check_here(L, 1);
	const char *channel = luaL_checkstring(L, 2);
	bool is_text = lua_type(L, 3) == LUA_TSTRING;
	size_t len = 0;
	const char *text = is_text ? lua_tolstring(L, 3, &len) : NULL;
	json_t *json = is_text ? NULL : check_json(L, 3);
	char *dumped = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	json_decref(json);
	if (dumped != NULL)
		fakemux_event(&trial_of(L)->stage.mux, u, channel, true, slice_text(dumped));
	else if (text != NULL)
		fakemux_event(&trial_of(L)->stage.mux, u, channel, false, slice_of(text, len));
	free(dumped);
	settle(L);
	return 0;
}

/* (player, caps) */
static int l_caps(lua_State *L)
{
	struct fakeuser *u = check_here(L, 1);
	json_t *caps = check_json(L, 2);

	fakemux_caps(&trial_of(L)->stage.mux, u, caps);
	json_decref(caps);
	settle(L);
	return 0;
}

/* What he was shown that no test has looked at; not terminated. */
static struct slice unread(const struct fakeuser *u)
{
	return slice_from(buf_bytes(&u->shown), u->looked);
}

/* (player): what he was shown since a test looked last. */
static int l_read(lua_State *L)
{
	struct fakeuser *u = check_actor(L, 1);
	struct slice text = unread(u);

	u->looked = u->shown.len;
	lua_pushlstring(L, text.len > 0 ? (const char *)text.at : "", text.len);
	return 1;
}

static int l_player_index(lua_State *L)
{
	struct fakeuser *u = check_actor(L, 1);
	const char *name = luaL_checkstring(L, 2);

	if (luaL_getmetafield(L, 1, name) == LUA_TFUNCTION)
		return 1;
	if (strcmp(name, "here") == 0)
		lua_pushboolean(L, u->here);
	else if (strcmp(name, "hidden") == 0)
		lua_pushboolean(L, u->hidden);
	else if (strcmp(name, "key") == 0)
		lua_pushfstring(L, "%d:1", (int)u->number);
	else if (strcmp(name, "told") == 0)
		value_push(L, u->told);
	else
		return luaL_error(L, "a player of a test has no '%s'", name);
	return 1;
}

/* ---- what is expected --------------------------------------------------------------------------- */

/* Adds text, each line behind a bar; the last of it if it is long. */
static void add_shown(luaL_Buffer *out, struct slice text)
{
	enum { SHOWN_MAX = 2000 };

	if (text.len == 0)
		luaL_addstring(out, "\n    (nothing)");
	if (text.len > SHOWN_MAX)
		text = slice_from(text, text.len - SHOWN_MAX);
	while (text.len > 0) {
		const uint8_t *lf = memchr(text.at, '\n', text.len);
		size_t len = lf != NULL ? (size_t)(lf - text.at) : text.len;

		luaL_addstring(out, "\n    | ");
		luaL_addlstring(out, (const char *)text.at, len);
		text = slice_from(text, len + 1);
	}
}

static int not_as_expected(
	lua_State *L, const char *what, struct slice expected, const struct fakeuser *u)
{
	luaL_Buffer out;

	luaL_where(L, 1);
	luaL_buffinit(L, &out);
	luaL_addstring(&out, what);
	luaL_addstring(&out, " \"");
	luaL_addlstring(&out, (const char *)expected.at, expected.len);
	luaL_addstring(&out, "\"; player ");
	lua_pushinteger(L, u->number);
	luaL_addvalue(&out);
	luaL_addstring(&out, " was shown:");
	add_shown(&out, unread(u));
	luaL_pushresult(&out);
	lua_concat(L, 2);
	return lua_error(L);
}

/* (test, player, text): he was shown it; what stands before it and it are looked at. */
static int l_expect(lua_State *L)
{
	check_trial(L);
	struct fakeuser *u = check_actor(L, 2);
	size_t len;
	const char *expected = luaL_checklstring(L, 3, &len);
	struct slice text = unread(u);
	const uint8_t *at = text.len > 0 ? memmem(text.at, text.len, expected, len) : NULL;

	if (at == NULL && len > 0)
		return not_as_expected(L, "expected", slice_of(expected, len), u);
	if (at != NULL)
		u->looked += (size_t)(at - text.at) + len;
	return 0;
}

/* (test, player, [text]): he was not shown it; without text, nothing at all. Nothing is looked at. */
static int l_expect_not(lua_State *L)
{
	check_trial(L);
	struct fakeuser *u = check_actor(L, 2);
	size_t len;
	const char *refused = luaL_optlstring(L, 3, "", &len);
	struct slice text = unread(u);

	if (text.len > 0 && memmem(text.at, text.len, refused, len) != NULL)
		return not_as_expected(L, "did not expect", slice_of(refused, len), u);
	return 0;
}

/* (test, a, b) */
static int l_equal(lua_State *L)
{
	check_trial(L);
	luaL_checkany(L, 3);
	if (!lua_compare(L, 2, 3, LUA_OPEQ))
		return luaL_error(L, "%s is not equal to %s", luaL_tolstring(L, 2, NULL),
			luaL_tolstring(L, 3, NULL));
	return 0;
}

/* (test, text, function): it makes a script of the game raise an error with this text. */
static int l_fails(lua_State *L)
{
	struct trial *trial = check_trial(L);
	const char *text = luaL_checkstring(L, 2);
	luaL_checktype(L, 3, LUA_TFUNCTION);
	uint64_t before = count_errors(trial);

	trial->tolerant = true;
	lua_pushvalue(L, 3);
	int status = lua_pcall(L, 0, 0, 0);
	trial->tolerant = false;
	trial->errors = count_errors(trial);
	if (status != LUA_OK)
		return lua_error(L);
	if (trial->errors == before)
		return luaL_error(
			L, "expected a script error with \"%s\", but there was none", text);
	const char *last = trial->stage.is_open ? trial->stage.game.script->faults.last : "";
	if (strstr(last, text) == NULL)
		return luaL_error(
			L, "expected a script error with \"%s\", but it was: %s", text, last);
	return 0;
}

/* ---- the game ----------------------------------------------------------------------------------- */

/* (test, seconds) */
static int l_advance(lua_State *L)
{
	struct trial *trial = check_trial(L);
	double seconds = luaL_checknumber(L, 2);
	const char *why = NULL;

	luaL_argcheck(L, seconds >= 0 && seconds <= 1e6, 2, "0 to a million seconds expected");
	check_game(L, stage_advance(&trial->stage, seconds, &why), why);
	return 0;
}

static int l_restart(lua_State *L)
{
	const char *why = NULL;

	check_game(L, stage_restart(&check_trial(L)->stage, &why), why);
	return 0;
}

/* (test, [player, line]) */
static int l_crash(lua_State *L)
{
	struct trial *trial = check_trial(L);
	const char *why = NULL;
	struct fakeuser *u = lua_isnoneornil(L, 2) ? NULL : check_here(L, 2);
	struct slice line = u != NULL ? script_check_line(L, 3) : slice_text("");

	check_game(L, stage_crash(&trial->stage, u, line, &why), why);
	return 0;
}

/* (test, line): what the console answers. */
static int l_console(lua_State *L)
{
	struct trial *trial = check_trial(L);
	struct buf out = {0};
	const char *line = luaL_checkstring(L, 2);

	if (!trial->stage.is_open)
		return luaL_error(L, "the game has ended");
	console_run(&trial->stage.game, line, &out);
	lua_pushlstring(L, out.len > 0 ? (const char *)buf_bytes(&out).at : "", out.len);
	buf_free(&out);
	settle(L);
	return 1;
}

/* ---- the types ---------------------------------------------------------------------------------- */

void maptest_push_test(lua_State *L)
{
	lua_newuserdatauv(L, 1, 0);
	luaL_setmetatable(L, TEST);
}

void maptest_open_api(lua_State *L, struct trial *trial)
{
	static const luaL_Reg of_test[] = {{"join", l_join}, {"advance", l_advance},
		{"restart", l_restart}, {"crash", l_crash}, {"console", l_console},
		{"expect", l_expect}, {"expect_not", l_expect_not}, {"equal", l_equal},
		{"fails", l_fails}, {NULL, NULL}};
	static const luaL_Reg of_player[] = {{"type", l_type}, {"leave", l_leave},
		{"event", l_event}, {"caps", l_caps}, {"read", l_read}, {NULL, NULL}};

	lua_pushlightuserdata(L, trial);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &trial_key);
	luaL_newmetatable(L, TEST);
	luaL_setfuncs(L, of_test, 0);
	lua_pushvalue(L, -1);
	lua_setfield(L, -2, "__index");
	luaL_newmetatable(L, PLAYER);
	luaL_setfuncs(L, of_player, 0);
	lua_pushcfunction(L, l_player_index);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 2);
}
