#include "server/value.h"
#include "tests/unit/server/real_game.h"

/* What a new server makes of a blob: the player as it restores him, behind READY. */
static struct player *restored_from(struct mux *m, struct slice blob)
{
	*m = mux_prove();
	SAY(m, got_subclient, .who = key(1), .protocol = slice_text("raw"),
		.ip = slice_text("192.0.2.1"));
	SAY(m, subclient_saved_info_is, .who = key(1), .data = blob);
	SAY(m, done_sending_subclient_info, .who = key(1));
	SAY(m, done_sending_all_subclient_info, 0);
	turns();
	return player(1);
}

/* The data of the last SAVE SUBCLIENT INFO that was ever said; it lives until the next call. */
static struct slice saved_blob(struct mux *m)
{
	static struct buf blob;
	struct refusal why;
	struct frame f;

	mux_read(m);
	struct slice bytes = buf_bytes(&m->in);
	while (framer_next(&m->framer, &bytes, &f, &why) == FRAME_READY) {
		struct msg_save_subclient_info s;

		if (f.id != MSG_SAVE_SUBCLIENT_INFO)
			continue;
		assert_true(msg_save_subclient_info_read(f.args, f.count, &s, &why));
		buf_eat(&blob, blob.len);
		assert_true(buf_add(&blob, s.data));
	}
	buf_eat(&m->in, m->in.len);
	return buf_bytes(&blob);
}

/* The server stops in order, and a new one begins with what the multiplexer kept. */
static struct player *after_a_restart(struct mux *m)
{
	game_stop(&game, STOP_RESTART, "a test");
	SAY(m, i_am_alive, 0);
	struct slice blob = saved_blob(m);
	assert_true(blob.len > 0);
	mux_close(m);
	assert_true(is_stopped());
	end_game();
	open_game();
	start_game(MAP);
	return restored_from(m, blob);
}

static void what_is_saved_is_sent_once_at_the_end_of_the_turn(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	heard(&m);
	assert_true(player_save(player(1), json_integer(1), &why));
	assert_true(player_set_name(player(1), "Ann", &why));
	grant("Ann", "admin");
	assert_true(player_set_role(player(1), "admin", &why));
	assert_true(player_save(player(1), json_integer(2), &why));
	assert_string_equal(
		heard(&m), "SAVE SUBCLIENT INFO 1:1 {\"n\":\"Ann\",\"r\":\"admin\",\"s\":2}\n");
	turns();
	assert_string_equal(heard(&m), "");
	assert_true(player_set_role(player(1), NULL, &why));
	assert_true(player_save(player(1), json_null(), &why));
	assert_string_equal(heard(&m), "SAVE SUBCLIENT INFO 1:1 {\"n\":\"Ann\",\"s\":null}\n");
	mux_close(&m);
}

static void name_role_and_saved_survive_a_restart(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	assert_true(player_set_name(player(1), "Zo\xc3\xab \"Z\" \\", &why));
	grant("Zo\xc3\xab \"Z\" \\", "keeper");
	assert_true(player_set_role(player(1), "keeper", &why));
	json_t *saved =
		json_pack("{s:[i,f,b,n,s%],s:{}}", "list", 1, 0.1, true, "a\0b\x7f", 4, "empty");
	assert_true(player_save(player(1), json_incref(saved), &why));
	turns();
	const struct player *p = after_a_restart(&m);
	assert_string_equal(p->name, "Zo\xc3\xab \"Z\" \\");
	assert_string_equal(p->role, "keeper");
	assert_true(json_equal(p->saved, saved));
	json_decref(saved);
	mux_close(&m);
}

/* Of a blob of so many bytes: {"s":"xxx"} has 8 of its own. */
static bool save_of(size_t len, const char **why)
{
	static char text[8000];

	memset(text, 'x', sizeof text);
	return player_save(player(1), json_stringn(text, len - 8), why);
}

