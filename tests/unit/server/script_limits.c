#include "tests/unit/server/fake_players.h"

/* What is out of a script's reach, and how much time and memory it may take. */

/* ---- the sandbox -------------------------------------------------------------------------------- */

static void what_reaches_outside_is_not_there(UNUSED void **state)
{
	open_map(
		"for _, name in ipairs{ 'io', 'package', 'dofile', 'loadfile', 'collectgarbage', 'warn' }\n"
		"  do if rawget(_G, name) ~= nil then all:send(name) end end\n"
		"for _, name in ipairs{ 'execute', 'exit', 'remove', 'rename', 'tmpname', 'getenv',\n"
		"  'setlocale' } do if os[name] then all:send('os.' .. name) end end\n"
		"for name in pairs(debug) do if name ~= 'traceback' then all:send(name) end end\n"
		"if string.dump then all:send('string.dump') end\n"
		"all:send(os.date('!%Y', 0) .. debug.traceback('x'):sub(1, 1))");
	assert_string_equal(all_text(), "1970x\n");
}

static void an_undefined_global_is_an_error_that_names_it(UNUSED void **state)
{
	open_map("made_while_loading = 1\n"
		 "game.on('start', function() all:send(made_while_loading) pleyers() end)\n"
		 "game.on('start', function() coutn = 1 end)");
	script_start(script);
	const char *log = logged();
	ASSERT_HAS(log, "mapname/init.lua:2: undefined global 'pleyers'");
	ASSERT_HAS(log,
		"mapname/init.lua:3: undefined global 'coutn' assigned to; is a 'local' missing?");
	assert_string_equal(all_text(), "1\n");
}

static void byte_code_finalizers_and_metatables_of_others_are_out_of_reach(UNUSED void **state)
{
	open_map(
		"local function why(...) all:send(tostring((select(2, ...)))) end\n"
		"why(load('\\27Lua')) all:send(load('return 1', 'x', 'b')())\n"
		"all:send(load('return y', 'x', 't', { y = 2 })())\n"
		"all:send(load(coroutine.wrap(function() coroutine.yield('return ') coroutine.yield('3')\n"
		"  return nil end))())\n"
		"why(pcall(setmetatable, {}, { __gc = print }))\n"
		"why(pcall(setmetatable, setmetatable({}, { __metatable = 1 }), {}))\n"
		"all:send(tostring(getmetatable('')) .. tostring(getmetatable(_G)))\n"
		"game.on('join', function(p) all:send(tostring(getmetatable(p))) end)");
	join(1);
	const char *text = all_text();
	ASSERT_HAS(text, "attempt to load a binary chunk (mode is 't')\n1\n2\n3\n");
	ASSERT_HAS(text, "setmetatable: __gc is not to be had here\n");
	ASSERT_HAS(text, "cannot change a protected metatable\nfalsefalse\nfalse\n");
}

static void require_stays_in_the_maps_folder(UNUSED void **state)
{
	write_file("tools.lua", "shared = 'made' return { n = 1, name = ... }");
	write_file("plain.lua", "all:send('once')");
	write_file("loop.lua", "return require 'loop2'");
	write_file("loop2.lua", "return require 'loop'");
	write_file("bad.lua", "return 1 +");
	write_file("fails.lua", "local x = nil\nx()");
	write_file("../outside.lua", "return 1");
	open_map(
		"local tools = require 'tools' tools.n = 2\n"
		"all:send(require('tools').n .. tools.name .. shared)\n"
		"all:send(tostring(require 'plain') .. tostring(require 'plain'))\n"
		"for _, name in ipairs{ '../outside', '..outside', 'a/b', '', '.', '/etc/passwd', 'a..b',\n"
		"  'nosuch', 'loop', 'bad', 'fails', 'fails' } do\n"
		"  all:send(select(2, pcall(require, name)))\n"
		"end");
	const char *text = all_text();
	ASSERT_HAS(text, "2toolsmade\nonce\ntruetrue\n");
	ASSERT_HAS(text, "require '../outside': not a name of a file of this map\n");
	ASSERT_HAS(text, "require '..outside': not a name");
	ASSERT_HAS(text, "require 'a/b': not a name");
	ASSERT_HAS(text, "require '': not a name");
	ASSERT_HAS(text, "require '.': not a name");
	ASSERT_HAS(text, "require '/etc/passwd': not a name");
	ASSERT_HAS(text, "require 'a..b': not a name");
	ASSERT_HAS(text, "nosuch.lua: no such file");
	ASSERT_HAS(text, "two files must not need each other");
	ASSERT_HAS(text, "mapname/bad.lua:1: unexpected symbol near <eof>");
	const char *again = strstr(text, "mapname/fails.lua:2: attempt to call a nil value");
	assert_non_null(again);
	ASSERT_HAS(again + 1, "mapname/fails.lua:2: attempt to call a nil value");
}

