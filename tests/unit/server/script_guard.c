#include "tests/unit/server/fake_players.h"

/* What a map cannot do to the game, by mistake or not: the ways that script_limits.c does not try. */

/* Runs it as a join handler with that budget; then the game must go on. What was logged. */
static const char *run(const char *body, unsigned ms)
{
	char map[2000];
	snprintf(map, sizeof map,
		"local endless = setmetatable({}, { __len = function() return 1 << 60 end })\n"
		"game.on('join', function(p) %s\nend)\n"
		"game.on('input', function(p)\n"
		"  for i = 1, 1000 do local t = {} t[i] = i end p:send('alive')\n"
		"end)",
		body);
	script_close(script);
	game.cvars.set.sv_script_time = ms;
	open_map(map);
	struct player *p = join(1);
	assert_null(script->running);
	(void)shown(p);
	type(p, "");
	assert_string_equal(shown(p), "alive\n");
	assert_int_equal(script->coroutines, 0);
	drop(p);
	return logged();
}

/* Each of these would keep Lua's own library busy for minutes or years. */
static void a_library_function_that_loops_is_stopped_as_any_loop(UNUSED void **state)
{
	static const char *const bodies[] = {
		"string.find(('a'):rep(40), ('a?'):rep(40) .. ('a'):rep(40))",
		"string.match(('a'):rep(40), ('a?'):rep(40) .. ('a'):rep(40))",
		"string.gsub(('a'):rep(40), ('a?'):rep(40) .. ('a'):rep(40), '')",
		"for x in string.gmatch(('a'):rep(40), ('a?'):rep(40) .. ('a'):rep(40)) do end",
		"while true do pcall(string.find, ('a'):rep(40), ('a?'):rep(40) .. ('a'):rep(40)) end",
		"string.find(('a'):rep(60000), '.-.-.-b')",
		"string.find(('a'):rep(1000000), '%s*a*b')",
		"string.find(('('):rep(1000000), '%b()')",
		"string.gsub(('x'):rep(10000000), '', os.clock)",
		"table.move({}, 1, 1 << 60, 2)",
		"table.insert(endless, 1, 'x')",
		"table.remove(endless, 1)",
		"load(os.time)",
	};
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		ASSERT_HAS(
			run(bodies[i], 40), "stopped: it ran longer than sv_script_time (40 ms)");
}

