#include "tests/unit/server/fake_players.h"

#include <lualib.h>

/* Our string and table functions do what Lua's own do, errors included: both are asked the same. */

#define COMPARE                                                                                                               \
	"local ours, theirs = ...\n"                                                                                          \
	"local seed = 7\n"                                                                                                    \
	"local function any(n) seed = (seed * 1103515245 + 12345) % 2147483648 "                                              \
	"return seed // 65536 % n + 1 end\n"                                                                                  \
	"local function one_of(t) return t[any(#t)] end\n"                                                                    \
	"local show\n"                                                                                                        \
	"function show(...)\n"                                                                                                \
	"  local t = table.pack(...)\n"                                                                                       \
	"  for i = 1, t.n do\n"                                                                                               \
	"    t[i] = type(t[i]) == 'table' and show(table.unpack(t[i], 1, 12)) or tostring(t[i])\n"                            \
	"  end\n"                                                                                                             \
	"  return (table.concat(t, '|'):gsub('%S*lua:%d+: ', ''):gsub(\"to '[^']*'\", ''):gsub('#%d', ''):gsub('%z', '0'))\n" \
	"end\n"                                                                                                               \
	"local function same(what, f, g, ...)\n"                                                                              \
	"  local a, b = show(pcall(f, ...)), show(pcall(g, ...))\n"                                                           \
	"  if a ~= b then error(what .. show(...) .. ': ' .. a .. ' instead of ' .. b) end\n"                                 \
	"end\n"

static int both(UNUSED void **state)
{
	int result = set_up(state);
	open_map("");
	return result;
}

/* Runs it as a call of the map's with (our libraries, Lua's). */
static void compare(const char *text)
{
	static char all[8000];
	lua_State *L = script->L;
	snprintf(all, sizeof all, "%s%s", COMPARE, text);
	lua_State *co = lua_newthread(L), *before = script_enter(script, co);
	assert_int_equal(luaL_loadstring(co, all), LUA_OK);
	lua_pushglobaltable(co);
	lua_newtable(co);
	luaopen_string(co);
	/* It gives all strings of the state its own metatable: ours is put back. */
	lua_setfield(co, -2, "string");
	luaopen_table(co);
	lua_setfield(co, -2, "table");
	int status = lua_pcall(co, 2, 0, 0);
	if (status != LUA_OK)
		fail_msg("%s", lua_tostring(co, -1));
	script_return(script, before);
	lua_pop(L, 1);
}

static void patterns_match_as_luas_do(UNUSED void **state)
{
	compare("local items = { 'a', 'b', '.', '%a', '%A', '%d', '%s', '%w', '%W', '%x', '%p', '%u',\n"
		"  '%l', '%c', '%g', '%.', '%%', '[ab]', '[^ab]', '[]a]', '[^]a]', '[a-c]', '[%a_]', '[a-]',\n"
		"  '[%-a]', '[^%s]', '[', ']', '%', '(', ')', '()', '(a)', '(.-)', '(b*)', '%1', '%2', '%0',\n"
		"  '%b()', '%bab', '%b', '%baa', '%f[a]', '%f[%W]', '%f', '^', '$', '-', '*', '+', '?', '\\0',\n"
		"  '[\\0a]', '\\xe4', '[%]', 'z%', '%z', '%Z', '[a-%d]', '[%d-z]' }\n"
		"local suffixes = { '', '', '', '*', '+', '-', '?' }\n"
		"local letters = { 'a', 'a', 'b', 'c', ' ', '1', '(', ')', '.', '_', 'A', '\\0', '\\xe4', ']', "
		"'-' }\n"
		"for _ = 1, 60000 do\n"
		"  local pattern, text = any(8) == 1 and '^' or '', ''\n"
		"  for _ = 1, any(5) do pattern = pattern .. one_of(items) .. one_of(suffixes) end\n"
		"  if any(8) == 1 then pattern = pattern .. '$' end\n"
		"  for _ = 1, any(12) - 1 do text = text .. one_of(letters) end\n"
		"  local start = any(16) - 6\n"
		"  same('find ', ours.string.find, theirs.string.find, text, pattern, start)\n"
		"  same('plain ', ours.string.find, theirs.string.find, text, pattern, start, true)\n"
		"  same('match ', ours.string.match, theirs.string.match, text, pattern, start)\n"
		"  local with = one_of { '', 'x', '%0%0', '%1', '<%2>', '%%', '%', '%x', 'a%1b' }\n"
		"  same('gsub ', ours.string.gsub, theirs.string.gsub, text, pattern, with, any(9) - 1)\n"
		"  local function all_of(gmatch)\n"
		"    return function(...)\n"
		"      local t = {} for a, b in gmatch(...) do t[#t + 1] = tostring(a) .. tostring(b) end\n"
		"      return table.unpack(t)\n"
		"    end\n"
		"  end\n"
		"  same('gmatch ', all_of(ours.string.gmatch), all_of(theirs.string.gmatch), text, pattern,\n"
		"    start)\n"
		"end\n");
}

