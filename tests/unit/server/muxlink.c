#include "tests/unit/server/real_game.h"

/* ---- a new link --------------------------------------------------------------------------------- */

static void who_connects_is_greeted_and_ready_comes_behind_the_listing(UNUSED void **state)
{
	struct mux m = mux_dial();

	assert_string_equal(heard(&m), GREETING);
	assert_int_equal(muxlink_state(muxlinks_find(game.muxlinks, 1)), MUXLINK_ALONE);
	SAY(&m, accepting_all, 0);
	assert_string_equal(heard(&m), "");
	assert_int_equal(muxlink_state(muxlinks_find(game.muxlinks, 1)), MUXLINK_LISTING);
	list_user(&m, 1, "192.0.2.1", NULL);
	assert_string_equal(heard(&m), ""); /* nobody is restored before all are known */
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 restore 1:1 -\\r\\n\nREADY\n");
	assert_int_equal(muxlink_state(muxlinks_find(game.muxlinks, 1)), MUXLINK_READY);
	mux_close(&m);
}

static void users_are_restored_in_the_order_of_the_listing_with_what_was_saved(UNUSED void **state)
{
	struct mux m = mux_prove();

	grant("Ann", "admin");
	list_user(&m, 7, "192.0.2.7", "{\"n\":\"Ann\",\"r\":\"admin\",\"s\":{\"v\":1}}");
	list_user(&m, 3, "192.0.2.3", NULL);
	list_user(&m, 5, "192.0.2.5", "{\"s\":{\"v\":\"x\"}}");
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 restore 7:1 {\"v\":1}\\r\\n\n"
				       "SEND SUBCLIENT TEXT 0:255 restore 3:1 -\\r\\n\n"
				       "SEND SUBCLIENT TEXT 0:255 restore 5:1 {\"v\":\"x\"}\\r\\n\n"
				       "READY\n");
	assert_string_equal(player(7)->name, "Ann");
	assert_string_equal(player(7)->role, "admin");
	assert_null(player(3)->name);
	assert_int_equal(loop_now_ms(&loop) - player(7)->input_ms >= 10000, 1);
	assert_int_equal(loop_now_ms(&loop) - player(7)->connected_ms >= 100000000, 1);
	mux_close(&m);
}

static void who_is_accepted_joins_when_all_is_known_of_him(UNUSED void **state)
{
	struct mux m = mux_ready();

	SAY(&m, got_subclient, .who = key(1), .protocol = slice_text("raw"),
		.ip = slice_text("2001:db8::1"));
	assert_string_equal(heard(&m), "");
	SAY(&m, done_sending_subclient_info, .who = key(1));
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 join 1:1\\r\\n\n");
	assert_string_equal(player(1)->protocol, "raw");
	assert_string_equal(player(1)->ip, "2001:db8::1");
	mux_close(&m);
}

static void the_accept_mode_is_kept(UNUSED void **state)
{
	struct mux m = mux_dial();

	SAY(&m, accepting_localhost_only, 0);
	turns();
	assert_string_equal(game_accept_word(&game), "localhost");
	SAY(&m, accepting_all, 0);
	turns();
	assert_string_equal(game_accept_word(&game), "all");
	mux_close(&m);
}

/* ---- who is no multiplexer ---------------------------------------------------------------------- */

static const struct {
	const char *what;
	size_t len;
	const char *bytes, *logged;
} strangers[] = {
	{"http", 18, "GET / HTTP/1.1\r\n\r\n", "refused"},
	{"tls", 11, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "refused"},
	{"a short length", 4, "\x03\x00\x01\x00", "refused"},
	{"five arguments", 4, "\x04\x00\x01\x05", "refused"},
	{"wrong direction", 4, "\x04\x00\x05\x00", "READY (5): not a message for this side"},
	{"news before the proof", 4, "\x04\x00\x30\x00",
		"DONE SENDING ALL SUBCLIENT INFO (48): before the answer to TELL ME YOUR ACCEPT "
		"MODE"},
	{"the end too soon", 4, "\x04\x00\x03\x00", "before the answer"},
};