static void what_would_loop_for_nothing_ends_at_once(UNUSED void **state)
{
	static const char *const bodies[][2] = {
		{"error((''):rep(math.maxinteger) .. 'empty', 0)", "mapname: empty"},
		{"error((''):rep(math.maxinteger, '') .. 'empty', 0)", "mapname: empty"},
		{"('x'):rep(math.maxinteger)", "not enough memory"},
		{"('x'):rep(1 << 40, 'y')", "not enough memory"},
		{"error(tostring(('a'):rep(800000):find(('a'):rep(400000) .. 'b', 1, true)), 0)",
			"mapname: nil"},
		{"table.sort(endless, rawequal)", "table.sort: over 200000 elements"},
		{"os.date(('%c'):rep(1000000))", "over 1000 bytes"},
		{"table.unpack({}, 1, 1 << 60)", "too many results to unpack"},
		{"table.concat({}, 'x', 1, 1 << 60)", "invalid value (nil) at index 1 in table"},
		{"utf8.char(table.unpack({}, 1, 1 << 40))", "too many results to unpack"},
		{"string.byte(('x'):rep(10000000), 1, -1)", "string slice too long"},
		{"string.format('%1000000d', 1)", "invalid conversion"},
		{"string.pack('i17', 1)", "out of limits"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		const char *log = run(bodies[i][0], 5000);
		ASSERT_HAS(log, bodies[i][1]);
		assert_null(strstr(log, "stopped:"));
	}
}

static void what_is_nested_too_deeply_is_an_error(UNUSED void **state)
{
	static const char *const bodies[][2] = {
		{"load(('('):rep(300) .. '1' .. (')'):rep(300))() error('unreached')",
			"attempt to call a nil value"},
		{"error(select(2, load('x = ' .. ('('):rep(300) .. '1' .. (')'):rep(300))), 0)",
			"C stack overflow"},
		{"error(select(2, load('return ' .. ('{'):rep(1000))), 0)", "C stack overflow"},
		{"local function deep() local ok, why = coroutine.resume(coroutine.create(deep)) error(why, 0) "
		 "end deep()",
			"C stack overflow"},
		{"local function deep() return (('x'):gsub('x', deep)) end deep()",
			"C stack overflow"},
		{"local function deep() local ok, why = pcall(deep) return error(why, 0) end deep()",
			"C stack overflow"},
		{"local t = {} for i = 1, 3000 do t = setmetatable({}, { __index = t }) end return t.x",
			"loop"},
		{"xpcall(error, function() error() end) error('came back')", "came back"},
		{"local function bad(e) error(e) end xpcall(bad, bad, 'x') error('came back')",
			"came back"},
		{"error(setmetatable({}, { __tostring = function() while true do end end }))",
			"an error that is a table"},
		{"error(setmetatable({}, { __name = ('x'):rep(100000) }))",
			"an error that is a table"},
	};
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		ASSERT_HAS(run(bodies[i][0], 5000), bodies[i][1]);
}

static void handlers_that_spawn_each_other_without_end_are_an_error(UNUSED void **state)
{
	open_map("local function again() spawn(again) end\n"
		 "game.on('start', again)\n"
		 "game.on('stop', function() all:send('alive') end)");
	script_start(script);
	ASSERT_HAS(logged(), "C stack overflow");
	script_stop(script, "quit");
	assert_string_equal(all_text(), "alive\n");
	assert_int_equal(script->coroutines, 0);
}

/* Each is within its time, but all together would hold everybody up. */
static void what_wakes_at_once_and_takes_long_is_spread_over_frames(UNUSED void **state)
{
	open_map("local n = 0\n"
		 "for i = 1, 20 do after(1, function()\n"
		 "  local begun = os.clock() repeat until os.clock() - begun > 0.03\n"
		 "  n = n + 1 assert(n == i)\n"
		 "  if n == 20 then all:send('all of them') end\n"
		 "end) end");
	frame(1000);
	assert_in_range(script->schedule.count, 1, 19);
	assert_string_equal(all_text(), "");
	for (int i = 0; i < 20; i++)
		frame(1);
	assert_string_equal(all_text(), "all of them\n");
	assert_int_equal(script->faults.count, 0);
}

/* ---- errors ------------------------------------------------------------------------------------- */

static unsigned times_in(const char *text, const char *part)
{
	unsigned n = 0;
	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return n;
}

static void a_thousand_errors_a_second_are_ten_lines_and_a_sum(UNUSED void **state)
{
	open_map("game.on('input', function(p) error('boom ' .. p.key) end)");
	struct player *p = join(1);
	uint64_t before = game.metrics.script_errors;
	advance(1000);
	for (int i = 0; i < 1000; i++)
		type(p, "");
	const char *log = logged();
	assert_int_equal(times_in(log, "boom 1:199"), 10);
	frame(1000);
	ASSERT_HAS(logged(), "map mapname: 990 errors more suppressed; 1000 in all");
	assert_int_equal(script->faults.count, 1000);
	assert_int_equal(game.metrics.script_errors - before, 1000);
	type(p, "");
	ASSERT_HAS(logged(), "mapname/init.lua:1: boom 1:199");
	frame(1000);
	assert_string_equal(logged(), "");
}

static void admins_in_the_game_read_of_errors_and_others_do_not(UNUSED void **state)
{
	open_map("game.on('input', function(p, line) error(line) end)");
	struct player *boss = join(1), *p = join(2);
	boss->role = strdup("admin");
	type(p, "one\x1b[2J");
	assert_string_equal(shown(boss), "[script error: mapname/init.lua:1: one\\x1b[2J]\n");
	for (int i = 0; i < 7; i++)
		type(p, "two");
	frame(4999);
	assert_string_equal(shown(boss), "");
	frame(1);
	assert_string_equal(shown(boss), "[script error: mapname/init.lua:1: two (6 more)]\n");
	frame(9999);
	assert_string_equal(shown(boss), "");
	assert_string_equal(shown(p), "");
	(void)logged();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(a_library_function_that_loops_is_stopped_as_any_loop),
		SCRIPT_TEST(what_would_loop_for_nothing_ends_at_once),
		SCRIPT_TEST(what_is_nested_too_deeply_is_an_error),
		SCRIPT_TEST(handlers_that_spawn_each_other_without_end_are_an_error),
		SCRIPT_TEST(what_wakes_at_once_and_takes_long_is_spread_over_frames),
		SCRIPT_TEST(a_thousand_errors_a_second_are_ten_lines_and_a_sum),
		SCRIPT_TEST(admins_in_the_game_read_of_errors_and_others_do_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