static void a_map_that_cannot_be_opened_says_where(UNUSED void **state)
{
	const char *why;
	ASSERT_HAS(refused_map("x = = 1"), "mapname/init.lua:1: unexpected symbol near '='");
	ASSERT_HAS(refused_map("\n\nerror('boom')"), "mapname/init.lua:3: boom");
	ASSERT_HAS(refused_map("coroutine.yield()"), "mapname/init.lua: yields while it is loaded");
	write_file("init.lua", "return 1 + ");
	assert_false(script_check(map_dir, &why));
	ASSERT_HAS(why, "mapname/init.lua:1: unexpected symbol near <eof>");
	write_file("init.lua", "\xef\xbb\xbf error('only when run')");
	assert_true(script_check(map_dir, &why));
	assert_false(script_check("/nowhere/at/all", &why));
	ASSERT_HAS(why, "/nowhere/at/all/init.lua: no such file");
	assert_null(script_open(&game, "/nowhere/at/all", &why));
	ASSERT_HAS(why, "/nowhere/at/all/init.lua: no such file");
}

/* ---- limits ------------------------------------------------------------------------------------- */

/* Runs it as a join handler with a budget of 40 ms; then the game must go on. */
static const char *stopped(const char *body)
{
	char map[2000];
	snprintf(map, sizeof map,
		"local keep "
		"local function loop() while true do end end\n"
		"game.on('join', function(p) %s\nend)\n"
		"game.on('input', function(p)\n"
		"  for i = 1, 1000 do local t = {} t[i] = i end p:send('alive')\n"
		"end)",
		body);
	script_close(script);
	game.cvars.set.sv_script_time = 40;
	open_map(map);
	struct player *p = join(1);
	assert_null(script->running);
	type(p, "");
	assert_string_equal(shown(p), "alive\n");
	assert_in_range(script->faults.count, 1, 2); /* two when it was in a spawn */
	assert_int_equal(script->coroutines, 0);
	drop(p);
	return logged();
}

static void an_endless_loop_is_stopped_and_the_game_goes_on(UNUSED void **state)
{
	const char *log = stopped("loop()");
	ASSERT_HAS(log, "mapname/init.lua:1: stopped: it ran longer than sv_script_time (40 ms)");
	ASSERT_HAS(log, "in loop (mapname/init.lua:1)");
}

