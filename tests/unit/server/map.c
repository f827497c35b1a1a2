#include "tests/unit/server/real_game.h"

#include "server/map.h"

/* One map after the other, with players who stay. */

/* Says its name whenever something happens, so that what is heard tells which one runs. */
#define TOWN(name)                                                           \
	"local me = '" name "'\n"                                            \
	"game.on('start', function() all:send(me .. ' start') end)\n"        \
	"game.on('stop', function(why)\n"                                    \
	"  all:send(me .. ' stop ' .. why)\n"                                \
	"  store.kept.stop = me\n"                                           \
	"  for p in players() do p:save({from = me}) end\n"                  \
	"end)\n"                                                             \
	"game.on('join', function(p) p:send(me .. ' join') end)\n"           \
	"game.on('restore', function(p, saved, from)\n"                      \
	"  p:send(me .. ' restore ' .. json.encode(saved or json.null) ..\n" \
	"    ' ' .. tostring(from))\n"                                       \
	"end)\n"                                                             \
	"game.on('input', function(p, line)\n"                               \
	"  if line == 'wait' then wait(1) p:send(me .. ' waited')\n"         \
	"  elseif line == 'kept' then p:send(tostring(store.kept.stop))\n"   \
	"  else p:send(me .. ' ' .. line) end\n"                             \
	"end)\n"

static const char *run(const char *line)
{
	static struct buf out;

	buf_eat(&out, out.len);
	console_run(&game, line, &out);
	buf_add_byte(&out, '\0');
	turns();
	return (const char *)buf_bytes(&out).at;
}

static struct mux m;

static int set_up_town(void **state)
{
	set_up_empty(state);
	start_game(TOWN("testmap"));
	write_map("other", TOWN("other"));
	m = mux_ready();
	accept_user(&m, 1);
	accept_user(&m, 2);
	type(&m, 1, "hello\n");
	ASSERT_HAS(heard(&m), "1:1 testmap hello");
	logged();
	return 0;
}

static int tear_down_town(void **state)
{
	mux_close(&m);
	return tear_down(state);
}

#define TOWN_TEST(f) cmocka_unit_test_setup_teardown(f, set_up_town, tear_down_town)

static void another_map_takes_over_and_the_players_stay(UNUSED void **state)
{
	assert_string_equal(run("map other"), "done\n");
	assert_string_equal(game.map.name, "other");
	assert_string_equal(game.cvars.set.sv_map, "other");
	const char *all = heard(&m);
	const char *stop = strstr(all, "testmap stop map"), *start = strstr(all, "other start");
	assert_non_null(stop);
	assert_non_null(start);
	assert_true(stop < start);
	ASSERT_HAS(all,
		"1:1 [The game is now: other.]\\r\\nother restore {\"from\":\"testmap\"} testmap");
	ASSERT_HAS(all,
		"2:1 [The game is now: other.]\\r\\nother restore {\"from\":\"testmap\"} testmap");
	ASSERT_HAS_NOT(all, "KILL");
	type(&m, 1, "hello\n");
	ASSERT_HAS(heard(&m), "1:1 other hello");
	ASSERT_HAS(logged(), "map other: loaded");
	assert_int_equal(game.metrics.maps_changed, 1);
}

static void each_map_has_its_own_store(UNUSED void **state)
{
	run("map other");
	type(&m, 1, "kept\n");
	ASSERT_HAS(heard(&m), "1:1 nil");
	run("map testmap");
	type(&m, 1, "kept\n");
	ASSERT_HAS(heard(&m), "1:1 testmap\\r\\n\n");
}

static void frame_later(void)
{
	pass_seconds(3);
	script_frame(game.script, 3, 1);
	turns();
}

static void what_waits_goes_with_its_map(UNUSED void **state)
{
	write_map("other", TOWN("other") "every(1, function() all:send('tick') end)\n");
	type(&m, 1, "wait\n");
	run("map other");
	heard(&m);
	frame_later();
	const char *all = heard(&m);
	ASSERT_HAS(all, "tick");
	ASSERT_HAS_NOT(all, "waited");
	run("map testmap");
	heard(&m);
	frame_later();
	ASSERT_HAS_NOT(heard(&m), "tick");
}

