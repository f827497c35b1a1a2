#include "tests/unit/server/fake_players.h"

/* ---- events ------------------------------------------------------------------------------------- */

static void handlers_of_an_event_run_in_the_order_they_were_given(UNUSED void **state)
{
	open_map("for i = 1, 3 do game.on('join', function(p) p:send('handler ' .. i) end) end");
	struct player *p = join(1);
	assert_string_equal(shown(p), "handler 1\nhandler 2\nhandler 3\n");
}

static void an_error_is_logged_with_file_and_line_and_the_next_handler_runs(UNUSED void **state)
{
	open_map("local function deep(x) return x.y.z end\n"
		 "game.on('join', function(p) deep({}) end)\n"
		 "game.on('join', function(p) p:send('still here') end)");
	struct player *p = join(1);
	assert_string_equal(shown(p), "still here\n");
	const char *log = logged();
	ASSERT_HAS(
		log, "map mapname: mapname/init.lua:1: attempt to index a nil value (field 'y')");
	assert_int_equal(script->faults.count, 1);
	assert_int_equal(script->coroutines, 0);
}

static void a_traceback_says_who_called(UNUSED void **state)
{
	open_map("local function inner() error('boom') end\n"
		 "local function outer()\n"
		 "  inner()\n"
		 "  return 1\n"
		 "end\n"
		 "game.on('start', function()\n"
		 "  outer()\n"
		 "end)");
	script_start(script);
	ASSERT_HAS(logged(), "mapname/init.lua:1: boom; in inner (mapname/init.lua:1), "
			     "from outer (mapname/init.lua:3), from mapname/init.lua:7\n");
}

static void an_error_may_be_anything(UNUSED void **state)
{
	game.cvars.set.sv_script_memory =
		256 * 1024 * 1024; /* or else the stack overflows that first */
	open_map(
		"game.on('start', function() error({}) end)\n"
		"game.on('start', function() error() end)\n"
		"game.on('start', function() error('a\\nb\\27[2J', 0) end)\n"
		"local function again() return again() + 1 end game.on('start', again)\n"
		"game.on('start', function() error(setmetatable({}, {__tostring = error})) end)\n");
	script_start(script);
	const char *log = logged();
	ASSERT_HAS(log, "an error that is a table");
	ASSERT_HAS(log, "an error that is a nil");
	ASSERT_HAS(log, "a\\x0ab\\x1b[2J");
	ASSERT_HAS(log, "stack overflow");
	assert_int_equal(script->faults.count, 5);
}

static void an_unknown_event_is_refused_with_those_there_are(UNUSED void **state)
{
	ASSERT_HAS(refused_map("\ngame.on('imput', print)"),
		"mapname/init.lua:2: game.on: no event 'imput'; there are: start join restore input "
		"event lookup slow leave frame stop");
}

static void a_handler_added_by_a_handler_is_for_the_next_time(UNUSED void **state)
{
	open_map("game.on('join', function(p)\n"
		 "  p:send('first') game.on('join', function(p) p:send('second') end)\n"
		 "end)");
	struct player *p = join(1);
	assert_string_equal(shown(p), "first\n");
	script_join(script, p);
	assert_string_equal(shown(p), "first\nsecond\n");
}

static void restore_gets_what_was_saved_or_nil(UNUSED void **state)
{
	open_map(
		"game.on('join', function(p) p:send('join') end)\n"
		"game.on('restore', function(p, saved) p:send(saved and saved.room or 'nothing') end)");
	struct player *p = arrive(1);
	json_t *saved = json_pack("{s:s}", "room", "kitchen");
	script_restore(script, p, saved, NULL);
	json_decref(saved);
	assert_string_equal(shown(p), "kitchen\n");
	script_restore(script, p, NULL, NULL);
	assert_string_equal(shown(p), "nothing\n");
}

static void without_a_restore_handler_join_runs_instead(UNUSED void **state)
{
	open_map("game.on('join', function(p, saved) p:send('join ' .. tostring(saved)) end)");
	struct player *p = arrive(1);
	json_t *saved = json_pack("{s:s}", "room", "kitchen");
	script_restore(script, p, saved, NULL);
	json_decref(saved);
	assert_string_equal(shown(p), "join nil\n");
}

static void frame_gets_seconds_and_number_and_stop_gets_why(UNUSED void **state)
{
	open_map("game.on('frame', function(dt, n) all:send(dt .. ' ' .. n) end)\n"
		 "game.on('stop', function(why) all:send('stop ' .. why) end)");
	script_frame(script, 0.25, 7);
	script_stop(script, "restart");
	ASSERT_HAS((const char *)buf_bytes(&to_all).at, "0.25 7\nstop restart\n");
}