static void no_way_to_catch_errors_keeps_a_loop_going(UNUSED void **state)
{
	static const char *const bodies[] = {
		"while true do pcall(loop) end",
		"while true do pcall(pcall, pcall, loop) end",
		"xpcall(loop, loop)",
		"while true do xpcall(loop, function() loop() end) end",
		"while true do xpcall(error, loop) end",
		"while true do coroutine.wrap(loop)() end",
		"while true do pcall(coroutine.wrap(loop)) end",
		"while true do coroutine.resume(coroutine.create(loop)) end",
		"local co = coroutine.create(function() while true do coroutine.yield() end end)\n"
		"while true do coroutine.resume(co) end",
		"while true do coroutine.resume(coroutine.create(function() pcall(loop) loop() end)) end",
		"while true do local x <close> = setmetatable({}, { __close = loop }) end",
		"while true do pcall(function() local x <close> = setmetatable({}, { __close = loop }) "
		"error() end) end",
		"local x <close> = setmetatable({}, { __close = loop }) loop()",
		"local co = coroutine.create(function() local x <close> = setmetatable({}, "
		"{ __close = loop }) coroutine.yield() end)\ncoroutine.resume(co) coroutine.close(co) loop()",
		"keep = coroutine.create(loop) spawn(function() coroutine.resume(keep) end) "
		"for _ = 1, 9 do coroutine.close(keep) end",
		"while true do pcall(table.sort, { 1, 2, 3 }, loop) end",
		"while true do pcall(string.gsub, 'abc', '.', loop) end",
		"local t = setmetatable({}, { __index = loop, __tostring = loop })\n"
		"while true do pcall(tostring, t) pcall(function() return t.x end) end",
		"repeat until pcall(error)",
		"local function f() return f() end f()",
		"while true do load('while true do end')() end",
		"::top:: goto top",
	};
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		ASSERT_HAS(
			stopped(bodies[i]), "stopped: it ran longer than sv_script_time (40 ms)");
}

static void a_loop_in_what_another_started_is_stopped_as_well(UNUSED void **state)
{
	game.cvars.set.sv_script_time = 40;
	open_map("local function loop() while true do end end\n"
		 "game.on('start', function() spawn(loop) end)\n"
		 "game.on('leave', loop) game.on('frame', loop)\n"
		 "game.on('input', function(p) p:kick('x') end)\n"
		 "game.on('stop', function() all:send('stopped well') end)");
	struct player *p = join(1);
	script_start(script);
	ASSERT_HAS(logged(), "init.lua:1: stopped:");
	type(p, "");
	ASSERT_HAS(logged(), "init.lua:1: stopped:");
	frame(1);
	ASSERT_HAS(logged(), "init.lua:1: stopped:");
	script_stop(script, "quit");
	assert_string_equal(all_text(), "stopped well\n");
}

static void a_map_that_loops_while_it_is_loaded_is_refused(UNUSED void **state)
{
	game.cvars.set.sv_script_time = 40;
	write_file("loop.lua", "while true do pcall(function() while true do end end) end");
	ASSERT_HAS(refused_map("while true do end"), "init.lua:1: stopped:");
	ASSERT_HAS(refused_map("require 'loop'"), "mapname/loop.lua:1: stopped:");
}

/* Together they take many times the budget of one. */
static void calls_within_their_time_are_never_stopped(UNUSED void **state)
{
	game.cvars.set.sv_script_time = 100;
	open_map("game.on('input', function(p) for i = 1, 50000 do local t = { i } end end)\n"
		 "game.on('start', function() for i = 1, 100 do\n"
		 "  for i = 1, 50000 do local t = { i } end waitframe() end end)");
	struct player *p = join(1);
	script_start(script);
	for (int i = 0; i < 100; i++) {
		type(p, "");
		frame(1);
	}
	assert_int_equal(script->faults.count, 0);
	assert_int_equal(script->coroutines, 0);
}

static void without_a_time_limit_a_call_may_run(UNUSED void **state)
{
	game.cvars.set.sv_script_time = 0;
	open_map("game.on('join', function(p)\n"
		 "  local begun = os.clock() repeat until os.clock() - begun > 0.1 p:send('done')\n"
		 "end)");
	assert_string_equal(shown(join(1)), "done\n");
}