static void a_map_that_fails_leaves_the_old_one_as_it_was(UNUSED void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"x = = 1", "broken/init.lua:1: unexpected symbol"},
		{TOWN("broken") "cvar.new('mine', 7, 'x') game.mssp{NAME='Broken'}\n"
				"store.kept.stop = 'broken'\nall:send('broken') error('boom')",
			"broken/init.lua:20: boom"},
		{"require('part')", "broken/part.lua:2:"},
		{"accept('all')", "accept: not while the map is loaded"},
		{"wait(1)", "wait: only a handler"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		write_map("broken", rows[i].text);
		char path[200];
		snprintf(path, sizeof path, "%s/broken/part.lua", maps_dir);
		write_file(path, i == 2 ? "\nreturn 1 +" : "");
		const char *answer = run("map broken");
		ASSERT_HAS(answer, "the map stays: ");
		ASSERT_HAS(answer, rows[i].why);
		ASSERT_HAS(logged(), "map broken: not started: ");
		assert_null(cvar_get(&game.cvars, "mine"));
		assert_null(game.mssp);
		type(&m, 1, "hello\n");
		const char *all = heard(&m);
		ASSERT_HAS(all, "1:1 testmap hello");
		ASSERT_HAS_NOT(all, "stop");
		ASSERT_HAS_NOT(all, "broken");
	}
	write_map("broken", TOWN("broken"));
	assert_string_equal(run("map broken"), "done\n");
	heard(&m);
	type(&m, 1, "kept\n");
	ASSERT_HAS(heard(&m), "1:1 nil");
}

static void a_file_that_is_not_used_yet_is_compiled_too(UNUSED void **state)
{
	char path[200];

	snprintf(path, sizeof path, "%s/other/deep", maps_dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/other/deep/part.lua", maps_dir);
	write_file(path, "local x\nlocal = 1\n");
	ASSERT_HAS(run("map other"), "other/deep/part.lua:2: <name> expected");
	snprintf(path, sizeof path, "%s/other/deep/.#part.lua", maps_dir);
	assert_int_equal(symlink("nowhere", path), 0);
	snprintf(path, sizeof path, "%s/other/deep/part.lua", maps_dir);
	write_file(path, "");
	assert_string_equal(run("map other"), "done\n");
}

static void names_that_are_paths_are_no_maps(UNUSED void **state)
{
	static const char *const names[] = {"..", ".", "../maps/other", "/tmp", "other/", "other/.",
		".hidden", "\"\"", "a\\b", "%n%s", "\"other \"",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char line[200];

		snprintf(line, sizeof line, "map %s", names[i]);
		ASSERT_HAS(run(line), "no name of a map");
	}
	ASSERT_HAS(run("map nowhere"), "there is no ");
	assert_string_equal(game.map.name, "testmap");
}

static void map_alone_shows_what_runs_and_what_there_is(UNUSED void **state)
{
	char path[200];

	snprintf(path, sizeof path, "%s/empty", maps_dir);
	mkdir(path, 0700);
	const char *shown = run("map");
	ASSERT_HAS(shown, "testmap");
	ASSERT_HAS(shown, "other");
	ASSERT_HAS_NOT(shown, "empty");
}

static void a_reload_is_a_restart_to_the_map(UNUSED void **state)
{
	write_map("testmap", TOWN("changed"));
	assert_string_equal(run("reload"), "done\n");
	const char *all = heard(&m);
	ASSERT_HAS(all, "testmap stop restart");
	ASSERT_HAS(all, "changed start");
	ASSERT_HAS(all, "1:1 changed restore {\"from\":\"testmap\"} nil");
	ASSERT_HAS_NOT(all, "echo");
	type(&m, 2, "kept\n");
	ASSERT_HAS(heard(&m), "2:1 testmap\\r\\n\n");
	ASSERT_HAS(logged(), "map testmap: reloaded");
}

static void a_reload_that_fails_keeps_the_old_code(UNUSED void **state)
{
	write_map("testmap", TOWN("changed") "\nlocal = 1");
	ASSERT_HAS(run("reload"), "nothing is changed: testmap/init.lua:19: <name> expected");
	type(&m, 1, "hello\n");
	ASSERT_HAS(heard(&m), "1:1 testmap hello");
}

static void a_script_may_end_its_own_map(UNUSED void **state)
{
	/* As a command that a player gives inside an input handler does. */
	const char *why;

	write_map("other", TOWN("other") "for i = 1, 100 do _G['f' .. i] = function() end end\n");
	assert_true(map_change(&game, "other", &why));
	assert_string_equal(game.map.name, "testmap");
	assert_false(map_change(&game, "other", &why));
	ASSERT_HAS(why, "just being changed");
	turns();
	assert_string_equal(game.map.name, "other");
}

/* ---- where no map can be loaded ------------------------------------------------------------------ */

static void without_a_map_players_are_told_and_an_admin_can_mend_it(UNUSED void **state)
{
	start_game("\n\nerror('no world')");
	ASSERT_HAS(logged(), "map testmap: not started: testmap/init.lua:3: no world");
	m = mux_ready();
	accept_user(&m, 1);
	ASSERT_HAS(heard(&m), "1:1 The game could not be started. Its admins know;");
	type(&m, 1, "hello?\n");
	ASSERT_HAS(heard(&m), "Its admins know");
	ASSERT_HAS(run("map"), "no world");
	ASSERT_HAS(run("reload"), "testmap/init.lua:3: no world");
	write_map("testmap", TOWN("mended"));
	assert_string_equal(run("reload"), "done\n");
	ASSERT_HAS(heard(&m), "1:1 mended restore null nil");
	ASSERT_HAS_NOT(run("map"), "no world");
	mux_close(&m);
}

static void without_a_map_nothing_that_was_saved_is_lost(UNUSED void **state)
{
	start_game("error('no world')");
	m = mux_prove();
	list_user(&m, 7, "192.0.2.7", "{\"n\":\"Ann\",\"s\":{\"room\":\"hall\"}}");
	SAY(&m, done_sending_all_subclient_info, 0);
	const char *all = heard(&m);
	ASSERT_HAS_NOT(all, "SAVE");
	ASSERT_HAS_NOT(all, "DELETE");
	write_map("testmap", TOWN("mended"));
	run("reload");
	ASSERT_HAS(heard(&m), "mended restore {\"room\":\"hall\"}");
	mux_close(&m);
}

static void the_next_program_goes_on_with_the_map_that_was_chosen(UNUSED void **state)
{
	const char *why;

	run("map other");
	assert_string_equal(map_to_start(&game), "other");
	assert_true(cvar_set(&game.cvars, "sv_map", "testmap", true, &why));
	assert_string_equal(map_to_start(&game), "other");
	/* Who changes the setting afterwards means it. */
	assert_true(cvar_set(&game.cvars, "sv_map", "third", true, &why));
	assert_string_equal(map_to_start(&game), "third");
	run("map testmap");
	assert_string_equal(map_to_start(&game), "testmap");
	run("map other");
	run("quit");
	assert_true(cvar_set(&game.cvars, "sv_map", "testmap", true, &why));
	assert_string_equal(map_to_start(&game), "testmap");
}

static void what_is_noted_of_a_map_is_not_believed_blindly(UNUSED void **state)
{
	static const char *const rows[] = {"", "other", "../other testmap", "other testmapx",
		"\n\n", "other\001 testmap", "%s%n testmap"};
	char path[200];

	snprintf(path, sizeof path, "%s/map", run_dir);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		write_file(path, rows[i]);
		assert_string_equal(map_to_start(&game), "testmap");
	}
	write_file(path, "other testmap");
	assert_string_equal(map_to_start(&game), "other");
}

