#include "tests/unit/server/fake_players.h"

/* fmt, trusted, and what players are shown of what they make. */

static const char map[] = "game.on('input', function(p, line)\n"
			  "  local f, why = load('local p = ...; ' .. line, '=line')\n"
			  "  local ok, err = pcall(assert(f, why), p)\n"
			  "  if not ok then p:send(err) end\n"
			  "end)";

/* What a line of Lua, run with p, shows him. */
static const char *after(struct player *p, const char *lua)
{
	type(p, lua);
	return shown(p);
}

static struct player *with_caps(uint32_t number, const char *caps)
{
	struct player *p = join(number);
	p->caps = json_loads(caps, 0, NULL);
	assert_non_null(p->caps);
	player_look_again(p);
	return p;
}

static struct player *colourful(void)
{
	open_map(map);
	return with_caps(1, "{\"colors\":16}");
}

static void a_string_is_shown_as_it_is_whoever_made_it(UNUSED void **state)
{
	struct player *p = colourful();
	assert_string_equal(after(p, "p:send('{red}x{/} {{')"), "{red}x{/} {{\n");
	assert_string_equal(after(p, "p:send('a' .. '{bold}' .. 'b')"), "a{bold}b\n");
	assert_string_equal(after(p, "p:send('a\\27[31mb')"), "a[31mb\n");
	assert_string_equal(after(p, "p:prompt('{red}> ')"), "prompt: {red}> \n");
	assert_string_equal(after(p, "p:send(12)"), "12\n");
	ASSERT_HAS(after(p, "p:send(nil)"), "string expected, got nil");
	ASSERT_HAS(after(p, "p:send({})"), "string expected, got table");
}

static void fmt_reads_mark_up_in_the_template_alone(UNUSED void **state)
{
	struct player *p = colourful();
	assert_string_equal(after(p, "p:send(fmt('{red}%s{/}!', 'x'))"), "\x1b[0;31mx\x1b[0m!\n");
	assert_string_equal(after(p, "p:send(fmt('{red}%s{/}!', '{blue}{/}{{\\27[0m'))"),
		"\x1b[0;31m{blue}{/}{{[0m\x1b[0m!\n");
	assert_string_equal(after(p, "p:send(fmt('%s and %s', fmt('{red}a{/}'), '{red}b{/}'))"),
		"\x1b[0;31ma\x1b[0m and {red}b{/}\n");
	assert_string_equal(after(p, "p:prompt(fmt('{bold}HP %d{/}> ', 7))"),
		"prompt: \x1b[0;1mHP 7\x1b[0m> \n");
	assert_string_equal(after(p, "p:send(fmt('{red}%s', 'x\\n'))"), "\x1b[0;31mx\x1b[0m\n");
}

/* Neither a brace of the template nor one of an argument makes a tag with the other. */
static void a_tag_does_not_come_together_from_pieces(UNUSED void **state)
{
	struct player *p = colourful();
	assert_string_equal(after(p, "p:send(fmt('{%s}x', 'red'))"), "{red}x\n");
	assert_string_equal(after(p, "p:send(fmt('%sred}x', '{'))"), "{red}x\n");
	assert_string_equal(after(p, "p:send(fmt('{') .. 'red}x')"), "{red}x\n");
	assert_string_equal(after(p, "p:send('{' .. fmt('red}x'))"), "{red}x\n");
	assert_string_equal(after(p, "p:send('{' .. fmt('{red}x'))"), "{\x1b[0;31mx\x1b[0m\n");
	assert_string_equal(after(p, "p:send(fmt('%s%s', '\\16', '\\27[2J'))"), "[2J\n");
	assert_string_equal(after(p, "p:send(fmt('\\16\\27[2J'))"), "[2J\n");
	assert_string_equal(after(p, "p:send('\\16' .. fmt('{{') .. '\\27[2J')"), "{[2J\n");
}

static void fmt_formats_as_string_format_does(UNUSED void **state)
{
	static const char *const calls[] = {"'%d %5d|%-5d|%05d %x', 1, 2, 3, 4, 255",
		"'%.2f %5.1f %g', 1/3, 2.25, 1e20", "'%s %s %s', nil, true, 12", "'%%'",
		"'100%% %s', 'sure'", "'%q', 'a\"b'", "'%c%c', 72, 105", "'%5s|%-5s|', 'a', 'b'",
		"'%.2s|%5.1s|', 'abc', 'abc'", "'%i', 3", "''", "'%s', ''"};
	struct player *p = colourful();
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		char lua[200], expected[200];
		snprintf(lua, sizeof lua, "p:send(string.format(%s))", calls[i]);
		snprintf(expected, sizeof expected, "%.190s", after(p, lua));
		snprintf(lua, sizeof lua, "p:send(fmt(%s))", calls[i]);
		assert_string_equal(after(p, lua), expected);
	}
}

