/* Several multiplexers in front of one game. */
#include "tests/unit/server/real_game.h"

/* Incarnations. */
#define A "multiplexer.. A."
#define B "multiplexer.. B."
#define C "multiplexer.. C."
#define D "multiplexer.. D."

_Static_assert(sizeof A == INCARNATION_LEN + 1, "as long as they are on the wire");

static int set_up_three(void **state)
{
	const char *why;

	set_up_empty(state);
	assert_true(cvar_set(&game.cvars, "sv_multiplexers", "3", true, &why));
	start_game(MAP);
	return 0;
}

#define THREE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up_three, tear_down)

static enum muxlink_state state_of(uint32_t number)
{
	return muxlink_state(muxlinks_find(game.muxlinks, number));
}

/* ---- who is who --------------------------------------------------------------------------------- */

static void the_same_key_on_two_links_is_two_players(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");

	accept_user(&a, 5);
	accept_user(&b, 5);
	heard(&a);
	heard(&b);
	assert_ptr_not_equal(find_on(1, 5), find_on(2, 5));
	assert_null(find_on(3, 5));
	type(&a, 5, "I am A\n");
	type(&b, 5, "I am B\n");
	assert_string_equal(heard(&a), "SEND SUBCLIENT TEXT 5:1 [I am A]\\r\\n\n");
	assert_string_equal(heard(&b), "SEND SUBCLIENT TEXT 5:1 [I am B]\\r\\n\n");
	type(&b, 5, "save me\n");
	assert_string_equal(heard(&a), "");
	assert_string_equal(heard(&b), "SAVE SUBCLIENT INFO 5:1 {\"s\":{\"v\":\"me\"}}\n");
	type(&a, 5, "kick\n");
	assert_string_equal(heard(&a),
		"SEND SUBCLIENT TEXT 0:255 leave 5:1:1 kicked\\r\\n\nKILL SUBCLIENT 5:1\n");
	assert_string_equal(heard(&b), "SEND SUBCLIENT TEXT 0:255 leave 5:1:1 kicked\\r\\n\n");
	SAY(&a, killed_subclient, .who = key(5));
	turns();
	assert_null(find_on(1, 5));
	assert_int_equal(find_on(2, 5)->state, PLAYER_HERE);
	mux_close(&a);
	mux_close(&b);
}

static void keys_are_shown_and_found_with_the_number_of_the_link_behind_them(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");
	char text[PLAYER_KEY_TEXT_MAX];

	accept_user(&a, 5);
	accept_user(&b, 5);
	ASSERT_HAS(heard(&b), "join 5:1:2");
	struct player *p = find_on(2, 5);
	assert_string_equal(player_key_text(p, text), "5:1:2");
	assert_string_equal(player_label(p), "player 5:1:2 (192.0.2.1)");
	assert_ptr_equal(player_find_text(&game, "5:1:2"), p);
	assert_ptr_equal(player_find_text(&game, "5:1:1"), find_on(1, 5));
	char long_one[300];
	for (size_t i = 0; i < sizeof long_one; i++)
		long_one[i] = i % 2 == 0 ? '1' : ':';
	long_one[sizeof long_one - 1] = '\0';
	const char *const nobody[] = {"5:1", "5:1:3", "5:1:0", "5:1:99", "5:1:", ":2", "2", "",
		"Ann", "5:1:2:2", "5:1:4294967298", long_one};
	for (size_t i = 0; i < ARRAY_LEN(nobody); i++)
		if (player_find_text(&game, nobody[i]) != NULL)
			fail_msg("'%s' is somebody", nobody[i]);
	mux_close(&a);
	mux_close(&b);
}