static void as_much_as_fits_is_kept_and_a_byte_more_is_refused_with_how_much(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	heard(&m);
	assert_true(save_of(MSG_PAYLOAD_MAX, &why));
	assert_int_equal(saved_blob(&m).len, MSG_PAYLOAD_MAX);
	assert_false(save_of(MSG_PAYLOAD_MAX + 1, &why));
	ASSERT_HAS(why, "1 bytes too large: 4045, where 4044 can be kept");
	assert_false(save_of(MSG_PAYLOAD_MAX + 1000, &why));
	ASSERT_HAS(why, "1000 bytes too large");
	assert_string_equal(heard(&m), "");
	assert_int_equal(json_string_length(player(1)->saved), MSG_PAYLOAD_MAX - 8);
	assert_false(player_set_name(player(1), "A", &why)); /* it would not fit beside it */
	ASSERT_HAS(why, "8 bytes too large");
	assert_null(player(1)->name);
	const struct player *p = after_a_restart(&m);
	assert_int_equal(json_string_length(p->saved), MSG_PAYLOAD_MAX - 8);
	mux_close(&m);
}

static void a_script_is_told_where_it_saved_too_much(UNUSED void **state)
{
	char line[4100];
	struct mux m = mux_ready();

	accept_user(&m, 1);
	memset(line, 'x', sizeof line);
	memcpy(line, "save ", 5);
	strcpy(line + 4000, "\n");
	for (char *at = line + 5; at < line + 1000; at++)
		*at = '"'; /* each is two bytes in JSON */
	heard(&m);
	type(&m, 1, line);
	ASSERT_HAS(logged(), "bytes too large");
	assert_string_equal(heard(&m), "");
	mux_close(&m);
}

static void names_that_nobody_could_read_are_refused(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	heard(&m);
	assert_true(player_set_name(player(1), "Ann", &why));
	assert_false(player_set_name(player(1), "\xff", &why));
	assert_true(strlen(why) > 0);
	assert_false(player_set_role(player(1), "a\xc3", &why));
	assert_false(player_set_name(player(1), "\x1b[2J", &why));
	assert_false(player_set_name(player(1), "a\nb", &why));
	assert_string_equal(player(1)->name, "Ann");
	assert_null(player(1)->role);
	type(&m, 1, "name \xff\xfe\n"); /* typed: cleaned, and then it is a name */
	assert_string_equal(player(1)->name, "\xef\xbf\xbd\xef\xbf\xbd");
	mux_close(&m);
}

/* What the first one saves must not take it from under the second. */
static void each_restore_handler_gets_what_was_kept(UNUSED void **state)
{
	start_game("for i = 1, 2 do\n"
		   "  game.on('restore', function(p, saved)\n"
		   "    all:send(i .. saved.v) p:save({v = 'other'})\n"
		   "  end)\n"
		   "end\n");
	struct mux m;

	restored_from(&m, slice_text("{\"s\":{\"v\":\"kept\"}}"));
	const char *all = heard(&m);
	ASSERT_HAS(all, "1kept");
	ASSERT_HAS(all, "2kept");
	ASSERT_HAS(all, "SAVE SUBCLIENT INFO 1:1 {\"s\":{\"v\":\"other\"}}\n");
	mux_close(&m);
}

/* ---- half a line -------------------------------------------------------------------------------- */

static void half_a_line_of_any_bytes_is_finished_after_a_restart(UNUSED void **state)
{
	static uint8_t half[512];
	size_t len = 0;
	struct mux m = mux_ready();

	for (unsigned c = 0x20; c < 0x100; c++)
		if (c != 0x7f)
			half[len++] = (uint8_t)c;
	half[len++] = '\t';
	accept_user(&m, 1);
	SAY(&m, got_subclient_text, .who = key(1), .data = slice_of(half, len));
	turns();
	const struct player *p = after_a_restart(&m);
	assert_true(slice_is(buf_bytes(&p->line.text), slice_of(half, len)));
	mux_close(&m);
}

