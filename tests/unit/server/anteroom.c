#include "tests/unit/server/fake_players.h"

/* The map that ships, played. */

static int open_anteroom(void **state)
{
	const char *why;
	int result = set_up(state);
	script = script_open(&game, "server/lua/maps/anteroom", &why);
	if (script == NULL)
		fail_msg("script_open: %s", why);
	script_start(script);
	return result;
}

static int close_anteroom(void **state)
{
	uint64_t errors = script->faults.count;
	int result = tear_down(state);
	return errors == 0 ? result : -1;
}

/* Somebody in the hall who has read everything so far. */
static struct player *named(uint32_t number, const char *name)
{
	struct player *p = join(number);
	type(p, name);
	(void)shown(p);
	return p;
}

static const char *after(struct player *p, const char *line)
{
	(void)shown(p);
	type(p, line);
	return shown(p);
}

static void who_comes_is_asked_his_name_and_stands_in_the_hall(UNUSED void **state)
{
	struct player *p = join(1);
	assert_string_equal(shown(p), "Welcome to Holdfast.\nWhat is your name?\n");
	type(p, "  anna ");
	const char *text = shown(p);
	ASSERT_HAS(text,
		"Welcome, Anna. Type help to see what you can do here.\nYou are in the hall.\n");
	ASSERT_HAS(
		text, "Exits: north to the library, east to the kitchen, south to the garden.\n");
	assert_string_equal(p->name, "Anna");
}

static void a_name_that_will_not_do_is_refused_with_the_reason(UNUSED void **state)
{
	static const char *const refused[][2] = {
		{"", "Please type a name"},
		{"   ", "Please type a name"},
		{"x", "at least 2 letters"},
		{"abcdefghijklmnopq", "at most 16 letters; yours has 17"},
		{"Anna Bolena", "one word"},
		{"R2D2", "letters a to z"},
		{"Zo\xc3\xab", "letters a to z"},
		{"a\x1b[2Jb", "letters a to z"},
		{"help", "cannot be a name"},
		{"BEN", "Someone here is called BEN already"},
	};
	named(1, "Ben");
	struct player *p = join(2);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const char *text = after(p, refused[i][0]);
		ASSERT_HAS(text, refused[i][1]);
		ASSERT_HAS(text, "\nWhat is your name?\n");
		assert_null(p->name);
	}
	ASSERT_HAS(after(p, "abcdefghijklmnop"), "Welcome, Abcdefghijklmnop.");
}

static void a_name_is_free_again_when_its_owner_has_left(UNUSED void **state)
{
	part(named(1, "Ben"), "left");
	ASSERT_HAS(after(join(2), "ben"), "Welcome, Ben.");
}

static void every_way_to_say_a_direction_leads_there(UNUSED void **state)
{
	static const char *const ways[] = {
		"north", "n", "N", "NORTH", "go north", "go n", " north ", "Go North"};
	struct player *p = named(1, "Anna");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		ASSERT_HAS(after(p, ways[i]), "You are in the library.\n");
		ASSERT_HAS(after(p, "s"), "You are in the hall.\n");
	}
	ASSERT_HAS(after(p, "west"), "You cannot go west from here. Exits: north");
	ASSERT_HAS(after(p, "go"), "Go where? Exits: north");
	ASSERT_HAS(after(p, "go home"), "Go where? Exits: north");
}

/* From each room every exit is taken, and there is a way back to where one came from. */
static void every_exit_leads_somewhere_and_back(UNUSED void **state)
{
	static const char *const walk[] = {"n", "library", "u", "attic", "d", "library", "s",
		"hall", "e", "kitchen", "d", "cellar", "u", "kitchen", "w", "hall", "s", "garden",
		"n", "hall"};
	struct player *p = named(1, "Anna");
	for (size_t i = 0; i < ARRAY_LEN(walk); i += 2) {
		char there[60];
		snprintf(there, sizeof there, "You are in the %s.\n", walk[i + 1]);
		ASSERT_HAS(after(p, walk[i]), there);
		assert_string_equal(
			json_string_value(json_object_get(p->saved, "room")), walk[i + 1]);
	}
}

static void those_in_the_room_see_and_hear_each_other_and_others_do_not(UNUSED void **state)
{
	struct player *anna = named(1, "Anna"), *ben = join(2), *cleo = join(3);
	type(ben, "Ben");
	assert_string_equal(shown(anna), "Ben comes in from the road.\n");
	ASSERT_HAS(shown(ben), "Also here: Anna.\n");
	(void)shown(cleo);
	type(anna, "say Hello,  Ben!");
	assert_string_equal(shown(anna), "You say: Hello,  Ben!\n");
	assert_string_equal(shown(ben), "Anna says: Hello,  Ben!\n");
	type(ben, "'hi");
	assert_string_equal(shown(anna), "Ben says: hi\n");
	type(ben, "e");
	assert_string_equal(shown(anna), "Ben goes east.\n");
	(void)shown(ben);
	type(anna, "say anyone?");
	assert_string_equal(shown(ben), "");
	assert_string_equal(shown(cleo), ""); /* still has no name: is nowhere */
	type(ben, "w");
	ASSERT_HAS(shown(anna), "Ben arrives from the east.\n");
	part(ben, "left");
	assert_string_equal(shown(anna), "Ben has left.\n");
	part(cleo, "left");
	assert_string_equal(shown(anna), "");
}

