#include "server/api/wrapped.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "common/utf8.h"
#include "server/api/types.h"

/* A member of a table: its key, and where in out `"key":{...}` was written. */
struct member {
	const char *key; /* borrowed from Lua; NULL: it is in number */
	size_t key_len, start, len;
	char number[32];
};

enum { FEW = 16 }; /* members: no memory is asked for */

/* One walk from Lua to JSON. */
struct walk {
	lua_State *L;
	struct buf *out;
	struct value_fault *why;
	size_t start;                         /* bytes that out had before */
	const void *above[WRAPPED_DEPTH_MAX]; /* the tables that we are in */
	int depth;
	struct member *members; /* of all those tables: few, or owned */
	size_t count, room;
	struct buf sorted; /* owned: what put_in_order works in */
	struct member few[FEW];
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

/* How much of text may stand in a string as it is, whatever follows. */
static size_t plain_part(struct slice text)
{
	size_t i = 0;

	while (i < text.len && text.at[i] >= 0x20 && text.at[i] < 0x7f && text.at[i] != '"' &&
		text.at[i] != '\\')
		i++;
	return i;
}

/* text as a string, with what stands before it and behind it, quotes included. */
static bool add_string(struct walk *w, const char *before, struct slice text, const char *behind)
{
	size_t plain = plain_part(text);

	if (!add_text(w, before) || !add(w, slice_of(text.at, plain)))
		return false;
	text = slice_from(text, plain);
	while (text.len > 0) {
		size_t bad, good = good_part(text, &bad);

		if (!add_plain(w, slice_of(text.at, good)))
			return false;
		if (bad > 0 && !add_text(w, "\xef\xbf\xbd"))
			return false;
		text = slice_from(text, good + bad);
	}
	return add_text(w, behind);
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

static struct member *members_add(struct walk *w)
{
	if (w->count == w->room) {
		bool owned = w->members != w->few;
		struct member *at = realloc(owned ? w->members : NULL, w->room * 2 * sizeof *at);

		if (at == NULL)
			return NULL;
		if (!owned)
			memcpy(at, w->few, sizeof w->few);
		w->members = at;
		w->room *= 2;
	}
	return &w->members[w->count++];
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
	m->key = NULL;
	if (lua_type(w->L, index) == LUA_TSTRING) {
		m->key = lua_tolstring(w->L, index, &m->key_len);
		return utf8_is_valid(key_of(m)) || refuse(w, "a key of a table is not UTF-8");
	}
	if (lua_type(w->L, index) != LUA_TNUMBER) {
		char text[80];

		snprintf(text, sizeof text, "a key of a table is a %s", luaL_typename(w->L, index));
		return refuse(w, text);
	}
	if (lua_isinteger(w->L, index)) {
		m->key_len = int_text(lua_tointeger(w->L, index), m->number);
		return true;
	}
	if (!isfinite(lua_tonumber(w->L, index)))
		return refuse(w, "a key of a table is inf");
	float_text(lua_tonumber(w->L, index), m->number);
	m->key_len = strlen(m->number);
	return true;
}

/* The member whose key and value are on top of the stack. */
static bool add_member(struct walk *w)
{
	size_t i = w->count;
	struct member *m = members_add(w);

	if (m == NULL)
		return refuse(w, "not enough memory");
	if (!read_key(w, lua_gettop(w->L) - 1, m))
		return false;
	m->start = w->out->len;
	if (!add_string(w, "\"", key_of(m), "\":") || !add_value(w, lua_gettop(w->L)))
		return false;
	m = &w->members[i]; /* they may have moved */
	m->len = w->out->len - m->start;
	return true;
}

static bool are_in_order(const struct member *at, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (by_key(&at[i - 1], &at[i]) >= 0)
			return false;
	return true;
}

/* Puts what was written from start on, with commas between, in the order of the keys. */
static bool put_in_order(struct walk *w, struct member *at, size_t count, size_t start)
{
	bool good = true;

	if (are_in_order(at, count))
		return true;
	qsort(at, count, sizeof *at, by_key);
	buf_eat(&w->sorted, w->sorted.len);
	for (size_t i = 0; good && i < count; i++) {
		if (i > 0 && by_key(&at[i - 1], &at[i]) == 0)
			return refuse(w, "two keys of a table are written alike");
		struct slice member = slice_of(buf_bytes(w->out).at + at[i].start, at[i].len);
		good = (i == 0 || buf_add_byte(&w->sorted, ',')) && buf_add(&w->sorted, member);
	}
	if (!good)
		return refuse(w, "not enough memory");
	w->out->len = start;
	return add(w, buf_bytes(&w->sorted)); /* as much as there was */
}

static bool add_members(struct walk *w, int index)
{
	size_t start = w->out->len, first = w->count;

	lua_pushnil(w->L);
	while (lua_next(w->L, index) != 0) {
		if ((w->count > first && !add_text(w, ",")) || !add_member(w)) {
			lua_pop(w->L, 2);
			return false;
		}
		lua_pop(w->L, 1);
	}
	bool good = put_in_order(w, w->members + first, w->count - first, start);
	w->count = first;
	return good;
}

static bool add_table(struct walk *w, int index)
{
	if (!enter(w, index) || !add_text(w, "{\"content\":{") || !add_members(w, index))
		return false;
	w->depth--;
	return add_text(w, "},\"type\":\"array_object\"}");
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

static bool add_int(struct walk *w, lua_Integer number)
{
	return buf_add_int(w->out, number) || refuse(w, "not enough memory");
}

static bool add_number(struct walk *w, int index)
{
	if (lua_isinteger(w->L, index))
		return add_text(w, "{\"content\":") && add_int(w, lua_tointeger(w->L, index)) &&
		       add_text(w, ",\"type\":\"integer\"}");
	return add_text(w, "{\"content\":") && add_float(w, lua_tonumber(w->L, index)) &&
	       add_text(w, ",\"type\":\"float\"}");
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
		return add_string(w, "{\"content\":\"", text, "\",\"type\":\"string\"}");
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
	struct walk w;

	w.L = L;
	w.out = out;
	w.why = why;
	w.start = out->len;
	w.depth = 0;
	w.members = w.few;
	w.count = 0;
	w.room = FEW;
	w.sorted = (struct buf){0};
	bool good = lua_checkstack(L, 8) ? add_value(&w, lua_absindex(L, index))
					 : refuse(&w, "not enough memory");
	if (w.members != w.few)
		free(w.members);
	buf_free(&w.sorted);
	return good;
}