static void a_memory_bomb_is_an_error_and_the_game_goes_on(UNUSED void **state)
{
	static const char *const bombs[] = {
		"local t = {} while true do t[#t + 1] = {} end",
		"local s = 'x' while true do s = s .. s end",
		"return ('x'):rep(1 << 30)",
		"return ('x'):rep(100000000)",
		"local t = {} for i = 1, 1e9 do t[i] = i end",
		"while true do wrapped[#wrapped + 1] = coroutine.wrap(function() end) end",
		"while true do after(1, print) end",
		"local t = {} for i = 1, 1e7 do t[i] = i .. 'x' end return table.concat(t)",
	};
	game.cvars.set.sv_script_memory = 4 * 1024 * 1024;
	for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
		char map[1000];
		snprintf(map, sizeof map,
			"wrapped = {}\n"
			"game.on('join', function(p) %s\nend)\n"
			"game.on('input', function(p) wrapped = {} p:send('alive') end)",
			bombs[i]);
		script_close(script);
		open_map(map);
		struct player *p = join(1);
		ASSERT_HAS(logged(), "not enough memory");
		if (strstr(bombs[i], "after") != NULL)
			frame(1000);
		type(p, "");
		type(p, "");
		ASSERT_HAS(shown(p), "alive\n");
		lua_gc(script->L, LUA_GCCOLLECT);
		assert_true(script->limit.memory < 4 * 1024 * 1024);
		drop(p);
	}
}

static void a_map_that_needs_too_much_memory_is_refused(UNUSED void **state)
{
	game.cvars.set.sv_script_memory = 1024 * 1024;
	ASSERT_HAS(
		refused_map("local t = {} while true do t[#t + 1] = {} end"), "not enough memory");
	game.cvars.set.sv_script_memory = 2000;
	ASSERT_HAS(refused_map(""), "not enough memory");
	for (uint64_t room = 2000; room < 60000; room += 97) {
		const char *why;
		game.cvars.set.sv_script_memory = room;
		script_close(script);
		script = script_open(&game, map_dir, &why);
		if (script == NULL)
			ASSERT_HAS(why, "not enough memory");
	}
	assert_non_null(script);
}

static void all_memory_is_given_back(UNUSED void **state)
{
	open_map(
		"game.on('join', function(p) local t = {} for i = 1, 1000 do t[i] = {} end wait(1) end)");
	join(1);
	frame(2000);
	lua_gc(script->L, LUA_GCCOLLECT);
	size_t before = script->limit.memory;
	for (int i = 0; i < 100; i++) {
		part(join(2), "gone");
		frame(1001);
	}
	lua_gc(script->L, LUA_GCCOLLECT);
	assert_in_range(script->limit.memory, 0, before + 2000);
}

static void status_tells_memory_errors_and_who_waits(UNUSED void **state)
{
	open_map(
		"game.on('start', function() wait(1) end) game.on('start', error) every(1, print)");
	script_start(script);
	json_t *status = script_status(script);
	assert_int_equal(json_integer_value(json_object_get(status, "errors")), 1);
	assert_int_equal(json_integer_value(json_object_get(status, "coroutines")), 1);
	assert_int_equal(json_integer_value(json_object_get(status, "waiting")), 2);
	assert_true(json_integer_value(json_object_get(status, "memory")) > 10000);
	json_decref(status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(what_reaches_outside_is_not_there),
		SCRIPT_TEST(an_undefined_global_is_an_error_that_names_it),
		SCRIPT_TEST(byte_code_finalizers_and_metatables_of_others_are_out_of_reach),
		SCRIPT_TEST(require_stays_in_the_maps_folder),
		SCRIPT_TEST(a_map_that_cannot_be_opened_says_where),
		SCRIPT_TEST(an_endless_loop_is_stopped_and_the_game_goes_on),
		SCRIPT_TEST(no_way_to_catch_errors_keeps_a_loop_going),
		SCRIPT_TEST(a_loop_in_what_another_started_is_stopped_as_well),
		SCRIPT_TEST(a_map_that_loops_while_it_is_loaded_is_refused),
		SCRIPT_TEST(calls_within_their_time_are_never_stopped),
		SCRIPT_TEST(without_a_time_limit_a_call_may_run),
		SCRIPT_TEST(a_memory_bomb_is_an_error_and_the_game_goes_on),
		SCRIPT_TEST(a_map_that_needs_too_much_memory_is_refused),
		SCRIPT_TEST(all_memory_is_given_back),
		SCRIPT_TEST(status_tells_memory_errors_and_who_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
