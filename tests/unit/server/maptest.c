#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <lauxlib.h>
#include <lualib.h>

#include "common/log.h"
#include "server/maptest/api.h"
#include "server/maptest/maptest.h"
#include "server/script_state.h"
#include "tests/unit/support_has.h"

/* The tests of maps: each finds what is wrong with a map, and nothing wrong with one that is right. */

static char top[] = "/tmp/holdfast-maptest-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[100];
	snprintf(path, sizeof path, "%s/%s", top, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int make_map(UNUSED void **state)
{
	char path[100];
	memcpy(strrchr(top, '-') + 1, "XXXXXX", 6);
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof path, "%s/hall", top);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/hall/tests", top);
	assert_int_equal(mkdir(path, 0700), 0);
	log_open("maptest", LOG_ERROR);
	/* Counts in memory, in what is saved and in the store; all that a test can look at. */
	write_file("hall/init.lua",
		"local typed, ticks = {}, 0\n"
		"every(1, function() ticks = ticks + 1 end)\n"
		"game.on('join', function(p) p:send('join ' .. p.protocol .. ' ' .. p.ip) end)\n"
		"game.on('restore', function(p, saved)\n"
		"  typed[p] = saved.typed p:send('restore ' .. saved.typed)\n"
		"end)\n"
		"game.on('leave', function(p, why) all:send('leave ' .. p.key .. ' ' .. why) end)\n"
		"game.on('event', function(p, channel, data)\n"
		"  p:send(channel .. ' ' .. (data.package or json.encode(data)))\n"
		"end)\n"
		"game.on('input', function(p, line)\n"
		"  typed[p] = (typed[p] or 0) + 1 p:save({ typed = typed[p] })\n"
		"  store.count.lines = (store.count.lines or 0) + 1\n"
		"  if line == 'boom' then error('boom of ' .. p.key) end\n"
		"  if line == 'bye' then p:kick('Bye.') return end\n"
		"  if line == 'secret' then p:echo(false) p:gmcp('Is.Secret', { n = 1 }) end\n"
		"  p:send(line .. ' ' .. typed[p] .. ' ' .. store.count.lines .. ' ' .. ticks)\n"
		"end)\n");
	return 0;
}

static int remove_map(UNUSED void **state)
{
	char command[100];
	snprintf(command, sizeof command, "rm -r %s", top);
	return system(command);
}

/* Long, for what a sanitizer makes slow; short, where it is to be reached. */
#define LONG_TIME  "sv_script_time=5 s"
#define SHORT_TIME "sv_script_time=60 ms"
static const char *script_time = LONG_TIME;

/* Runs this as the only file of tests; what was told, valid until the next call. */
static const char *run(const char *tests, int failed)
{
	static char text[16 * 1024];
	char dir[100];
	FILE *out = tmpfile();
	assert_non_null(out);
	snprintf(dir, sizeof dir, "%s/hall", top);
	if (tests != NULL)
		write_file("hall/tests/one.lua", tests);
	const char *const sets[] = {script_time, "sv_script_memory=8 MiB"};
	int result = maptest_run(&(struct maptest_config){.sets = sets,
		.set_count = ARRAY_LEN(sets),
		.dir = dir,
		.program = "/bin/true",
		.out = out,
		.log = -1});
	rewind(out);
	text[fread(text, 1, sizeof text - 1, out)] = '\0';
	fclose(out);
	if (result != failed)
		fail_msg("%d failed, not %d: %s", result, failed, text);
	return text;
}

static void what_is_right_is_told_as_tap(UNUSED void **state)
{
	const char *told = run("test('first', function(t)\n"
			       "  local p = t:join()\n"
			       "  t:expect(p, 'join telnet-line 192.0.2.1')\n"
			       "  p:type('hello') t:expect(p, 'hello 1 1 0')\n"
			       "  t:advance(10) p:type('x') t:expect(p, 'x 2 2 10')\n"
			       "end)\n"
			       "test('second', function(t)\n"
			       "  local p = t:join{ protocol = 'raw', ip = '192.0.2.9' }\n"
			       "  t:expect(p, 'join raw 192.0.2.9')\n"
			       "  p:type('a fresh game') t:expect(p, 'a fresh game 1 1 0')\n"
			       "end)\n",
		0);
	ASSERT_HAS(told, "ok 1 - one.lua: first (");
	ASSERT_HAS(told, "ok 2 - one.lua: second (");
	ASSERT_HAS(told, "1..2\n");
}