static void slow_says_that_he_is_or_is_not_any_more(UNUSED void **state)
{
	open_map("game.on('slow', function(p, slow)\n"
		 "  p:send(tostring(slow) .. ' ' .. tostring(p.slow))\n"
		 "end)");
	struct player *p = join(1);
	p->slow = 70000;
	script_slow(script, p, true);
	p->slow = 0;
	script_slow(script, p, false);
	assert_string_equal(shown(p), "true true\nfalse false\n");
}

static void input_is_the_line_as_it_is(UNUSED void **state)
{
	open_map("game.on('input', function(p, line) p:send('<' .. line .. '>') end)");
	struct player *p = join(1);
	type(p, "h\xc3\xa4llo  welt ");
	type(p, "");
	assert_string_equal(shown(p), "<h\xc3\xa4llo  welt >\n<>\n");
}

static void a_handler_that_yields_by_itself_is_told_to_wait(UNUSED void **state)
{
	open_map("game.on('start', function() coroutine.yield() end)");
	script_start(script);
	ASSERT_HAS(logged(), "use wait or waitframe");
	assert_int_equal(script->coroutines, 0);
}

static void a_coroutine_serves_the_next_handler_once_it_has_returned(UNUSED void **state)
{
	open_map("game.on('input', function(p, line)\n"
		 "  if line == 'wait' then wait(1) end\n"
		 "  if line == 'nest' then spawn(function() p:send('inner') end) end\n"
		 "  if line == 'fail' then error('failed') end\n"
		 "  p:send(line)\n"
		 "end)");
	struct player *p = join(1);
	type(p, "one");
	lua_State *first = script->spare;
	assert_non_null(first);
	type(p, "two");
	assert_ptr_equal(script->spare, first);
	type(p, "nest");
	assert_non_null(script->spare);
	first = script->spare;
	type(p, "wait");
	assert_null(script->spare);
	type(p, "three");
	assert_ptr_not_equal(script->spare, first);
	frame(1000);
	type(p, "fail");
	assert_null(script->spare);
	type(p, "four");
	lua_gc(script->L, LUA_GCCOLLECT);
	type(p, "five");
	assert_string_equal(shown(p), "one\ntwo\ninner\nnest\nthree\nwait\nfour\nfive\n");
	assert_int_equal(script->faults.count, 1);
	assert_int_equal(script->coroutines, 0);
}

static void a_map_that_looks_which_coroutine_runs_sees_a_new_one_each_time(UNUSED void **state)
{
	open_map("local seen = {}\n"
		 "game.on('input', function(p, line)\n"
		 "  if line ~= 'look' then return end\n"
		 "  local co, is_main = coroutine.running()\n"
		 "  p:send(tostring(seen[co]) .. ' ' .. tostring(is_main) .. ' ' .. type(co))\n"
		 "  seen[co] = true\n"
		 "end)");
	struct player *p = join(1);
	type(p, "other");
	type(p, "look");
	type(p, "other");
	type(p, "look");
	type(p, "look");
	assert_string_equal(shown(p), "nil false thread\nnil false thread\nnil false thread\n");
}

/* ---- players ------------------------------------------------------------------------------------ */

static void a_player_shows_what_is_known_of_him(UNUSED void **state)
{
	open_map(
		"game.on('input', function(p)\n"
		"  p:send(json.encode{p.key, p.ip, p.protocol, p.idle, p.connected, p.here,\n"
		"    p.dns or 'none', p.ident or 'none', p.name or 'none', p.role or 'none', tostring(p)})\n"
		"end)");
	struct player *p = join(5);
	advance(61999);
	script_input(script, p, slice_text("x"));
	assert_string_equal(shown(p),
		"[\"5:199\",\"192.0.2.7\",\"telnet-line\",61,61,true,\"none\","
		"\"none\",\"none\",\"none\",\"player 5:199\"]\n");
	p->connected_ms = loop.uv.time - 2000000000; /* before this machine started */
	p->dns = (char *)"example.org";
	script_input(script, p, slice_text("x"));
	p->dns = NULL;
	ASSERT_HAS(shown(p), "61,2000000,true,\"example.org\"");
}