static void the_deepest_key_has_room_for_the_number_too(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");
	struct clientkey deep = {.depth = 10};
	char text[PLAYER_KEY_TEXT_MAX];

	for (size_t i = 0; i < 10; i++)
		deep.number[i] = UINT32_MAX;
	SAY(&b, got_subclient, .who = deep, .protocol = slice_text("raw"),
		.ip = slice_text("192.0.2.1"));
	SAY(&b, done_sending_subclient_info, .who = deep);
	turns();
	struct player *p = player_find(&game, 2, &deep);
	assert_non_null(p);
	assert_int_equal(strlen(player_key_text(p, text)), 10 * 11 + 1);
	assert_string_equal(text + 10 * 11 - 1, ":2");
	assert_ptr_equal(player_find_text(&game, text), p);
	player_send(p, slice_text("hi\n"));
	ASSERT_HAS(heard(&b), "SEND SUBCLIENT TEXT 4294967295:4294967295:");
	mux_close(&a);
	mux_close(&b);
}

/* ---- which number ------------------------------------------------------------------------------- */

static void each_gets_the_lowest_number_and_one_too_many_is_told_so(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists"),
		   c = mux_ready_as(C, "lists"), d = mux_prove_as(D, "lists");

	assert_string_equal(heard(&d), "LINK REFUSED there are 3 multiplexers already, as many as "
				       "sv_multiplexers allows\nEND\n");
	accept_user(&c, 1);
	assert_non_null(find_on(3, 1));
	assert_int_equal(game.metrics.links_now, 3);
	mux_close(&d);
	mux_close(&b);
	assert_int_equal(game.metrics.links_now, 2);
	d = mux_ready_as(D, "lists");
	accept_user(&d, 1);
	assert_non_null(find_on(2, 1));
	mux_close(&a);
	mux_close(&c);
	mux_close(&d);
}

static void who_comes_back_has_his_old_number_and_his_players(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");

	accept_user(&a, 1);
	accept_user(&b, 1);
	struct player *of_a = find_on(1, 1), *of_b = find_on(2, 1);
	mux_close(&a);
	mux_close(&b);
	b = mux_prove_as(B, "lists");
	list_user(&b, 1, "192.0.2.1", NULL);
	SAY(&b, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&b), "READY\n");
	a = mux_prove_as(A, "lists");
	list_user(&a, 1, "192.0.2.1", NULL);
	SAY(&a, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&a), "READY\n");
	assert_ptr_equal(find_on(1, 1), of_a);
	assert_ptr_equal(find_on(2, 1), of_b);
	mux_close(&a);
	mux_close(&b);
}

static void whom_another_server_had_meanwhile_are_as_that_one_left_them(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");

	accept_user(&a, 1);
	accept_user(&b, 1);
	mux_close(&a);
	heard(&b);
	a = mux_prove_as("MULTiplexer.. A.", "lists");
	ASSERT_HAS(heard(&b), "leave 1:1:1 gone");
	ASSERT_HAS(logged(), "link 1: another game server had its players meanwhile");
	list_user(&a, 1, "192.0.2.1", "{\"n\":\"Ann\"}");
	SAY(&a, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&a), "READY\n");
	assert_string_equal(find_on(1, 1)->name, "Ann");
	/* It is the same from then on, and what comes is what it sends. */
	struct player *of_a = find_on(1, 1);
	mux_close(&a);
	a = mux_prove_as("MULTiplexer.. A.", "lists");
	list_user(&a, 1, "192.0.2.1", NULL);
	SAY(&a, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&a), "READY\n");
	assert_ptr_equal(find_on(1, 1), of_a);
	mux_close(&a);
	mux_close(&b);
}

static void nobody_leaves_for_a_newcomer_while_there_is_room(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");

	accept_user(&a, 1);
	mux_close(&a);
	struct mux c = mux_ready_as(C, "lists"); /* not 1, where somebody may come back to */
	assert_int_equal(state_of(1), MUXLINK_ALONE);
	assert_int_equal(state_of(3), MUXLINK_READY);
	assert_int_equal(find_on(1, 1)->state, PLAYER_HERE);
	heard(&b);
	struct mux d = mux_ready_as(D, "lists"); /* there is no other place */
	assert_null(find_on(1, 1));
	ASSERT_HAS(heard(&b), "leave 1:1:1 gone");
	ASSERT_HAS(logged(), "link 1: this is another multiplexer than before");
	a = mux_prove_as(A, "lists");
	ASSERT_HAS(heard(&a), "LINK REFUSED");
	mux_close(&a);
	mux_close(&b);
	mux_close(&c);
	mux_close(&d);
}

