#include "tests/unit/server/fake_players.h"

/* Memory is collected between calls, and in them only where there is no other way. */

/* Garbage of some 100 KiB with each line, beside what stays. */
#define MAP                                                                \
	"local kept = {} for i = 1, 2000 do kept[i] = { i } end\n"         \
	"game.on('input', function(p, line)\n"                             \
	"  for i = 1, 1000 do local t = { kept[i], i } end\n"              \
	"  if line ~= '' then p:send(#kept .. ' ' .. kept[2000][1]) end\n" \
	"end)\n"

static void open_garbage(void)
{
	game.cvars.set.sv_script_memory = 4 * 1024 * 1024;
	open_map(MAP);
}

static bool collect(void)
{
	return script_collect(script, UINT64_MAX);
}

static void no_handler_collects(UNUSED void **state)
{
	open_garbage();
	struct player *p = join(1);
	for (int i = 0; i < 10; i++) {
		size_t before = script->limit.memory;
		uint64_t allocated = script->limit.allocated;
		type(p, "");
		/* All it has allocated is still there. */
		assert_in_range(script->limit.memory - before,
			(script->limit.allocated - allocated) / 10 * 9,
			script->limit.allocated - allocated);
	}
}

static void what_is_not_needed_goes_between_calls_and_what_is_stays(UNUSED void **state)
{
	open_garbage();
	struct player *p = join(1);
	size_t most = 0;
	for (int i = 0; i < 500; i++) {
		type(p, "");
		assert_false(collect());
		most = script->limit.memory > most ? script->limit.memory : most;
	}
	assert_true(script->gc.cycles > 2);
	assert_in_range(most, 1, 3 * 1024 * 1024);
	assert_int_equal(script->limit.refused, 0);
	type(p, "x");
	assert_string_equal(shown(p), "2000 2000\n");
}

static void a_map_that_makes_no_garbage_is_left_alone(UNUSED void **state)
{
	open_map("");
	for (int i = 0; i < 100; i++)
		assert_false(collect());
	assert_int_equal(script->gc.cycles, 0);
}

static void a_piece_ends_in_time_and_says_that_there_is_more(UNUSED void **state)
{
	game.cvars.set.sv_script_memory = 128 * 1024 * 1024;
	open_map("local kept = {} for i = 1, 100000 do kept[i] = { i } end\n"
		 "game.on('input', function() for i = 1, 1000 do local t = { kept[i] } end end)");
	struct player *p = join(1);
	while (script->limit.memory < script->gc.rest_until)
		type(p, "");
	(void)script_collect(script, 0);
	for (int i = 0; i < 10; i++)
		type(p, "");
	int pieces = 1;
	while (script_collect(script, 0)) /* a time that is over: one step each */
		pieces++;
	assert_true(pieces > 5);
}

static void without_time_for_it_lua_collects_by_itself(UNUSED void **state)
{
	open_garbage();
	struct player *p = join(1);
	for (int i = 0; i < 500; i++) {
		type(p, "");
		if (script->limit.memory > 3 * 1024 * 1024) {
			(void)script_collect(script, 0);
			break;
		}
	}
	assert_true(script->gc.automatic);
	for (int i = 0; i < 500; i++)
		type(p, "");
	assert_true(script->limit.memory < 4 * 1024 * 1024);
	assert_int_equal(script->limit.refused, 0);
	assert_int_equal(script->faults.count, 0);
	while (collect() || script->limit.memory > 3 * 1024 * 1024)
		;
	(void)collect();
	assert_false(script->gc.automatic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(no_handler_collects),
		SCRIPT_TEST(what_is_not_needed_goes_between_calls_and_what_is_stays),
		SCRIPT_TEST(a_map_that_makes_no_garbage_is_left_alone),
		SCRIPT_TEST(a_piece_ends_in_time_and_says_that_there_is_more),
		SCRIPT_TEST(without_time_for_it_lua_collects_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
