#include "tests/unit/server/real_game.h"

/* Each line that was given to the script comes back in brackets. */
static void assert_lines(struct mux *m, const char *expected)
{
	struct slice text = heard_text(m, NULL, 0);

	if (!slice_is(text, slice_text(expected)))
		fail_msg("\"%.*s\", not \"%s\"", (int)text.len, (const char *)text.at, expected);
}

static void assert_cleaned(struct mux *m, const void *bytes, size_t len, const char *expected)
{
	char line[400];

	SAY(m, got_subclient_text, .who = key(1), .data = slice_of(bytes, len));
	SAY(m, got_subclient_text, .who = key(1), .data = slice_text("\n"));
	snprintf(line, sizeof line, "[%s]\r\n", expected);
	assert_lines(m, line);
}

#define NO "\xef\xbf\xbd"

static void lines_are_made_wherever_the_bytes_are_cut(UNUSED void **state)
{
	static const char typed[] = "one\r\ntwo\r\0three\n\nfour\rfi\xc3\xa4ve\r\nsix";
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	for (size_t cut = 1; cut < sizeof typed - 1; cut++) {
		SAY(&m, got_subclient_text, .who = key(1), .data = slice_of(typed, cut));
		turns();
		SAY(&m, got_subclient_text, .who = key(1),
			.data = slice_of(typed + cut, sizeof typed - 1 - cut));
		type(&m, 1, "\n");
		assert_lines(&m,
			"[one]\r\n[two]\r\n[three]\r\n[]\r\n[four]\r\n[fi\xc3\xa4ve]\r\n[six]\r\n");
	}
	for (size_t i = 0; i < sizeof typed - 1; i++)
		SAY(&m, got_subclient_text, .who = key(1), .data = slice_of(typed + i, 1));
	type(&m, 1, "\n");
	assert_lines(
		&m, "[one]\r\n[two]\r\n[three]\r\n[]\r\n[four]\r\n[fi\xc3\xa4ve]\r\n[six]\r\n");
	mux_close(&m);
}

static void the_lines_of_two_players_do_not_mix(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	accept_user(&m, 2);
	heard(&m);
	type(&m, 1, "on");
	type(&m, 2, "tw");
	type(&m, 1, "e\n");
	type(&m, 2, "o\n");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 [one]\\r\\n\n"
				       "SEND SUBCLIENT TEXT 2:1 [two]\\r\\n\n");
	mux_close(&m);
}

