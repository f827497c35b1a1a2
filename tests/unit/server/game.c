#include "tests/unit/server/real_game.h"

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
	ASSERT_HAS(logged(), "link: the multiplexer has closed the link");
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

/* ---- frames ------------------------------------------------------------------------------------- */

/* 10 ms or a multiple of it passed, though the next will be 1 ms. */
static void time_that_passed_is_told_by_the_beat_it_passed_at(UNUSED void **state)
{
	start_game("local told = false\n"
		   "game.on('frame', function(dt, n)\n"
		   "  if not told then all:send(string.format('%.6f', dt * 100)) told = true end\n"
		   "end)\n");
	struct mux m = mux_prove();
	const char *why;

	frames_set(&game.frames, 100);
	assert_true(cvar_set(&game.cvars, "sv_fps", "1000", false, &why));
	while (game.metrics.frames == 0)
		uv_run(&loop.uv, UV_RUN_ONCE);
	ASSERT_HAS(heard(&m), ".000000\\r\\n");
	assert_int_equal(game.frames.fps, 1000);
	mux_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		EMPTY_TEST(time_that_passed_is_told_by_the_beat_it_passed_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