static void name_and_role_are_the_scripts_to_set_and_nothing_else(UNUSED void **state)
{
	open_map("game.on('join', function(p)\n"
		 "  p.name = 'Anna' p.role = 'admin' p:send(p.name .. p.role .. tostring(p))\n"
		 "  p.name = nil p:send(tostring(p.name))\n"
		 "  local function try(f, ...) p:send(select(2, pcall(f, ...))) end\n"
		 "  try(function() p.ip = 'x' end)\n"
		 "  try(function() p.gold = 3 end)\n"
		 "  try(function() return p.gold end)\n"
		 "  try(function() p.name = 7 end)\n"
		 "  try(function() p.name = 'a\\0b' end)\n"
		 "  try(function() p.name = ('x'):rep(65) end)\n"
		 "  try(p.send, 'hello')\n"
		 "  p:send(tostring(p.name))\n"
		 "end)");
	struct player *p = join(1);
	const char *text = shown(p);
	ASSERT_HAS(text, "Annaadminplayer 1:199 (Anna)\nnil\n");
	ASSERT_HAS(text,
		"init.lua:5: 'ip' of a player cannot be set; only name, role and colours can\n");
	ASSERT_HAS(text, "init.lua:6: 'gold' of a player cannot be set");
	ASSERT_HAS(text, "init.lua:7: a player has no 'gold'\n");
	ASSERT_HAS(text, "bad argument #3 to");
	ASSERT_HAS(text, "name: there is a NUL in it\n");
	ASSERT_HAS(text, "name: over 64 bytes\n");
	ASSERT_HAS(text, "player expected, got string");
	ASSERT_HAS(text, "\nnil\n");
}

static void send_ends_a_line_that_has_no_end(UNUSED void **state)
{
	open_map("game.on('join', function(p) p:send('a') p:send('b\\n') p:send('') p:send(7)\n"
		 "  p:send('c\\nd') all:send('e') all:send('f\\n') end)");
	struct player *p = join(1);
	assert_string_equal(shown(p), "a\nb\n\n7\nc\nd\n");
	assert_string_equal(all_text(), "e\nf\n");
}

static void a_player_who_has_left_is_known_to_have_left(UNUSED void **state)
{
	open_map(
		"local old\n"
		"game.on('join', function(p)\n"
		"  if not old then old = p return end\n"
		"  p:send(tostring(old == p) .. ' ' .. tostring(p == p) .. ' ' .. old.key .. ' '\n"
		"    .. tostring(old.here) .. ' ' .. tostring(old))\n"
		"  for _, f in ipairs{ function() old:send('x') end, function() return old.name end,\n"
		"    function() old.name = 'x' end, function() old:save({}) end,\n"
		"    function() old:kick() end } do p:send(select(2, pcall(f))) end\n"
		"end)");
	part(join(1), "gone");
	struct player *p = join(2); /* the slot of him who left */
	const char *text = shown(p);
	ASSERT_HAS(text, "false true 1:199 false player 1:199 (left)\n");
	const char *refusal = "this player has left\n";
	for (int i = 0; i < 5; i++) {
		ASSERT_HAS(text, refusal);
		text = strstr(text, refusal) + 1;
	}
	assert_int_equal(saves + kicks, 0);
}

static void what_waits_for_a_player_who_left_ends_when_it_touches_him(UNUSED void **state)
{
	open_map("game.on('join', function(p) wait(1) all:send('awake') p:send('hello') end)");
	part(join(1), "gone");
	assert_int_equal(script->coroutines, 1);
	frame(1000);
	assert_string_equal(all_text(), "awake\n");
	ASSERT_HAS(logged(), "init.lua:1: this player has left");
	assert_int_equal(script->coroutines, 0);
}

static void who_leaves_can_be_read_but_not_reached(UNUSED void **state)
{
	open_map("game.on('join', function(p) p.name = 'Anna' end)\n"
		 "game.on('leave', function(p, why)\n"
		 "  p:send('nobody reads this')\n"
		 "  all:send(p.name .. ' ' .. why .. ' ' .. tostring(p.here))\n"
		 "  for q in players() do all:send('still here: ' .. q.key) end\n"
		 "  all:send(select(2, pcall(p.save, p, {})))\n"
		 "  waitframe()\n"
		 "  all:send(select(2, pcall(function() return p.name end)))\n"
		 "end)");
	struct player *p = join(1);
	join(2);
	script_leave(script, p, "gone");
	assert_int_equal(p->out.len, 0);
	drop(p);
	assert_string_equal(
		all_text(), "Anna gone false\nstill here: 2:199\nthis player has left\n");
	frame(0);
	ASSERT_HAS(all_text(), "this player has left\n");
}