static void who_dials_anew_before_his_old_link_is_found_dead_gets_it_over(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");

	accept_user(&a, 1);
	struct player *p = find_on(1, 1);
	struct mux again = mux_prove_as(A, "lists");
	list_user(&again, 1, "192.0.2.1", NULL);
	SAY(&again, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&again), "READY\n");
	ASSERT_HAS(heard(&a), "END\n");
	ASSERT_HAS(logged(), "link 1: given up: its multiplexer has dialled anew");
	assert_ptr_equal(find_on(1, 1), p);
	type(&again, 1, "here\n");
	assert_string_equal(heard(&again), "SEND SUBCLIENT TEXT 1:1 [here]\\r\\n\n");
	assert_int_equal(state_of(3), MUXLINK_ALONE);
	mux_close(&a);
	mux_close(&b);
	mux_close(&again);
}

static void a_plain_one_that_can_only_be_the_old_one_keeps_its_players(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), plain = mux_ready();

	accept_user(&plain, 1);
	struct player *p = find_on(2, 1);
	mux_close(&plain);
	plain = mux_prove();
	list_user(&plain, 1, "192.0.2.1", NULL);
	SAY(&plain, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&plain), "READY\n");
	assert_ptr_equal(find_on(2, 1), p);
	mux_close(&a);
	mux_close(&plain);
}

static void two_plain_ones_are_never_taken_for_each_other(UNUSED void **state)
{
	struct mux one = mux_ready(), two = mux_ready();

	accept_user(&one, 1);
	accept_user(&two, 1);
	player_set_name(find_on(1, 1), "Ann", &(const char *){NULL});
	mux_close(&one);
	mux_close(&two);
	two = mux_prove(); /* with the same key, protocol and address as the user of the other */
	list_user(&two, 1, "192.0.2.1", NULL);
	SAY(&two, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&two), "READY\n");
	assert_non_null(find_on(3, 1));
	assert_null(find_on(3, 1)->name);
	mux_close(&two);
}

static void one_that_says_who_it_is_is_not_the_plain_one_that_did_not(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	mux_close(&m);
	m = mux_prove_as(A, "lists");
	list_user(&m, 1, "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 leave 1:1 gone\\r\\n\n"
				       "SEND SUBCLIENT TEXT 0:255 restore 1:1 -\\r\\n\n"
				       "READY\n");
	mux_close(&m);
}

static void game_again(void)
{
	const char *why;

	end_game();
	open_game();
	assert_true(cvar_set(&game.cvars, "sv_multiplexers", "3", true, &why));
	start_game(MAP);
}

static void the_next_server_gives_each_its_old_number(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists"), plain = mux_ready();

	mux_close(&a);
	mux_close(&b);
	mux_close(&plain);
	game_again();
	struct mux c = mux_ready_as(C, "lists"); /* is new here, and gets no number of another */
	b = mux_ready_as(B, "lists");
	a = mux_ready_as(A, "lists");
	accept_user(&a, 1);
	accept_user(&b, 1);
	accept_user(&c, 1);
	ASSERT_HAS(heard(&a), "join 1:1:1");
	ASSERT_HAS(heard(&b), "join 1:1:2");
	ASSERT_HAS(heard(&c), "join 1:1:3");
	mux_close(&a);
	mux_close(&b);
	mux_close(&c);
}

static void who_went_offline_for_good_is_not_expected_back(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");

	SAY(&a, mux_going_offline, 0);
	turns();
	mux_close(&a);
	mux_close(&b);
	game_again();
	struct mux c = mux_ready_as(C, "lists");
	assert_int_equal(state_of(1), MUXLINK_READY);
	mux_close(&c);
}