static void who_speaks_otherwise_is_closed_with_a_log_line_and_disturbs_nobody(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
		struct mux stranger = mux_dial();

		logged();
		mux_write(&stranger, strangers[i].bytes, strangers[i].len);
		mux_read(&stranger);
		/* TLS says a length first, so the rest of it is waited for. */
		if (!stranger.ended)
			pass_seconds(6);
		mux_read(&stranger);
		if (!stranger.ended)
			fail_msg("%s: not closed", strangers[i].what);
		const char *log = logged();
		ASSERT_HAS(log, "link: a connection is refused: ");
		ASSERT_HAS(log, strangers[i].logged);
		mux_close(&stranger);
		type(&m, 1, "hello\n");
		assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 [hello]\\r\\n\n");
	}
	assert_int_equal(game.metrics.links_refused, ARRAY_LEN(strangers));
	mux_close(&m);
}

static void who_says_nothing_is_closed_after_5_seconds(UNUSED void **state)
{
	struct mux silent = mux_dial(), ticking = mux_dial();

	heard(&silent);
	heard(&ticking);
	SAY(&ticking, tick, 0);
	pass_seconds(4);
	assert_string_equal(heard(&silent), "");
	pass_seconds(2);
	assert_string_equal(heard(&silent), "LINK REFUSED it has not answered for 5 s\nEND\n");
	assert_string_equal(heard(&ticking), "LINK REFUSED it has not answered for 5 s\nEND\n");
	ASSERT_HAS(logged(), "link: a connection is refused: it has not answered for 5 s");
	mux_close(&silent);
	mux_close(&ticking);
}

static void half_a_message_is_not_passed_on_and_its_length_is_logged(UNUSED void **state)
{
	struct mux m = mux_ready(), stranger = mux_dial();

	mux_write(&stranger, "\x04\x00\x0e", 3);
	mux_close(&stranger);
	ASSERT_HAS(logged(), "refused: the peer ended in the middle of a message: 3 of 4 bytes");
	accept_user(&m, 1);
	mux_write(&m, "\x20\x00\x18\x02\x0c\x00\x02", 7);
	mux_close(&m);
	ASSERT_HAS(logged(), "lost: the peer ended in the middle of a message: 7 of 32 bytes");
	assert_int_equal(muxlink_state(muxlinks_find(game.muxlinks, 1)), MUXLINK_ALONE);
	assert_int_equal(player(1)->state, PLAYER_HERE);
}

static void a_second_multiplexer_is_refused_while_the_first_is_there(UNUSED void **state)
{
	struct mux first = mux_ready(), second = mux_dial();

	accept_user(&first, 1);
	heard(&first);
	SAY(&second, accepting_all, 0);
	assert_string_equal(heard(&second),
		GREETING "LINK REFUSED a second multiplexer; the first one keeps the link\nEND\n");
	ASSERT_HAS(logged(), "refused: a second multiplexer; the first one keeps the link");
	type(&first, 1, "hello\n");
	assert_string_equal(heard(&first), "SEND SUBCLIENT TEXT 1:1 [hello]\\r\\n\n");
	mux_close(&second);
	mux_close(&first);
	second = mux_prove();
	mux_close(&second);
}

static void only_eight_may_wait_for_their_proof(UNUSED void **state)
{
	struct mux m = mux_ready(), waiting[9];

	for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
		waiting[i] = mux_dial();
	assert_string_equal(heard(&waiting[8]), "LINK REFUSED too many at once\nEND\n");
	ASSERT_HAS(logged(), "refused: too many at once");
	for (size_t i = 0; i < 8; i++)
		assert_string_equal(heard(&waiting[i]), GREETING);
	accept_user(&m, 1);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 join 1:1\\r\\n\n");
	mux_close(&waiting[0]);
	mux_close(&waiting[8]);
	waiting[0] = mux_dial();
	assert_string_equal(heard(&waiting[0]), GREETING);
	for (size_t i = 0; i < 8; i++)
		mux_close(&waiting[i]);
	mux_close(&m);
}

/* ---- the link is lost --------------------------------------------------------------------------- */