static void gsub_and_rep_take_what_luas_take(UNUSED void **state)
{
	compare("local function f(a) if a == 'b' then return nil elseif a == 'c' then return 7\n"
		"  elseif a == 'd' then return false elseif a == 'e' then return {} end return a .. a end\n"
		"for _, text in ipairs { '', 'a', 'abc', 'bd', 'e', 'aXbXc' } do\n"
		"  for _, pattern in ipairs { '.', '(.)', '()', '', 'X', '(.)(.)' } do\n"
		"    for _, with in ipairs { f, { a = 1, b = false, c = 'cc', e = {} }, 7, 'x', true } do\n"
		"      same('gsub ', ours.string.gsub, theirs.string.gsub, text, pattern, with)\n"
		"    end\n"
		"  end\n"
		"  for _, times in ipairs { -1, 0, 1, 2, 5, 'x', 1.5 } do\n"
		"    same('rep ', ours.string.rep, theirs.string.rep, text, times)\n"
		"    same('rep ', ours.string.rep, theirs.string.rep, text, times, ', ')\n"
		"  end\n"
		"end\n"
		"same('deep ', ours.string.find, theirs.string.find, 'a', ('a?'):rep(300))\n"
		"same('many ', ours.string.find, theirs.string.find, 'a', ('()'):rep(33))\n"
		"same('long ', ours.string.find, theirs.string.find, ('a'):rep(300), ('a?'):rep(199))\n");
}

static void tables_are_changed_as_luas_do(UNUSED void **state)
{
	compare("for _ = 1, 3000 do\n"
		"  local n, place = any(6) - 1, any(9) - 2\n"
		"  local a, b = {}, {}\n"
		"  for i = 1, n do a[i], b[i] = i, i end\n"
		"  local function with(t, f) return function(...) f(t, ...) "
		"return table.unpack(t, 1, 12) end end\n"
		"  local ins, del = ours.table.insert, ours.table.remove\n"
		"  same('insert ', with(a, ins), with(b, theirs.table.insert), place, 'x')\n"
		"  same('insert ', with(a, ins), with(b, theirs.table.insert), 'y')\n"
		"  same('insert ', with(a, ins), with(b, theirs.table.insert), 1, 2, 3)\n"
		"  same('remove ', with(a, del), with(b, theirs.table.remove), any(12) - 2)\n"
		"  same('remove ', with(a, del), with(b, theirs.table.remove))\n"
		"  same('remove ', del, theirs.table.remove, {}, any(3) - 2)\n"
		"  same('move ', with(a, ours.table.move), with(b, theirs.table.move), any(5) - 2,\n"
		"    any(7) - 2, any(7) - 2)\n"
		"  same('move ', ours.table.move, theirs.table.move, a, any(5) - 2, any(7), any(4), {})\n"
		"  same('sort ', with(a, ours.table.sort), with(b, theirs.table.sort),\n"
		"    function(x, y) return tostring(x) > tostring(y) end)\n"
		"end\n"
		"same('move ', ours.table.move, theirs.table.move, {}, 1, math.maxinteger, 2)\n"
		"same('move ', ours.table.move, theirs.table.move, {}, math.mininteger, 0, 2)\n");
}

#define MATCH_TEST(f) cmocka_unit_test_setup_teardown(f, both, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MATCH_TEST(patterns_match_as_luas_do),
		MATCH_TEST(gsub_and_rep_take_what_luas_take),
		MATCH_TEST(tables_are_changed_as_luas_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
