#include "server/value.h"

#include <stdio.h>

#include <lauxlib.h>

#include "common/jsontext.h"

void value_push_null(lua_State *L)
{
	lua_pushlightuserdata(L, NULL);
}

static void push(lua_State *L, const json_t *json, int depth)
{
	if (depth > VALUE_DEPTH_MAX && (json_is_object(json) || json_is_array(json)))
		luaL_error(L, "nested deeper than %d", VALUE_DEPTH_MAX);
	luaL_checkstack(L, 4, "a JSON value");
	switch (json_typeof(json)) {
	case JSON_OBJECT: {
		lua_createtable(L, 0, (int)json_object_size(json));
		const char *key;
		json_t *value;
		json_object_foreach((json_t *)json, key, value)
		{
			push(L, value, depth + 1);
			lua_setfield(L, -2, key);
		}
		return;
	}
	case JSON_ARRAY:
		lua_createtable(L, (int)json_array_size(json), 0);
		for (size_t i = 0; i < json_array_size(json); i++) {
			push(L, json_array_get(json, i), depth + 1);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
		return;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(json), json_string_length(json));
		return;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(json));
		return;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(json));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(json));
		return;
	case JSON_NULL:
		value_push_null(L);
		return;
	}
}

void value_push(lua_State *L, const json_t *json)
{
	push(L, json, 1);
}

/* One walk from Lua to JSON. */
struct walk {
	lua_State *L;
	struct value_fault *why;
	size_t cost;
	char path[100]; /* where in the value we are: ".items[3].when" */
	size_t path_len;
};

static json_t *refuse(struct walk *w, const char *what)
{
	const char *path = w->path[0] == '.' ? w->path + 1 : w->path;
	snprintf(
		w->why->text, sizeof w->why->text, "%s%s%s", path, *path != '\0' ? ": " : "", what);
	return NULL;
}

static json_t *walk_value(struct walk *w, int index, int depth);

/* walk_value for a member: its place is in the path meanwhile. */
static json_t *walk_member(struct walk *w, const char *key, lua_Integer at, int depth)
{
	size_t before = w->path_len, room = sizeof w->path - before;
	int n = key != NULL ? snprintf(w->path + before, room, ".%s", key)
			    : snprintf(w->path + before, room, "[%lld]", (long long)at);
	w->path_len += size_min(n > 0 ? (size_t)n : 0, room - 1);
	json_t *value = walk_value(w, -1, depth);
	w->path_len = before;
	w->path[before] = '\0';
	return value;
}

enum { KEYS_NONE, KEYS_TEXT, KEYS_COUNTED, KEYS_MIXED };

/* What the keys of the table at index are; *count of them. */
static int keys_of(lua_State *L, int index, lua_Integer *count)
{
	lua_Integer n = 0, highest = 0;
	bool text = false, other = false;
	lua_pushnil(L);
	while (lua_next(L, index) != 0) {
		lua_pop(L, 1);
		n++;
		if (lua_type(L, -1) == LUA_TSTRING) {
			text = true;
		} else if (lua_isinteger(L, -1) && lua_tointeger(L, -1) > 0) {
			if (lua_tointeger(L, -1) > highest)
				highest = lua_tointeger(L, -1);
		} else {
			other = true;
		}
	}
	*count = n;
	if (n == 0)
		return KEYS_NONE;
	if (other || (text && highest > 0) || (!text && highest != n))
		return KEYS_MIXED;
	return text ? KEYS_TEXT : KEYS_COUNTED;
}