static void each_byte_that_is_no_utf_8_becomes_a_sign_for_it(UNUSED void **state)
{
	static const struct {
		const char *typed, *shown;
	} rows[] = {
		{"a\x80z", "a" NO "z"}, /* goes on from nothing */
		{"\xbf\xbf", NO NO},
		{"\xc3z", NO "z"},        /* breaks off: of two */
		{"\xe2\x82z", NO NO "z"}, /* of three */
		{"\xe2z", NO "z"},
		{"\xf0\x9f\x98z", NO NO NO "z"}, /* of four */
		{"\xf0\x9fz", NO NO "z"},
		{"\xf0z", NO "z"},
		{"\xc3", NO}, /* at the end of the line */
		{"\xe2\x82", NO NO},
		{"\xf0\x9f\x98", NO NO NO},
		{"\xc0\x80", NO NO}, /* longer than need be */
		{"\xc1\xbf", NO NO},
		{"\xe0\x80\x80", NO NO NO},
		{"\xe0\x9f\xbf", NO NO NO},
		{"\xf0\x80\x80\x80", NO NO NO NO},
		{"\xf0\x8f\xbf\xbf", NO NO NO NO},
		{"\xed\xa0\x80", NO NO NO}, /* surrogates */
		{"\xed\xbf\xbf", NO NO NO},
		{"\xf4\x90\x80\x80", NO NO NO NO}, /* over U+10FFFF */
		{"\xf5\x80\x80\x80", NO NO NO NO},
		{"\xfe\xff", NO NO},
		{"\xe4hnlich", NO "hnlich"}, /* Latin-1 */
		{"\xc3\xc3\xa4", NO "\xc3\xa4"},
		{"\xc2\x80", NO}, /* controls of terminals: ESC [ in one character */
		{"a\xc2\x9b"
		 "31mz",
			"a" NO "31mz"},
		{"\xc2\x9f", NO},
		{"\xc2\xa0", "\xc2\xa0"}, /* the first and last of each length */
		{"\xdf\xbf", "\xdf\xbf"},
		{"\xe0\xa0\x80", "\xe0\xa0\x80"},
		{"\xed\x9f\xbf", "\xed\x9f\xbf"},
		{"\xee\x80\x80", "\xee\x80\x80"},
		{"\xef\xbf\xbf", "\xef\xbf\xbf"},
		{"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
		{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
	};
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_cleaned(&m, rows[i].typed, strlen(rows[i].typed), rows[i].shown);
	mux_close(&m);
}

/* jansson is the second opinion: it takes UTF-8 only. */
static void whatever_two_bytes_are_typed_the_script_gets_utf_8(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	for (unsigned n = 0x8000; n <= 0xffff; n += 7) {
		uint8_t typed[4] = {(uint8_t)(n >> 8), (uint8_t)n, 0xa0, '\n'};

		if (typed[1] < 0x20 || typed[1] == 0x7f)
			continue;
		SAY(&m, got_subclient_text, .who = key(1), .data = slice_of(typed, sizeof typed));
		struct slice text = heard_text(&m, NULL, 0);
		json_t *json = json_stringn((const char *)text.at, text.len);
		if (json == NULL)
			fail_msg("%02x %02x", typed[0], typed[1]);
		json_decref(json);
	}
	mux_close(&m);
}

static void a_line_over_the_limit_loses_its_end_and_the_next_is_whole(UNUSED void **state)
{
	static char typed[6000];
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	memset(typed, 'x', sizeof typed);
	SAY(&m, got_subclient_text, .who = key(1), .data = slice_of(typed, 3000));
	SAY(&m, got_subclient_text, .who = key(1), .data = slice_of(typed, 3000));
	type(&m, 1, "\nnext\n");
	struct slice text = heard_text(&m, NULL, 0);
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += text.at[i] == 'x';
	assert_int_equal(count - 1, LINE_MAX_BYTES); /* and the one of "next" */
	assert_memory_equal(text.at + text.len - 8, "[next]\r\n", 8);
	assert_int_equal(game.metrics.lines_cut, 1);
	mux_close(&m);
}

static void a_line_of_bad_bytes_alone_grows_and_is_given_whole(UNUSED void **state)
{
	static char typed[LINE_MAX_BYTES];
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	memset(typed, 0xff, sizeof typed);
	SAY(&m, got_subclient_text, .who = key(1), .data = slice_of(typed, sizeof typed));
	type(&m, 1, "\n");
	assert_int_equal(heard_text(&m, NULL, 0).len, 3 * LINE_MAX_BYTES + 4);
	mux_close(&m);
}

static void typing_ends_idleness(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	pass_seconds(100);
	assert_int_equal((loop_now_ms(&loop) - player(1)->input_ms) / 1000, 100);
	type(&m, 1, "h");
	assert_int_equal((loop_now_ms(&loop) - player(1)->input_ms) / 1000, 0);
	mux_close(&m);
}

/* The handler may do what it likes: the line was his, and is the script's now. */
static void a_handler_may_look_at_its_line_when_its_player_has_left(UNUSED void **state)
{
	start_game("game.on('input', function(p, line)\n"
		   "  p:kick('bye')\n"
		   "  waitframe()\n"
		   "  all:send('still ' .. line)\n"
		   "end)\n");
	struct mux m = mux_ready();

	accept_user(&m, 1);
	type(&m, 1, "here\n");
	SAY(&m, killed_subclient, .who = key(1));
	turns();
	assert_null(find_player(1));
	script_frame(game.script, 1, 1);
	ASSERT_HAS(heard(&m), "still here");
	mux_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAME_TEST(lines_are_made_wherever_the_bytes_are_cut),
		GAME_TEST(the_lines_of_two_players_do_not_mix),
		GAME_TEST(each_byte_that_is_no_utf_8_becomes_a_sign_for_it),
		GAME_TEST(whatever_two_bytes_are_typed_the_script_gets_utf_8),
		GAME_TEST(a_line_over_the_limit_loses_its_end_and_the_next_is_whole),
		GAME_TEST(a_line_of_bad_bytes_alone_grows_and_is_given_whole),
		GAME_TEST(typing_ends_idleness),
		EMPTY_TEST(a_handler_may_look_at_its_line_when_its_player_has_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
