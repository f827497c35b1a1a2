#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "server/cvar.h"

static struct cvar_list list;
static const char *why;

#define ASSERT_WHY(part)                                            \
	do {                                                        \
		if (strstr(why, part) == NULL)                      \
			fail_msg("no \"%s\" in \"%s\"", part, why); \
	} while (0)

static int set_up(UNUSED void **state)
{
	cvar_open(&list);
	why = "";
	return 0;
}

static int tear_down(UNUSED void **state)
{
	cvar_close(&list);
	return 0;
}

static bool set(const char *name, const char *text)
{
	return cvar_set(&list, name, text, false, &why);
}

static bool set_at_start(const char *name, const char *text)
{
	return cvar_set(&list, name, text, true, &why);
}

static bool make(const char *name, const char *preset)
{
	return cvar_new(&list, name, preset, "for a test", &why);
}

static void a_new_list_has_the_defaults(UNUSED void **state)
{
	assert_int_equal(list.set.sv_fps, 20);
	assert_string_equal(cvar_get(&list, "sv_fps"), "20");
	assert_string_equal(cvar_get(&list, "sv_stop_timeout"), "5 s");
	assert_null(cvar_get(&list, "sv_nothing"));
}

static void what_is_set_is_a_field_and_a_text_that_can_be_set_again(UNUSED void **state)
{
	assert_true(set("sv_fps", "30"));
	assert_int_equal(list.set.sv_fps, 30);
	assert_true(set("sv_stop_timeout", "1500 ms"));
	assert_int_equal(list.set.sv_stop_timeout, 1500);
	for (size_t i = 0; i < cvar_rows; i++) {
		char before[1100];

		snprintf(before, sizeof before, "%s", cvar_get(&list, cvar_table[i].name));
		assert_true(set_at_start(cvar_table[i].name, before));
		assert_string_equal(cvar_get(&list, cvar_table[i].name), before);
	}
}

static void bounds_hold_and_what_is_refused_changes_nothing(UNUSED void **state)
{
	static const char *const rows[][2] = {{"sv_fps", "0"}, {"sv_fps", "1001"}, {"sv_fps", "-1"},
		{"sv_fps", ""}, {"sv_fps", "20x"}, {"sv_fps", " 20"}, {"sv_fps", "4294967316"},
		{"sv_stop_timeout", "99 ms"}, {"sv_stop_timeout", "61 s"},
		{"sv_stop_timeout", "5 parsecs"}, {"sv_script_memory", "1 KiB"},
		{"sv_script_memory", "4097 MiB"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char before[1100];

		snprintf(before, sizeof before, "%s", cvar_get(&list, rows[i][0]));
		if (set_at_start(rows[i][0], rows[i][1]))
			fail_msg("%s %s", rows[i][0], rows[i][1]);
		ASSERT_WHY(rows[i][0]);
		assert_string_equal(cvar_get(&list, rows[i][0]), before);
	}
	assert_true(set("sv_fps", "1"));
	assert_true(set("sv_fps", "1000"));
}

static void a_text_has_a_longest_length(UNUSED void **state)
{
	char name[66];

	memset(name, 'x', sizeof name);
	name[65] = '\0';
	assert_false(set("sv_name", name));
	ASSERT_WHY("64 bytes");
	name[64] = '\0';
	assert_true(set("sv_name", name));
	assert_string_equal(list.set.sv_name, name);
	assert_true(set("sv_name", ""));
}

static void what_only_holds_at_start_is_set_only_then(UNUSED void **state)
{
	assert_true(set_at_start("sv_map", "town"));
	assert_false(set("sv_map", "wood"));
	ASSERT_WHY("sv_map: can only be set in server.cfg or with --set");
	assert_string_equal(list.set.sv_map, "town");
}

static void an_unknown_name_is_refused_while_the_game_runs(UNUSED void **state)
{
	assert_false(set("no_such", "1"));
	ASSERT_WHY("no_such: no such cvar; cvarlist shows all");
}

static void a_name_set_at_start_waits_for_the_script_that_makes_it(UNUSED void **state)
{
	assert_true(set_at_start("greeting", "first"));
	assert_true(set_at_start("greeting", "hello"));
	assert_null(cvar_get(&list, "greeting")); /* nobody has made it */
	assert_false(set("greeting", "too late"));
	assert_true(make("greeting", "good day"));
	assert_string_equal(cvar_get(&list, "greeting"), "hello");
	assert_true(set("greeting", "bye"));
	assert_string_equal(cvar_get(&list, "greeting"), "bye");
}

static void names_that_nobody_made_are_found(UNUSED void **state)
{
	const struct list *at = NULL;

	assert_null(cvar_next_unknown(&list, &at));
	set_at_start("c", "1");
	set_at_start("a", "1");
	set_at_start("b", "1");
	make("b", "2");
	make("d", "2");
	at = NULL;
	assert_string_equal(cvar_next_unknown(&list, &at), "a");
	assert_string_equal(cvar_next_unknown(&list, &at), "c");
	assert_null(cvar_next_unknown(&list, &at));
}

static void a_script_may_make_the_same_again_and_the_value_stays(UNUSED void **state)
{
	assert_true(make("greeting", "one"));
	assert_string_equal(cvar_get(&list, "greeting"), "one");
	assert_true(set("greeting", "two"));
	assert_true(make("greeting", "three"));
	assert_string_equal(cvar_get(&list, "greeting"), "two");
}

static void a_script_may_not_take_the_servers_names_nor_odd_ones(UNUSED void **state)
{
	static const char *const odd[] = {"", "1a", "_a", "A", "a-b", "a b", "\xc3\xa4", "a.b",
		"a234567890123456789012345678901234567890123456789012345678901234"};

	assert_false(make("sv_fps", "1"));
	ASSERT_WHY("sv_fps: the server has a cvar of this name");
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		if (make(odd[i], "1"))
			fail_msg("made: '%s'", odd[i]);
		ASSERT_WHY("is no name for a cvar");
		if (set_at_start(odd[i], "1"))
			fail_msg("set: '%s'", odd[i]);
	}
	assert_true(make("a23456789012345678901234567890123456789012345678901234567890123", "1"));
}

