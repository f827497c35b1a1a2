#include "tests/unit/server/fake_players.h"

#include "server/api/wrapped.h"

/* What a Lua expression is answered as; valid until the next call. */
static const char *wrapped(const char *expression)
{
	static char text[4096];
	char chunk[2048];
	struct value_fault why;
	struct buf out = {0};
	lua_State *L = script->L;

	snprintf(chunk, sizeof chunk, "%s%s", strcmp(expression, "return") == 0 ? "" : "return ",
		expression);
	if (luaL_dostring(L, chunk) != LUA_OK)
		fail_msg("%s: %s", expression, lua_tostring(L, -1));
	if (lua_gettop(L) == 0)
		lua_pushnil(L);
	int top = lua_gettop(L);
	if (wrapped_add(&out, L, -1, &why))
		snprintf(text, sizeof text, "%.*s", (int)out.len, (const char *)buf_bytes(&out).at);
	else
		snprintf(text, sizeof text, "refused: %s", why.text);
	assert_int_equal(lua_gettop(L), top);
	lua_settop(L, 0);
	buf_free(&out);
	return text;
}

struct row {
	const char *expression, *json;
};

static void assert_rows(const struct row *rows, size_t count)
{
	open_map("");
	for (size_t i = 0; i < count; i++)
		if (strcmp(wrapped(rows[i].expression), rows[i].json) != 0)
			fail_msg("%s is %s, not %s", rows[i].expression,
				wrapped(rows[i].expression), rows[i].json);
}

static void each_kind_of_value_says_what_it_is(UNUSED void **state)
{
	static const struct row rows[] = {
		{"'yay!'", "{\"content\":\"yay!\",\"type\":\"string\"}"},
		{"''", "{\"content\":\"\",\"type\":\"string\"}"},
		{"7", "{\"content\":7,\"type\":\"integer\"}"},
		{"-9223372036854775807 - 1",
			"{\"content\":-9223372036854775808,\"type\":\"integer\"}"},
		{"1.5", "{\"content\":1.5,\"type\":\"float\"}"},
		{"0.1", "{\"content\":0.1,\"type\":\"float\"}"},
		{"2.0", "{\"content\":2.0,\"type\":\"float\"}"},
		{"-0.0", "{\"content\":-0.0,\"type\":\"float\"}"},
		{"1e300", "{\"content\":1e+300,\"type\":\"float\"}"},
		{"0.1 + 0.2", "{\"content\":0.30000000000000004,\"type\":\"float\"}"},
		{"0/0", "{\"content\":null,\"type\":\"float\"}"},
		{"1/0", "{\"content\":null,\"type\":\"float\"}"},
		{"-1/0", "{\"content\":null,\"type\":\"float\"}"},
		{"true", "{\"content\":1,\"type\":\"integer\"}"},
		{"false", "{\"content\":0,\"type\":\"integer\"}"},
		{"nil", "{\"content\":null,\"type\":\"none\"}"},
		{"return", "{\"content\":null,\"type\":\"none\"}"},
		{"json.null", "{\"content\":null,\"type\":\"none\"}"},
		{"constarray()", "{\"type\":\"array\"}"},
		{"constarray(1, nil, 'x')",
			"{\"content\":[{\"content\":1,\"type\":\"integer\"},"
			"{\"content\":null,\"type\":\"none\"},"
			"{\"content\":\"x\",\"type\":\"string\"}],\"type\":\"array\"}"},
		{"{}", "{\"content\":{},\"type\":\"array_object\"}"},
		{"{hp = 5}", "{\"content\":{\"hp\":{\"content\":5,\"type\":\"integer\"}},"
			     "\"type\":\"array_object\"}"},
		{"vector(1, 2.5, -3)", "{\"content\":{\"x\":1.0,\"y\":2.5,\"z\":-3.0},"
				       "\"type\":\"vector\"}"},
		{"vector(0/0, 1/0, 0)", "{\"content\":{\"x\":null,\"y\":null,\"z\":0.0},"
					"\"type\":\"vector\"}"},
		{"print", "{\"content\":null,\"type\":\"pointer\"}"},
		{"function() end", "{\"content\":null,\"type\":\"pointer\"}"},
		{"coroutine.create(print)", "{\"content\":null,\"type\":\"pointer\"}"},
		{"after(1, print)", "{\"content\":null,\"type\":\"pointer\"}"},
	};

	assert_rows(rows, ARRAY_LEN(rows));
}

