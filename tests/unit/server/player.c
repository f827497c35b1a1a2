#include "tests/unit/server/real_game.h"

/* ---- kicks -------------------------------------------------------------------------------------- */

static void who_is_kicked_sees_why_and_has_left_at_once(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	type(&m, 1, "kick You may go.\n");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 You may go.\\r\\n\n"
				       "SEND SUBCLIENT TEXT 0:255 leave 1:1 kicked\\r\\n\n"
				       "KILL SUBCLIENT 1:1\n");
	assert_int_equal(player(1)->state, PLAYER_LEAVING);
	mux_close(&m);
}

static void who_is_kicked_is_freed_when_the_multiplexer_says_so(UNUSED void **state)
{
	struct mux m = mux_ready();

	for (uint32_t n = 1; n <= 3; n++) {
		accept_user(&m, n);
		type(&m, n, "kick bye\n");
	}
	heard(&m);
	SAY(&m, killed_subclient, .who = key(1));
	SAY(&m, lost_subclient, .who = key(2));
	SAY(&m, no_such_subclient, .who = key(3));
	assert_string_equal(heard(&m), ""); /* leave was told before */
	assert_null(find_player(1));
	assert_null(find_player(2));
	assert_null(find_player(3));
	assert_int_equal(game.metrics.players_now, 0);
	mux_close(&m);
}

static void what_the_kicked_one_typed_behind_it_is_not_read(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	type(&m, 1, "one\nkick bye\ntwo\n");
	type(&m, 1, "three\n");
	const char *all = heard(&m);
	ASSERT_HAS(all, "[one]");
	ASSERT_HAS_NOT(all, "[two]");
	ASSERT_HAS_NOT(all, "[three]");
	mux_close(&m);
}