static void a_scripts_text_has_at_most_1000_bytes(UNUSED void **state)
{
	char text[1002];

	memset(text, 'x', sizeof text);
	text[1001] = '\0';
	assert_false(make("a", text));
	assert_false(set_at_start("b", text));
	text[1000] = '\0';
	assert_true(make("a", text));
	assert_true(set("a", text));
	assert_string_equal(cvar_get(&list, "a"), text);
}

/* Else one odd value would spoil the whole of status or cvarlist: JSON holds nothing else. */
static void a_value_is_utf_8(UNUSED void **state)
{
	assert_false(set("sv_name", "\xff"));
	assert_string_equal(cvar_get(&list, "sv_name"), "Holdfast");
	assert_false(set_at_start("a", "\xc3"));
	assert_true(make("b", "x"));
	assert_false(set("b", "\xed\xa0\x80"));
	assert_false(make("c", "\xe4"));
	assert_true(set("sv_name", "Zo\xc3\xab's"));
}

static void the_list_has_all_that_begin_so_with_their_defaults(UNUSED void **state)
{
	make("zebra", "1");
	make("apple", "2");
	set("apple", "3");
	set_at_start("unmade", "4");
	json_t *all = cvar_list_json(&list, "");
	assert_int_equal(json_array_size(all), cvar_rows + 2);
	const json_t *apple = json_array_get(all, cvar_rows);
	assert_string_equal(json_string_value(json_object_get(apple, "cvar")), "apple");
	assert_string_equal(json_string_value(json_object_get(apple, "value")), "3");
	assert_string_equal(json_string_value(json_object_get(apple, "default")), "2");
	assert_string_equal(json_string_value(json_object_get(apple, "help")), "for a test");
	json_decref(all);
	all = cvar_list_json(&list, "sv_f");
	assert_int_equal(json_array_size(all), 1);
	json_decref(all);
	all = cvar_list_json(&list, "nothing");
	assert_int_equal(json_array_size(all), 0);
	json_decref(all);
}

static void format_letters_in_names_and_values_are_just_text(UNUSED void **state)
{
	assert_true(set("sv_name", "%n%s%d"));
	assert_string_equal(cvar_get(&list, "sv_name"), "%n%s%d");
	assert_false(set("%n%s", "1"));
	ASSERT_WHY("%n%s");
	assert_false(set("sv_fps", "%n%s"));
	ASSERT_WHY("%n%s");
}

#define CVAR_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CVAR_TEST(a_new_list_has_the_defaults),
		CVAR_TEST(what_is_set_is_a_field_and_a_text_that_can_be_set_again),
		CVAR_TEST(bounds_hold_and_what_is_refused_changes_nothing),
		CVAR_TEST(a_text_has_a_longest_length),
		CVAR_TEST(what_only_holds_at_start_is_set_only_then),
		CVAR_TEST(an_unknown_name_is_refused_while_the_game_runs),
		CVAR_TEST(a_name_set_at_start_waits_for_the_script_that_makes_it),
		CVAR_TEST(names_that_nobody_made_are_found),
		CVAR_TEST(a_script_may_make_the_same_again_and_the_value_stays),
		CVAR_TEST(a_script_may_not_take_the_servers_names_nor_odd_ones),
		CVAR_TEST(a_scripts_text_has_at_most_1000_bytes),
		CVAR_TEST(a_value_is_utf_8),
		CVAR_TEST(the_list_has_all_that_begin_so_with_their_defaults),
		CVAR_TEST(format_letters_in_names_and_values_are_just_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
