#include "server/script_state.h"

#include "server/match.h"

/* What Lua's string library has in C that can run for ever, where no hook stops it: our own, which asks
 * now and then whether the call is over its time. Patterns are those of match.h. */

enum { STEPS_A_LOOK = 256 };

/* ---- patterns ----------------------------------------------------------------------------------- */

/* Where a search begins, from 0: the argument at index counts from 1, negative from the end. May lie
 * behind the end. */
static size_t check_start(lua_State *L, int index, size_t len)
{
	lua_Integer start = luaL_optinteger(L, index, 1);

	if (start > 0)
		return (size_t)start - 1;
	if (start == 0 || start < -(lua_Integer)len)
		return 0;
	return len - (size_t)-start;
}

/* *anchored: the pattern begins with ^, which is no part of what match_at sees; NULL: it is. */
static struct match match_of(lua_State *L, struct slice text, struct slice pattern, bool *anchored)
{
	const char *t = (const char *)text.at, *p = (const char *)pattern.at;
	bool begins = anchored != NULL && pattern.len > 0 && p[0] == '^';

	if (anchored != NULL)
		*anchored = begins;
	return (struct match){.L = L,
		.text = t,
		.text_end = t + text.len,
		.pattern = p + begins,
		.pattern_end = p + pattern.len};
}

static struct slice check_text(lua_State *L, int index)
{
	size_t len;
	const char *text = luaL_checklstring(L, index, &len);

	return slice_of(text, len);
}

static bool is_plain(struct slice pattern)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (strchr("^$*+?.([%-", pattern.at[i]) != NULL && pattern.at[i] != '\0')
			return false;
	return true;
}

static int find_plain(lua_State *L, struct slice text, struct slice what, size_t start)
{
	const uint8_t *from = text.at + start;
	const uint8_t *at = what.len > 0 ? memmem(from, text.len - start, what.at, what.len) : from;

	if (at == NULL) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, at - text.at + 1);
	lua_pushinteger(L, at - text.at + (lua_Integer)what.len);
	return 2;
}

/* (text, pattern, [start, [plain]]): find tells where, match what. */
static int search(lua_State *L, bool find)
{
	struct slice text = check_text(L, 1), pattern = check_text(L, 2);
	size_t start = check_start(L, 3, text.len);

	if (start > text.len) {
		lua_pushnil(L);
		return 1;
	}
	if (find && (lua_toboolean(L, 4) || is_plain(pattern)))
		return find_plain(L, text, pattern, start);
	bool anchored;
	struct match m = match_of(L, text, pattern, &anchored);
	const char *at = m.text + start;
	do {
		const char *end = match_at(&m, at);

		if (end != NULL && find) {
			lua_pushinteger(L, at - m.text + 1);
			lua_pushinteger(L, end - m.text);
			return m.captures > 0 ? match_push_all(&m, at, end) + 2 : 2;
		}
		if (end != NULL)
			return match_push_all(&m, at, end);
	} while (at++ < m.text_end && !anchored);
	lua_pushnil(L);
	return 1;
}

static int l_find(lua_State *L)
{
	return search(L, true);
}

static int l_match(lua_State *L)
{
	return search(L, false);
}

/* What string.gmatch returns. Upvalues: text, pattern, where to go on, where the last match ended (two
 * empty ones do not stand at the same place). */
static int l_next_match(lua_State *L)
{
	struct slice text = check_text(L, lua_upvalueindex(1));
	struct match m = match_of(L, text, check_text(L, lua_upvalueindex(2)), NULL);
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
	lua_Integer from = lua_tointeger(L, lua_upvalueindex(3));

	for (; from <= (lua_Integer)text.len; from++) {
		const char *end = match_at(&m, m.text + from);

		if (end == NULL || end - m.text == last)
			continue;
		lua_pushinteger(L, end - m.text);
		lua_copy(L, -1, lua_upvalueindex(3));
		lua_replace(L, lua_upvalueindex(4));
		return match_push_all(&m, m.text + from, end);
	}
	return 0;
}

/* (text, pattern, [start]) */
static int l_gmatch(lua_State *L)
{
	size_t len = check_text(L, 1).len;

	check_text(L, 2);
	size_t start = check_start(L, 3, len);
	lua_settop(L, 2);
	lua_pushinteger(L, (lua_Integer)(start > len ? len + 1 : start));
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, l_next_match, 4);
	return 1;
}

/* ---- gsub --------------------------------------------------------------------------------------- */

