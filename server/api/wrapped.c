#include "server/api/wrapped.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "common/utf8.h"
#include "server/api/types.h"

/* One walk from Lua to JSON. */
struct walk {
	lua_State *L;
	struct buf *out;
	struct value_fault *why;
	size_t start;                         /* bytes that out had before */
	const void *above[WRAPPED_DEPTH_MAX]; /* the tables that we are in */
	int depth;
};

static bool refuse(struct walk *w, const char *what)
{
	snprintf(w->why->text, sizeof w->why->text, "%s", what);
	return false;
}

static bool add(struct walk *w, struct slice text)
{
	if (w->out->len - w->start + text.len > WRAPPED_MAX)
		return refuse(w, "the answer is over 1 MiB");
	return buf_add(w->out, text) || refuse(w, "not enough memory");
}

static bool add_text(struct walk *w, const char *text)
{
	return add(w, slice_text(text));
}

/* ---- strings ------------------------------------------------------------------------------------ */

/* One that may not stand in a string as it is. */
static bool add_escaped(struct walk *w, uint8_t byte)
{
	static const char bytes[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *known = byte != 0 ? strchr(bytes, byte) : NULL;
	char text[8];

	if (known != NULL)
		snprintf(text, sizeof text, "\\%c", names[known - bytes]);
	else
		snprintf(text, sizeof text, "\\u%04x", byte);
	return add_text(w, text);
}

/* The length of the longest start of bytes that is UTF-8, and of what follows it and is not. */
static size_t good_part(struct slice bytes, size_t *bad)
{
	struct utf8 at = {0};
	size_t whole = 0, i = 0;

	for (; i < bytes.len && utf8_byte(&at, bytes.at[i]); i++)
		if (utf8_is_between(&at))
			whole = i + 1;
	/* What was begun and cannot go on is one bad piece; a byte that cannot begin is one, too. */
	*bad = whole < bytes.len ? (i > whole ? i - whole : 1) : 0;
	return whole;
}

static bool add_plain(struct walk *w, struct slice text)
{
	size_t from = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		if (!add(w, slice_of(text.at + from, i - from)) || !add_escaped(w, c))
			return false;
		from = i + 1;
	}
	return add(w, slice_from(text, from));
}

static bool add_string(struct walk *w, struct slice text)
{
	if (!add_text(w, "\""))
		return false;
	while (text.len > 0) {
		size_t bad, good = good_part(text, &bad);

		if (!add_plain(w, slice_of(text.at, good)))
			return false;
		if (bad > 0 && !add_text(w, "\xef\xbf\xbd"))
			return false;
		text = slice_from(text, good + bad);
	}
	return add_text(w, "\"");
}

/* ---- numbers ------------------------------------------------------------------------------------ */

/* The locale is C's: nobody in this program calls setlocale. */
static void float_text(double number, char out[32])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, 32, "%.*g", digits, number);
		if (strtod(out, NULL) == number)
			break;
	}
	if (out[strcspn(out, ".e")] == '\0')
		strcat(out, ".0");
}

bool wrapped_add_float(struct buf *out, double number)
{
	char text[32] = "null";

	if (isfinite(number))
		float_text(number, text);
	return buf_add(out, slice_text(text));
}

static bool add_float(struct walk *w, double number)
{
	return wrapped_add_float(w->out, number) || refuse(w, "not enough memory");
}

/* ---- tables ------------------------------------------------------------------------------------- */

static bool add_value(struct walk *w, int index);

/* False: it is too deep, or contains itself. */
static bool enter(struct walk *w, int index)
{
	const void *table = lua_topointer(w->L, index);

	for (int i = 0; i < w->depth; i++)
		if (w->above[i] == table)
			return refuse(w, "a table contains itself");
	if (w->depth == WRAPPED_DEPTH_MAX)
		return refuse(w, "tables are nested deeper than 64");
	if (!lua_checkstack(w->L, 8))
		return refuse(w, "not enough memory");
	w->above[w->depth++] = table;
	return true;
}

