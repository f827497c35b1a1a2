#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "server/value.h"

static lua_State *L;
static struct value_fault why;

static int open_lua(void **state UNUSED)
{
	L = luaL_newstate();
	luaL_openlibs(L);
	value_push_null(L);
	lua_setglobal(L, "null");
	why.text[0] = '\0';
	return 0;
}

static int close_lua(void **state UNUSED)
{
	lua_close(L);
	return 0;
}

/* The JSON text of a Lua expression; "" and why if it is refused. Valid until the next call. */
static const char *json_of(const char *expression)
{
	static char text[1000];
	lua_settop(L, 0);
	lua_pushfstring(L, "return %s", expression);
	assert_int_equal(luaL_dostring(L, lua_tostring(L, 1)), LUA_OK);
	int top = lua_gettop(L);
	json_t *json = value_json(L, -1, &why);
	assert_int_equal(lua_gettop(L), top);
	text[0] = '\0';
	if (json != NULL) {
		char *dump = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
		snprintf(text, sizeof text, "%s", dump);
		free(dump);
		json_decref(json);
	}
	return text;
}

/* What became of a JSON text that went to Lua and back. */
static const char *there_and_back(const char *text)
{
	static char back[1000];
	lua_settop(L, 0);
	json_t *json = value_parse(slice_text(text), &why);
	assert_non_null(json);
	value_push(L, json);
	json_decref(json);
	assert_int_equal(lua_gettop(L), 1);
	json = value_json(L, 1, &why);
	assert_non_null(json);
	char *dump = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
	snprintf(back, sizeof back, "%s", dump);
	free(dump);
	json_decref(json);
	return back;
}

static void values_go_to_lua_and_back_unchanged(void **state UNUSED)
{
	static const char *const texts[] = {"1", "-9007199254740993", "1.5", "3.0", "true", "false",
		"null", "\"\"", "\"h\xc3\xa4\\u0000llo\"", "[1,2,[3]]", "{}",
		"{\"a\":[{\"b\":null},\"c\"],\"d\":{\"e\":0.25}}"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_string_equal(there_and_back(texts[i]), texts[i]);
}

static void keys_one_to_n_make_an_array_and_texts_an_object(void **state UNUSED)
{
	assert_string_equal(json_of("{ 'x', 'y' }"), "[\"x\",\"y\"]");
	assert_string_equal(json_of("{ [2] = 'y', [1] = 'x' }"), "[\"x\",\"y\"]");
	assert_string_equal(json_of("{ ['1'] = 'x' }"), "{\"1\":\"x\"}");
	assert_string_equal(json_of("{}"), "{}");
	assert_string_equal(json_of("{ null, { a = null } }"), "[null,{\"a\":null}]");
}

static void what_cannot_be_json_is_refused_and_its_place_named(void **state UNUSED)
{
	static const struct {
		const char *expression, *why;
	} refused[] = {
		{"{ items = { 1, 2, { when = print } } }",
			"items[3].when: a function cannot be JSON"},
		{"print", "a function cannot be JSON"},
		{"nil", "a nil cannot be JSON"},
		{"{ a = 0/0 }", "a: nan and inf cannot be JSON"},
		{"1/0", "nan and inf cannot be JSON"},
		{"{ '\\xff' }", "[1]: text that is not UTF-8 cannot be JSON"},
		{"{ ['\\xff'] = 1 }", "a key that is not UTF-8 cannot be JSON"},
		{"{ ['a\\0b'] = 1 }", "a key with a NUL in it cannot be JSON"},
		{"{ 1, nil, 3 }", "the keys of a table must be all strings, or 1..n without a gap"},
		{"{ 1, x = 2 }", "the keys of a table must be all strings, or 1..n without a gap"},
		{"{ [1.5] = 2 }", "the keys of a table must be all strings, or 1..n without a gap"},
		{"{ [0] = 2 }", "the keys of a table must be all strings, or 1..n without a gap"},
		{"{ [true] = 2 }",
			"the keys of a table must be all strings, or 1..n without a gap"},
		{"{ a = coroutine.create(print) }", "a: a thread cannot be JSON"},
	};
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		assert_string_equal(json_of(refused[i].expression), "");
		assert_string_equal(why.text, refused[i].why);
	}
}

static void a_table_in_itself_is_refused(void **state UNUSED)
{
	assert_string_equal(json_of("(function() local t = {} t.t = t return t end)()"), "");
	assert_non_null(strstr(why.text, "nested too deeply"));
}