static void a_file_of_numbers_that_makes_no_sense_is_passed_over(UNUSED void **state)
{
	char path[200];

	snprintf(path, sizeof path, "%s/links", run_dir);
	write_file(path, "1\n0 00112233445566778899aabbccddeeff\n"
			 "4 00112233445566778899aabbccddeeff\n"
			 "99999999999999999999 00112233445566778899aabbccddeeff\n"
			 "1 00112233445566778899aabbccddee\n"
			 "1 0-112233445566778899aabbccddeeff\n"
			 "1 -1 2233445566778899aabbccddeeff00\n"
			 "1 00112233445566778899aabbccddeeff00\n"
			 "2 6d756c7469706c657865722e2e20412e\n" /* A */
			 "1 0011223344556677889900112233445566778899001122334455667788990011223344"
			 "5566778899\n"
			 "\n3 0011");
	game_again();
	struct mux a = mux_ready_as(A, "lists");
	assert_int_equal(state_of(2), MUXLINK_READY);
	assert_false(muxlinks_find(game.muxlinks, 1)->taken);
	assert_false(muxlinks_find(game.muxlinks, 3)->taken);
	mux_close(&a);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* it can be neither read nor written */
	game_again();
	a = mux_ready_as(A, "lists");
	assert_int_equal(state_of(1), MUXLINK_READY);
	ASSERT_HAS(logged(), "links: cannot be written: ");
	mux_close(&a);
}

static void as_many_as_there_may_be_can_come_at_the_same_moment(UNUSED void **state)
{
	struct mux all[64];
	const char *why;

	assert_true(cvar_set(&game.cvars, "sv_multiplexers", "64", true, &why));
	start_game(MAP);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		all[i] = mux_dial();
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		char incarnation[INCARNATION_LEN + 1];

		snprintf(incarnation, sizeof incarnation, "multiplexer.. %02zu", i);
		SAY(&all[i], multiplexer_hello, .version = 1, .features = slice_text("lists"),
			.incarnation = slice_text(incarnation));
		SAY(&all[i], accepting_all, 0);
		SAY(&all[i], done_sending_all_subclient_info, 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		ASSERT_HAS(heard(&all[i]), "READY\n");
	assert_int_equal(game.metrics.links_now, 64);
	accept_user(&all[63], 1);
	ASSERT_HAS(heard(&all[0]), "join 1:1:64");
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		mux_close(&all[i]);
	assert_int_equal(game.metrics.links_now, 0);
}

/* ---- one link does not disturb another ---------------------------------------------------------- */

static void a_listing_on_one_link_leaves_the_players_of_the_others_alone(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_prove_as(B, "lists");

	accept_user(&a, 1);
	list_user(&b, 1, "192.0.2.1", NULL);
	turns();
	assert_int_equal(state_of(1), MUXLINK_READY);
	assert_int_equal(state_of(2), MUXLINK_LISTING);
	accept_user(&a, 2); /* joins at once, whatever b is doing */
	ASSERT_HAS(heard(&a), "join 2:1:1");
	type(&a, 1, "hello\n");
	assert_string_equal(heard(&a), "SEND SUBCLIENT TEXT 1:1 [hello]\\r\\n\n");
	SAY(&b, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&b), "restore 1:1:2");
	assert_int_equal(find_on(1, 1)->state, PLAYER_HERE);
	assert_int_equal(find_on(1, 2)->state, PLAYER_HERE);
	mux_close(&b);
	mux_close(&a);
}

static void garbage_on_one_link_cuts_that_one_off(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");

	accept_user(&a, 1);
	accept_user(&b, 1);
	heard(&a);
	mux_write(&b, "\x04\x00\x05\x00", 4);
	turns();
	ASSERT_HAS(logged(), "link 2: cut off: READY (5): not a message for this side");
	type(&a, 1, "hello\n");
	assert_string_equal(heard(&a), "SEND SUBCLIENT TEXT 1:1 [hello]\\r\\n\n");
	assert_int_equal(find_on(2, 1)->state, PLAYER_HERE);
	mux_close(&a);
	mux_close(&b);
}

