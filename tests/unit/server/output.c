#include "tests/unit/server/real_game.h"

static size_t lens[64];

static struct slice sent(struct mux *m)
{
	return heard_text(m, lens, ARRAY_LEN(lens));
}

static void show(uint32_t n, const char *text)
{
	player_send(player(n), slice_text(text));
}

static void assert_sent(struct mux *m, const char *expected)
{
	struct slice text = sent(m);

	if (!slice_is(text, slice_text(expected)))
		fail_msg("\"%.*s\", not \"%s\"", (int)text.len, (const char *)text.at, expected);
}

static void a_line_feed_becomes_cr_lf_also_across_calls(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	show(1, "one\ntwo\r\nthree\n\nfour\r");
	show(1, "\nfive");
	show(1, "\n");
	show(1, "");
	show(1, "\n");
	assert_sent(&m, "one\r\ntwo\r\nthree\r\n\r\nfour\r\nfive\r\n\r\n");
	assert_int_equal(lens[1], 0); /* all of a turn in one message */
	mux_close(&m);
}

static void the_text_of_a_turn_is_one_message(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	show(1, "one");
	turns();
	show(1, "two");
	turns();
	assert_string_equal(
		heard(&m), "SEND SUBCLIENT TEXT 1:1 one\nSEND SUBCLIENT TEXT 1:1 two\n");
	mux_close(&m);
}

static void what_is_for_all_keeps_its_place_among_what_is_for_one(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	accept_user(&m, 2);
	heard(&m);
	show(1, "a");
	show(2, "b");
	game_send_all(&game, slice_text("c\n"));
	show(2, "d");
	show(1, "e");
	game_send_all(&game, slice_text("f"));
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 a\n"
				       "SEND SUBCLIENT TEXT 2:1 b\n"
				       "SEND SUBCLIENT TEXT 0:255 c\\r\\n\n"
				       "SEND SUBCLIENT TEXT 1:1 e\n"
				       "SEND SUBCLIENT TEXT 2:1 d\n"
				       "SEND SUBCLIENT TEXT 0:255 f\n");
	mux_close(&m);
}

static void text_and_saves_come_in_the_order_they_were_made(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	type(&m, 1, "hello\nsave x\n");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 [hello]\\r\\n\n"
				       "SAVE SUBCLIENT INFO 1:1 {\"s\":{\"v\":\"x\"}}\n");
	mux_close(&m);
}

/* before x's, then unit again and again: where is it cut? */
static void check_cut(struct mux *m, size_t before, const char *unit, size_t first)
{
	static char text[MSG_PAYLOAD_MAX + 64];
	size_t unit_len = strlen(unit), len = before;

	memset(text, 'x', before);
	while (len + unit_len < sizeof text) {
		memcpy(text + len, unit, unit_len);
		len += unit_len;
	}
	player_send(player(1), slice_of(text, len));
	struct slice all = sent(m);
	assert_true(slice_is(all, slice_of(text, len)));
	assert_int_equal(lens[0], first);
	assert_int_equal(lens[1], len - first);
}

static void text_is_cut_in_pieces_that_fit(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	check_cut(&m, MSG_PAYLOAD_MAX, "x", MSG_PAYLOAD_MAX);
	for (size_t before = 0; before < 12; before++) {
		size_t rest = MSG_PAYLOAD_MAX - before;

		check_cut(&m, before, "\xc3\xa4", MSG_PAYLOAD_MAX - rest % 2);
		check_cut(&m, before, "\xe2\x82\xac", MSG_PAYLOAD_MAX - rest % 3);
		check_cut(&m, before, "\xf0\x9f\x98\x80", MSG_PAYLOAD_MAX - rest % 4);
		check_cut(&m, before, "\r\n", MSG_PAYLOAD_MAX - rest % 2);
		check_cut(&m, before, "\x80", MSG_PAYLOAD_MAX); /* no character to keep whole */
	}
	mux_close(&m);
}