static void what_a_player_types_cannot_steer_the_terminal_of_another(UNUSED void **state)
{
	struct player *anna = named(1, "Anna"), *ben = named(2, "Ben");
	(void)shown(anna);
	type(ben, "say a\x1b[2Jb\x07"
		  "c\td\x7f\xc2\x9b"
		  "e h\xc3\xa4 \xe2\x82\xac");
	assert_string_equal(shown(anna), "Ben says: a[2Jbc de h\xc3\xa4 \xe2\x82\xac\n");
}

static void who_tells_where_everyone_is(UNUSED void **state)
{
	struct player *anna = named(1, "Anna");
	assert_string_equal(after(anna, "who"), "Anna is in the hall.\nThere is nobody else.\n");
	struct player *ben = named(2, "Ben");
	join(3);
	type(ben, "d");
	type(ben, "e");
	advance(125000);
	assert_string_equal(after(anna, "who"),
		"Anna is in the hall.\nBen is in the kitchen, idle for 2 min.\n2 people in all.\n");
}

static void quit_says_goodbye_also_before_there_is_a_name(UNUSED void **state)
{
	assert_string_equal(after(named(1, "Anna"), "quit"), "kicked: Goodbye, Anna.\n");
	assert_string_equal(after(join(2), "QUIT"), "kicked: Goodbye.\n");
	assert_int_equal(kicks, 2);
}

static void unknown_words_are_answered_and_empty_lines_are_not(UNUSED void **state)
{
	struct player *p = named(1, "Anna");
	assert_string_equal(after(p, "dance wildly"),
		"\"dance\" is not a word this house knows. Type help for those it does.\n");
	assert_string_equal(after(p, "  "), "");
	ASSERT_HAS(after(p, "say"), "Say what?");
	ASSERT_HAS(after(p, "'"), "Say what?");
	ASSERT_HAS(after(p, "run"), "is not a word");
}

static void help_tells_of_every_word(UNUSED void **state)
{
	static const char *const words[] = {"look", "north", "say", "who", "quit", "help"};
	struct player *p = named(1, "Anna");
	const char *text = after(p, "help");
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		ASSERT_HAS(text, words[i]);
}

/* Everybody's saved value goes through a new game, as after a kill -9. */
static void start_again(void)
{
	const char *why;
	script_close(script);
	script = script_open(&game, "server/lua/maps/anteroom", &why);
	assert_non_null(script);
	script_start(script);
	LIST_EACH(at, &game.players)
	{
		struct player *p = container_of(at, struct player, node);
		json_t *saved = p->saved;
		json_incref(saved);
		script_restore(script, p, saved);
		json_decref(saved);
	}
}

static void everybody_is_where_he_was_after_the_game_died(UNUSED void **state)
{
	struct player *anna = named(1, "Anna"), *ben = named(2, "Ben"), *cleo = join(3);
	type(anna, "n");
	type(anna, "u");
	(void)shown(anna), (void)shown(ben), (void)shown(cleo);
	start_again();
	assert_string_equal(shown(anna), "");
	assert_string_equal(shown(ben), "");
	assert_string_equal(shown(cleo), "");
	ASSERT_HAS(after(anna, "l"), "You are in the attic.\n");
	ASSERT_HAS(after(ben, "who"), "Anna is in the attic.\nBen is in the hall.\n2 people");
	ASSERT_HAS(after(cleo, "anna"), "Someone here is called anna already.");
	ASSERT_HAS(after(cleo, "cleo"), "Welcome, Cleo.");
	assert_string_equal(shown(ben), "Cleo comes in from the road.\n");
}

static void who_was_not_yet_greeted_is_greeted_and_who_was_in_a_lost_room_is_in_the_hall(
	UNUSED void **state)
{
	struct player *new = arrive(1), *lost = arrive(2);
	lost->name = strdup("Ben");
	lost->saved = json_pack("{s:s}", "room", "ballroom");
	start_again();
	assert_string_equal(shown(new), "Welcome to Holdfast.\nWhat is your name?\n");
	assert_string_equal(shown(lost), "");
	ASSERT_HAS(after(lost, "l"), "You are in the hall.\n");
	assert_string_equal(json_string_value(json_object_get(lost->saved, "room")), "hall");
}

#define ROOM_TEST(f) cmocka_unit_test_setup_teardown(f, open_anteroom, close_anteroom)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOM_TEST(who_comes_is_asked_his_name_and_stands_in_the_hall),
		ROOM_TEST(a_name_that_will_not_do_is_refused_with_the_reason),
		ROOM_TEST(a_name_is_free_again_when_its_owner_has_left),
		ROOM_TEST(every_way_to_say_a_direction_leads_there),
		ROOM_TEST(every_exit_leads_somewhere_and_back),
		ROOM_TEST(those_in_the_room_see_and_hear_each_other_and_others_do_not),
		ROOM_TEST(what_a_player_types_cannot_steer_the_terminal_of_another),
		ROOM_TEST(who_tells_where_everyone_is),
		ROOM_TEST(quit_says_goodbye_also_before_there_is_a_name),
		ROOM_TEST(unknown_words_are_answered_and_empty_lines_are_not),
		ROOM_TEST(help_tells_of_every_word),
		ROOM_TEST(everybody_is_where_he_was_after_the_game_died),
		ROOM_TEST(
			who_was_not_yet_greeted_is_greeted_and_who_was_in_a_lost_room_is_in_the_hall),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