static void what_is_wrong_is_told_with_file_line_and_what_was_shown(UNUSED void **state)
{
	const char *told = run("test('a', function(t)\n"
			       "  local p = t:join()\n"
			       "  t:expect(p, 'goodbye')\n"
			       "end)\n"
			       "test('b', function(t)\n"
			       "  t:expect_not(t:join(), 'join')\n"
			       "end)\n"
			       "test('c', function(t) t:equal(1, '1') end)\n"
			       "test('d', function(t) t.nothing() end)\n"
			       "test('e', function(t) local p = t:join() p:type('x')\n"
			       "  t:expect_not(p) end)\n"
			       "test('f', function(t) t:join() end)\n",
		5);
	ASSERT_HAS(told, "not ok 1 - one.lua: a (");
	ASSERT_HAS(told, "# hall/tests/one.lua:3: expected \"goodbye\"; player 1 was shown:\n"
			 "#     | join telnet-line 192.0.2.1\n");
	ASSERT_HAS(told, "# hall/tests/one.lua:6: did not expect \"join\"");
	ASSERT_HAS(told, "# hall/tests/one.lua:8: 1 is not equal to 1\n");
	ASSERT_HAS(told, "# hall/tests/one.lua:9: attempt to call a nil value");
	ASSERT_HAS(told, "# hall/tests/one.lua:11: did not expect \"\"");
	ASSERT_HAS(told, "ok 6 - one.lua: f (");
	ASSERT_HAS(told, "# 5 of 6 failed");
}

static void expectations_are_met_in_order_and_only_once(UNUSED void **state)
{
	run("test('a', function(t) local p, q = t:join(), t:join()\n"
	    "  p:type('one') q:type('two') q:type('three')\n"
	    "  t:expect(p, 'one') t:expect_not(p, 'one') t:expect_not(q, 'two')\n"
	    "  t:equal(q:read(), 'three 2 3 0\\n') t:expect_not(q)\n"
	    "end)\n",
		0);
	run("test('a', function(t) local p = t:join() p:type('one') t:expect(p, 'one')\n"
	    "  t:expect(p, 'one') end)\n",
		1);
}

static void a_restart_keeps_what_is_saved_and_nothing_else(UNUSED void **state)
{
	run("test('restart', function(t)\n"
	    "  local p = t:join() p:type('one') p:type('two') t:advance(5)\n"
	    "  t:restart() t:expect(p, 'restore 2')\n"
	    "  p:type('three') t:expect(p, 'three 3 3 0')\n"
	    "  t:equal(p.here, true)\n"
	    "  p:leave() t:restart()\n"
	    "  local q = t:join() t:expect(q, 'join') q:type('x') t:expect(q, 'x 1 4 0')\n"
	    "end)\n"
	    "test('map', function(t)\n"
	    "  local p = t:join() p:type('one') t:console('reload') t:expect(p, 'restore 1')\n"
	    "  t:console('restart') t:expect(p, 'restore 1')\n"
	    "end)\n",
		0);
}

/* What scripts can ask of us is as bounded as what they can ask of Lua: each of these ends, by an error or
 * not, and the next player is answered. */
static void no_function_of_ours_holds_the_game_up(UNUSED void **state)
{
	write_file("hall/init.lua",
		"local function ever(f) return function() for i = 1, 1e9 do f(i) end end end\n"
		"local big = ('x'):rep(1000000)\n"
		"local tries = {\n"
		"  function() return #fmt('%1000000000s', 'x') end,\n"
		"  function() return #fmt(('{red}x{/}'):rep(100000)) end,\n"
		"  function() local t = fmt('x') for i = 1, 1e9 do t = t .. 'y' end end,\n"
		"  function(p) ever(function() p:send(big) end)() end,\n"
		"  function(p) p:gmcp('A', big) end,\n"
		"  function(p) p:kick(big) end,\n"
		"  function() json.encode(('\\1'):rep(1000000)) end,\n"
		"  function() json.decode(('['):rep(1000000)) end,\n"
		"  function() store[big].y = 1 end,\n"
		"  function() store.x.y = big .. big end,\n"
		"  ever(function(i) store.x['k' .. i] = i end),\n"
		"  ever(function(i) cvar.new('x' .. i, 1, 'x') end),\n"
		"  ever(function(i) log.info(i) end), ever(function() list() end),\n"
		"  ever(function() after(1, print) end), ever(function() every(1, print) end),\n"
		"  ever(function() spawn(function() wait(1) end) end),\n"
		"  ever(function(i) command('c' .. i, {}, print) end),\n"
		"  ever(function() game.on('frame', print) end),\n"
		"  function() require(big) end,\n"
		"  function(p) command.run(p, ('x '):rep(500000)) end,\n"
		"  ever(function() for p in players() do p.name = 'Ann' end end),\n"
		"}\n"
		"game.on('input', function(p, line)\n"
		"  if line == 'count' then p:send('there are ' .. #tries) return end\n"
		"  if tries[tonumber(line)] then tries[tonumber(line)](p) end\n"
		"  p:send('done ' .. line)\n"
		"end)\n");
	script_time = SHORT_TIME;
	const char *told =
		run("local function try(i)\n"
		    "  test('try ' .. i, function(t) local p, q = t:join(), t:join()\n"
		    "    pcall(p.type, p, tostring(i)) pcall(q.type, q, '0')\n"
		    "    t:expect(q, 'done 0') pcall(t.advance, t, i == 16 and 1.1 or 0.1)\n"
		    "    pcall(q.type, q, 'count') t:expect(q, 'there are 22')\n"
		    "  end)\n"
		    "end\n"
		    "for i = 1, 22 do try(i) end\n",
			0);
	script_time = LONG_TIME;
	ASSERT_HAS(told, "1..22\n");
}

