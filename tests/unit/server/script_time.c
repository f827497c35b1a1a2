#include "tests/unit/server/fake_players.h"

/* Scripts that wait. */

static void those_who_wait_go_on_in_the_order_of_their_time(UNUSED void **state)
{
	open_map(
		"game.on('start', function() wait(0.2) all:send('late') wait(0.1) all:send('last') end)\n"
		"game.on('start', function() wait(0.1) all:send('early') wait(0.1) all:send('after') end)\n"
		"all:send('loaded')");
	script_start(script);
	assert_int_equal(script->coroutines, 2);
	assert_string_equal(all_text(), "loaded\n");
	frame(99);
	assert_string_equal(all_text(), "");
	frame(1);
	assert_string_equal(all_text(), "early\n");
	frame(150);
	assert_string_equal(all_text(), "late\nafter\n");
	frame(1000);
	assert_string_equal(all_text(), "last\n");
	assert_int_equal(script->coroutines, 0);
}

static void waitframe_goes_on_in_the_next_frame(UNUSED void **state)
{
	open_map("game.on('frame', function(_, n) waitframe() all:send('after ' .. n) end)\n"
		 "game.on('frame', function(_, n) all:send('frame ' .. n) end)");
	frame(50);
	assert_string_equal(all_text(), "frame 1\n");
	frame(0);
	assert_string_equal(all_text(), "after 1\nframe 2\n");
}

static void after_runs_once_and_every_again_and_again(UNUSED void **state)
{
	open_map("after(0.1, function() all:send('once') end)\n"
		 "every(0.1, function() all:send('tick') end)");
	frame(100);
	assert_string_equal(all_text(), "once\ntick\n");
	frame(100);
	assert_string_equal(all_text(), "tick\n");
	frame(1000); /* ten were missed: they are left out */
	assert_string_equal(all_text(), "tick\n");
	frame(99);
	assert_string_equal(all_text(), "");
	frame(1);
	assert_string_equal(all_text(), "tick\n");
}

static void every_keeps_its_beat_whatever_the_frames(UNUSED void **state)
{
	open_map("local n = 0 every(0.1, function() n = n + 1 all:send('tick ' .. n) end)");
	for (int i = 0; i < 40; i++)
		frame(30);
	ASSERT_HAS(all_text(), "tick 12\n"); /* 1200 ms */
}

static void a_cancelled_timer_does_not_run(UNUSED void **state)
{
	open_map(
		"local t = after(0.1, function() all:send('no') end)\n"
		"all:send(tostring(t:cancel()) .. ' ' .. tostring(t:cancel()))\n"
		"local n = 0\n"
		"local e e = every(0.1, function() n = n + 1 all:send('tick') if n == 2 then e:cancel() end end)\n"
		"local other other = after(0.5, function() other:cancel() all:send('me too') end)");
	assert_string_equal(all_text(), "true false\n");
	for (int i = 0; i < 10; i++)
		frame(100);
	assert_string_equal(all_text(), "tick\ntick\nme too\n");
	assert_int_equal(script->schedule.count, 0);
}

static void a_timer_that_nobody_holds_is_not_forgotten(UNUSED void **state)
{
	open_map("after(10, function() all:send('there') end)\n"
		 "game.on('frame', function() local t = {} for i = 1, 1000 do t[i] = {} end end)\n"
		 "spawn(function() wait(10) all:send('here') end)");
	for (int i = 0; i < 100; i++) {
		frame(100);
		lua_gc(script->L, LUA_GCCOLLECT);
	}
	assert_string_equal(all_text(), "there\nhere\n");
}

static void spawn_runs_at_once_until_it_waits(UNUSED void **state)
{
	open_map(
		"game.on('start', function()\n"
		"  spawn(function(a, b) all:send(a .. b) waitframe() all:send('later') end, 'x', 'y')\n"
		"  spawn(error, 'boom')\n"
		"  all:send('then')\n"
		"end)");
	script_start(script);
	assert_string_equal(all_text(), "xy\nthen\n");
	frame(0);
	assert_string_equal(all_text(), "later\n");
	ASSERT_HAS(logged(), "boom");
}

static void waiting_works_through_pcall_and_is_refused_where_it_cannot_be(UNUSED void **state)
{
	open_map("game.on('start', function() all:send(tostring(pcall(wait, 0.1))) end)\n"
		 "game.on('start', function()\n"
		 "  all:send(tostring(xpcall(function(x) wait(0.1) error(x, 0) end,\n"
		 "    function(m) all:send('handled ' .. m) end, 'e')))\n"
		 "end)\n"
		 "game.on('start', function() table.sort({ 2, 1 }, function() wait(1) end) end)\n"
		 "game.on('start', function() coroutine.wrap(function() wait(1) end)() end)\n"
		 "game.on('start', function() wait('soon') end)\n"
		 "game.on('start', function() wait(0/0) end)");
	script_start(script);
	const char *log = logged();
	ASSERT_HAS(log, "init.lua:6: wait: not in a function that a library calls");
	ASSERT_HAS(log, "init.lua:7: wait: only a handler");
	ASSERT_HAS(log, "bad argument #1 to 'wait' (number expected, got string)");
	ASSERT_HAS(log, "not a number of seconds");
	frame(100);
	assert_string_equal(all_text(), "true\nhandled e\nfalse\n");
	ASSERT_HAS(refused_map("wait(1)"), "init.lua:1: wait: only a handler");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(those_who_wait_go_on_in_the_order_of_their_time),
		SCRIPT_TEST(waitframe_goes_on_in_the_next_frame),
		SCRIPT_TEST(after_runs_once_and_every_again_and_again),
		SCRIPT_TEST(every_keeps_its_beat_whatever_the_frames),
		SCRIPT_TEST(a_cancelled_timer_does_not_run),
		SCRIPT_TEST(a_timer_that_nobody_holds_is_not_forgotten),
		SCRIPT_TEST(spawn_runs_at_once_until_it_waits),
		SCRIPT_TEST(waiting_works_through_pcall_and_is_refused_where_it_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
