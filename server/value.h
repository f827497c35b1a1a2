/* JSON to Lua values and back, with a limit on depth and size so that no table is too much. */
#ifndef SERVER_VALUE_H
#define SERVER_VALUE_H

#include <jansson.h>
#include <lua.h>

#include "common/defs.h"

enum {
	VALUE_DEPTH_MAX = 64,        /* tables in tables */
	VALUE_COST_MAX = 1024 * 1024 /* bytes of text, and VALUE_COST for each value */
};
enum { VALUE_COST = 16 };

/* Why a value was refused, for the author: "items[3].when: a function cannot be JSON". */
struct value_fault {
	char text[200];
};

/* Pushes the Lua form: objects and arrays are tables, null is json.null (see value_push_null),
 * integers stay integers. Raises a Lua error when memory is out or the nesting too deep. */
void value_push(lua_State *L, const json_t *json);

/* What JSON's null is in Lua, where nil cannot stand in a table: a light userdata. */
void value_push_null(lua_State *L);

/* The JSON form of the value at index, a new reference; NULL with *why. A table is an array if its
 * keys are 1..n, an object if they are all strings; an empty one is an object. Raises nothing and
 * calls no metamethod. */
json_t *value_json(lua_State *L, int index, struct value_fault *why);

/* Parses text; NULL with *why. */
json_t *value_parse(struct slice text, struct value_fault *why);

#endif