static void a_player_is_a_listener_and_cannot_be_read(UNUSED void **state)
{
	open_map("game.on('join', function(p) someone = p end) someone = false "
		 "game.on('leave', function(p) end)");
	script->loading++; /* the handler sets a global */
	join(1);
	script->loading--;
	assert_string_equal(wrapped("someone"), "{\"content\":null,\"type\":\"listener\"}");
	assert_string_equal(wrapped("{someone}"),
		"{\"content\":{\"1\":{\"content\":null,\"type\":\"listener\"}},"
		"\"type\":\"array_object\"}");
}

/* The list type cannot be made without a network: the metatable is all that counts. */
static void a_list_of_players_is_an_array_and_cannot_be_read(UNUSED void **state)
{
	struct value_fault why;
	struct buf out = {0};

	open_map("");
	void **list = lua_newuserdatauv(script->L, sizeof *list, 0);
	*list = NULL;
	luaL_setmetatable(script->L, "list");
	assert_true(wrapped_add(&out, script->L, -1, &why));
	assert_true(slice_is(buf_bytes(&out), slice_text("{\"content\":null,\"type\":\"array\"}")));
	lua_settop(script->L, 0);
	buf_free(&out);
}

/* NightFall's own: three strings in a plain table, numbered from 0. */
static void three_strings_are_answered_as_nightfall_does(UNUSED void **state)
{
	static const struct row rows[] = {
		{"{[2] = 'c', [0] = 'a', [1] = 'b'}",
			"{\"content\":{\"0\":{\"content\":\"a\",\"type\":\"string\"},"
			"\"1\":{\"content\":\"b\",\"type\":\"string\"},"
			"\"2\":{\"content\":\"c\",\"type\":\"string\"}},"
			"\"type\":\"array_object\"}"},
	};

	assert_rows(rows, ARRAY_LEN(rows));
}

static void keys_stand_in_the_order_of_their_bytes(UNUSED void **state)
{
	open_map("");
	const char *json =
		wrapped("(function() local t = {} for _, k in ipairs{'b', 'a', 'B', "
			"'a\\0b', '\\xc3\\xa4', 'aa', '\"', '', 10, 9, 1.5, -1} do t[k] = 0 "
			"end return t end)()");
	static const char *const in_order[] = {
		"\"\":", "\"\\\"\":", "\"-1\":", "\"1.5\":", "\"10\":", "\"9\":", "\"B\":",
		"\"a\":", "\"a\\u0000b\":", "\"aa\":", "\"b\":", "\"\xc3\xa4\":"};
	const char *at = json;

	for (size_t i = 0; i < ARRAY_LEN(in_order); i++) {
		at = strstr(at, in_order[i]);
		if (at == NULL)
			fail_msg("%s is missing or too early in %s", in_order[i], json);
	}
}

static void strings_are_escaped_and_mended(UNUSED void **state)
{
	static const struct row rows[] = {
		{"'\\n\\t\\r\\b\\f\"\\\\/'",
			"{\"content\":\"\\n\\t\\r\\b\\f\\\"\\\\/\",\"type\":\"string\"}"},
		{"'\\0\\1\\31\\127'",
			"{\"content\":\"\\u0000\\u0001\\u001f\x7f\",\"type\":\"string\"}"},
		{"'\\u{e4}\\u{1f600}'",
			"{\"content\":\"\xc3\xa4\xf0\x9f\x98\x80\",\"type\":\"string\"}"},
		{"'a\\xffb'", "{\"content\":\"a\xef\xbf\xbd"
			      "b\",\"type\":\"string\"}"},
		{"'\\xe4\\xb8'", "{\"content\":\"\xef\xbf\xbd\",\"type\":\"string\"}"},
		{"'\\xe4\\xb8x'", "{\"content\":\"\xef\xbf\xbdx\",\"type\":\"string\"}"},
		{"'\\xed\\xa0\\x80'", "{\"content\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
				      "\"type\":\"string\"}"},
		{"'\\xc3\\xc3\\xa4'", "{\"content\":\"\xef\xbf\xbd\xc3\xa4\",\"type\":\"string\"}"},
	};

	assert_rows(rows, ARRAY_LEN(rows));
}

