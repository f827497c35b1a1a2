/* What clients say outside the text: in pieces, and how slow they are. */
#include "tests/unit/server/real_game.h"

static struct mux mux_with(const char *features)
{
	struct mux m = mux_ready_as("multiplexer.. A.", features);

	accept_user(&m, 1);
	heard(&m);
	return m;
}

static void say_piece(struct mux *m, uint32_t flags, const char *byte, size_t len)
{
	uint8_t data[MSG_PAYLOAD_MAX];

	memset(data, byte[0], len);
	SAY(m, got_subclient_event, .who = key(1), .channel = slice_text("noise"), .flags = flags,
		.data = slice_of(data, len));
	turns();
}

static void pieces_are_joined_before_the_script_sees_them(UNUSED void **state)
{
	struct mux m = mux_with("events");

	say_piece(&m, EVENT_MORE_FOLLOWS, "a", 4000);
	say_piece(&m, EVENT_MORE_FOLLOWS, "b", 4000);
	assert_string_equal(heard(&m), "");
	say_piece(&m, 0, "c", 1);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 noise 8001\\r\\n\n");
	say_piece(&m, 0, "d", 7);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 noise 7\\r\\n\n");
	mux_close(&m);
}

static void json_may_be_cut_anywhere(UNUSED void **state)
{
	struct mux m = mux_with("events");
	const char *json = "{\"n\":\"\xc3\xa4\"}";

	for (const char *at = json; *at != '\0'; at++)
		SAY(&m, got_subclient_event, .who = key(1), .channel = slice_text("x"),
			.flags = EVENT_IS_JSON | (at[1] != '\0' ? EVENT_MORE_FOLLOWS : 0u),
			.data = slice_of(at, 1));
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 x \\xc3\\xa4\\r\\n\n");
	mux_close(&m);
}

static void json_that_is_deep_is_no_event(UNUSED void **state)
{
	struct mux m = mux_with("events");
	char bomb[4000];
	const char *good = "{\"n\":\"a\"}";

	memset(bomb, '[', sizeof bomb);
	for (size_t len = 1; len <= sizeof bomb; len = len * 3 / 2 + 1)
		SAY(&m, got_subclient_event, .who = key(1), .channel = slice_text("x"),
			.flags = EVENT_IS_JSON, .data = slice_of(bomb, len));
	memset(bomb + sizeof bomb / 2, ']', sizeof bomb / 2); /* well formed, too */
	SAY(&m, got_subclient_event, .who = key(1), .channel = slice_text("x"),
		.flags = EVENT_IS_JSON, .data = slice_of(bomb, sizeof bomb));
	memcpy(bomb, "Deep.Thing ", 11);
	SAY(&m, got_subclient_event, .who = key(1), .channel = slice_text("gmcp"), .flags = 0,
		.data = slice_of(bomb, sizeof bomb));
	heard(&m);
	SAY(&m, got_subclient_event, .who = key(1), .channel = slice_text("x"),
		.flags = EVENT_IS_JSON, .data = slice_text(good));
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 x a\\r\\n\n");
	mux_close(&m);
}

static void what_is_too_long_is_dropped_with_all_its_pieces_and_one_line(UNUSED void **state)
{
	struct mux m = mux_with("events");

	logged();
	for (int i = 0; i < 40; i++)
		say_piece(&m, EVENT_MORE_FOLLOWS, "a", 4000);
	say_piece(&m, 0, "z", 1);
	assert_string_equal(heard(&m), "");
	const char *what = "player 1:1 (192.0.2.1): an event of his client is dropped: it is over "
			   "65536 bytes",
		   *log = strstr(logged(), what);
	assert_non_null(log);
	assert_null(strstr(log + strlen(what), "dropped"));
	assert_int_equal(player(1)->event.pieces.len, 0);
	say_piece(&m, 0, "b", 2); /* and the next one is whole again */
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 noise 2\\r\\n\n");
	mux_close(&m);
}

static void the_longest_that_fits_is_whole(UNUSED void **state)
{
	struct mux m = mux_with("events");

	for (int i = 0; i < 16; i++)
		say_piece(&m, i < 15 ? EVENT_MORE_FOLLOWS : 0, "a", 4000);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 noise 64000\\r\\n\n");
	for (int i = 0; i < 17; i++)
		say_piece(&m, i < 16 ? EVENT_MORE_FOLLOWS : 0, "a", i < 16 ? 4000 : 1536);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 noise 65536\\r\\n\n");
	for (int i = 0; i < 17; i++)
		say_piece(&m, i < 16 ? EVENT_MORE_FOLLOWS : 0, "a", i < 16 ? 4000 : 1537);
	assert_string_equal(heard(&m), "");
	mux_close(&m);
}

static void pieces_of_a_lost_link_are_not_joined_to_those_of_the_next(UNUSED void **state)
{
	struct mux m = mux_with("events");

	say_piece(&m, EVENT_MORE_FOLLOWS, "a", 100);
	mux_close(&m);
	m = mux_prove_as("multiplexer.. A.", "events");
	list_user(&m, 1, "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	heard(&m);
	say_piece(&m, 0, "b", 2);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 noise 2\\r\\n\n");
	mux_close(&m);
}

static void the_script_is_told_once_that_somebody_is_slow_and_once_that_he_is_not(
	UNUSED void **state)
{
	struct mux m = mux_with("flow");

	SAY(&m, subclient_is_slow, .who = key(1), .bytes = 70000);
	SAY(&m, subclient_is_slow, .who = key(1), .bytes = 80000);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 slow\\r\\n\n");
	assert_int_equal(player(1)->slow, 80000);
	SAY(&m, subclient_caught_up, .who = key(1));
	SAY(&m, subclient_caught_up, .who = key(1));
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 fast\\r\\n\n");
	SAY(&m, subclient_is_slow, .who = key(1), .bytes = 0);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 slow\\r\\n\n");
	mux_close(&m);
}

static void over_a_new_link_nobody_is_slow_until_it_is_said_again(UNUSED void **state)
{
	struct mux m = mux_with("flow");

	SAY(&m, subclient_is_slow, .who = key(1), .bytes = 70000);
	turns();
	mux_close(&m);
	assert_int_equal(player(1)->slow, 70000);
	m = mux_prove_as("multiplexer.. A.", "flow");
	list_user(&m, 1, "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 fast\\r\\n\nREADY\n");
	mux_close(&m);
}

static void without_flow_nobody_is_slow(UNUSED void **state)
{
	struct mux m = mux_with("events");

	SAY(&m, subclient_is_slow, .who = key(1), .bytes = 70000);
	assert_string_equal(heard(&m), "");
	assert_int_equal(player(1)->slow, 0);
	mux_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAME_TEST(pieces_are_joined_before_the_script_sees_them),
		GAME_TEST(json_may_be_cut_anywhere),
		GAME_TEST(json_that_is_deep_is_no_event),
		GAME_TEST(what_is_too_long_is_dropped_with_all_its_pieces_and_one_line),
		GAME_TEST(the_longest_that_fits_is_whole),
		GAME_TEST(pieces_of_a_lost_link_are_not_joined_to_those_of_the_next),
		GAME_TEST(the_script_is_told_once_that_somebody_is_slow_and_once_that_he_is_not),
		GAME_TEST(over_a_new_link_nobody_is_slow_until_it_is_said_again),
		GAME_TEST(without_flow_nobody_is_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
