/* A Lua value as the HTTP API answers it: JSON in which each value says what it is. */
#ifndef SERVER_API_WRAPPED_H
#define SERVER_API_WRAPPED_H

#include <lua.h>

#include "common/buf.h"
#include "server/value.h"

enum {
	WRAPPED_DEPTH_MAX = 64,   /* tables in tables */
	WRAPPED_MAX = 1024 * 1024 /* bytes of JSON */
};

/* Adds {"content":...,"type":"..."} for the value at index, as NightFall writes it: compact, keys in
 * byte order.
 *   nil, json.null        none     null          integer, boolean    integer  a number, 1 or 0
 *   string                string   the text, each byte that is not UTF-8 as U+FFFD
 *   float                 float    a number; null for nan and inf
 *   constarray            array    [wrapped, ...], no content at all if it is empty
 *   any other table       array_object  {"key":wrapped, ...}; keys are strings or numbers
 *   vector                vector   {"x":1,"y":2,"z":3}
 *   player                listener null          list of players     array    null
 *   function, coroutine, other userdata          pointer  null
 * False with *why when it is too deep, too large, contains itself, or has a key of another kind, or
 * two that are written alike ("1" and 1); out then has a part of it. Raises nothing, calls no
 * metamethod. */
bool wrapped_add(struct buf *out, lua_State *L, int index, struct value_fault *why);

/* A number as JSON: the shortest text that reads back as the same. nan and inf are null. */
bool wrapped_add_float(struct buf *out, double number);

#endif