/* What a map saved about a player is told to the next map once, and never taken for that one's own. */
static void what_one_map_saved_is_not_anothers(UNUSED void **state)
{
	write_map("other",
		"game.on('restore', function(p, saved, from)\n"
		"  p:send('other ' .. tostring(saved and saved.from) .. ' ' .. tostring(from))\n"
		"end)\n");
	run("map other");
	const char *all = heard(&m);
	ASSERT_HAS(all, "1:1 [The game is now: other.]\\r\\nother testmap testmap");
	ASSERT_HAS(all, "DELETE SUBCLIENT SAVED INFO 1:1");
	run("reload");
	all = heard(&m);
	ASSERT_HAS(all, "1:1 other nil nil");
	ASSERT_HAS_NOT(all, "The game is now");
	run("map testmap");
	ASSERT_HAS(heard(&m), "1:1 [The game is now: testmap.]\\r\\ntestmap restore null other");
}

/* The same when the program was started again in between, with another map in server.cfg. */
static void the_next_program_knows_which_map_saved_what(UNUSED void **state)
{
	char path[200];

	mux_close(&m);
	end_game();
	open_game();
	snprintf(path, sizeof path, "%s/map", run_dir);
	write_file(path, "elsewhere elsewhere\n");
	start_game(TOWN("testmap"));
	m = mux_prove();
	list_user(&m, 7, "192.0.2.7", "{\"n\":\"Ann\",\"s\":{\"room\":\"hall\"}}");
	SAY(&m, done_sending_all_subclient_info, 0);
	const char *all = heard(&m);
	ASSERT_HAS(all, "[The game is now: testmap.]");
	ASSERT_HAS(all, "testmap restore {\"room\":\"hall\"} elsewhere");
	ASSERT_HAS(all, "SAVE SUBCLIENT INFO 7:1 {\"n\":\"Ann\"}");
	/* Whoever this program knew itself is its own. */
	mux_close(&m);
	m = mux_prove();
	list_user(&m, 7, "192.0.2.7", "{\"n\":\"Ann\"}");
	list_user(&m, 8, "192.0.2.8", "{\"s\":1}");
	SAY(&m, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&m), "8:1 testmap restore 1 nil");
}