static void exactly_what_fits_is_one_message(UNUSED void **state)
{
	static char text[MSG_PAYLOAD_MAX + 1];
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	memset(text, 'x', sizeof text);
	player_send(player(1), slice_of(text, MSG_PAYLOAD_MAX));
	sent(&m);
	assert_int_equal(lens[0], MSG_PAYLOAD_MAX);
	assert_int_equal(lens[1], 0);
	player_send(player(1), slice_of(text, MSG_PAYLOAD_MAX + 1));
	sent(&m);
	assert_int_equal(lens[0], MSG_PAYLOAD_MAX);
	assert_int_equal(lens[1], 1);
	mux_close(&m);
}

static void very_much_text_arrives_whole_and_in_order(UNUSED void **state)
{
	struct mux m = mux_ready();
	char line[32];
	struct buf expected = {0};

	accept_user(&m, 1);
	heard(&m);
	for (int i = 0; i < 20000; i++) {
		snprintf(line, sizeof line, "line %d\n", i);
		show(1, line);
		buf_addf(&expected, "line %d\r\n", i);
	}
	struct slice all = sent(&m);
	assert_int_equal(all.len, expected.len);
	assert_true(slice_is(all, buf_bytes(&expected)));
	buf_free(&expected);
	mux_close(&m);
}

static void text_for_all_is_cut_too(UNUSED void **state)
{
	static char text[2 * MSG_PAYLOAD_MAX];
	struct mux m = mux_ready();

	memset(text, 'x', sizeof text);
	game_send_all(&game, slice_of(text, sizeof text));
	sent(&m);
	assert_int_equal(lens[0], MSG_PAYLOAD_MAX);
	assert_int_equal(lens[1], MSG_PAYLOAD_MAX);
	assert_int_equal(lens[2], 0);
	mux_close(&m);
}

static void without_a_link_text_is_dropped_and_counted(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	mux_close(&m);
	show(1, "12345");
	game_send_all(&game, slice_text("678"));
	turns();
	assert_int_equal(game.metrics.output_dropped, 8);
	m = mux_prove();
	list_user(&m, 1, "192.0.2.1", NULL);
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "READY\n");
	mux_close(&m);
}

/* What nobody reads is not kept without end. */
static void a_multiplexer_that_does_not_read_costs_text_and_no_more(UNUSED void **state)
{
	static char text[1024 * 1024];
	struct mux m = mux_ready();

	accept_user(&m, 1);
	memset(text, 'x', sizeof text);
	for (int i = 0; i < 100; i++) {
		player_send(player(1), slice_of(text, sizeof text));
		turns();
	}
	assert_true(game.metrics.output_dropped > 20 * sizeof text);
	assert_int_equal(muxlink_state(muxlinks_find(game.muxlinks, 1)), MUXLINK_READY);
	while (sent(&m).len > 0)
		;
	show(1, "hello");
	assert_sent(&m, "hello");
	mux_close(&m);
}

static void nothing_is_shown_to_who_is_not_here(UNUSED void **state)
{
	struct mux m = mux_ready();

	SAY(&m, got_subclient, .who = key(1), .protocol = slice_text("raw"),
		.ip = slice_text("192.0.2.1"));
	turns();
	show(1, "too early");
	SAY(&m, done_sending_subclient_info, .who = key(1));
	turns();
	player_kick(player(1), "");
	show(1, "too late");
	ASSERT_HAS_NOT(heard(&m), "too");
	mux_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAME_TEST(a_line_feed_becomes_cr_lf_also_across_calls),
		GAME_TEST(the_text_of_a_turn_is_one_message),
		GAME_TEST(what_is_for_all_keeps_its_place_among_what_is_for_one),
		GAME_TEST(text_and_saves_come_in_the_order_they_were_made),
		GAME_TEST(text_is_cut_in_pieces_that_fit),
		GAME_TEST(exactly_what_fits_is_one_message),
		GAME_TEST(very_much_text_arrives_whole_and_in_order),
		GAME_TEST(text_for_all_is_cut_too),
		GAME_TEST(without_a_link_text_is_dropped_and_counted),
		GAME_TEST(a_multiplexer_that_does_not_read_costs_text_and_no_more),
		GAME_TEST(nothing_is_shown_to_who_is_not_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