static void widths_count_characters(UNUSED void **state)
{
	struct player *p = colourful();
	assert_string_equal(
		after(p, "p:send(fmt('%-5s|%4s|', 'h\xc3\xa4', '{'))"), "h\xc3\xa4   |   {|\n");
	assert_string_equal(
		after(p, "p:send(fmt('%-4s|', fmt('{red}ab{/}')))"), "\x1b[0;31mab\x1b[0m  |\n");
	assert_string_equal(after(p, "p:send(fmt('%.2s|', 'h\xc3\xa4ll'))"), "h\xc3\xa4|\n");
	ASSERT_HAS(after(p, "p:send(fmt('%.1s', fmt('ab')))"), "cannot be cut");
}

static void what_is_no_format_is_refused(UNUSED void **state)
{
	struct player *p = colourful();
	ASSERT_HAS(after(p, "fmt('%s')"), "bad argument #2 to 'fmt' (no value)");
	ASSERT_HAS(after(p, "fmt('%s %d', 'a')"), "bad argument #3 to 'fmt' (no value)");
	ASSERT_HAS(after(p, "fmt('%d', 'x')"), "number expected, got string");
	ASSERT_HAS(after(p, "fmt('100%')"), "a % must be followed by a letter");
	ASSERT_HAS(after(p, "fmt('%y', 1)"), "invalid conversion '%y'");
	ASSERT_HAS(after(p, "fmt('%+s', 1)"), "'%+s': no such thing");
	ASSERT_HAS(after(p, "fmt('%100s', 1)"), "a % must be followed");
	ASSERT_HAS(after(p, "fmt()"), "string expected, got no value");
	ASSERT_HAS(after(p, "fmt(fmt('a'))"), "string expected");
}

static void a_tag_that_does_not_exist_is_shown_and_logged_once(UNUSED void **state)
{
	struct player *p = colourful();
	assert_string_equal(after(p, "for i = 1, 3 do p:send(fmt('{rde}x{/}')) end"),
		"{rde}x{/}\n{rde}x{/}\n{rde}x{/}\n");
	const char *log = logged();
	ASSERT_HAS(log, "map mapname: line:1: {rde}: no such mark-up; it is shown as it is\n");
	assert_null(strstr(strstr(log, "{rde}") + 1, "{rde}"));
	type(p, "for i = 1, 300 do fmt('{' .. i .. '}') end");
	log = logged();
	ASSERT_HAS(log, "{98}");
	assert_null(strstr(log, "{150}"));
}

static void texts_join_with_strings_and_with_each_other(UNUSED void **state)
{
	struct player *p = colourful();
	assert_string_equal(after(p, "p:send('{a} ' .. fmt('{red}b{/}') .. ' {c} ' .. 1)"),
		"{a} \x1b[0;31mb\x1b[0m {c} 1\n");
	assert_string_equal(after(p, "p:send(fmt('{red}a') .. fmt('{bold}b{/}c'))"),
		"\x1b[0;31ma\x1b[0;1;31mb\x1b[0;31mc\x1b[0m\n");
	assert_string_equal(after(p, "p:send(#fmt('{red}h\xc3\xa4{{'))"), "3\n");
	assert_string_equal(after(p, "p:send(tostring(fmt('{red}a%s', '{x\\27')))"), "a{x\n");
	ASSERT_HAS(after(p, "return fmt('a'):upper()"), "text");
	ASSERT_HAS(after(p, "getmetatable(fmt('a')).x = 1"), "");
	ASSERT_HAS(after(p, "p.name = fmt('a')"), "string expected");
	ASSERT_HAS(after(p, "p:save({fmt('a')})"), "cannot be");
	assert_string_equal(after(p, "p:kick(fmt('{red}Bye{/}'))"), "kicked: Bye\n");
}

static void what_is_trusted_is_shown_as_it_is(UNUSED void **state)
{
	struct player *p = colourful();
	assert_string_equal(after(p, "p:send(trusted('\\27[5mx{red}'))"), "\x1b[5mx{red}\n");
	assert_string_equal(
		after(p, "p:send(fmt('{red}%s', trusted('\\7')))"), "\x1b[0;31m\x07\x1b[0m\n");
	ASSERT_HAS(after(p, "trusted(nil)"), "string expected");
}