static void one_that_hangs_is_given_up_and_the_others_go_on(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists heartbeat");
	const char *why;

	cvar_set(&game.cvars, "sv_link_timeout", "2s", true, &why);
	accept_user(&a, 1);
	for (int i = 0; i < 8; i++)
		pass_seconds(1);
	assert_int_equal(state_of(1), MUXLINK_READY);
	assert_int_equal(state_of(2), MUXLINK_ALONE);
	ASSERT_HAS(logged(), "link 2: given up: the multiplexer has not answered for too long");
	mux_close(&a);
	mux_close(&b);
}

static void each_is_told_how_many_of_its_own_messages_were_handled(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "handled"), b = mux_ready_as(B, "handled");

	heard(&a);
	heard(&b);
	accept_user(&a, 1); /* hello, mode, end of listing, and two more */
	ASSERT_HAS(heard(&a), "HANDLED 5\n");
	assert_string_equal(heard(&b), "SEND SUBCLIENT TEXT 0:255 join 1:1:1\\r\\n\n");
	SAY(&b, tick, 0);
	assert_string_equal(heard(&b), "HANDLED 4\n");
	assert_string_equal(heard(&a), "");
	mux_close(&a);
	mux_close(&b);
}

/* ---- those who are away ------------------------------------------------------------------------- */

static void who_is_away_for_too_long_has_left_if_there_are_others(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");
	const char *why;

	cvar_set(&game.cvars, "sv_link_grace", "3s", true, &why);
	accept_user(&a, 1);
	accept_user(&b, 1);
	mux_close(&a);
	heard(&b);
	for (int i = 0; i < 3; i++)
		pass_seconds(1);
	assert_int_equal(find_on(1, 1)->state, PLAYER_HERE);
	for (int i = 0; i < 8; i++)
		pass_seconds(1);
	assert_null(find_on(1, 1));
	ASSERT_HAS(heard(&b), "leave 1:1:1 gone");
	ASSERT_HAS(logged(), "link 1: its multiplexer has been away for too long");
	a = mux_prove_as(A, "lists"); /* it is back all the same, and nobody was disconnected */
	list_user(&a, 1, "192.0.2.1", "{\"s\":{\"v\":1}}");
	SAY(&a, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&a), "restore 1:1:1 {\"v\":1}");
	mux_close(&a);
	mux_close(&b);
}

static void if_all_are_away_nobody_leaves(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists");
	const char *why;

	cvar_set(&game.cvars, "sv_link_grace", "1s", true, &why);
	accept_user(&a, 1);
	mux_close(&a);
	for (int i = 0; i < 20; i++)
		pass_seconds(1);
	assert_int_equal(find_on(1, 1)->state, PLAYER_HERE);
}

static void the_players_of_one_that_goes_offline_leave_and_the_game_goes_on(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");

	accept_user(&a, 1);
	accept_user(&b, 1);
	heard(&a);
	SAY(&b, mux_going_offline, 0);
	turns();
	ASSERT_HAS(heard(&a), "leave 1:1:2 gone");
	assert_null(find_on(2, 1));
	mux_close(&b);
	assert_int_equal(game.stop, STOP_NOT);
	ASSERT_HAS(logged(), "link 2: the multiplexer has gone offline");
	type(&a, 1, "hello\n");
	assert_string_equal(heard(&a), "SEND SUBCLIENT TEXT 1:1 [hello]\\r\\n\n");
	SAY(&a, mux_going_offline, 0); /* the last one */
	turns();
	assert_int_equal(game.stop, STOP_MULTIPLEXER);
	assert_true(is_stopped());
	mux_close(&a);
}

