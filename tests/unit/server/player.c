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

static void the_log_says_who_comes_who_he_is_and_who_has_left(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	logged();
	accept_user(&m, 1);
	assert_true(player_set_name(player(1), "Ann", &why));
	assert_true(player_set_name(player(1), "Ann", &why)); /* no news */
	assert_true(player_set_name(player(1), "Bea", &why)); /* too soon to be told again */
	pass_seconds(2);
	assert_true(player_login(player(1), "Ann", &why));
	SAY(&m, lost_subclient, .who = key(1));
	heard(&m);
	const char *all = logged();
	ASSERT_HAS(all, "player 1:1 (192.0.2.1): joined\n");
	ASSERT_HAS(all, "player 1:1 (192.0.2.1): is Ann now\n");
	ASSERT_HAS_NOT(all, "is Bea now");
	ASSERT_HAS(strstr(all, "is Ann now") + 1, "is Ann now\n");
	ASSERT_HAS(all, "player 1:1 (192.0.2.1) Ann: has left\n");
	accept_user(&m, 2);
	SAY(&m, killed_subclient, .who = key(2));
	heard(&m);
	ASSERT_HAS(logged(), "player 2:1 (192.0.2.1): has left: ended by the game\n");
	accept_user(&m, 3);
	assert_true(player_set_name(player(3), "Cleo", &why));
	type(&m, 3, "kick bye\n");
	heard(&m);
	ASSERT_HAS(logged(), "player 3:1 (192.0.2.1) Cleo: has left: kicked: bye\n");
	mux_close(&m);
}

static void a_lookup_asks_for_both_and_the_script_hears_of_each_answer(UNUSED void **state)
{
	struct mux m = mux_ready();

	SAY(&m, got_subclient, .who = key(1), .protocol = slice_text("raw"),
		.ip = slice_text("192.0.2.1"));
	SAY(&m, subclient_dns_is, .who = key(1), .name = slice_text("a.example"));
	SAY(&m, done_sending_subclient_info, .who = key(1));
	ASSERT_HAS_NOT(heard(&m), "dns"); /* part of his arrival: no event */
	assert_string_equal(player(1)->dns, "a.example");
	type(&m, 1, "lookup\n");
	assert_string_equal(heard(&m), "GET SUBCLIENT DNS 1:1\nGET SUBCLIENT IDENTD 1:1\n");
	SAY(&m, subclient_identd_is, .who = key(1), .name = slice_text("bob"));
	SAY(&m, subclient_dns_is, .who = key(1), .name = slice_text("b.example"));
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 ident bob\\r\\n\n"
				       "SEND SUBCLIENT TEXT 0:255 dns b.example\\r\\n\n");
	SAY(&m, subclient_dns_is, .who = key(1), .name = slice_text("b.example"));
	assert_string_equal(heard(&m), ""); /* nobody has asked */
	type(&m, 1, "lookup\nlookup\n");
	type(&m, 1, "kick bye\n");
	ASSERT_HAS(heard(&m), "GET SUBCLIENT DNS 1:1\nGET SUBCLIENT IDENTD 1:1\n");
	SAY(&m, subclient_dns_is, .who = key(1), .name = slice_text("c.example"));
	assert_string_equal(heard(&m), ""); /* he has left */
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
		made[i] = player_new(muxlinks_find(game.muxlinks, 1), &keys[i], slice_text("raw"),
			slice_text("192.0.2.1"));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct clientkey k = keys[i];

		for (size_t n = k.depth; n < CLIENTKEY_DEPTH_MAX; n++)
			k.number[n] = 99; /* not looked at */
		assert_ptr_equal(player_find(&game, 1, &k), made[i]);
	}
	assert_null(player_find(&game, 1, &(struct clientkey){.depth = 2, .number = {2, 1}}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAME_TEST(who_is_kicked_sees_why_and_has_left_at_once),
		GAME_TEST(the_log_says_who_comes_who_he_is_and_who_has_left),
		GAME_TEST(a_lookup_asks_for_both_and_the_script_hears_of_each_answer),
		GAME_TEST(who_is_kicked_is_freed_when_the_multiplexer_says_so),
		GAME_TEST(what_the_kicked_one_typed_behind_it_is_not_read),
		GAME_TEST(a_kick_that_went_lost_with_the_link_is_repeated),
		GAME_TEST(a_kicked_one_is_not_kicked_twice),
		EMPTY_TEST(scripts_may_kick_from_everywhere),
		EMPTY_TEST(those_not_listed_may_take_others_with_them),
		GAME_TEST(an_old_handle_finds_nobody_even_when_the_key_comes_again),
		GAME_TEST(keys_are_told_apart_by_every_number_and_by_depth_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
