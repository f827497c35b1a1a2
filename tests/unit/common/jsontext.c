#include "common/jsontext.h"
#include "tests/unit/common/support_common.h"

static const struct jsontext_most most = {.bytes = 400, .values = 20, .depth = 3};

static void reads(const char *text)
{
	json_t *json = jsontext_read(slice_text(text), JSON_DECODE_ANY, &most, NULL);

	assert_non_null(json);
	json_decref(json);
}

static void refuses(const char *text, const char *words)
{
	json_error_t why;

	assert_null(jsontext_read(slice_text(text), JSON_DECODE_ANY, &most, &why));
	assert_string_equal(why.text, words);
	assert_int_equal(why.line, -1);
	assert_null(jsontext_read(slice_text(text), JSON_DECODE_ANY, &most, NULL));
}

static void what_is_nested_as_deeply_as_may_be_is_read_and_no_deeper(void **state UNUSED)
{
	reads("[[[1]]]");
	reads("{\"a\": [{}]}");
	reads("[[[]], [[]], {\"a\": {}}]");
	refuses("[[[[1]]]]", "nested too deeply");
	refuses("{\"a\": [{\"b\": []}]}", "nested too deeply");
	refuses("[[[]], [[[]]]]", "nested too deeply");
	refuses("[[[[", "nested too deeply");
}

static void brackets_in_strings_do_not_count(void **state UNUSED)
{
	reads("[[\"[[[[[[[[{{{{{{\"]]");
	reads("{\"[[[[[[\": \"\\\"[[[[[[\\\\\"}");
	refuses("[\"\\\\\", [[[\"\"]]]]", "nested too deeply"); /* the string ends behind \\ */
}

static void a_text_is_as_long_as_may_be_and_no_longer(void **state UNUSED)
{
	char text[402];

	memset(text, 'a', sizeof text);
	text[0] = text[399] = '"';
	text[400] = '\0';
	reads(text);
	text[399] = 'a';
	text[400] = '"';
	text[401] = '\0';
	refuses(text, "too large");
}

static void many_values_are_too_much_before_they_take_memory(void **state UNUSED)
{
	reads("[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8]");
	refuses("[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9]", "too large");
	reads("[[],[],[],[],[],[],[],[],[],0]");
	refuses("[{},{},{},{},{},{},{},{},{},{}]", "too large");
	reads("[\",,,,,,,,,,,,,,,,,,,,,,,,,\"]");
}

static void the_words_of_jansson_tell_what_is_no_json(void **state UNUSED)
{
	json_error_t why;

	assert_null(jsontext_read(slice_text("[1,\n2"), 0, &most, &why));
	assert_int_equal(why.line, 2);
	assert_non_null(strstr(why.text, "']' expected"));
	assert_null(jsontext_read((struct slice){0}, 0, &most, &why));
	assert_null(jsontext_read(slice_text("1"), 0, &most, &why)); /* flags are jansson's */
	assert_null(jsontext_read(
		slice_text("{\"a\":1,\"a\":2}"), JSON_REJECT_DUPLICATES, &most, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_nested_as_deeply_as_may_be_is_read_and_no_deeper),
		cmocka_unit_test(brackets_in_strings_do_not_count),
		cmocka_unit_test(a_text_is_as_long_as_may_be_and_no_longer),
		cmocka_unit_test(many_values_are_too_much_before_they_take_memory),
		cmocka_unit_test(the_words_of_jansson_tell_what_is_no_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