/* ---- to many at once ---------------------------------------------------------------------------- */

static void a_list_has_a_part_on_each_link_and_is_sent_once_to_each(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists"), c = mux_ready();

	for (uint32_t n = 1; n <= 2; n++) {
		accept_user(&a, n);
		accept_user(&b, n);
		accept_user(&c, n);
	}
	heard(&a);
	heard(&b);
	heard(&c);
	type(&a, 1, "list 1:1:1 2:1:1 2:1:2 1:1:3\n");
	assert_string_equal(heard(&a),
		"MAKE LIST 1:255\nADD TO LIST 1:255 1:1\nADD TO LIST 1:255 2:1\n"
		"SEND SUBCLIENT TEXT 1:255 listed\\r\\n\n");
	assert_string_equal(heard(&b), "MAKE LIST 1:255\nADD TO LIST 1:255 2:1\n"
				       "SEND SUBCLIENT TEXT 1:255 listed\\r\\n\n");
	assert_string_equal(heard(&c), "SEND SUBCLIENT TEXT 1:1 listed\\r\\n\n"); /* plain */
	SAY(&b, lost_subclient, .who = key(2)); /* the last of the list there */
	heard(&b);
	heard(&a);
	heard(&c);
	type(&a, 1, "again\n");
	assert_string_equal(heard(&a), "SEND SUBCLIENT TEXT 1:255 again\\r\\n\n");
	assert_string_equal(heard(&b), "");
	assert_string_equal(heard(&c), "SEND SUBCLIENT TEXT 1:1 again\\r\\n\n");
	mux_close(&a);
	a = mux_prove_as(A, "lists");
	list_user(&a, 1, "192.0.2.1", NULL);
	list_user(&a, 2, "192.0.2.1", NULL);
	SAY(&a, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&a), "MAKE LIST 1:255\nADD TO LIST 1:255 1:1\n"
				       "ADD TO LIST 1:255 2:1\nREADY\n");
	mux_close(&a);
	mux_close(&b);
	mux_close(&c);
}

static void a_list_the_multiplexer_does_not_have_is_no_player(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists");

	for (int i = 0; i < 100; i++)
		SAY(&a, no_such_subclient, .who = clientkey_of(7, CLIENTKEY_LIST));
	turns();
	const char *log = strstr(logged(), "link 1: the multiplexer does not know our list 7");
	assert_non_null(log);
	assert_null(strstr(
		log + strlen("link 1: the multiplexer does not"), "does not")); /* once a second */
	assert_int_equal(game.metrics.unknown_lists, 100);
	assert_int_equal(game.metrics.unknown_key, 0);
	SAY(&a, got_subclient, .who = clientkey_of(7, CLIENTKEY_LIST),
		.protocol = slice_text("raw"), .ip = slice_text("192.0.2.1"));
	turns();
	ASSERT_HAS(logged(), "argument 1 (who): 7:255 is the key of a list");
	mux_close(&a);
}

static void the_accept_mode_goes_to_all_and_is_mixed_when_they_do_not_agree(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists"), b = mux_ready_as(B, "lists");

	assert_string_equal(game_accept_word(&game), "all");
	assert_true(game_accept(&game, true));
	assert_string_equal(heard(&a), "ACCEPT LOCALHOST ONLY\n");
	assert_string_equal(heard(&b), "ACCEPT LOCALHOST ONLY\n");
	SAY(&a, accepting_localhost_only, 0);
	turns();
	assert_string_equal(game_accept_word(&game), "mixed");
	accept_user(&a, 1);
	heard(&a);
	type(&a, 1, "accept\n");
	assert_string_equal(heard(&a), "SEND SUBCLIENT TEXT 1:1 mixed\\r\\n\n");
	SAY(&b, accepting_localhost_only, 0);
	turns();
	assert_string_equal(game_accept_word(&game), "localhost");
	SAY(&b, accepting_all, 0);
	mux_close(&b);
	assert_string_equal(game_accept_word(&game), "localhost"); /* of those who are there */
	mux_close(&a);
	assert_string_equal(game_accept_word(&game), "mixed"); /* as they were last */
}

