#include "tests/unit/server/real_game.h"

#include "server/audience.h"
#include "server/show.h"
#include "server/tell.h"

/* How many messages a text for many is, and to whom. */

static struct mux crowd(uint32_t count)
{
	struct mux m = mux_ready_as("sixteen bytes...", "lists events caps");

	for (uint32_t n = 1; n <= count; n++)
		accept_user(&m, n);
	heard(&m);
	return m;
}

static void says(struct mux *m, uint32_t n, const char *caps)
{
	SAY(m, subclient_caps_are, .who = key(n), .caps = slice_text(caps));
	turns();
}

static const char colours[] = "{\"colors\":16}", ascii[] = "{\"colors\":16,\"utf8\":false}";

static struct markup coded(const char *text)
{
	return (struct markup){.bytes = slice_text(text), .coded = true, .line = true};
}

static void all(const char *text)
{
	struct markup m = coded(text);

	game_show_all(&game, &m);
}

static void to_list(struct audience *a, const char *text)
{
	struct markup m = coded(text);

	audience_show(a, &m);
}

static struct audience *list_of(uint32_t count)
{
	struct audience *a = audience_new(&game);

	assert_non_null(a);
	for (uint32_t n = 1; n <= count; n++)
		assert_true(audience_add(a, player(n)));
	return a;
}