/* Adds the text at index 3 with its %0 to %9. */
static void add_text(struct match *m, luaL_Buffer *out, const char *begin, const char *end)
{
	size_t len;
	const char *text = lua_tolstring(m->L, 3, &len);

	for (const char *stop = text + len, *sign; text < stop; text = sign + 2) {
		sign = memchr(text, '%', (size_t)(stop - text));
		if (sign == NULL) {
			luaL_addlstring(out, text, (size_t)(stop - text));
			return;
		}
		luaL_addlstring(out, text, (size_t)(sign - text));
		char what = sign + 1 < stop ? sign[1] : '\0';
		if (what == '%') {
			luaL_addchar(out, '%');
		} else if (what == '0') {
			luaL_addlstring(out, begin, (size_t)(end - begin));
		} else if (what >= '1' && what <= '9') {
			match_push(m, what - '1', begin, end);
			luaL_addvalue(out);
		} else {
			luaL_error(m->L, "invalid use of '%%' in replacement string");
		}
	}
}

/* Adds what stands for this match; true if it is not what stood there. */
static bool add_replacement(struct match *m, luaL_Buffer *out, const char *begin, const char *end)
{
	lua_State *L = m->L;
	int type = lua_type(L, 3);

	if (type == LUA_TTABLE) {
		match_push(m, 0, begin, end);
		lua_gettable(L, 3);
	} else if (type == LUA_TFUNCTION) {
		lua_pushvalue(L, 3);
		lua_call(L, match_push_all(m, begin, end), 1);
	} else {
		add_text(m, out, begin, end);
		return true;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(out, begin, (size_t)(end - begin));
		return false;
	}
	if (!lua_isstring(L, -1))
		return luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1)) != 0;
	luaL_addvalue(out);
	return true;
}

/* (text, pattern, text or table or function, [most]): the text, and how many were replaced. */
static int l_gsub(lua_State *L)
{
	struct slice text = check_text(L, 1), pattern = check_text(L, 2);
	int type = lua_type(L, 3);
	luaL_argexpected(L,
		type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
			type == LUA_TTABLE,
		3, "string/function/table");
	lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)text.len + 1), count = 0;
	bool anchored, changed = false;
	struct match m = match_of(L, text, pattern, &anchored);
	const char *at = m.text, *last = NULL;
	luaL_Buffer out;

	luaL_buffinit(L, &out);
	while (count < most) {
		const char *end = match_at(&m, at);

		if (count % STEPS_A_LOOK == 0)
			limit_check(L);
		if (end != NULL && end != last) {
			count++;
			changed = add_replacement(&m, &out, at, end) || changed;
			at = last = end;
		} else if (at < m.text_end) {
			luaL_addchar(&out, *at++);
		} else {
			break;
		}
		if (anchored)
			break;
	}
	if (changed) {
		luaL_addlstring(&out, at, (size_t)(m.text_end - at));
		luaL_pushresult(&out);
	} else {
		lua_pushvalue(L, 1);
	}
	lua_pushinteger(L, count);
	return 2;
}

/* ---- the others --------------------------------------------------------------------------------- */

/* (text, times, [between]) */
static int l_rep(lua_State *L)
{
	struct slice text = check_text(L, 1);
	lua_Integer times = luaL_checkinteger(L, 2);
	size_t between_len, most = script_of(L)->limit.memory_max;
	const char *between = luaL_optlstring(L, 3, "", &between_len);
	luaL_Buffer out;

	if (times <= 0 || text.len + between_len == 0) { /* Lua's own would count up to times */
		lua_pushliteral(L, "");
		return 1;
	}
	if ((lua_Unsigned)times > most / (text.len + between_len))
		return luaL_error(L, "not enough memory");
	char *at = luaL_buffinitsize(
		L, &out, text.len * (size_t)times + between_len * (size_t)(times - 1));
	for (size_t i = 0; i < (size_t)times; i++) {
		if (i > 0 && between_len > 0)
			at = (char *)memcpy(at, between, between_len) + between_len;
		if (text.len > 0)
			at = (char *)memcpy(at, text.at, text.len) + text.len;
	}
	luaL_pushresultsize(&out, text.len * (size_t)times + between_len * (size_t)(times - 1));
	return 1;
}

void script_open_string(lua_State *L)
{
	static const luaL_Reg functions[] = {{"find", l_find}, {"match", l_match},
		{"gmatch", l_gmatch}, {"gsub", l_gsub}, {"rep", l_rep}, {NULL, NULL}};

	lua_getfield(L, -1, "string");
	luaL_setfuncs(L, functions, 0);
	lua_pop(L, 1);
}