static void half_a_character_is_finished_after_a_restart(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	type(&m, 1, "5 \xe2\x82");
	after_a_restart(&m);
	heard(&m);
	type(&m, 1, "\xac\n");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 [5 \\xe2\\x82\\xac]\\r\\n\n");
	mux_close(&m);
}

static void a_line_feed_behind_the_restart_belongs_to_the_cr_before_it(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	type(&m, 1, "hello\r");
	after_a_restart(&m);
	heard(&m);
	type(&m, 1, "\nyou\r");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 [you]\\r\\n\n");
	after_a_restart(&m);
	heard(&m);
	type(&m, 1, "there\n");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 [there]\\r\\n\n");
	mux_close(&m);
}

/* Else a crash of the second server would type it once more. */
static void half_a_line_is_taken_out_of_what_is_kept(UNUSED void **state)
{
	struct mux m;

	restored_from(&m, slice_text("{\"n\":\"Ann\",\"s\":1,\"p\":\"half\",\"c\":true}"));
	const char *all = heard(&m);
	ASSERT_HAS(all, "SAVE SUBCLIENT INFO 1:1 {\"n\":\"Ann\",\"s\":1}\n");
	ASSERT_HAS(strstr(all, "SAVE"), "READY"); /* before anything new is typed */
	mux_close(&m);
}

static void half_a_line_that_does_not_fit_is_lost_and_what_is_saved_is_not(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	assert_true(save_of(MSG_PAYLOAD_MAX, &why));
	type(&m, 1, "half");
	const struct player *p = after_a_restart(&m);
	ASSERT_HAS(logged(), "the half line he is typing does not fit");
	assert_int_equal(json_string_length(p->saved), MSG_PAYLOAD_MAX - 8);
	assert_int_equal(p->line.text.len, 0);
	mux_close(&m);
}

static void as_much_of_a_line_as_fits_is_kept(UNUSED void **state)
{
	static char half[LINE_MAX_BYTES];
	struct mux m = mux_ready();

	memset(half, 'x', sizeof half);
	accept_user(&m, 1);
	SAY(&m, got_subclient_text, .who = key(1), .data = slice_of(half, sizeof half));
	turns();
	assert_int_equal(after_a_restart(&m)->line.text.len, sizeof half);
	mux_close(&m);
}

/* ---- what makes no sense ------------------------------------------------------------------------ */

enum { NESTED_MAX = 2 * (VALUE_DEPTH_MAX + 1) + sizeof "{\"s\":}" };

/* A blob in which arrays stand in each other. */
static void nest(char out[static NESTED_MAX], unsigned depth)
{
	char *at = out + sprintf(out, "{\"s\":");

	memset(at, '[', depth);
	memset(at + depth, ']', depth);
	strcpy(at + 2 * depth, "}");
}

static void what_a_script_could_save_comes_back_however_deep(UNUSED void **state)
{
	char blob[NESTED_MAX];
	struct mux m;

	nest(blob, VALUE_DEPTH_MAX);
	assert_int_equal(json_array_size(restored_from(&m, slice_text(blob))->saved), 1);
	mux_close(&m);
}

static void a_broken_blob_is_logged_and_its_player_restored(UNUSED void **state)
{
	static char deep[4044], well_formed[NESTED_MAX];
	static const char *const rows[] = {"x", "{", "[1]", "1", "\"s\"", "null", "{\"s\":}",
		"{\"s\":\"\xff\"}", "{\"s\":1}x", "{\"s\":1,\"s\":2}", "\x01\x02\x03", deep,
		well_formed};

	memset(deep, '[', sizeof deep - 1);
	nest(well_formed, VALUE_DEPTH_MAX + 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mux m;

		logged();
		struct player *p = restored_from(&m, slice_text(rows[i]));
		if (p->state != PLAYER_HERE || p->saved != NULL)
			fail_msg("%s", rows[i]);
		ASSERT_HAS(heard(&m), "restore 1:1 -\\r\\n\nREADY\n");
		ASSERT_HAS(logged(),
			"warn holdfast: player 1:1 (192.0.2.1): what was saved for him makes no "
			"sense");
		SAY(&m, lost_subclient, .who = key(1));
		mux_close(&m);
	}
}