static void each_is_shown_what_his_client_can(UNUSED void **state)
{
	static const struct {
		const char *caps, *shown;
	} clients[] = {
		{"{}", "Zo\xc3\xab <a>\n"},
		{"{\"colors\":0}", "Zo\xc3\xab <a>\n"},
		{"{\"colors\":8}", "\x1b[0;33mZo\xc3\xab\x1b[0m <a>\n"},
		{"{\"colors\":16}", "\x1b[0;33mZo\xc3\xab\x1b[0m <a>\n"},
		{"{\"colors\":256}", "\x1b[0;38;5;208mZo\xc3\xab\x1b[0m <a>\n"},
		{"{\"colors\":16777216}", "\x1b[0;38;2;255;136;0mZo\xc3\xab\x1b[0m <a>\n"},
		{"{\"colors\":16777216,\"reader\":true}", "Zo\xc3\xab <a>\n"},
		{"{\"colors\":16,\"utf8\":false}", "\x1b[0;33mZoe\x1b[0m <a>\n"},
		{"{\"utf8\":false,\"mxp\":true}", "Zoe &lt;a&gt;\n"},
		{"{\"utf8\":true,\"mxp\":false,\"reader\":false}", "Zo\xc3\xab <a>\n"},
		{"{\"colors\":\"lots\",\"utf8\":0}", "Zo\xc3\xab <a>\n"},
	};
	open_map(map);
	for (uint32_t i = 0; i < ARRAY_LEN(clients); i++)
		assert_string_equal(after(with_caps(i + 1, clients[i].caps),
					    "p:send(fmt('{#ff8800}Zo\xc3\xab{/} <a>'))"),
			clients[i].shown);
}

static void a_players_own_choice_goes_before_what_his_client_says(UNUSED void **state)
{
	static const char red[] = "p:send(fmt('{#ff0000}x'))";
	struct player *p = colourful();
	assert_string_equal(after(p, "p:send(tostring(p.colours))"), "nil\n");
	type(p, "p.colours = 'true'");
	assert_string_equal(after(p, red), "\x1b[0;38;2;255;0;0mx\x1b[0m\n");
	type(p, "p.colours = '256'");
	assert_string_equal(after(p, red), "\x1b[0;38;5;196mx\x1b[0m\n");
	type(p, "p.colours = 'none'");
	assert_string_equal(after(p, red), "x\n");
	assert_string_equal(after(p, "p:send(p.colours)"), "none\n");
	type(p, "p.colours = nil");
	assert_string_equal(after(p, red), "\x1b[0;91mx\x1b[0m\n");
	ASSERT_HAS(after(p, "p.colours = 'many'"), "colours: ");
	ASSERT_HAS(after(p, "p.colours = 16"), "string expected, got number");
}

static void gmcp_for_all_is_a_package_and_json(UNUSED void **state)
{
	struct player *p = colourful();
	type(p, "all:gmcp('Comm.Channel', {text = 'hi'})");
	type(p, "all:gmcp('Core.Ping')");
	assert_true(slice_is(buf_bytes(&to_all),
		slice_text("gmcp: Comm.Channel {\"text\":\"hi\"}\ngmcp: Core.Ping\n")));
	ASSERT_HAS(after(p, "all:gmcp('Comm Channel')"), "is no name of a package");
	ASSERT_HAS(after(p, "all:gmcp('A', print)"), "gmcp: a function cannot be JSON");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRIPT_TEST(a_string_is_shown_as_it_is_whoever_made_it),
		SCRIPT_TEST(fmt_reads_mark_up_in_the_template_alone),
		SCRIPT_TEST(a_tag_does_not_come_together_from_pieces),
		SCRIPT_TEST(fmt_formats_as_string_format_does),
		SCRIPT_TEST(widths_count_characters),
		SCRIPT_TEST(what_is_no_format_is_refused),
		SCRIPT_TEST(a_tag_that_does_not_exist_is_shown_and_logged_once),
		SCRIPT_TEST(texts_join_with_strings_and_with_each_other),
		SCRIPT_TEST(what_is_trusted_is_shown_as_it_is),
		SCRIPT_TEST(each_is_shown_what_his_client_can),
		SCRIPT_TEST(a_players_own_choice_goes_before_what_his_client_says),
		SCRIPT_TEST(gmcp_for_all_is_a_package_and_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