static json_t *walk_array(struct walk *w, int index, lua_Integer count, int depth)
{
	json_t *array = json_array();
	for (lua_Integer i = 1; array != NULL && i <= count; i++) {
		lua_rawgeti(w->L, index, i);
		json_t *value = walk_member(w, NULL, i, depth);
		lua_pop(w->L, 1);
		if (value == NULL) {
			json_decref(array);
			return NULL;
		}
		if (json_array_append_new(array, value) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array != NULL ? array : refuse(w, "not enough memory");
}

static json_t *walk_object(struct walk *w, int index, int depth)
{
	json_t *object = json_object();
	if (object == NULL)
		return refuse(w, "not enough memory");
	lua_pushnil(w->L);
	while (lua_next(w->L, index) != 0) {
		size_t len;
		const char *key = lua_tolstring(w->L, -2, &len);
		json_t *value = NULL;
		w->cost += len;
		if (strlen(key) == len)
			value = walk_member(w, key, 0, depth);
		else
			refuse(w, "a key with a NUL in it cannot be JSON");
		if (value == NULL) {
			lua_pop(w->L, 2);
			json_decref(object);
			return NULL;
		}
		if (json_object_set_new(object, key, value) != 0) {
			lua_pop(w->L, 2);
			json_decref(object);
			return refuse(w, "a key that is not UTF-8 cannot be JSON");
		}
		lua_pop(w->L, 1);
	}
	return object;
}

static json_t *walk_table(struct walk *w, int index, int depth)
{
	if (depth > VALUE_DEPTH_MAX)
		return refuse(w, "nested too deeply (does a table contain itself?)");
	if (!lua_checkstack(w->L, 8))
		return refuse(w, "not enough memory");
	index = lua_absindex(w->L, index);
	lua_Integer count;
	int keys = keys_of(w->L, index, &count);
	if (keys == KEYS_MIXED)
		return refuse(w, "the keys of a table must be all strings, or 1..n without a gap");
	return keys == KEYS_COUNTED ? walk_array(w, index, count, depth + 1)
				    : walk_object(w, index, depth + 1);
}

static json_t *walk_number(struct walk *w, int index)
{
	json_t *number = lua_isinteger(w->L, index) ? json_integer(lua_tointeger(w->L, index))
						    : json_real(lua_tonumber(w->L, index));
	return number != NULL ? number : refuse(w, "nan and inf cannot be JSON");
}

static json_t *walk_text(struct walk *w, int index)
{
	size_t len;
	const char *text = lua_tolstring(w->L, index, &len);
	w->cost += len;
	if (w->cost > VALUE_COST_MAX)
		return refuse(w, "too large");
	json_t *string = json_stringn(text, len);
	return string != NULL ? string : refuse(w, "text that is not UTF-8 cannot be JSON");
}

static json_t *walk_value(struct walk *w, int index, int depth)
{
	w->cost += VALUE_COST;
	if (w->cost > VALUE_COST_MAX)
		return refuse(w, "too large");
	switch (lua_type(w->L, index)) {
	case LUA_TTABLE:
		return walk_table(w, index, depth);
	case LUA_TSTRING:
		return walk_text(w, index);
	case LUA_TNUMBER:
		return walk_number(w, index);
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(w->L, index));
	case LUA_TLIGHTUSERDATA:
		if (lua_touserdata(w->L, index) == NULL)
			return json_null();
		break;
	default:
		break;
	}
	char what[64];
	snprintf(what, sizeof what, "a %s cannot be JSON", luaL_typename(w->L, index));
	return refuse(w, what);
}

json_t *value_json(lua_State *L, int index, struct value_fault *why)
{
	struct walk w = {.L = L, .why = why};
	return walk_value(&w, index, 1);
}

json_t *value_parse(struct slice text, struct value_fault *why)
{
	static const struct jsontext_most most = {
		.bytes = VALUE_COST_MAX,
		.values = 2 * VALUE_COST_MAX / VALUE_COST, /* an array counts twice */
		.depth = VALUE_DEPTH_MAX,
	};
	json_error_t error;
	json_t *json = jsontext_read(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &most, &error);

	if (json == NULL && error.line < 0)
		snprintf(why->text, sizeof why->text, "%s", error.text);
	else if (json == NULL)
		snprintf(why->text, sizeof why->text, "line %d, column %d: %s", error.line,
			error.column, error.text);
	return json;
}