static void megabytes_of_text_arrive_as_any_other(UNUSED void **state)
{
	write_file("hall/init.lua",
		"game.on('input', function(p, line)\n"
		"  for i = 1, 50 do p:send(('x'):rep(100000)) end p:send('all of it')\n"
		"end)\n");
	run("test('a', function(t) local p, q = t:join(), t:join()\n"
	    "  p:type('x') t:expect(p, 'all of it') q:type('x') t:expect(q, 'all of it')\n"
	    "  t:restart() p:type('x') t:expect(p, 'all of it')\n"
	    "end)\n",
		0);
}

static void scripts_are_told_the_time_of_the_test(UNUSED void **state)
{
	write_file("hall/init.lua",
		"game.on('input', function(p, line)\n"
		"  p:send(os.time() .. os.date(' !%H:%M', os.time()) .. os.date('!%H:%M:%S'))\n"
		"end)\n");
	run("test('a', function(t) local p = t:join()\n"
	    "  p:type('x') t:expect(p, '1767268800 ') t:expect(p, '12:00:00')\n"
	    "  t:advance(60) p:type('x') t:expect(p, '12:01:00')\n"
	    "  t:restart() p:type('x') t:expect(p, '1767268860 ')\n"
	    "end)\n",
		0);
}

static void a_crash_loses_what_the_running_line_did(UNUSED void **state)
{
	run("test('crash', function(t)\n"
	    "  local p = t:join() p:type('one')\n"
	    "  t:crash() t:expect(p, 'restore 1')\n"
	    "  p:read() t:crash(p, 'two') t:equal(p:read(), 'restore 1\\n')\n"
	    "  p:type('three') t:expect(p, 'three 2 2 0')\n"
	    "end)\n",
		0);
}

static void an_error_of_the_map_fails_the_test_unless_it_is_wanted(UNUSED void **state)
{
	const char *told =
		run("test('a', function(t) local p = t:join()\n"
		    "  p:type('boom')\n"
		    "end)\n"
		    "test('b', function(t) local p = t:join()\n"
		    "  t:fails('boom of 1:1', function() p:type('boom') end)\n"
		    "  p:type('x') t:expect(p, 'x 2 2')\n"
		    "end)\n"
		    "test('c', function(t) t:fails('boom', function() t:join() end) end)\n"
		    "test('d', function(t) local p = t:join()\n"
		    "  t:fails('bang', function() p:type('boom') end) end)\n",
			3);
	ASSERT_HAS(told, "# hall/tests/one.lua:2: script error: hall/init.lua:14: boom of 1:1\n");
	ASSERT_HAS(told, "expected a script error with \"boom\", but there was none");
	ASSERT_HAS(told, "but it was: hall/init.lua:14: boom of 1:1");
}

static void players_come_go_and_are_told_other_things_than_text(UNUSED void **state)
{
	run("test('a', function(t) local p, q = t:join(), t:join()\n"
	    "  p:type('bye') t:expect(p, 'Bye.') t:equal(p.here, false)\n"
	    "  t:expect(q, 'leave 1:1 kicked') t:equal(q.key, '2:1')\n"
	    "  t:equal(pcall(p.type, p, 'x'), false)\n"
	    "  q:type('secret') t:equal(q.hidden, true)\n"
	    "  t:equal(q.told[#q.told][1], 'gmcp')\n"
	    "  t:equal(q.told[#q.told][2], 'Is.Secret {\"n\":1}')\n"
	    "  q:event('gmcp', 'Core.Hello {\"client\":\"x\"}') t:expect(q, 'gmcp Core.Hello')\n"
	    "  q:event('naws', { w = 80 }) t:expect(q, 'naws {\"w\":80}')\n"
	    "  q:caps({ colors = 256 }) t:expect(q, 'caps {\"colors\":256}')\n"
	    "  local r = t:join() q:leave() t:expect(r, 'leave 2:1 left')\n"
	    "end)\n",
		0);
}