/* Somebody else's JSON: what is understood is taken, the rest is left. */
static void a_strange_blob_is_no_fault(UNUSED void **state)
{
	static const char *const rows[] = {"{}", "{\"n\":1,\"r\":[],\"p\":{},\"c\":\"yes\"}",
		"{\"n\":null,\"p\":\"\"}", "{\"x\":[1,2,3]}"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mux m;
		struct player *p = restored_from(&m, slice_text(rows[i]));

		if (p->state != PLAYER_HERE || p->name != NULL || p->role != NULL ||
			p->line.text.len != 0 || p->line.after_cr)
			fail_msg("%s", rows[i]);
		ASSERT_HAS(heard(&m), "READY\n");
		SAY(&m, lost_subclient, .who = key(1));
		mux_close(&m);
	}
}

static void a_half_line_longer_than_a_line_is_cut(UNUSED void **state)
{
	static char blob[4044];
	struct mux m;

	strcpy(blob, "{\"p\":\"");
	memset(blob + 6, 'x', 4030);
	strcpy(blob + 4036, "\"}");
	assert_int_equal(restored_from(&m, slice_text(blob))->line.text.len, LINE_MAX_BYTES);
	mux_close(&m);
}

static void a_save_that_was_not_kept_is_logged_and_counted(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	SAY(&m, saved_subclient_info, .who = key(1));
	SAY(&m, deleted_subclient_saved_info, .who = key(1));
	SAY(&m, could_not_get_subclient_saved_info, .who = key(1));
	turns();
	assert_int_equal(game.metrics.saves_refused, 0);
	SAY(&m, could_not_save_subclient_info, .who = key(1));
	turns();
	assert_int_equal(game.metrics.saves_refused, 1);
	ASSERT_HAS(
		logged(), "player 1:1 (192.0.2.1): the multiplexer could not keep what was saved");
	mux_close(&m);
}

/* The server that was here all the time knows better than what it said last. */
static void who_was_kept_is_not_set_back_by_the_listing(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	assert_true(player_save(player(1), json_integer(2), &why));
	turns();
	mux_close(&m);
	m = mux_prove();
	list_user(&m, 1, "192.0.2.1", "{\"s\":1}");
	SAY(&m, done_sending_all_subclient_info, 0);
	assert_string_equal(heard(&m), "SAVE SUBCLIENT INFO 1:1 {\"s\":2}\nREADY\n");
	assert_int_equal(json_integer_value(player(1)->saved), 2);
	mux_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAME_TEST(what_is_saved_is_sent_once_at_the_end_of_the_turn),
		GAME_TEST(name_role_and_saved_survive_a_restart),
		GAME_TEST(as_much_as_fits_is_kept_and_a_byte_more_is_refused_with_how_much),
		GAME_TEST(a_script_is_told_where_it_saved_too_much),
		GAME_TEST(names_that_nobody_could_read_are_refused),
		EMPTY_TEST(each_restore_handler_gets_what_was_kept),
		GAME_TEST(half_a_line_of_any_bytes_is_finished_after_a_restart),
		GAME_TEST(half_a_character_is_finished_after_a_restart),
		GAME_TEST(a_line_feed_behind_the_restart_belongs_to_the_cr_before_it),
		GAME_TEST(half_a_line_is_taken_out_of_what_is_kept),
		GAME_TEST(half_a_line_that_does_not_fit_is_lost_and_what_is_saved_is_not),
		GAME_TEST(as_much_of_a_line_as_fits_is_kept),
		GAME_TEST(what_a_script_could_save_comes_back_however_deep),
		GAME_TEST(a_broken_blob_is_logged_and_its_player_restored),
		GAME_TEST(a_strange_blob_is_no_fault),
		GAME_TEST(a_half_line_longer_than_a_line_is_cut),
		GAME_TEST(a_save_that_was_not_kept_is_logged_and_counted),
		GAME_TEST(who_was_kept_is_not_set_back_by_the_listing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