static bool add_array(struct walk *w, int index)
{
	lua_Integer count = constarray_length(w->L, index);

	if (count == 0)
		return add_text(w, "{\"type\":\"array\"}");
	if (!enter(w, index) || !add_text(w, "{\"content\":["))
		return false;
	lua_getiuservalue(w->L, index, 1);
	for (lua_Integer i = 1; i <= count; i++) {
		lua_rawgeti(w->L, -1, i);
		bool good = (i == 1 || add_text(w, ",")) && add_value(w, lua_gettop(w->L));
		lua_pop(w->L, 1);
		if (!good) {
			lua_pop(w->L, 1);
			return false;
		}
	}
	lua_pop(w->L, 1);
	w->depth--;
	return add_text(w, "],\"type\":\"array\"}");
}

/* A member of a table: its key, and where in out `"key":{...}` was written. */
struct member {
	const char *key; /* borrowed from Lua; NULL: it is in number */
	size_t key_len, start, len;
	char number[32];
};

struct members {
	struct member *at; /* owned */
	size_t count, room;
};

static struct member *members_add(struct members *m)
{
	if (m->count == m->room) {
		size_t room = m->room > 0 ? m->room * 2 : 16;
		struct member *at = realloc(m->at, room * sizeof *at);

		if (at == NULL)
			return NULL;
		m->at = at;
		m->room = room;
	}
	m->at[m->count] = (struct member){0};
	return &m->at[m->count++];
}

static struct slice key_of(const struct member *m)
{
	return slice_of(m->key != NULL ? m->key : m->number, m->key_len);
}

