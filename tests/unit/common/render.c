#include "common/render.h"
#include "tests/unit/common/support_common.h"

/* In the JSON, ' stands for ". */
static void expect(const char *json, const char *text)
{
	char copy[1024];
	struct buf out = {0};
	json_error_t error;

	assert_true(strlen(json) < sizeof copy);
	strcpy(copy, json);
	for (char *at = copy; (at = strchr(at, '\'')) != NULL;)
		*at = '"';
	json_t *answer = json_loads(copy, JSON_DECODE_ANY, &error);
	if (answer == NULL)
		fail_msg("%s", error.text);
	render_json(&out, answer);
	assert_string_equal(text_of(&out), text);
	json_decref(answer);
	buf_free(&out);
}

static void nothing_to_say_is_done(void **state UNUSED)
{
	struct buf out = {0};

	expect("null", "done\n");
	render_json(&out, NULL);
	assert_string_equal(text_of(&out), "done\n");
	buf_free(&out);
}

static void a_text_is_itself_and_ends_with_a_line_end(void **state UNUSED)
{
	expect("'hello'", "hello\n");
	expect("'two\\nlines\\n'", "two\nlines\n");
	expect("''", "\n");
	expect("17", "17\n");
	expect("true", "yes\n");
}

static void seconds_are_shown_as_a_person_says_them(void **state UNUSED)
{
	expect("{'uptime_s': 0}", "uptime: 0 s\n");
	expect("{'uptime_s': 59}", "uptime: 59 s\n");
	expect("{'uptime_s': 60}", "uptime: 1 min\n");
	expect("{'uptime_s': 3599}", "uptime: 59 min 59 s\n");
	expect("{'uptime_s': 3600}", "uptime: 1 h\n");
	expect("{'uptime_s': 8029}", "uptime: 2 h 13 min\n");
	expect("{'uptime_s': 86459}", "uptime: 1 d\n");
	expect("{'uptime_s': 8640000}", "uptime: 100 d\n");
	expect("{'uptime_s': -1}", "uptime: -1\n");
	expect("{'round_s': '90'}", "round_s: 90\n"); /* a word of somebody else's */
	expect("{'uptime_s': null, 'seconds_left': 43200}", "uptime: -\nleft: 12 h\n");
	expect("{'frames': 61, '_s': 61, 'p99_ms': 61}", "frames: 61\n_s: 61\np99_ms: 61\n");
	expect("[{'key': 'a', 'idle_s': 7, 'x': 1}, {'key': 'b', 'idle_s': 90061, 'x': 2}]",
		"key  idle     x\n"
		"a    7 s      1\n"
		"b    1 d 1 h  2\n");
}

static void an_array_of_objects_is_a_table(void **state UNUSED)
{
	expect("[{'key': '5:199', 'name': 'Alice'}, {'key': '6:1', 'name': 'B'}]", "key    name\n"
										   "5:199  Alice\n"
										   "6:1    B\n");
}

static void a_table_has_the_union_of_all_keys_and_no_trailing_blanks(void **state UNUSED)
{
	expect("[{'a': 1}, {'b': 22222, 'a': null}, {'c': 'x'}]", "a  b      c\n"
								  "1\n"
								  "-  22222\n"
								  "          x\n");
}

static void columns_are_aligned_by_characters_and_not_by_bytes(void **state UNUSED)
{
	expect("[{'n': 'gr\\u00fc\\u00df', 'x': 1}, {'n': 'abcde', 'x': 2}]",
		"n      x\n"
		"gr\xc3\xbc\xc3\x9f   1\n"
		"abcde  2\n");
}

static void an_object_is_a_list_and_what_it_holds_is_indented(void **state UNUSED)
{
	expect("{'users': 3, 'real': 0.1, 'on': false, 'none': null, 'link': {'state': 'open',"
	       "'deep': {'er': 1}}, 'list': [{'k': 1}], 'empty': [], 'blank': {}, 'words':"
	       "['a', 'b']}",
		"users: 3\n"
		"real: 0.1\n"
		"on: no\n"
		"none: -\n"
		"link:\n"
		"  state: open\n"
		"  deep:\n"
		"    er: 1\n"
		"list:\n"
		"  k\n"
		"  1\n"
		"empty: none\n"
		"blank: none\n"
		"words:\n"
		"  a\n"
		"  b\n");
}

static void an_array_of_plain_things_has_one_a_line(void **state UNUSED)
{
	expect("['a', 2, true]", "a\n2\nyes\n");
	expect("[]", "none\n");
}

static void what_a_table_holds_that_is_no_plain_thing_is_shown_as_json(void **state UNUSED)
{
	expect("[{'a': [1, 2], 'b': {'c': 'd'}}]", "a      b\n"
						   "[1,2]  {\"c\":\"d\"}\n");
}

static void no_control_character_reaches_the_terminal(void **state UNUSED)
{
	expect("'\\u001b[2J\\u0007\\u007f\\u009b\\r\\u00a0'",
		"\\x1b[2J\\x07\\x7f\\xc2\\x9b\\x0d\xc2\xa0\n");
	expect("{'\\u001b': 'a\\nb'}", "\\x1b: a\\x0ab\n");
	expect("[{'\\u001b': '\\u001b'}]", "\\x1b\n\\x1b\n");
	expect("['\\n']", "\\x0a\n");
	expect("[{'a': ['\\u009b']}]", "a\n[\"\\xc2\\x9b\"]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_say_is_done),
		cmocka_unit_test(a_text_is_itself_and_ends_with_a_line_end),
		cmocka_unit_test(seconds_are_shown_as_a_person_says_them),
		cmocka_unit_test(an_array_of_objects_is_a_table),
		cmocka_unit_test(a_table_has_the_union_of_all_keys_and_no_trailing_blanks),
		cmocka_unit_test(columns_are_aligned_by_characters_and_not_by_bytes),
		cmocka_unit_test(an_object_is_a_list_and_what_it_holds_is_indented),
		cmocka_unit_test(an_array_of_plain_things_has_one_a_line),
		cmocka_unit_test(what_a_table_holds_that_is_no_plain_thing_is_shown_as_json),
		cmocka_unit_test(no_control_character_reaches_the_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
