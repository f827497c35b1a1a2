#include "server/script_state.h"

#include "common/log.h"

/* Texts with mark-up. A string is shown as it is, whoever made it; mark-up is a type of its own, which
 * only fmt and trusted make. So nothing that a player typed is ever taken for it, and there is no
 * escaping to be forgotten: whoever forgets fmt sees the braces of his own text. Go's html/template and
 * Python's MarkupSafe do it like this.
 *
 * A text is a userdata with the coded form (markup.h), a string, as its user value. */

#define TYPE "text"

enum { UNKNOWN_MAX = 100 }; /* tags that are complained of, once each */

static const char unknown_key; /* of the registry: "where: tag" -> true */

/* Makes a text of the coded form on top of the stack, in its place. */
static void make_text(lua_State *L)
{
	lua_newuserdatauv(L, 0, 1);
	lua_insert(L, -2);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, TYPE);
}

/* Pushes the coded form of the text at index; false and nothing if it is no text. */
static bool push_coded(lua_State *L, int index)
{
	if (luaL_testudata(L, index, TYPE) == NULL)
		return false;
	lua_getiuservalue(L, index, 1);
	return true;
}

static struct slice slice_at(lua_State *L, int index)
{
	size_t len;
	const char *text = lua_tolstring(L, index, &len);

	return slice_of(text, len);
}

struct markup script_check_text(lua_State *L, int index, bool line)
{
	struct markup m = {.line = line};

	if (push_coded(L, index)) {
		m.coded = true;
		lua_replace(L, index);
	} else {
		luaL_checkstring(L, index);
	}
	m.bytes = slice_at(L, index);
	return m;
}

/* Pushes what the text at index says, without its mark-up. */
static void push_words(lua_State *L, int index)
{
	struct buf out = {0};
	struct slice shown;
	luaL_Buffer b;

	push_coded(L, index);
	struct markup m = {.bytes = slice_at(L, -1), .coded = true};
	luaL_buffinit(L, &b);
	char *room =
		luaL_prepbuffsize(&b, 3 * m.bytes.len); /* a byte that is no UTF-8 becomes three */
	if (markup_render(&m, 0, &out, &shown) && shown.len > 0) {
		memcpy(room, shown.at, shown.len);
		luaL_addsize(&b, shown.len);
	}
	buf_free(&out);
	luaL_pushresult(&b);
	lua_remove(L, -2);
}

const char *script_check_words(lua_State *L, int index)
{
	if (luaL_testudata(L, index, TYPE) != NULL) {
		push_words(L, index);
		lua_replace(L, index);
	}
	return luaL_checkstring(L, index);
}

struct slice script_check_line(lua_State *L, int index)
{
	script_check_words(L, index);
	struct slice line = slice_at(L, index);
	if (line.len > 0 && line.at[line.len - 1] == '\n')
		return line;
	lua_pushvalue(L, index);
	lua_pushliteral(L, "\n");
	lua_concat(L, 2);
	lua_replace(L, index);
	return slice_at(L, index);
}

/* ---- building ----------------------------------------------------------------------------------- */

static void add_escaped(luaL_Buffer *b, struct slice text)
{
	uint8_t *room = (uint8_t *)luaL_prepbuffsize(b, 2 * text.len);

	luaL_addsize(b, markup_escape(text, room));
}

/* Pushes what stands for the value at index in a coded text: a text as it is, all else escaped. */
static void push_piece(lua_State *L, int index)
{
	if (push_coded(L, index))
		return;
	luaL_tolstring(L, index, NULL);
	struct slice text = slice_at(L, -1);
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	add_escaped(&b, text);
	luaL_pushresult(&b);
	lua_remove(L, -2);
}

/* What stands between % and the letter. */
struct spec {
	char text[16];  /* all of it, with both, for string.format */
	bool left;      /* - */
	bool other;     /* another flag */
	int width, cut; /* characters; cut: -1 = all */
	char letter;
};

static int take_number(struct slice *s)
{
	int n = 0;

	for (; s->len > 0 && s->at[0] >= '0' && s->at[0] <= '9' && n < 100; *s = slice_from(*s, 1))
		n = 10 * n + (s->at[0] - '0');
	return n;
}

/* Reads the one that s begins with. False: it is none. */
static bool take_spec(struct slice *s, struct spec *spec)
{
	struct slice rest = slice_from(*s, 1);

	*spec = (struct spec){.cut = -1};
	for (; rest.len > 0 && memchr("-+ #0", rest.at[0], 5) != NULL; rest = slice_from(rest, 1)) {
		spec->left |= rest.at[0] == '-';
		spec->other |= rest.at[0] != '-';
	}
	spec->width = take_number(&rest);
	if (rest.len > 0 && rest.at[0] == '.') {
		rest = slice_from(rest, 1);
		spec->cut = take_number(&rest);
	}
	size_t len = s->len - rest.len + 1;
	if (rest.len == 0 || len >= sizeof spec->text || spec->width > 99 || spec->cut > 99)
		return false;
	memcpy(spec->text, s->at, len);
	spec->letter = (char)rest.at[0];
	*s = slice_from(rest, 1);
	return true;
}

/* The first characters of the string on top, in its place. */
static void cut_string(lua_State *L, int characters)
{
	struct slice s = slice_at(L, -1);
	size_t len = 0;

	while (len < s.len && ((s.at[len] & 0xc0) == 0x80 || characters-- > 0))
		len++;
	lua_pushlstring(L, (const char *)s.at, len);
	lua_remove(L, -2);
}