/* ---- an orderly stop ---------------------------------------------------------------------------- */

static void a_stop_waits_for_the_marks_of_all_links(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "pause"), b = mux_ready(), c = mux_prove_as(C, "pause");

	accept_user(&a, 1);
	accept_user(&b, 1);
	heard(&a);
	heard(&b);
	heard(&c);
	game_stop(&game, STOP_RESTART, "a test");
	assert_string_equal(heard(&a), "PAUSE\n");
	assert_string_equal(heard(&b), "NOT READY\nARE YOU ALIVE\n");
	assert_string_equal(heard(&c), "PAUSE\n");
	SAY(&a, paused, 0);
	turns();
	assert_false(game.stop_event_sent);
	assert_int_equal(state_of(1), MUXLINK_QUIET);
	type(&b, 1, "the last\nha"); /* was on its way */
	ASSERT_HAS(heard(&b), "[the last]");
	assert_string_equal(heard(&a), "");
	SAY(&b, i_am_alive, 0);
	turns();
	assert_false(game.stop_event_sent);
	SAY(&c, paused, 0);
	assert_string_equal(heard(&a), "SEND SUBCLIENT TEXT 0:255 stop restart\\r\\n\n"
				       "SERVER GOING OFFLINE\nEND\n");
	assert_string_equal(heard(&b), "SEND SUBCLIENT TEXT 0:255 stop restart\\r\\n\n"
				       "SAVE SUBCLIENT INFO 1:1 {\"p\":\"ha\"}\n"
				       "SERVER GOING OFFLINE\nEND\n");
	assert_string_equal(heard(&c), "SEND SUBCLIENT TEXT 0:255 stop restart\\r\\n\n"
				       "SERVER GOING OFFLINE\nEND\n");
	assert_false(is_stopped());
	/* Whoever of them dials again at once does not find the door of the game that goes. */
	assert_int_equal(access(path_of("run/link.sock"), F_OK), -1);
	mux_close(&a);
	mux_close(&b);
	assert_false(is_stopped());
	mux_close(&c);
	assert_true(is_stopped());
}

static void a_link_that_dies_meanwhile_is_not_waited_for(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "pause"), b = mux_ready_as(B, "pause");

	game_stop(&game, STOP_QUIT, "a test");
	SAY(&a, paused, 0);
	turns();
	assert_false(game.stop_event_sent);
	struct mux late = mux_prove_as(C, "pause");
	ASSERT_HAS(heard(&late), "LINK REFUSED the game is stopping\nEND\n");
	mux_close(&b);
	assert_true(game.stop_event_sent);
	ASSERT_HAS(heard(&a), "SERVER GOING OFFLINE\nEND\n");
	mux_close(&a);
	assert_true(is_stopped());
	mux_close(&late);
}

static void nobody_can_dial_a_server_that_has_said_goodbye(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "pause");
	char path[100];

	snprintf(path, sizeof path, "%.60s/link.sock", run_dir);
	assert_int_equal(access(path, F_OK), 0);
	game_stop(&game, STOP_QUIT, "a test");
	SAY(&a, paused, 0);
	turns();
	ASSERT_HAS(heard(&a), "SERVER GOING OFFLINE\nEND\n");
	assert_false(is_stopped());
	assert_int_equal(access(path, F_OK), -1);
	mux_close(&a);
	assert_true(is_stopped());
}

static void one_that_does_not_answer_holds_the_stop_up_for_sv_stop_timeout(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "pause"), b = mux_ready_as(B, "pause");

	accept_user(&a, 1);
	heard(&a);
	game_stop(&game, STOP_RESTART, "a test");
	SAY(&a, paused, 0);
	turns();
	pass_seconds(4);
	assert_false(game.stop_event_sent);
	pass_seconds(2);
	assert_true(game.stop_event_sent);
	assert_true(is_stopped());
	ASSERT_HAS(heard(&a), "stop restart");
	ASSERT_HAS(heard(&b), "SERVER GOING OFFLINE");
	mux_close(&a);
	mux_close(&b);
}

