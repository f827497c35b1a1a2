#include "server/script_state.h"

/* What Lua's table library has in C that can run for ever: 1e15 elements that are nil are moved as well.
 * Our own asks now and then whether the call is over its time; sort, which cannot be asked, is refused
 * what takes it too long. */

enum {
	SORT_MAX = 200000, /* elements: 0.1 to 0.2 s */
	MOVES_A_LOOK = 256
};

/* to[to_at] = from[from_at], of tables at these indices; nth: the how-manieth it is. */
static void move_one(
	lua_State *L, int from, lua_Integer from_at, int to, lua_Integer to_at, lua_Unsigned nth)
{
	if (nth % MOVES_A_LOOK == 0)
		limit_check(L);
	lua_geti(L, from, from_at);
	lua_seti(L, to, to_at);
}

/* (table, value), or (table, place, value): those behind the place move by one. */
static int l_insert(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_Integer end = (lua_Integer)((lua_Unsigned)luaL_len(L, 1) + 1), place = end;
	int args = lua_gettop(L);

	if (args != 2 && args != 3)
		return luaL_error(L, "wrong number of arguments to 'insert'");
	if (args == 3) {
		place = luaL_checkinteger(L, 2);
		luaL_argcheck(L, (lua_Unsigned)place - 1 < (lua_Unsigned)end, 2,
			"position out of bounds");
	}
	for (lua_Integer i = end; i > place; i--)
		move_one(L, 1, i - 1, 1, i, (lua_Unsigned)i);
	lua_seti(L, 1, place);
	return 0;
}

/* (table, [place]): what was there; those behind it move by one. */
static int l_remove(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_Integer size = luaL_len(L, 1), place = luaL_optinteger(L, 2, size);

	if (place != size) /* of an empty table: place 0, too */
		luaL_argcheck(L, (lua_Unsigned)place - 1 <= (lua_Unsigned)size, 2,
			"position out of bounds");
	lua_geti(L, 1, place);
	for (; place < size; place++)
		move_one(L, 1, place + 1, 1, place, (lua_Unsigned)place);
	lua_pushnil(L);
	lua_seti(L, 1, place);
	return 1;
}

/* (from, first, last, to, [table]): the table moved to. */
static int l_move(lua_State *L)
{
	lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3),
		    to = luaL_checkinteger(L, 4);
	int into = lua_isnoneornil(L, 5) ? 1 : 5;

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checktype(L, into, LUA_TTABLE);
	lua_pushvalue(L, into);
	if (last < first)
		return 1;
	luaL_argcheck(
		L, first > 0 || last < LUA_MAXINTEGER + first, 3, "too many elements to move");
	lua_Integer count = last - first + 1;
	luaL_argcheck(L, to <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
	bool overlap = to > first && to <= last && lua_rawequal(L, 1, into);
	for (lua_Integer i = 0; i < count; i++) {
		lua_Integer at = overlap ? count - 1 - i : i;

		move_one(L, 1, first + at, into, to + at, (lua_Unsigned)i);
	}
	return 1;
}

/* (table, [is_before]); the upvalue is Lua's. */
static int l_sort(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	if (!lua_isnoneornil(L, 2))
		luaL_checktype(L, 2, LUA_TFUNCTION);
	if (luaL_len(L, 1) > SORT_MAX)
		return luaL_error(L, "table.sort: over %d elements", SORT_MAX);
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 0);
	return 0;
}

void script_open_table(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"insert", l_insert}, {"remove", l_remove}, {"move", l_move}, {NULL, NULL}};

	lua_getfield(L, -1, "table");
	luaL_setfuncs(L, functions, 0);
	lua_getfield(L, -1, "sort");
	lua_pushcclosure(L, l_sort, 1);
	lua_setfield(L, -2, "sort");
	lua_pop(L, 1);
}