static void players_are_told_in_order_of_arrival_and_only_those_here(UNUSED void **state)
{
	open_map("game.on('input', function(me, line)\n"
		 "  for p in players() do\n"
		 "    all:send(p.key)\n"
		 "    if line == 'kick' and p.key == '1:199' then\n"
		 "      for q in players() do if q.key == '3:199' then q:kick('out') end end\n"
		 "    end\n"
		 "  end\n"
		 "end)");
	struct player *p[4];
	for (uint32_t i = 0; i < 4; i++)
		p[i] = join(i + 1);
	p[1]->state = PLAYER_ARRIVING;
	type(p[0], "");
	assert_string_equal(all_text(), "1:199\n3:199\n4:199\n");
	type(p[0], "kick");
	assert_string_equal(all_text(), "1:199\n4:199\n");
	assert_string_equal(shown(p[2]), "kicked: out\n");
}

static void a_kicked_player_leaves_at_once(UNUSED void **state)
{
	open_map(
		"game.on('input', function(p)\n"
		"  p:kick('enough') all:send('after the kick') p:send('x')\n"
		"end)\n"
		"game.on('leave', function(p, why) all:send('leave ' .. p.key .. ' ' .. why) end)");
	struct player *p = join(1);
	type(p, "");
	assert_string_equal(all_text(), "leave 1:199 kicked\nafter the kick\n");
	assert_string_equal(shown(p), "kicked: enough\n");
	ASSERT_HAS(logged(), "init.lua:2: this player has left");
	assert_null(script->running);
	assert_null(script->leaving);
}

static void players_may_be_keys_of_tables(UNUSED void **state)
{
	open_map("local n = {}\n"
		 "game.on('input', function(p) n[p] = (n[p] or 0) + 1 p:send(n[p]) end)");
	struct player *p = join(1), *q = join(2);
	type(p, "");
	lua_gc(script->L, LUA_GCCOLLECT);
	type(p, "");
	type(q, "");
	assert_string_equal(shown(p), "1\n2\n");
	assert_string_equal(shown(q), "1\n");
}

static void what_is_saved_is_kept_as_json(UNUSED void **state)
{
	open_map(
		"game.on('join', function(p) p:save({ room = 'hall', seen = { 1, 2.5, true } }) end)\n"
		"game.on('input', function(p) p:save(nil) end)");
	struct player *p = join(1);
	char *text = json_dumps(p->saved, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"room\":\"hall\",\"seen\":[1,2.5,true]}");
	free(text);
	type(p, "");
	assert_null(p->saved);
	assert_int_equal(saves, 2);
}

static void what_cannot_be_saved_is_refused_and_the_old_stays(UNUSED void **state)
{
	open_map("game.on('join', function(p)\n"
		 "  p:save({ n = 1 })\n"
		 "  p:send(select(2, pcall(p.save, p, { text = ('x'):rep(4044) })))\n"
		 "  p:send(select(2, pcall(p.save, p, { f = { print } })))\n"
		 "  p:send(select(2, pcall(p.save, p)))\n"
		 "end)");
	struct player *p = join(1);
	const char *text = shown(p);
	ASSERT_HAS(text, "save: 11 bytes too large\n");
	ASSERT_HAS(text, "save: f[1]: a function cannot be JSON\n");
	ASSERT_HAS(text, "value expected");
	assert_int_equal(json_integer_value(json_object_get(p->saved, "n")), 1);
}

/* ---- cvars, json, log --------------------------------------------------------------------------- */

static void cvars_have_the_type_of_their_default(UNUSED void **state)
{
	const char *why;
	assert_true(cvar_set(&game.cvars, "max_guests", "12", true, &why)); /* server.cfg */
	open_map(
		"cvar.new('max_guests', 10, 'how many') cvar.new('open', true, 'is it')\n"
		"cvar.new('motto', 'none', 'a text')\n"
		"local function show() all:send(json.encode{cvar('max_guests') + 1, cvar('open'),\n"
		"  cvar('motto'), cvar('sv_fps'), cvar('sv_name'), cvar('sv_stop_timeout')}) end\n"
		"show()\n"
		"cvar('max_guests', 3) cvar('open', false) cvar('motto', 'all one') cvar('sv_fps', 30)\n"
		"cvar('sv_stop_timeout', 2.5)\n"
		"show()\n"
		"game.on('start', show)");
	assert_string_equal(all_text(), "[13,true,\"none\",20,\"Holdfast\",5.0]\n"
					"[4,false,\"all one\",30,\"Holdfast\",2.5]\n");
	assert_true(cvar_set(&game.cvars, "max_guests", "many", false, &why));
	script_start(script);
	ASSERT_HAS(all_text(), "[11,false,"); /* what is no number leaves the default */
}