static void what_is_too_deep_or_contains_itself_is_refused(UNUSED void **state)
{
	static const struct row rows[] = {
		{"(function() local t = {} t.t = t return t end)()",
			"refused: a table contains itself"},
		{"(function() local t = {} t.a = {constarray(t)} return t end)()",
			"refused: a table contains itself"},
		{"(function() local t = 1 for i = 1, 65 do t = {t} end return t end)()",
			"refused: tables are nested deeper than 64"},
		{"(function() local t = 1 for i = 1, 65 do t = constarray(t) end return t end)()",
			"refused: tables are nested deeper than 64"},
		{"(function() local t = 1 for i = 1, 40 do t = {t, t} end return t end)()",
			"refused: the answer is over 1 MiB"},
		{"('x'):rep(1100000)", "refused: the answer is over 1 MiB"},
		{"{[true] = 1}", "refused: a key of a table is a boolean"},
		{"{[{}] = 1}", "refused: a key of a table is a table"},
		{"{[1/0] = 1}", "refused: a key of a table is inf"},
		{"{['\\xff'] = 1}", "refused: a key of a table is not UTF-8"},
		{"{[1] = 1, ['1'] = 2}", "refused: two keys of a table are written alike"},
	};

	assert_rows(rows, ARRAY_LEN(rows));
	ASSERT_HAS(wrapped("(function() local t = 1 for i = 1, 64 do t = {t} end return t end)()"),
		"{\"content\":1,\"type\":\"integer\"}");
}

static void the_same_table_may_stand_at_two_places(UNUSED void **state)
{
	static const struct row rows[] = {
		{"(function() local t = {} return {t, t} end)()",
			"{\"content\":{\"1\":{\"content\":{},\"type\":\"array_object\"},"
			"\"2\":{\"content\":{},\"type\":\"array_object\"}},"
			"\"type\":\"array_object\"}"},
	};

	assert_rows(rows, ARRAY_LEN(rows));
}

static void no_metamethod_is_called(UNUSED void **state)
{
	open_map("");
	assert_string_equal(
		wrapped("setmetatable({}, {__index = error, __pairs = error, __len = error})"),
		"{\"content\":{},\"type\":\"array_object\"}");
}

static void constarrays_and_vectors_can_be_read_and_not_changed(UNUSED void **state)
{
	open_map(
		"local a = constarray('x', nil, 'z')\n"
		"assert(#a == 3 and a[1] == 'x' and a[2] == nil and a[3] == 'z' and a[4] == nil)\n"
		"assert(a.foo == nil and not pcall(function() a[1] = 2 end))\n"
		"local n = 0 for i, v in pairs(a) do n = n + i end assert(n == 6)\n"
		"n = 0 for i, v in ipairs(constarray(1, 2, 3)) do n = n + v end assert(n == 6)\n"
		"assert(select('#', table.unpack(a)) == 3)\n"
		"local v = vector(1, 2, 3)\n"
		"assert(v.x == 1 and v.y == 2 and v.z == 3 and v == vector(1, 2, 3))\n"
		"assert(v ~= vector(1, 2, 4) and tostring(v) == '(1.0 2.0 3.0)')\n"
		"assert(not pcall(function() v.x = 2 end) and not pcall(function() return v.w end))\n"
		"assert(not pcall(vector, 1, 2) and not pcall(vector, 1, 2, 'three'))\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(each_kind_of_value_says_what_it_is),
		SCRIPT_TEST(a_player_is_a_listener_and_cannot_be_read),
		SCRIPT_TEST(a_list_of_players_is_an_array_and_cannot_be_read),
		SCRIPT_TEST(three_strings_are_answered_as_nightfall_does),
		SCRIPT_TEST(keys_stand_in_the_order_of_their_bytes),
		SCRIPT_TEST(strings_are_escaped_and_mended),
		SCRIPT_TEST(what_is_too_deep_or_contains_itself_is_refused),
		SCRIPT_TEST(the_same_table_may_stand_at_two_places),
		SCRIPT_TEST(no_metamethod_is_called),
		SCRIPT_TEST(constarrays_and_vectors_can_be_read_and_not_changed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