static void a_text_that_all_are_shown_alike_is_one_message(UNUSED void **state)
{
	struct mux m = crowd(3);

	all("{red}x");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 x\\r\\n\n");
	says(&m, 1, colours);
	heard(&m);
	all("x");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 x\\r\\n\n");
	for (uint32_t n = 2; n <= 3; n++)
		says(&m, n, colours);
	heard(&m);
	all("{red}x");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 \\x1b[0;31mx\\x1b[0m\\r\\n\n");
	assert_null(game.everybody);
	mux_close(&m);
}

static void otherwise_it_is_one_for_each_kind_of_client(UNUSED void **state)
{
	struct mux m = crowd(4);

	says(&m, 2, colours);
	says(&m, 4, colours);
	says(&m, 3, ascii);
	heard(&m);
	all("{red}x");
	const char *first = heard(&m);
	ASSERT_HAS(first, "SEND SUBCLIENT TEXT 2:255 x\\r\\n\n"
			  "SEND SUBCLIENT TEXT 3:255 \\x1b[0;31mx\\x1b[0m\\r\\n\n"
			  "SEND SUBCLIENT TEXT 4:255 \\x1b[0;31mx\\x1b[0m\\r\\n\n");
	ASSERT_HAS(first, "ADD TO LIST 3:255 2:1\n");
	ASSERT_HAS(first, "ADD TO LIST 3:255 4:1\n");
	ASSERT_HAS(first, "ADD TO LIST 4:255 3:1\n");
	all("{red}\xc3\xab");
	assert_string_equal(heard(&m),
		"SEND SUBCLIENT TEXT 2:255 \\xc3\\xab\\r\\n\n"
		"SEND SUBCLIENT TEXT 3:255 \\x1b[0;31m\\xc3\\xab\\x1b[0m\\r\\n\n"
		"SEND SUBCLIENT TEXT 4:255 \\x1b[0;31me\\x1b[0m\\r\\n\n");
	all("plain");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 plain\\r\\n\n");
	mux_close(&m);
}

static void who_comes_leaves_or_changes_is_in_the_right_kind(UNUSED void **state)
{
	struct mux m = crowd(2);
	const char *why;

	says(&m, 2, colours);
	all("{red}x"); /* lists: 1 all, 2 plain, 3 colours */
	heard(&m);
	accept_user(&m, 3);
	ASSERT_HAS(heard(&m), "ADD TO LIST 1:255 3:1\nADD TO LIST 2:255 3:1\n");
	says(&m, 3, colours);
	ASSERT_HAS(heard(&m), "REMOVE FROM LIST 2:255 3:1\nADD TO LIST 3:255 3:1\n");
	assert_true(player_set_colours(player(2), "none", &why));
	ASSERT_HAS(heard(&m), "REMOVE FROM LIST 3:255 2:1\nADD TO LIST 2:255 2:1\n");
	SAY(&m, lost_subclient, .who = key(1));
	heard(&m);
	all("{red}x");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 2:255 x\\r\\n\n"
				       "SEND SUBCLIENT TEXT 3:255 \\x1b[0;31mx\\x1b[0m\\r\\n\n");
	SAY(&m, lost_subclient, .who = key(2));
	heard(&m);
	all("{red}x");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 0:255 \\x1b[0;31mx\\x1b[0m\\r\\n\n");
	mux_close(&m);
}

static void a_list_is_split_in_the_same_way(UNUSED void **state)
{
	struct mux m = crowd(3);
	struct audience *a = list_of(3);

	says(&m, 2, colours);
	heard(&m);
	to_list(a, "{red}x");
	ASSERT_HAS(heard(&m), "SEND SUBCLIENT TEXT 2:255 x\\r\\n\n"
			      "SEND SUBCLIENT TEXT 3:255 \\x1b[0;31mx\\x1b[0m\\r\\n\n");
	audience_remove(a, player(2));
	assert_string_equal(heard(&m), "REMOVE FROM LIST 3:255 2:1\nREMOVE FROM LIST 1:255 2:1\n");
	to_list(a, "{red}x");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:255 x\\r\\n\n");
	assert_true(audience_add(a, player(2)));
	assert_string_equal(heard(&m), "ADD TO LIST 1:255 2:1\nADD TO LIST 3:255 2:1\n");
	audience_free(a);
	assert_string_equal(heard(&m), "DROP LIST 2:255\nDROP LIST 3:255\nDROP LIST 1:255\n");
	mux_close(&m);
}

static void what_was_sent_to_one_before_is_seen_before(UNUSED void **state)
{
	struct mux m = crowd(2);

	says(&m, 2, colours);
	all("{red}0");
	heard(&m);
	player_send(player(1), slice_text("a"));
	all("{red}b");
	player_send(player(1), slice_text("c"));
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 a\n"
				       "SEND SUBCLIENT TEXT 2:255 b\\r\\n\n"
				       "SEND SUBCLIENT TEXT 3:255 \\x1b[0;31mb\\x1b[0m\\r\\n\n"
				       "SEND SUBCLIENT TEXT 1:1 c\n");
	mux_close(&m);
}

static void where_there_are_no_lists_each_gets_his_own(UNUSED void **state)
{
	struct mux m = mux_ready_as("sixteen bytes...", "caps");

	for (uint32_t n = 1; n <= 2; n++)
		accept_user(&m, n);
	says(&m, 2, colours);
	heard(&m);
	all("{red}x");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 x\\r\\n\n"
				       "SEND SUBCLIENT TEXT 2:1 \\x1b[0;31mx\\x1b[0m\\r\\n\n");
	mux_close(&m);
}

static void colours_are_kept_over_a_restart_and_lists_told_anew(UNUSED void **state)
{
	struct mux m = crowd(2);
	const char *why;

	assert_true(player_set_colours(player(1), "256", &why));
	assert_string_equal(heard(&m), "SAVE SUBCLIENT INFO 1:1 {\"k\":\"256\"}\n");
	all("{red}x");
	heard(&m);
	mux_close(&m);
	m = mux_prove_as("another one.....", "lists events caps");
	list_user(&m, 1, "192.0.2.1", "{\"k\":\"256\"}");
	list_user(&m, 2, "192.0.2.1", "{\"k\":\"pink\"}");
	SAY(&m, done_sending_all_subclient_info, 0);
	ASSERT_HAS(heard(&m), "ADD TO LIST 1:255 1:1\nADD TO LIST 1:255 2:1\n");
	assert_string_equal(player_colours_word(player(1)), "256");
	assert_null(player_colours_word(player(2)));
	all("{red}x");
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 3:255 x\\r\\n\n"
				       "SEND SUBCLIENT TEXT 2:255 \\x1b[0;31mx\\x1b[0m\\r\\n\n");
	mux_close(&m);
}

static void gmcp_for_many_is_one_message(UNUSED void **state)
{
	struct mux m = crowd(3);
	struct audience *a = list_of(2);

	heard(&m);
	player_send(player(1), slice_text("before"));
	audience_tell(a, "gmcp", false, slice_text("Room.Info {}"));
	game_tell_all(&game, "gmcp", false, slice_text("Core.Ping"));
	assert_string_equal(heard(&m), "SEND SUBCLIENT TEXT 1:1 before\n"
				       "SEND SUBCLIENT EVENT 1:255 gmcp Room.Info {}\n"
				       "SEND SUBCLIENT EVENT 0:255 gmcp Core.Ping\n");
	audience_free(a);
	mux_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_text_that_all_are_shown_alike_is_one_message),
		TEST(otherwise_it_is_one_for_each_kind_of_client),
		TEST(who_comes_leaves_or_changes_is_in_the_right_kind),
		TEST(a_list_is_split_in_the_same_way),
		TEST(what_was_sent_to_one_before_is_seen_before),
		TEST(where_there_are_no_lists_each_gets_his_own),
		TEST(colours_are_kept_over_a_restart_and_lists_told_anew),
		TEST(gmcp_for_many_is_one_message),
#undef TEST
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