static void a_program_that_ends_before_anybody_was_listed_leaves_that_to_the_next(
	UNUSED void **state)
{
	char path[200];

	mux_close(&m);
	snprintf(path, sizeof path, "%s/map", run_dir);
	write_file(path, "elsewhere elsewhere\n");
	for (int i = 0; i < 2; i++) {
		end_game();
		open_game();
		start_game(TOWN("testmap"));
		assert_string_equal(game.map.from, "elsewhere");
	}
	m = mux_ready();
	mux_close(&m);
	end_game();
	open_game();
	start_game(TOWN("testmap"));
	assert_string_equal(game.map.from, "");
	m = mux_ready();
}

static void what_was_saved_waits_for_a_map_that_can_be_loaded(UNUSED void **state)
{
	char path[200];

	mux_close(&m);
	end_game();
	open_game();
	snprintf(path, sizeof path, "%s/map", run_dir);
	write_file(path, "elsewhere elsewhere\n");
	start_game("error('no world')");
	m = mux_prove();
	list_user(&m, 7, "192.0.2.7", "{\"s\":{\"room\":\"hall\"}}");
	SAY(&m, done_sending_all_subclient_info, 0);
	ASSERT_HAS_NOT(heard(&m), "DELETE");
	run("map other");
	ASSERT_HAS(heard(&m), "other restore {\"room\":\"hall\"} elsewhere");
}

/* ---- cvars --------------------------------------------------------------------------------------- */

static void the_cvars_of_a_map_go_with_it_and_what_an_admin_set_stays(UNUSED void **state)
{
	write_map("testmap", "cvar.new('rule', 'a', 'x') cvar.new('own', 'a', 'x')\n"
			     "cvar('own', 'by script')");
	run("reload");
	assert_string_equal(cvar_get(&game.cvars, "own"), "by script");
	ASSERT_HAS(run("set rule b"), "done");
	run("map other");
	assert_null(cvar_get(&game.cvars, "rule"));
	assert_null(cvar_get(&game.cvars, "own"));
	write_map("third", "cvar.new('rule', 'c', 'x') cvar.new('own', 'c', 'x')");
	run("map third");
	assert_string_equal(cvar_get(&game.cvars, "rule"), "b");
	assert_string_equal(cvar_get(&game.cvars, "own"), "c");
}

/* ---- hooks --------------------------------------------------------------------------------------- */

static char hooked[400];

static void note_begin(UNUSED struct map_hook *hook, struct script *s)
{
	assert_ptr_equal(s, game.script);
	strcat(hooked, "begin ");
}

static void note_end(UNUSED struct map_hook *hook, struct script *s)
{
	strcat(hooked, s == game.script ? "end " : "end-of-failed ");
}

static void hooks_are_told_of_beginning_and_end(UNUSED void **state)
{
	static struct map_hook hook = {.begin = note_begin, .end = note_end};

	hooked[0] = '\0';
	map_hook_add(&game, &hook);
	run("map other");
	assert_string_equal(hooked, "end begin ");
	write_map("third", "error('x')");
	run("map third");
	assert_string_equal(hooked, "end begin end-of-failed ");
	list_remove(&hook.node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOWN_TEST(another_map_takes_over_and_the_players_stay),
		TOWN_TEST(each_map_has_its_own_store),
		TOWN_TEST(what_waits_goes_with_its_map),
		TOWN_TEST(a_map_that_fails_leaves_the_old_one_as_it_was),
		TOWN_TEST(a_file_that_is_not_used_yet_is_compiled_too),
		TOWN_TEST(names_that_are_paths_are_no_maps),
		TOWN_TEST(map_alone_shows_what_runs_and_what_there_is),
		TOWN_TEST(a_reload_is_a_restart_to_the_map),
		TOWN_TEST(a_reload_that_fails_keeps_the_old_code),
		TOWN_TEST(a_script_may_end_its_own_map),
		EMPTY_TEST(without_a_map_players_are_told_and_an_admin_can_mend_it),
		EMPTY_TEST(without_a_map_nothing_that_was_saved_is_lost),
		TOWN_TEST(the_next_program_goes_on_with_the_map_that_was_chosen),
		TOWN_TEST(what_is_noted_of_a_map_is_not_believed_blindly),
		TOWN_TEST(what_one_map_saved_is_not_anothers),
		TOWN_TEST(the_next_program_knows_which_map_saved_what),
		TOWN_TEST(a_program_that_ends_before_anybody_was_listed_leaves_that_to_the_next),
		TOWN_TEST(what_was_saved_waits_for_a_map_that_can_be_loaded),
		TOWN_TEST(the_cvars_of_a_map_go_with_it_and_what_an_admin_set_stays),
		TOWN_TEST(hooks_are_told_of_beginning_and_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