static void who_is_still_listed_goes_on_and_who_is_not_has_left(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	accept_user(&m, 2);
	type(&m, 1, "half");
	heard(&m);
	struct player *before = player(1);
	mux_close(&m);
	ASSERT_HAS(logged(), "link: lost: the peer has ended; the players stay");
	m = mux_prove();
	list_user(&m, 1, "192.0.2.1", NULL);
	list_user(&m, 3, "192.0.2.3", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 leave 2:1 gone\\r\\n\n"
				       "SEND SUBCLIENT TEXT 0:255 restore 3:1 -\\r\\n\n"
				       "READY\n");
	assert_ptr_equal(player(1), before);
	type(&m, 1, " a line\n");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 [half a line]\\r\\n\n");
	mux_close(&m);
}

static void the_same_key_with_another_address_is_somebody_else(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	mux_close(&m);
	m = mux_prove();
	list_user(&m, 1, "192.0.2.99", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 leave 1:1 gone\\r\\n\n"
				       "SEND SUBCLIENT TEXT 0:255 restore 1:1 -\\r\\n\n"
				       "READY\n");
	mux_close(&m);
}

static void a_listing_that_broke_off_is_done_again(UNUSED void **state)
{
	struct mux m = mux_prove();

	list_user(&m, 1, "192.0.2.1", "{\"s\":{\"v\":1},\"p\":\"ha\",\"c\":true}");
	list_user(&m, 2, "192.0.2.2", NULL);
	mux_close(&m);
	m = mux_prove();
	list_user(&m, 1, "192.0.2.1", "{\"s\":{\"v\":1},\"p\":\"ha\",\"c\":true}");
	SAY(&m, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&m), "SEND SUBCLIENT TEXT 0:255 restore 1:1 {\"v\":1}\\r\\n\n");
	assert_null(find_player(2)); /* and nobody was told of him */
	type(&m, 1, "lf\n");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 [half]\\r\\n\n");
	mux_close(&m);
}

static void who_was_arriving_when_the_link_was_lost_is_restored_with_the_others(UNUSED void **state)
{
	struct mux m = mux_ready();

	SAY(&m, got_subclient, .who = key(1), .protocol = slice_text("telnet-line"),
		.ip = slice_text("192.0.2.1"));
	turns();
	mux_close(&m);
	m = mux_prove();
	list_user(&m, 1, "192.0.2.1", NULL);
	assert_string_equal(heard(&m), "");
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 restore 1:1 -\\r\\n\nREADY\n");
	mux_close(&m);
}

