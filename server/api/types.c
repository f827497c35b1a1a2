#include "server/api/types.h"

#include <lauxlib.h>

/* ---- constarray --------------------------------------------------------------------------------- */

struct constarray {
	lua_Integer count;
};

lua_Integer constarray_length(lua_State *L, int index)
{
	const struct constarray *a = lua_touserdata(L, index);

	return a->count;
}

/* (...) */
static int l_constarray(lua_State *L)
{
	int count = lua_gettop(L);
	struct constarray *a = lua_newuserdatauv(L, sizeof *a, 1);

	a->count = count;
	lua_createtable(L, count, 0);
	for (int i = 1; i <= count; i++) {
		lua_pushvalue(L, i);
		lua_rawseti(L, -2, i);
	}
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, CONSTARRAY_TYPE);
	return 1;
}

/* (constarray, key): nil for what is no index of it, so that ipairs ends. */
static int l_at(lua_State *L)
{
	luaL_checkudata(L, 1, CONSTARRAY_TYPE);
	lua_getiuservalue(L, 1, 1);
	lua_pushvalue(L, 2);
	lua_rawget(L, -2);
	return 1;
}

static int l_length(lua_State *L)
{
	luaL_checkudata(L, 1, CONSTARRAY_TYPE);
	lua_pushinteger(L, constarray_length(L, 1));
	return 1;
}

static int l_no_change(lua_State *L)
{
	return luaL_error(L, "a constarray or vector cannot be changed: make a new one");
}

static int l_next(lua_State *L)
{
	lua_Integer i = luaL_checkinteger(L, 2) + 1;

	luaL_checkudata(L, 1, CONSTARRAY_TYPE);
	if (i > constarray_length(L, 1))
		return 0;
	lua_pushinteger(L, i);
	lua_getiuservalue(L, 1, 1);
	lua_rawgeti(L, -1, i);
	lua_remove(L, -2);
	return 2;
}

/* (constarray): for pairs; nil values, too. */
static int l_pairs(lua_State *L)
{
	luaL_checkudata(L, 1, CONSTARRAY_TYPE);
	lua_pushcfunction(L, l_next);
	lua_pushvalue(L, 1);
	lua_pushinteger(L, 0);
	return 3;
}

/* ---- vector ------------------------------------------------------------------------------------- */

/* (x, y, z) */
static int l_vector(lua_State *L)
{
	double x = luaL_checknumber(L, 1), y = luaL_checknumber(L, 2), z = luaL_checknumber(L, 3);
	struct vector *v = lua_newuserdatauv(L, sizeof *v, 0);

	*v = (struct vector){x, y, z};
	luaL_setmetatable(L, VECTOR_TYPE);
	return 1;
}

/* (vector, "x", "y" or "z") */
static int l_part(lua_State *L)
{
	static const char *const names[] = {"x", "y", "z", NULL};
	const struct vector *v = luaL_checkudata(L, 1, VECTOR_TYPE);
	const double parts[] = {v->x, v->y, v->z};

	lua_pushnumber(L, parts[luaL_checkoption(L, 2, NULL, names)]);
	return 1;
}

static int l_equal(lua_State *L)
{
	const struct vector *a = luaL_checkudata(L, 1, VECTOR_TYPE),
			    *b = luaL_checkudata(L, 2, VECTOR_TYPE);

	lua_pushboolean(L, a->x == b->x && a->y == b->y && a->z == b->z);
	return 1;
}

static int l_text(lua_State *L)
{
	const struct vector *v = luaL_checkudata(L, 1, VECTOR_TYPE);

	lua_pushfstring(
		L, "(%f %f %f)", (LUAI_UACNUMBER)v->x, (LUAI_UACNUMBER)v->y, (LUAI_UACNUMBER)v->z);
	return 1;
}

static void open_type(lua_State *L, const char *type, const luaL_Reg *functions)
{
	luaL_newmetatable(L, type);
	luaL_setfuncs(L, functions, 0);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

void script_open_types(lua_State *L)
{
	static const luaL_Reg array[] = {{"__index", l_at}, {"__newindex", l_no_change},
		{"__len", l_length}, {"__pairs", l_pairs}, {NULL, NULL}};
	static const luaL_Reg vector[] = {{"__index", l_part}, {"__newindex", l_no_change},
		{"__eq", l_equal}, {"__tostring", l_text}, {NULL, NULL}};
	static const luaL_Reg functions[] = {
		{"constarray", l_constarray}, {"vector", l_vector}, {NULL, NULL}};

	open_type(L, CONSTARRAY_TYPE, array);
	open_type(L, VECTOR_TYPE, vector);
	luaL_setfuncs(L, functions, 0);
}