/* It leaks until nothing is left; the players stay, and what they saved. */
static void a_map_that_has_used_up_its_memory_begins_anew(UNUSED void **state)
{
	write_file("hall/init.lua",
		"local leak = {}\n"
		"game.on('restore', function(p, saved) p:send('restored ' .. saved.n) end)\n"
		"game.on('input', function(p, line)\n"
		"  if line == 'save' then p:save({ n = 7 }) return end\n"
		"  while true do leak[#leak + 1] = { line } end\n"
		"end)\n");
	run("test('a', function(t)\n"
	    "  local p = t:join() p:type('save') t:console('set sv_script_memory 2MiB')\n"
	    "  t:fails('not enough memory', function() p:type('x') end)\n"
	    "  t:advance(1) t:expect_not(p, 'restored')\n" /* too early: it would come to nothing */
	    "  t:advance(60) t:expect_not(p, 'restored')\n"
	    "  t:fails('not enough memory', function() p:type('x') end)\n"
	    "  t:advance(1) t:expect(p, 'restored 7')\n"
	    "  p:type('save') t:expect_not(p)\n"
	    "end)\n",
		0);
}

static void what_cannot_be_run_is_told(UNUSED void **state)
{
	ASSERT_HAS(run("test('a', functio", 1), "hall/tests/one.lua:1:");
	ASSERT_HAS(run("local x = nil\nx()", 1), "hall/tests/one.lua:2: attempt to call");
	ASSERT_HAS(run("io.write('x')", 1), "attempt to index a nil value (global 'io')");
	write_file("hall/init.lua", "game.on('join', function() \n nosuch() end) x = = 1");
	ASSERT_HAS(run("test('a', function() end)", 1), "hall/init.lua:2: unexpected symbol");
	char path[100];
	snprintf(path, sizeof path, "%s/hall/tests/one.lua", top);
	assert_int_equal(unlink(path), 0);
	ASSERT_HAS(run(NULL, -1), "there are no tests");
}

/* ---- the manual --------------------------------------------------------------------------------- */

static void add_functions(lua_State *L, int table, const char *of, json_t *names)
{
	for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
		char name[100];
		snprintf(name, sizeof name, "%s.%s", of, lua_tostring(L, -2));
		if (lua_isfunction(L, -1) && strncmp(lua_tostring(L, -2), "__", 2) != 0)
			json_object_set_new(names, name, json_true());
	}
}

/* lua/maptest.lua tells of every method that exists, and of no other. */
static void the_manual_of_tests_tells_of_what_exists(UNUSED void **state)
{
	static const char *const types[] = {"test", "test player"};
	json_t *exist = json_object(), *told = json_object();
	struct trial trial = {.number = 1};
	lua_State *L = luaL_newstate();
	maptest_open_api(L, &trial);
	assert_int_equal(luaL_loadfile(L, "server/lua/maptest.lua"), LUA_OK);
	assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
	int manual = lua_gettop(L);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		luaL_getmetatable(L, types[i]);
		add_functions(L, lua_gettop(L), types[i], exist);
		assert_int_equal(lua_getfield(L, manual, types[i]), LUA_TTABLE);
		add_functions(L, lua_gettop(L), types[i], told);
	}
	lua_close(L);
	if (!json_equal(told, exist))
		fail_msg("told: %s; there is: %s", json_dumps(told, JSON_SORT_KEYS),
			json_dumps(exist, JSON_SORT_KEYS));
	assert_true(json_object_size(told) > 10);
	json_decref(told);
	json_decref(exist);
}

#define MAP_TEST(f) cmocka_unit_test_setup_teardown(f, make_map, remove_map)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MAP_TEST(what_is_right_is_told_as_tap),
		MAP_TEST(what_is_wrong_is_told_with_file_line_and_what_was_shown),
		MAP_TEST(expectations_are_met_in_order_and_only_once),
		MAP_TEST(a_restart_keeps_what_is_saved_and_nothing_else),
		MAP_TEST(no_function_of_ours_holds_the_game_up),
		MAP_TEST(megabytes_of_text_arrive_as_any_other),
		MAP_TEST(scripts_are_told_the_time_of_the_test),
		MAP_TEST(a_crash_loses_what_the_running_line_did),
		MAP_TEST(an_error_of_the_map_fails_the_test_unless_it_is_wanted),
		MAP_TEST(players_come_go_and_are_told_other_things_than_text),
		MAP_TEST(a_map_that_has_used_up_its_memory_begins_anew),
		MAP_TEST(what_cannot_be_run_is_told),
		cmocka_unit_test(the_manual_of_tests_tells_of_what_exists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