static void what_was_saved_without_a_link_is_sent_on_the_next(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	accept_user(&m, 2);
	mux_close(&m);
	assert_true(player_save(player(1), json_pack("{s:i}", "v", 7), &why));
	turns();
	m = mux_prove();
	list_user(&m, 1, "192.0.2.1", NULL);
	list_user(&m, 2, "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "SAVE SUBCLIENT INFO 1:1 {\"s\":{\"v\":7}}\nREADY\n");
	mux_close(&m);
}

/* ---- other faults ------------------------------------------------------------------------------- */

static void a_message_for_an_unknown_key_is_counted_and_that_is_all(UNUSED void **state)
{
	struct mux m = mux_ready();

	SAY(&m, got_subclient_text, .who = key(9), .data = slice_text("hello\n"));
	SAY(&m, lost_subclient, .who = key(9));
	SAY(&m, killed_subclient, .who = key(9));
	SAY(&m, no_such_subclient, .who = key(9));
	SAY(&m, subclient_saved_info_is, .who = key(9), .data = slice_text("{}"));
	SAY(&m, done_sending_subclient_info, .who = key(9));
	assert_string_equal(heard(&m), "");
	assert_int_equal(game.metrics.unknown_key, 6);
	accept_user(&m, 1);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 join 1:1\\r\\n\n");
	mux_close(&m);
}

static void a_refused_message_cuts_the_link_and_the_players_stay(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	mux_write(&m, "\x04\x00\x05\x00", 4);
	assert_string_equal(heard(&m), "END\n");
	ASSERT_HAS(logged(), "link: cut off: READY (5): not a message for this side; the players "
			     "stay");
	assert_int_equal(player(1)->state, PLAYER_HERE);
	mux_close(&m);
}

static void a_user_without_a_listener_is_refused(UNUSED void **state)
{
	struct mux m = mux_ready();

	SAY(&m, got_subclient, .who = {.depth = 1, .number = {5}}, .protocol = slice_text("raw"),
		.ip = slice_text("192.0.2.1"));
	assert_string_equal(heard(&m), "END\n");
	ASSERT_HAS(logged(), "GOT SUBCLIENT (20): argument 1 (who): a key of depth 1");
	mux_close(&m);
}

/* ---- extensions --------------------------------------------------------------------------------- */

static void say_hello(struct mux *m, const char *features, const char *incarnation)
{
	SAY(m, multiplexer_hello, .version = 1, .features = slice_text(features),
		.incarnation = slice_text(incarnation));
}

static void a_heartbeat_between_hello_and_proof_is_answered_and_disturbs_nothing(
	UNUSED void **state)
{
	struct mux m = mux_dial();

	assert_string_equal(heard(&m), GREETING);
	say_hello(&m, "heartbeat", "sixteen bytes...");
	SAY(&m, heartbeat, .number = 4711);
	assert_string_equal(heard(&m), "HEARTBEAT ANSWER 4711\n");
	SAY(&m, accepting_all, 0);
	turns();
	assert_int_equal(muxlink_state(muxlinks_find(game.muxlinks, 1)), MUXLINK_LISTING);
	mux_close(&m);
}

static void what_was_not_agreed_on_is_no_word_of_a_candidate(UNUSED void **state)
{
	struct mux plain = mux_dial(), twice = mux_dial(), odd = mux_dial();

	SAY(&plain, heartbeat, .number = 1);
	ASSERT_HAS(heard(&plain), "LINK REFUSED HEARTBEAT (82): before the answer");
	ASSERT_HAS(logged(), "HEARTBEAT (82): before the answer");
	say_hello(&twice, "lists", "sixteen bytes...");
	say_hello(&twice, "lists", "sixteen bytes...");
	ASSERT_HAS(heard(&twice), "LINK REFUSED MULTIPLEXER HELLO (65): said twice\nEND\n");
	ASSERT_HAS(logged(), "MULTIPLEXER HELLO (65): said twice");
	say_hello(&odd, "lists", "fifteen bytes..");
	ASSERT_HAS(heard(&odd), "LINK REFUSED MULTIPLEXER HELLO (65): argument 3");
	ASSERT_HAS(logged(), "argument 3 (incarnation): 15 bytes instead of 16");
	mux_close(&plain);
	mux_close(&twice);
	mux_close(&odd);
}

static void a_multiplexer_of_another_version_hears_why(UNUSED void **state)
{
	struct mux m = mux_dial();

	heard(&m);
	SAY(&m, multiplexer_hello, .version = 2, .features = slice_text("lists"),
		.incarnation = slice_text("sixteen bytes..."));
	ASSERT_HAS(heard(&m), "LINK REFUSED the multiplexer speaks version 2 of the protocol");
	ASSERT_HAS(logged(), "is refused: the multiplexer speaks version 2");
	mux_close(&m);
}

static void lists_are_told_anew_on_a_new_link_before_it_is_ready(UNUSED void **state)
{
	struct mux m = mux_dial();

	heard(&m);
	say_hello(&m, "lists", "sixteen bytes...");
	SAY(&m, accepting_all, 0);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "READY\n");
	for (uint32_t n = 1; n <= 3; n++)
		accept_user(&m, n);
	heard(&m);
	type(&m, 1, "list 1 2 3");
	type(&m, 1, "\n");
	assert_string_equal(heard(&m), "MAKE LIST 1:255\nADD TO LIST 1:255 1:1\n"
				       "ADD TO LIST 1:255 2:1\nADD TO LIST 1:255 3:1\n"
				       "SEND SUBCLIENT TEXT 1:255 listed\\r\\n\n");
	SAY(&m, lost_subclient, .who = key(2));
	heard(&m);
	mux_close(&m);

	m = mux_dial();
	heard(&m);
	say_hello(&m, "lists", "sixteen bytes...");
	SAY(&m, accepting_all, 0);
	list_user(&m, 1, "192.0.2.1", NULL);
	list_user(&m, 3, "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "MAKE LIST 1:255\nADD TO LIST 1:255 1:1\n"
				       "ADD TO LIST 1:255 3:1\nREADY\n");
	mux_close(&m);

	/* One that knows no lists: each member has a text of his own. */
	m = mux_dial();
	heard(&m);
	say_hello(&m, "heartbeat", "sixteen bytes...");
	SAY(&m, accepting_all, 0);
	list_user(&m, 1, "192.0.2.1", NULL);
	list_user(&m, 3, "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "READY\n");
	type(&m, 1, "again\n");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 again\\r\\n\n"
				       "SEND SUBCLIENT TEXT 3:1 again\\r\\n\n");
	mux_close(&m);
}