static int by_key(const void *left, const void *right)
{
	struct slice a = key_of(left), b = key_of(right);
	size_t both = size_min(a.len, b.len);
	int order = both > 0 ? memcmp(a.at, b.at, both) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool read_key(struct walk *w, int index, struct member *m)
{
	if (lua_type(w->L, index) == LUA_TSTRING) {
		m->key = lua_tolstring(w->L, index, &m->key_len);
		return utf8_is_valid(key_of(m)) || refuse(w, "a key of a table is not UTF-8");
	}
	if (lua_type(w->L, index) != LUA_TNUMBER) {
		char text[80];

		snprintf(text, sizeof text, "a key of a table is a %s", luaL_typename(w->L, index));
		return refuse(w, text);
	}
	if (lua_isinteger(w->L, index))
		snprintf(
			m->number, sizeof m->number, "%lld", (long long)lua_tointeger(w->L, index));
	else if (isfinite(lua_tonumber(w->L, index)))
		float_text(lua_tonumber(w->L, index), m->number);
	else
		return refuse(w, "a key of a table is inf");
	m->key_len = strlen(m->number);
	return true;
}

/* The member whose key and value are on top of the stack. */
static bool add_member(struct walk *w, struct members *all)
{
	struct member *m = members_add(all), found;

	if (m == NULL)
		return refuse(w, "not enough memory");
	if (!read_key(w, lua_gettop(w->L) - 1, m))
		return false;
	found = *m; /* all may move */
	found.start = w->out->len;
	if (!add_string(w, key_of(&found)) || !add_text(w, ":") || !add_value(w, lua_gettop(w->L)))
		return false;
	found.len = w->out->len - found.start;
	all->at[all->count - 1] = found;
	return true;
}

/* Puts what was written from start on in the order of the keys, with commas between. */
static bool put_in_order(struct walk *w, struct members *all, size_t start)
{
	struct buf sorted = {0};
	bool good = true;

	qsort(all->at, all->count, sizeof *all->at, by_key);
	for (size_t i = 0; good && i < all->count; i++) {
		const struct member *m = &all->at[i];

		if (i > 0 && by_key(m - 1, m) == 0)
			good = refuse(w, "two keys of a table are written alike");
		else
			good = ((i == 0 || buf_add(&sorted, slice_text(","))) &&
				       buf_add(&sorted, slice_of(buf_bytes(w->out).at + m->start,
								m->len))) ||
			       refuse(w, "not enough memory");
	}
	if (good) {
		w->out->len = start;
		good = add(w, buf_bytes(&sorted));
	}
	buf_free(&sorted);
	return good;
}

static bool add_members(struct walk *w, int index, struct members *all)
{
	size_t start = w->out->len;

	lua_pushnil(w->L);
	while (lua_next(w->L, index) != 0) {
		if (!add_member(w, all)) {
			lua_pop(w->L, 2);
			return false;
		}
		lua_pop(w->L, 1);
	}
	return all->count < 2 || put_in_order(w, all, start);
}

static bool add_table(struct walk *w, int index)
{
	struct members all = {0};

	if (!enter(w, index) || !add_text(w, "{\"content\":{"))
		return false;
	bool good = add_members(w, index, &all);
	free(all.at);
	w->depth--;
	return good && add_text(w, "},\"type\":\"array_object\"}");
}

/* ---- the rest ----------------------------------------------------------------------------------- */

static bool add_vector(struct walk *w, const struct vector *v)
{
	return add_text(w, "{\"content\":{\"x\":") && add_float(w, v->x) &&
	       add_text(w, ",\"y\":") && add_float(w, v->y) && add_text(w, ",\"z\":") &&
	       add_float(w, v->z) && add_text(w, "},\"type\":\"vector\"}");
}

static bool add_userdata(struct walk *w, int index)
{
	const struct vector *v = luaL_testudata(w->L, index, VECTOR_TYPE);

	if (v != NULL)
		return add_vector(w, v);
	if (luaL_testudata(w->L, index, CONSTARRAY_TYPE) != NULL)
		return add_array(w, index);
	if (luaL_testudata(w->L, index, "player") != NULL)
		return add_text(w, "{\"content\":null,\"type\":\"listener\"}");
	if (luaL_testudata(w->L, index, "list") != NULL)
		return add_text(w, "{\"content\":null,\"type\":\"array\"}");
	return add_text(w, "{\"content\":null,\"type\":\"pointer\"}");
}

static bool add_number(struct walk *w, int index)
{
	char text[64];

	if (!lua_isinteger(w->L, index))
		return add_text(w, "{\"content\":") && add_float(w, lua_tonumber(w->L, index)) &&
		       add_text(w, ",\"type\":\"float\"}");
	snprintf(text, sizeof text, "{\"content\":%lld,\"type\":\"integer\"}",
		(long long)lua_tointeger(w->L, index));
	return add_text(w, text);
}

static bool add_value(struct walk *w, int index)
{
	struct slice text;

	switch (lua_type(w->L, index)) {
	case LUA_TNIL:
	case LUA_TNONE:
		return add_text(w, "{\"content\":null,\"type\":\"none\"}");
	case LUA_TBOOLEAN:
		return add_text(w, lua_toboolean(w->L, index)
					   ? "{\"content\":1,\"type\":\"integer\"}"
					   : "{\"content\":0,\"type\":\"integer\"}");
	case LUA_TNUMBER:
		return add_number(w, index);
	case LUA_TSTRING:
		text.at = (const uint8_t *)lua_tolstring(w->L, index, &text.len);
		return add_text(w, "{\"content\":") && add_string(w, text) &&
		       add_text(w, ",\"type\":\"string\"}");
	case LUA_TTABLE:
		return add_table(w, index);
	case LUA_TLIGHTUSERDATA:
		return lua_touserdata(w->L, index) == NULL
			       ? add_text(w, "{\"content\":null,\"type\":\"none\"}")
			       : add_text(w, "{\"content\":null,\"type\":\"pointer\"}");
	case LUA_TUSERDATA:
		return add_userdata(w, index);
	default:
		return add_text(w, "{\"content\":null,\"type\":\"pointer\"}");
	}
}

bool wrapped_add(struct buf *out, lua_State *L, int index, struct value_fault *why)
{
	struct walk w = {.L = L, .out = out, .why = why, .start = out->len};

	return lua_checkstack(L, 8) ? add_value(&w, lua_absindex(L, index))
				    : refuse(&w, "not enough memory");
}