static void cvars_that_are_not_or_may_not_be_set_are_refused(UNUSED void **state)
{
	ASSERT_HAS(refused_map("cvar('sv_fsp')"), "init.lua:1: no cvar 'sv_fsp'");
	ASSERT_HAS(refused_map("cvar('sv_fps', 0)"), "init.lua:1: sv_fps");
	ASSERT_HAS(refused_map("cvar('sv_map', 'x')"), "can only be set in server.cfg");
	ASSERT_HAS(refused_map("cvar('sv_fps', {})"), "text, number or boolean expected");
	ASSERT_HAS(refused_map("cvar.new('sv_fps', 1, 'mine')"), "cvar.new: sv_fps");
	ASSERT_HAS(refused_map("cvar.new('mine', 1)"), "bad argument #3");
}

static void json_is_written_and_read(UNUSED void **state)
{
	open_map(
		"local t = json.decode('{\"a\":[1,2.5,null,\"x\"]}')\n"
		"all:send(json.encode(t) .. tostring(t.a[3] == json.null) .. tostring(json.null))\n"
		"local no, why = json.decode('{') all:send(tostring(no) .. ' ' .. why)\n"
		"all:send(select(2, pcall(json.encode, { print })))");
	const char *text = all_text();
	ASSERT_HAS(text, "{\"a\":[1,2.5,null,\"x\"]}truejson.null\n");
	ASSERT_HAS(text, "nil line 1, column 1:");
	ASSERT_HAS(text, "json.encode: [1]: a function cannot be JSON");
}

static void the_log_takes_any_values_and_no_control_bytes(UNUSED void **state)
{
	open_map(
		"log.info('a', 1, nil, true, 'x\\27y') log.warn('w') log.error('e') print('p', 2)\n"
		"log.debug('d')");
	const char *log = logged();
	ASSERT_HAS(log, "map mapname: a 1 nil true x\\x1by\n");
	ASSERT_HAS(log, "map mapname: w\n");
	ASSERT_HAS(log, "map mapname: e\n");
	ASSERT_HAS(log, "map mapname: p 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(handlers_of_an_event_run_in_the_order_they_were_given),
		SCRIPT_TEST(an_error_is_logged_with_file_and_line_and_the_next_handler_runs),
		SCRIPT_TEST(a_traceback_says_who_called),
		SCRIPT_TEST(an_error_may_be_anything),
		SCRIPT_TEST(an_unknown_event_is_refused_with_those_there_are),
		SCRIPT_TEST(a_handler_added_by_a_handler_is_for_the_next_time),
		SCRIPT_TEST(restore_gets_what_was_saved_or_nil),
		SCRIPT_TEST(without_a_restore_handler_join_runs_instead),
		SCRIPT_TEST(frame_gets_seconds_and_number_and_stop_gets_why),
		SCRIPT_TEST(slow_says_that_he_is_or_is_not_any_more),
		SCRIPT_TEST(input_is_the_line_as_it_is),
		SCRIPT_TEST(a_handler_that_yields_by_itself_is_told_to_wait),
		SCRIPT_TEST(a_coroutine_serves_the_next_handler_once_it_has_returned),
		SCRIPT_TEST(a_map_that_looks_which_coroutine_runs_sees_a_new_one_each_time),
		SCRIPT_TEST(a_player_shows_what_is_known_of_him),
		SCRIPT_TEST(name_and_role_are_the_scripts_to_set_and_nothing_else),
		SCRIPT_TEST(send_ends_a_line_that_has_no_end),
		SCRIPT_TEST(a_player_who_has_left_is_known_to_have_left),
		SCRIPT_TEST(what_waits_for_a_player_who_left_ends_when_it_touches_him),
		SCRIPT_TEST(who_leaves_can_be_read_but_not_reached),
		SCRIPT_TEST(players_are_told_in_order_of_arrival_and_only_those_here),
		SCRIPT_TEST(a_kicked_player_leaves_at_once),
		SCRIPT_TEST(players_may_be_keys_of_tables),
		SCRIPT_TEST(what_is_saved_is_kept_as_json),
		SCRIPT_TEST(what_cannot_be_saved_is_refused_and_the_old_stays),
		SCRIPT_TEST(cvars_have_the_type_of_their_default),
		SCRIPT_TEST(cvars_that_are_not_or_may_not_be_set_are_refused),
		SCRIPT_TEST(json_is_written_and_read),
		SCRIPT_TEST(the_log_takes_any_values_and_no_control_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