/* Adds blanks to the coded text on top up to the width it shall have. */
static void pad(lua_State *L, const struct spec *spec)
{
	struct markup m = {.bytes = slice_at(L, -1), .coded = true};
	size_t width = markup_width(&m);

	if (width >= (size_t)spec->width)
		return;
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	for (size_t i = width; i < (size_t)spec->width; i++)
		luaL_addchar(&b, ' ');
	luaL_pushresult(&b);
	if (!spec->left)
		lua_insert(L, -2);
	lua_concat(L, 2);
}

/* Pushes the argument as %s shows it, widths counted in characters. */
static void push_s(lua_State *L, const struct spec *spec, int arg)
{
	if (spec->other)
		luaL_error(L, "fmt: '%s': no such thing", spec->text);
	if (spec->cut >= 0 && luaL_testudata(L, arg, TYPE) != NULL)
		luaL_error(L, "fmt: '%s': a text with mark-up cannot be cut", spec->text);
	if (spec->cut >= 0) {
		luaL_tolstring(L, arg, NULL);
		cut_string(L, spec->cut);
		push_piece(L, lua_gettop(L));
		lua_remove(L, -2);
	} else {
		push_piece(L, arg);
	}
	pad(L, spec);
}

/* Pushes the argument as string.format shows it. */
static void push_formatted(lua_State *L, const struct spec *spec, int arg)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushstring(L, spec->text);
	lua_pushvalue(L, arg);
	lua_call(L, 2, 1);
	push_piece(L, lua_gettop(L));
	lua_remove(L, -2);
}

/* The author's own brace is shown; that it opens nothing is said once. */
static void complain(lua_State *L, struct slice at)
{
	size_t len = 1;
	while (len < at.len && len < 40 && at.at[len - 1] != '}' && at.at[len] >= 0x20)
		len++;
	luaL_where(L, 1);
	lua_pushlstring(L, (const char *)at.at, len);
	lua_concat(L, 2);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &unknown_key);
	lua_pushvalue(L, -2);
	if (lua_rawget(L, -2) == LUA_TNIL && lua_rawlen(L, -2) < UNKNOWN_MAX) {
		log_warn("map %s: %s: no such mark-up; it is shown as it is", script_of(L)->name,
			lua_tostring(L, -3));
		lua_pushvalue(L, -3);
		lua_pushboolean(L, true);
		lua_rawset(L, -4);
		lua_pushboolean(L, true); /* counts them */
		lua_rawseti(L, -3, (lua_Integer)lua_rawlen(L, -3) + 1);
	}
	lua_pop(L, 3);
}

/* Adds what stands before the next argument, and eats it. */
static void add_template(lua_State *L, luaL_Buffer *b, struct slice *s)
{
	while (s->len > 0 && s->at[0] != '%') {
		size_t tag = markup_tag(*s), len = tag > 0 ? tag : 1;

		if (tag > 0) {
			luaL_addlstring(b, (const char *)s->at, tag);
		} else {
			if (s->at[0] == '{')
				complain(L, *s);
			while (len < s->len && s->at[len] != '{' && s->at[len] != '%')
				len++;
			add_escaped(b, slice_of(s->at, len));
		}
		*s = slice_from(*s, len);
	}
}

/* (template, ...). Upvalue: string.format. */
static int l_fmt(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TSTRING);
	struct slice s = slice_at(L, 1);
	int arg = 1, args = lua_gettop(L);
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	for (add_template(L, &b, &s); s.len > 0; add_template(L, &b, &s)) {
		struct spec spec;

		if (s.len > 1 && s.at[1] == '%') {
			luaL_addchar(&b, '%');
			s = slice_from(s, 2);
			continue;
		}
		if (!take_spec(&s, &spec))
			return luaL_error(
				L, "fmt: a %% must be followed by a letter, or be doubled");
		if (++arg > args)
			return luaL_argerror(L, arg, "no value");
		if (spec.letter == 's')
			push_s(L, &spec, arg);
		else
			push_formatted(L, &spec, arg);
		luaL_addvalue(&b);
	}
	luaL_pushresult(&b);
	make_text(L);
	return 1;
}

/* (bytes) */
static int l_trusted(lua_State *L)
{
	luaL_checkstring(L, 1);
	struct slice bytes = slice_at(L, 1);
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	uint8_t *room = (uint8_t *)luaL_prepbuffsize(&b, 2 * bytes.len);
	luaL_addsize(&b, markup_trust(bytes, room));
	luaL_pushresult(&b);
	make_text(L);
	return 1;
}

static int l_concat(lua_State *L)
{
	push_piece(L, 1);
	push_piece(L, 2);
	lua_concat(L, 2);
	make_text(L);
	return 1;
}

static int l_tostring(lua_State *L)
{
	luaL_checkudata(L, 1, TYPE);
	push_words(L, 1);
	return 1;
}

/* How many characters are seen of it. */
static int l_len(lua_State *L)
{
	luaL_checkudata(L, 1, TYPE);
	push_coded(L, 1);
	struct markup m = {.bytes = slice_at(L, -1), .coded = true};
	lua_pushinteger(L, (lua_Integer)markup_width(&m));
	return 1;
}

void script_open_markup(lua_State *L)
{
	static const luaL_Reg meta[] = {
		{"__concat", l_concat}, {"__tostring", l_tostring}, {"__len", l_len}, {NULL, NULL}};

	lua_newtable(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &unknown_key);
	luaL_newmetatable(L, TYPE);
	luaL_setfuncs(L, meta, 0);
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);

	lua_getfield(L, -1, "string");
	lua_getfield(L, -1, "format");
	lua_remove(L, -2);
	lua_pushcclosure(L, l_fmt, 1);
	lua_setfield(L, -2, "fmt");
	lua_pushcfunction(L, l_trusted);
	lua_setfield(L, -2, "trusted");
}
