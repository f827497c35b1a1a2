#include "tests/unit/server/fake_players.h"

/* What scripts tell a player's client outside the text. */

static const char map[] = "game.on('input', function(p, line)\n"
			  "  local f, why = load('local p = ...; ' .. line)\n"
			  "  local ok, err = pcall(assert(f, why), p)\n"
			  "  if not ok then p:send(err) end\n"
			  "end)";

/* What a line of Lua, run with p, tells him. */
static const char *after(struct player *p, const char *lua)
{
	type(p, lua);
	return shown(p);
}

static void prompts_and_hidden_input_are_told_as_they_are(UNUSED void **state)
{
	open_map(map);
	struct player *p = join(1);
	assert_string_equal(after(p, "p:prompt('Name? ')"), "prompt: Name? \n");
	assert_string_equal(after(p, "p:echo(false)"), "echo: off\n");
	assert_string_equal(after(p, "p:echo(true)"), "echo: on\n");
	assert_string_equal(after(p, "p:mxp(true)"), "mxp: on\n");
	ASSERT_HAS(after(p, "p:echo('off')"), "boolean expected, got string");
	ASSERT_HAS(after(p, "p:echo()"), "boolean expected, got no value");
}

static void gmcp_is_a_package_and_json(UNUSED void **state)
{
	open_map(map);
	struct player *p = join(1);
	assert_string_equal(
		after(p, "p:gmcp('Char.Vitals', {hp = 5})"), "gmcp: Char.Vitals {\"hp\":5}\n");
	assert_string_equal(after(p, "p:gmcp('Core.Ping')"), "gmcp: Core.Ping\n");
	assert_string_equal(
		after(p, "p:gmcp('Core.Goodbye', 'bye')"), "gmcp: Core.Goodbye \"bye\"\n");
	assert_string_equal(after(p, "p:gmcp('A', {1, 2})"), "gmcp: A [1,2]\n");
	ASSERT_HAS(after(p, "p:gmcp('Char Vitals', 1)"),
		"gmcp: 'Char Vitals' is no name of a package");
	ASSERT_HAS(after(p, "p:gmcp('A\\0B', 1)"), "is no name of a package");
	ASSERT_HAS(after(p, "p:gmcp('', 1)"), "is no name of a package");
	ASSERT_HAS(after(p, "p:gmcp('A', print)"), "gmcp: a function cannot be JSON");
	ASSERT_HAS(
		after(p, "p:gmcp('A', ('x'):rep(70000))"), "gmcp: 70004 bytes, 65536 are the most");
}

static void msdp_is_a_table_of_variables(UNUSED void **state)
{
	open_map(map);
	struct player *p = join(1);
	assert_string_equal(after(p, "p:msdp({HEALTH = 5})"), "msdp (json): {\"HEALTH\":5}\n");
	ASSERT_HAS(after(p, "p:msdp('HEALTH')"), "table expected, got string");
}

static void crawlers_are_told_a_table(UNUSED void **state)
{
	open_map(map);
	struct player *p = join(1);
	assert_string_equal(after(p, "game.mssp({NAME = 'Hall', PORT = {1, 2}})"), "");
	ASSERT_HAS(told_mssp, "\"NAME\": \"Hall\"");
	ASSERT_HAS(told_mssp, "\"PORT\": [1, 2]");
	assert_string_equal(after(p, "game.mssp(nil)"), "");
	assert_string_equal(told_mssp, "");
	ASSERT_HAS(after(p, "game.mssp({1, 2})"), "a table of names and values is wanted");
	ASSERT_HAS(after(p, "game.mssp({NAME = ('x'):rep(2000)})"), "the table is too long");
	ASSERT_HAS(after(p, "game.mssp(7)"), "table expected, got number");
}

static void one_who_is_leaving_is_told_nothing_and_one_who_left_is_an_error(UNUSED void **state)
{
	open_map(
		"local gone\n"
		"game.on('leave', function(p) gone = p; p:echo(true); p:gmcp('A', 1); p:prompt('>')\n"
		"  log.info('still quiet') end)\n"
		"game.on('join', function(p) if gone then\n"
		"  p:send(tostring(pcall(gone.echo, gone, true)))\n"
		"  p:send(tostring(pcall(gone.gmcp, gone, 'A'))) end end)");
	struct player *p = join(1);
	script_leave(script, p, "left");
	assert_string_equal(shown(p), "");
	ASSERT_HAS(logged(), "still quiet");
	drop(p);
	p = join(2);
	assert_string_equal(shown(p), "false\nfalse\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(prompts_and_hidden_input_are_told_as_they_are),
		TEST(gmcp_is_a_package_and_json),
		TEST(msdp_is_a_table_of_variables),
		TEST(crawlers_are_told_a_table),
		TEST(one_who_is_leaving_is_told_nothing_and_one_who_left_is_an_error),
#undef TEST
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