static void status_has_a_row_for_each_link_that_is_or_was_there(UNUSED void **state)
{
	struct mux a = mux_ready_as(A, "lists pause"), b = mux_ready();
	json_t *rows;

	accept_user(&a, 1);
	accept_user(&a, 2);
	accept_user(&b, 1);
	mux_close(&b);
	rows = muxlinks_status(game.muxlinks);
	char *text = json_dumps(rows, JSON_COMPACT);
	assert_string_equal(text,
		"[{\"number\":1,\"state\":\"ready\",\"multiplexer\":\"unix\",\"players\":2,"
		"\"accept\":\"all\",\"features\":\"lists pause\"},"
		"{\"number\":2,\"state\":\"alone\",\"multiplexer\":\"away\",\"players\":1,"
		"\"accept\":\"all\",\"features\":\"none\"}]");
	assert_string_equal(muxlinks_state_word(game.muxlinks), "ready");
	free(text);
	json_decref(rows);
	mux_close(&a);
	assert_string_equal(muxlinks_state_word(game.muxlinks), "alone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		THREE_TEST(the_same_key_on_two_links_is_two_players),
		THREE_TEST(keys_are_shown_and_found_with_the_number_of_the_link_behind_them),
		THREE_TEST(the_deepest_key_has_room_for_the_number_too),
		THREE_TEST(each_gets_the_lowest_number_and_one_too_many_is_told_so),
		THREE_TEST(who_comes_back_has_his_old_number_and_his_players),
		THREE_TEST(whom_another_server_had_meanwhile_are_as_that_one_left_them),
		THREE_TEST(nobody_leaves_for_a_newcomer_while_there_is_room),
		THREE_TEST(who_dials_anew_before_his_old_link_is_found_dead_gets_it_over),
		THREE_TEST(a_plain_one_that_can_only_be_the_old_one_keeps_its_players),
		THREE_TEST(two_plain_ones_are_never_taken_for_each_other),
		THREE_TEST(the_next_server_gives_each_its_old_number),
		THREE_TEST(who_went_offline_for_good_is_not_expected_back),
		THREE_TEST(a_file_of_numbers_that_makes_no_sense_is_passed_over),
		EMPTY_TEST(as_many_as_there_may_be_can_come_at_the_same_moment),
		GAME_TEST(one_that_says_who_it_is_is_not_the_plain_one_that_did_not),
		THREE_TEST(a_listing_on_one_link_leaves_the_players_of_the_others_alone),
		THREE_TEST(garbage_on_one_link_cuts_that_one_off),
		THREE_TEST(one_that_hangs_is_given_up_and_the_others_go_on),
		THREE_TEST(each_is_told_how_many_of_its_own_messages_were_handled),
		THREE_TEST(who_is_away_for_too_long_has_left_if_there_are_others),
		THREE_TEST(if_all_are_away_nobody_leaves),
		THREE_TEST(the_players_of_one_that_goes_offline_leave_and_the_game_goes_on),
		THREE_TEST(a_list_has_a_part_on_each_link_and_is_sent_once_to_each),
		THREE_TEST(a_list_the_multiplexer_does_not_have_is_no_player),
		THREE_TEST(the_accept_mode_goes_to_all_and_is_mixed_when_they_do_not_agree),
		THREE_TEST(a_stop_waits_for_the_marks_of_all_links),
		THREE_TEST(a_link_that_dies_meanwhile_is_not_waited_for),
		THREE_TEST(nobody_can_dial_a_server_that_has_said_goodbye),
		THREE_TEST(one_that_does_not_answer_holds_the_stop_up_for_sv_stop_timeout),
		THREE_TEST(status_has_a_row_for_each_link_that_is_or_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