static void who_asks_and_asks_without_reading_is_cut_off(UNUSED void **state)
{
	struct mux m = mux_dial();
	size_t len = 130 * 1024 * 1024;
	char *text = calloc(1, len);

	assert_non_null(text);
	heard(&m);
	say_hello(&m, "heartbeat", "sixteen bytes...");
	SAY(&m, accepting_all, 0);
	SAY(&m, done_sending_all_subclient_info, 0);
	heard(&m);
	game_send_all(&game, slice_of(text, len));
	free(text);
	SAY(&m, heartbeat, .number = 1);
	turns();
	ASSERT_HAS(logged(), "link: cut off: it asks but does not read: ");
	assert_int_equal(muxlink_state(muxlinks_find(game.muxlinks, 1)), MUXLINK_ALONE);
	mux_close(&m);
}

static bool inherited[100]; /* what whoever started us left open */

static void the_files_of_the_game_are_closed_on_exec(UNUSED void **state)
{
	struct mux m = mux_ready();

	for (int fd = 3; fd < 100; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && !inherited[fd] && fd != real_stderr && (flags & FD_CLOEXEC) == 0)
			fail_msg("descriptor %d would be inherited", fd);
	}
	mux_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAME_TEST(who_connects_is_greeted_and_ready_comes_behind_the_listing),
		GAME_TEST(users_are_restored_in_the_order_of_the_listing_with_what_was_saved),
		GAME_TEST(who_is_accepted_joins_when_all_is_known_of_him),
		GAME_TEST(the_accept_mode_is_kept),
		GAME_TEST(who_speaks_otherwise_is_closed_with_a_log_line_and_disturbs_nobody),
		GAME_TEST(who_says_nothing_is_closed_after_5_seconds),
		GAME_TEST(half_a_message_is_not_passed_on_and_its_length_is_logged),
		GAME_TEST(a_second_multiplexer_is_refused_while_the_first_is_there),
		GAME_TEST(only_eight_may_wait_for_their_proof),
		GAME_TEST(who_is_still_listed_goes_on_and_who_is_not_has_left),
		GAME_TEST(the_same_key_with_another_address_is_somebody_else),
		GAME_TEST(a_listing_that_broke_off_is_done_again),
		GAME_TEST(who_was_arriving_when_the_link_was_lost_is_restored_with_the_others),
		GAME_TEST(what_was_saved_without_a_link_is_sent_on_the_next),
		GAME_TEST(a_message_for_an_unknown_key_is_counted_and_that_is_all),
		GAME_TEST(a_refused_message_cuts_the_link_and_the_players_stay),
		GAME_TEST(a_user_without_a_listener_is_refused),
		GAME_TEST(a_heartbeat_between_hello_and_proof_is_answered_and_disturbs_nothing),
		GAME_TEST(what_was_not_agreed_on_is_no_word_of_a_candidate),
		GAME_TEST(a_multiplexer_of_another_version_hears_why),
		GAME_TEST(lists_are_told_anew_on_a_new_link_before_it_is_ready),
		GAME_TEST(who_asks_and_asks_without_reading_is_cut_off),
		GAME_TEST(the_files_of_the_game_are_closed_on_exec),
	};

	for (int fd = 3; fd < 100; fd++)
		inherited[fd] = fcntl(fd, F_GETFD) >= 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