static void a_kick_that_went_lost_with_the_link_is_repeated(UNUSED void **state)
{
	struct mux m = mux_ready();

	for (uint32_t n = 1; n <= 3; n++)
		accept_user(&m, n);
	type(&m, 1, "kick bye\n");
	type(&m, 3, "kick bye\n");
	mux_close(&m);
	player_kick(player(2), "bye"); /* while there is no link */
	m = mux_prove();
	list_user(&m, 1, "192.0.2.1", NULL);
	list_user(&m, 2, "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "KILL SUBCLIENT 1:1\nKILL SUBCLIENT 2:1\nREADY\n");
	assert_null(find_player(3));
	mux_close(&m);
}

static void a_kicked_one_is_not_kicked_twice(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	player_kick(player(1), "one");
	player_kick(player(1), "two");
	const char *all = heard(&m);
	ASSERT_HAS(all, "one");
	ASSERT_HAS_NOT(all, "two");
	mux_close(&m);
}

/* Everybody's handlers kick somebody else: what a list is walked for must bear it. */
static void scripts_may_kick_from_everywhere(UNUSED void **state)
{
	start_game(
		"local function kick_all(why)\n"
		"  for p in players() do p:kick(why) end\n"
		"end\n"
		"game.on('restore', function(p) if p.ip == '192.0.2.2' then kick_all('r') end end)\n"
		"game.on('leave', function(p, why) kick_all('l') end)\n"
		"game.on('input', function(p) p:kick('i') p.name = 'x' end)\n");
	struct mux m = mux_prove();

	for (uint32_t n = 1; n <= 3; n++)
		list_user(&m, n, n == 2 ? "192.0.2.2" : "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	const char *all = heard(&m);
	ASSERT_HAS(all, "KILL SUBCLIENT 1:1\n");
	ASSERT_HAS(all, "KILL SUBCLIENT 2:1\n");
	ASSERT_HAS_NOT(all, "KILL SUBCLIENT 3:1\n"); /* he was not here yet */
	ASSERT_HAS(all, "READY\n");
	accept_user(&m, 4);
	type(&m, 4, "x\ny\n");
	all = heard(&m);
	ASSERT_HAS(all, "KILL SUBCLIENT 3:1\n");
	ASSERT_HAS(all, "KILL SUBCLIENT 4:1\n");
	ASSERT_HAS(logged(), "this player has left");
	for (uint32_t n = 1; n <= 4; n++)
		SAY(&m, killed_subclient, .who = key(n));
	turns();
	assert_int_equal(game.metrics.players_now, 0);
	mux_close(&m);
}

/* The leave handler of one who is not listed any more kicks those behind him in the list. */
static void those_not_listed_may_take_others_with_them(UNUSED void **state)
{
	start_game("game.on('leave', function(p, why)\n"
		   "  for q in players() do q:kick('with him') end\n"
		   "end)\n");
	struct mux m = mux_ready();

	for (uint32_t n = 1; n <= 4; n++)
		accept_user(&m, n);
	mux_close(&m);
	m = mux_prove();
	list_user(&m, 3, "192.0.2.1", NULL);
	list_user(&m, 4, "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	const char *all = heard(&m);
	ASSERT_HAS(all, "KILL SUBCLIENT 3:1\n");
	ASSERT_HAS(all, "KILL SUBCLIENT 4:1\n");
	ASSERT_HAS(all, "READY\n");
	assert_null(find_player(1));
	assert_null(find_player(2));
	mux_close(&m);
}

static void an_old_handle_finds_nobody_even_when_the_key_comes_again(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	struct handle old = player(1)->handle;
	SAY(&m, lost_subclient, .who = key(1));
	turns();
	assert_null(slots_find(&game.handles, old));
	accept_user(&m, 1);
	assert_null(slots_find(&game.handles, old));
	assert_non_null(slots_find(&game.handles, player(1)->handle));
	mux_close(&m);
}

static void keys_are_told_apart_by_every_number_and_by_depth_alone(UNUSED void **state)
{
	struct clientkey keys[] = {
		{.depth = 2, .number = {1, 2}},
		{.depth = 3, .number = {1, 2, 0}},
		{.depth = 3, .number = {1, 2, 3}},
		{.depth = 10, .number = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
	};
	struct player *made[ARRAY_LEN(keys)];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		made[i] = player_new(&game, &keys[i], slice_text("raw"), slice_text("192.0.2.1"));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct clientkey k = keys[i];

		for (size_t n = k.depth; n < CLIENTKEY_DEPTH_MAX; n++)
			k.number[n] = 99; /* not looked at */
		assert_ptr_equal(player_find(&game, &k), made[i]);
	}
	assert_null(player_find(&game, &(struct clientkey){.depth = 2, .number = {2, 1}}));
}

/* ---- the stop ----------------------------------------------------------------------------------- */

static void a_stop_reads_all_there_is_then_saves_shows_and_says_goodbye(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	game_stop(&game, STOP_RESTART, "a test");
	assert_string_equal(heard(&m), "NOT READY\nARE YOU ALIVE\n");
	type(&m, 1, "save x\n");
	type(&m, 1, "hello\nhalf");
	assert_string_equal(heard(&m), "SAVE SUBCLIENT INFO 1:1 {\"s\":{\"v\":\"x\"}}\n"
				       "SEND SUBCLIENT TEXT 1:1 [hello]\\r\\n\n");
	assert_false(is_stopped());
	SAY(&m, i_am_alive, 0);
	assert_string_equal(heard(&m),
		"SEND SUBCLIENT TEXT 0:255 stop restart\\r\\n\n"
		"SAVE SUBCLIENT INFO 1:1 {\"s\":{\"v\":\"x\"},\"p\":\"half\"}\n"
		"SERVER GOING OFFLINE\nEND\n");
	assert_false(is_stopped());
	mux_close(&m);
	assert_true(is_stopped());
	assert_int_equal(game.stop, STOP_RESTART);
	ASSERT_HAS(logged(), "link: the multiplexer has read everything");
}

static void a_stop_without_a_link_is_at_once(UNUSED void **state)
{
	game_stop(&game, STOP_QUIT, "a test");
	turns();
	assert_true(is_stopped());
	assert_int_equal(game.stop, STOP_QUIT);
}

static void a_stop_when_the_link_is_lost_goes_on_without_it(UNUSED void **state)
{
	struct mux m = mux_ready();

	game_stop(&game, STOP_SIGNAL, "a test");
	turns();
	assert_false(is_stopped());
	mux_close(&m);
	assert_true(is_stopped());
	assert_true(game.stop_event_sent);
}

static void a_stop_waits_for_a_silent_multiplexer_no_longer_than_it_may(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	type(&m, 1, "half");
	heard(&m);
	assert_true(cvar_set(&game.cvars, "sv_stop_timeout", "10 s", false, &why));
	game_stop(&game, STOP_RESTART, "a test");
	pass_seconds(9);
	assert_false(is_stopped());
	pass_seconds(2);
	assert_true(is_stopped());
	ASSERT_HAS(logged(), "stop: the multiplexer does not answer; ending without it");
	/* It may yet read what is in the kernel. */
	assert_string_equal(heard(&m), "NOT READY\nARE YOU ALIVE\n"
				       "SEND SUBCLIENT TEXT 0:255 stop restart\\r\\n\n"
				       "SAVE SUBCLIENT INFO 1:1 {\"p\":\"half\"}\n"
				       "SERVER GOING OFFLINE\nEND\n");
	mux_close(&m);
}

static void a_stop_during_the_listing_leaves_what_was_saved_alone(UNUSED void **state)
{
	struct mux m = mux_prove();

	list_user(&m, 1, "192.0.2.1", "{\"s\":1,\"p\":\"half\"}");
	turns();
	game_stop(&game, STOP_RESTART, "a test");
	SAY(&m, done_sending_all_subclient_info, 0);
	SAY(&m, i_am_alive, 0);
	assert_string_equal(heard(&m), "NOT READY\nARE YOU ALIVE\n"
				       "SEND SUBCLIENT TEXT 0:255 stop restart\\r\\n\n"
				       "SERVER GOING OFFLINE\nEND\n");
	mux_close(&m);
	assert_true(is_stopped());
}

/* Ten thousand players with much saved must not make a restart slow. */
static void a_stop_saves_what_is_new_and_that_alone(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	accept_user(&m, 2);
	type(&m, 1, "save x\n");
	heard(&m);
	game_stop(&game, STOP_RESTART, "a test");
	type(&m, 2, "save y\n");
	SAY(&m, i_am_alive, 0);
	const char *all = heard(&m);
	ASSERT_HAS_NOT(all, "SAVE SUBCLIENT INFO 1:1");
	ASSERT_HAS(all, "SAVE SUBCLIENT INFO 2:1 {\"s\":{\"v\":\"y\"}}\n");
	mux_close(&m);
}

/* What was saved without a link, or lost with it, would be told behind the listing. */
static void a_stop_before_the_listing_is_through_saves_what_the_link_lost(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	type(&m, 1, "save x\n");
	mux_close(&m);
	m = mux_prove();
	turns();
	game_stop(&game, STOP_RESTART, "a test");
	SAY(&m, i_am_alive, 0);
	ASSERT_HAS(heard(&m), "SAVE SUBCLIENT INFO 1:1 {\"s\":{\"v\":\"x\"}}\n");
	mux_close(&m);
}

static void the_game_ends_with_the_multiplexer(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	SAY(&m, mux_going_offline, 0);
	turns();
	assert_true(is_stopped());
	assert_int_equal(game.stop, STOP_MULTIPLEXER);
	assert_true(game.stop_event_sent);
	mux_close(&m);
}

/* A restart asked for twice is one restart; and what is typed or kept must not go lost in it. */
static void a_second_restart_changes_nothing(UNUSED void **state)
{
	struct mux m = mux_ready();

	game_stop(&game, STOP_RESTART, "a test");
	game_stop(&game, STOP_RESTART, "the same test");
	turns();
	assert_false(is_stopped());
	SAY(&m, i_am_alive, 0);
	assert_string_equal(heard(&m), "NOT READY\nARE YOU ALIVE\n"
				       "SEND SUBCLIENT TEXT 0:255 stop restart\\r\\n\n"
				       "SERVER GOING OFFLINE\nEND\n");
	mux_close(&m);
	assert_int_equal(game.stop, STOP_RESTART);
}

static void an_end_asked_for_during_a_restart_is_an_end_and_still_orderly(UNUSED void **state)
{
	struct mux m = mux_ready();

	game_stop(&game, STOP_RESTART, "a test");
	game_stop(&game, STOP_SIGNAL, "SIGTERM");
	turns();
	assert_false(is_stopped());
	SAY(&m, i_am_alive, 0);
	ASSERT_HAS(heard(&m), "SERVER GOING OFFLINE\nEND\n");
	mux_close(&m);
	assert_true(is_stopped());
	assert_int_equal(game.stop, STOP_SIGNAL);
}

static void a_second_signal_ends_at_once(UNUSED void **state)
{
	struct mux m = mux_ready();

	game_stop(&game, STOP_SIGNAL, "SIGTERM");
	turns();
	assert_false(is_stopped());
	game_stop(&game, STOP_SIGNAL, "SIGTERM");
	assert_true(is_stopped());
	mux_close(&m);
}

static void nothing_of_the_script_runs_behind_its_stop(UNUSED void **state)
{
	start_game("game.on('stop', function() all:send('stop') end)\n"
		   "game.on('frame', function() all:send('frame') end)\n");
	const char *why;
	struct mux m = mux_ready();

	assert_true(cvar_set(&game.cvars, "sv_fps", "1000", true, &why));
	frames_set(&game.frames, 1000);
	game_stop(&game, STOP_RESTART, "a test");
	SAY(&m, i_am_alive, 0);
	turns();
	uint64_t frames = game.metrics.frames;
	usleep(20 * 1000);
	turns();
	assert_int_equal(game.metrics.frames, frames);
	const char *all = heard(&m), *stop = strstr(all, "stop");
	assert_non_null(stop);
	ASSERT_HAS_NOT(stop, "frame");
	mux_close(&m);
}

static void a_script_may_speak_before_there_is_a_link(UNUSED void **state)
{
	start_game("all:send('loading')\n"
		   "game.on('start', function() all:send('starting') end)\n");
	struct mux m = mux_ready();

	mux_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAME_TEST(who_is_kicked_sees_why_and_has_left_at_once),
		GAME_TEST(who_is_kicked_is_freed_when_the_multiplexer_says_so),
		GAME_TEST(what_the_kicked_one_typed_behind_it_is_not_read),
		GAME_TEST(a_kick_that_went_lost_with_the_link_is_repeated),
		GAME_TEST(a_kicked_one_is_not_kicked_twice),
		EMPTY_TEST(scripts_may_kick_from_everywhere),
		EMPTY_TEST(those_not_listed_may_take_others_with_them),
		GAME_TEST(an_old_handle_finds_nobody_even_when_the_key_comes_again),
		GAME_TEST(keys_are_told_apart_by_every_number_and_by_depth_alone),
		GAME_TEST(a_stop_reads_all_there_is_then_saves_shows_and_says_goodbye),
		GAME_TEST(a_stop_without_a_link_is_at_once),
		GAME_TEST(a_stop_when_the_link_is_lost_goes_on_without_it),
		GAME_TEST(a_stop_waits_for_a_silent_multiplexer_no_longer_than_it_may),
		GAME_TEST(a_stop_during_the_listing_leaves_what_was_saved_alone),
		GAME_TEST(a_stop_saves_what_is_new_and_that_alone),
		GAME_TEST(a_stop_before_the_listing_is_through_saves_what_the_link_lost),
		GAME_TEST(the_game_ends_with_the_multiplexer),
		GAME_TEST(a_second_restart_changes_nothing),
		GAME_TEST(an_end_asked_for_during_a_restart_is_an_end_and_still_orderly),
		GAME_TEST(a_second_signal_ends_at_once),
		EMPTY_TEST(nothing_of_the_script_runs_behind_its_stop),
		EMPTY_TEST(a_script_may_speak_before_there_is_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
