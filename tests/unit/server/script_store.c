#include "tests/unit/server/real_game.h"

#include "server/store.h"

#include <sqlite3.h>

/* A map that runs what a player types, and shows what it returns or raises. */
static const char lua_map[] =
	"game.on('input', function(p, line)\n"
	"  local f, why = load(line)\n"
	"  if not f then p:send(why) return end\n"
	"  local ok, value = pcall(f)\n"
	"  p:send((ok and '' or 'error: ') .. (type(value) == 'table' and json.encode(value)\n"
	"    or tostring(value)))\n"
	"end)\n";

static struct mux m;

/* What the line shows; valid until the next call. */
static const char *run(const char *line)
{
	static char text[2000];
	char typed[1000];

	snprintf(typed, sizeof typed, "%s\n", line);
	type(&m, 1, typed);
	snprintf(text, sizeof text, "%s", heard(&m));
	char *at = strstr(text, "1:1 ");
	assert_non_null(at);
	at += 4;
	at[strlen(at) - strlen("\\r\\n\n")] = '\0';
	return at;
}

static int begin(void **state)
{
	set_up_empty(state);
	start_game(lua_map);
	m = mux_ready();
	accept_user(&m, 1);
	heard(&m);
	return 0;
}

static int end(void **state)
{
	mux_close(&m);
	return tear_down(state);
}

static void start_again(void)
{
	mux_close(&m);
	end_game();
	open_game();
	start_game(lua_map);
	m = mux_ready();
	accept_user(&m, 1);
	heard(&m);
}

static void values_come_back_as_they_were_set(UNUSED void **state)
{
	assert_string_equal(run("store.n.text = 'a\\0b' return #store.n.text"), "3");
	assert_string_equal(
		run("store.n.int = 9007199254740993 return store.n.int"), "9007199254740993");
	assert_string_equal(run("store.n.no = false return store.n.no"), "false");
	assert_string_equal(run("store.n.deep = {a = {1, 2, {b = json.null}}} return store.n.deep"),
		"{\"a\":[1,2,{\"b\":null}]}");
	assert_string_equal(run("return store.n.nothing"), "nil");
	assert_string_equal(run("store.n.int = nil return store.n.int"), "nil");
}

static void a_game_that_starts_again_finds_it(UNUSED void **state)
{
	run("store.people.ann = {rooms = 3}");
	start_again();
	assert_string_equal(run("return store.people.ann"), "{\"rooms\":3}");
}

static void what_was_shown_was_committed_before(UNUSED void **state)
{
	type(&m, 1, "store.n.k = 1 return 'kept'\n");
	ASSERT_HAS(heard(&m), "kept");
	assert_true(sqlite3_get_autocommit(store_db(game.store))); /* in no transaction */
}

static void what_is_read_is_a_copy(UNUSED void **state)
{
	run("store.n.t = {1}");
	assert_string_equal(run("store.n.t[2] = 2 return store.n.t"), "[1]");
	assert_string_equal(
		run("local t = store.n.t t[2] = 2 store.n.t = t return store.n.t"), "[1,2]");
}

static void pairs_goes_through_all_in_order_and_changes_do_no_harm(UNUSED void **state)
{
	assert_string_equal(run("for _, k in ipairs{'c', 'a', 'b'} do store.n[k] = k .. k end "
				"local all = {} for k, v in pairs(store.n) do "
				"all[#all + 1] = k .. v store.n[k] = nil end return all"),
		"[\"aaa\",\"bbb\",\"ccc\"]");
	assert_string_equal(run("return next({}) == nil and (pairs(store.n))(store.n)"), "nil");
}

static void clear_removes_a_whole_name(UNUSED void **state)
{
	assert_string_equal(
		run("store.n.a = 1 store.m.a = 2 store.clear('n') return {store.n.a or 0, store.m.a}"),
		"[0,2]");
}

static void mistakes_are_errors_that_say_what_to_do(UNUSED void **state)
{
	ASSERT_HAS(run("store.n = {}"), "store.n is there by itself: set a key of it, or "
					"store.clear('n')");
	ASSERT_HAS(run("store.n[1] = 2"), "a text as the key expected, got number");
	ASSERT_HAS(run("store.n[''] = 2"), "a key has 1 to 255 bytes");
	ASSERT_HAS(run("return store[('x'):rep(65)].a"), "a name has 1 to 64 bytes");
	ASSERT_HAS(run("store.n.f = {deep = print}"), "store.n: deep: a function cannot be JSON");
	ASSERT_HAS(run("store.n.big = ('x'):rep(1024 * 1024 - 1)"), "store");
	assert_string_equal(run("return store.n.f or store.n.big"), "nil");
	assert_string_equal(run("return getmetatable(store.n) or getmetatable(store)"), "false");
}

#define LUA_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LUA_TEST(values_come_back_as_they_were_set),
		LUA_TEST(a_game_that_starts_again_finds_it),
		LUA_TEST(what_was_shown_was_committed_before),
		LUA_TEST(what_is_read_is_a_copy),
		LUA_TEST(pairs_goes_through_all_in_order_and_changes_do_no_harm),
		LUA_TEST(clear_removes_a_whole_name),
		LUA_TEST(mistakes_are_errors_that_say_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