static void sixty_four_tables_deep_is_allowed_and_one_more_is_not(void **state UNUSED)
{
#define NESTED "(function() local t = 1 for _ = 1, %d do t = { t } end return t end)()"
	char expression[200];
	snprintf(expression, sizeof expression, NESTED, VALUE_DEPTH_MAX);
	const char *text = json_of(expression);
	assert_int_equal(strlen(text), 2 * VALUE_DEPTH_MAX + 1);
	assert_string_equal(there_and_back(text), text);
	snprintf(expression, sizeof expression, NESTED, VALUE_DEPTH_MAX + 1);
	assert_string_equal(json_of(expression), "");

	char deep[2 * VALUE_DEPTH_MAX + 3] = "";
	memset(deep, '[', VALUE_DEPTH_MAX + 1);
	memset(deep + VALUE_DEPTH_MAX + 1, ']', VALUE_DEPTH_MAX + 1);
	assert_null(value_parse(slice_text(deep), &why));
	assert_string_equal(why.text, "nested too deeply");
}

static int l_push(lua_State *from)
{
	value_push(from, lua_touserdata(from, 1));
	return 1;
}

static void deep_json_from_elsewhere_is_a_lua_error_not_a_crash(void **state UNUSED)
{
	json_t *json = json_integer(1);
	for (int i = 0; i < 2000; i++)
		json = json_pack("[o]", json);
	lua_pushcfunction(L, l_push);
	lua_pushlightuserdata(L, json);
	assert_int_equal(lua_pcall(L, 1, 1, 0), LUA_ERRRUN);
	assert_non_null(strstr(lua_tostring(L, -1), "nested deeper than"));
	json_decref(json);
}

/* A few tables that each hold the next twice: small in Lua, endless as JSON. */
static void what_grows_endless_is_refused(void **state UNUSED)
{
	assert_string_equal(
		json_of("(function() local t = 1 for _ = 1, 60 do t = { t, t } end return t end)()"),
		"");
	assert_non_null(strstr(why.text, "too large"));
	assert_string_equal(json_of("{ a = ('x'):rep(2000000) }"), "");
	assert_string_equal(why.text, "a: too large");
}

static void metamethods_are_not_called(void **state UNUSED)
{
	assert_string_equal(json_of("setmetatable({ 1 }, { __index = error, __pairs = error, "
				    "__len = error })"),
		"[1]");
}

static void text_that_is_too_much_is_refused_before_it_is_parsed(void **state UNUSED)
{
	size_t len = VALUE_COST_MAX;
	char *text = malloc(len + 2);
	memset(text, ' ', len + 2);
	assert_null(value_parse(slice_of(text, len + 1), &why));
	assert_string_equal(why.text, "too large");
	for (size_t i = 0; i < len; i += 3)
		memcpy(text + i, "{},", 3);
	text[0] = '[';
	assert_null(value_parse(slice_of(text, len), &why));
	assert_string_equal(why.text, "too large");

	/* But not for commas and brackets in a string. */
	memset(text, ',', len);
	text[0] = text[len - 1] = '"';
	json_t *json = value_parse(slice_of(text, len), &why);
	assert_non_null(json);
	json_decref(json);
	free(text);
}

static void what_is_no_json_is_refused_with_line_and_column(void **state UNUSED)
{
	static const char *const texts[] = {
		"", "{", "[1,]", "{\"a\":1} x", "nul", "\"\xff\"", "{\"a\\u0000b\":1}", "]"};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_null(value_parse(slice_text(texts[i]), &why));
		assert_non_null(strstr(why.text, "line 1, column"));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_lua, close_lua)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_go_to_lua_and_back_unchanged),
		TEST(keys_one_to_n_make_an_array_and_texts_an_object),
		TEST(what_cannot_be_json_is_refused_and_its_place_named),
		TEST(a_table_in_itself_is_refused),
		TEST(sixty_four_tables_deep_is_allowed_and_one_more_is_not),
		TEST(deep_json_from_elsewhere_is_a_lua_error_not_a_crash),
		TEST(what_grows_endless_is_refused),
		TEST(metamethods_are_not_called),
		TEST(text_that_is_too_much_is_refused_before_it_is_parsed),
		TEST(what_is_no_json_is_refused_with_line_and_column),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
