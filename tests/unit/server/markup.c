#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "server/ascii.h"
#include "server/markup.h"

enum { NONE = PEN_NONE, C16 = PEN_16, C256 = PEN_256, TRUE = PEN_TRUE };

/* What a client of this look is shown; valid until the next call. */
static const char *render(const char *text, bool coded, bool line, unsigned look)
{
	static char room[4096];
	struct markup m = {.bytes = slice_text(text), .coded = coded, .line = line};
	struct buf out = {0};
	struct slice shown;

	assert_true(markup_render(&m, look, &out, &shown));
	assert_in_range(shown.len, 0, sizeof room - 1);
	if (shown.len > 0)
		memcpy(room, shown.at, shown.len);
	room[shown.len] = '\0';
	buf_free(&out);
	return room;
}

static const char *coded(const char *text, unsigned look)
{
	return render(text, true, false, look);
}

static const char *plain(const char *text, unsigned look)
{
	return render(text, false, false, look);
}

/* Each tag, and what it is for 16 colours, 256 and all. */
static const char *const tags[][4] = {
	{"black", "30", "30", "30"},
	{"red", "31", "31", "31"},
	{"green", "32", "32", "32"},
	{"yellow", "33", "33", "33"},
	{"blue", "34", "34", "34"},
	{"magenta", "35", "35", "35"},
	{"cyan", "36", "36", "36"},
	{"white", "37", "37", "37"},
	{"grey", "90", "90", "90"},
	{"gray", "90", "90", "90"},
	{"bright black", "90", "90", "90"},
	{"bright red", "91", "91", "91"},
	{"bright green", "92", "92", "92"},
	{"bright yellow", "93", "93", "93"},
	{"bright blue", "94", "94", "94"},
	{"bright magenta", "95", "95", "95"},
	{"bright cyan", "96", "96", "96"},
	{"bright white", "97", "97", "97"},
	{"on black", "40", "40", "40"},
	{"on blue", "44", "44", "44"},
	{"on grey", "100", "100", "100"},
	{"on bright white", "107", "107", "107"},
	{"bold", "1", "1", "1"},
	{"dim", "2", "2", "2"},
	{"underline", "4", "4", "4"},
	{"reverse", "7", "7", "7"},
	{"#ff0000", "91", "38;5;196", "38;2;255;0;0"},
	{"#FF8800", "33", "38;5;208", "38;2;255;136;0"},
	{"#808080", "90", "38;5;244", "38;2;128;128;128"},
	{"#000000", "30", "38;5;16", "38;2;0;0;0"},
	{"#ffffff", "97", "38;5;231", "38;2;255;255;255"},
	{"#5f87af", "90", "38;5;67", "38;2;95;135;175"},
	{"on #0000ee", "44", "48;5;21", "48;2;0;0;238"},
	{"bold red", "1;31", "1;31", "1;31"},
	{"red bold", "1;31", "1;31", "1;31"},
	{"bold underline bright green on blue", "1;4;92;44", "1;4;92;44", "1;4;92;44"},
	{"dim #123456 on #fedcba", "2;30;47", "2;38;5;236;48;5;223",
		"2;38;2;18;52;86;48;2;254;220;186"},
	{"red blue", "34", "34", "34"},
};

static void each_tag_is_what_each_client_can_show(UNUSED void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		char text[120], expected[120];

		snprintf(text, sizeof text, "a{%s}b{/}c", tags[i][0]);
		for (unsigned look = C16; look <= TRUE; look++) {
			snprintf(expected, sizeof expected,
				"a\x1b[0;%sm"
				"b\x1b[0mc",
				tags[i][look]);
			assert_string_equal(coded(text, look), expected);
		}
		assert_string_equal(coded(text, NONE), "abc");
		assert_string_equal(plain(text, TRUE), text);
	}
}

static void what_is_no_tag_is_shown_as_it_is(UNUSED void **state)
{
	static const char *const texts[] = {"{", "a{", "{}", "{ red}", "{red }", "{red  bold}",
		"{Red}", "{rde}", "{bright}", "{bright bold}", "{bright #ffffff}", "{on}",
		"{on bold}", "{#ff}", "{#gggggg}", "{#ff88000}", "{red", "{/", "{/}", "{//}",
		"{red\n}", "}", "}}", "{a{b}c}", "{on on red}", "{on bright}"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_string_equal(coded(texts[i], TRUE), texts[i]);
		assert_string_equal(coded(texts[i], NONE), texts[i]);
		assert_int_equal(
			strcmp(texts[i], "{/}") == 0 ? 3 : 0, markup_tag(slice_text(texts[i])));
	}
	assert_string_equal(coded("{{red}}", TRUE), "{red}}");
	assert_string_equal(coded("{{{{", TRUE), "{{");
	assert_string_equal(coded("{{{red}x", C16), "{\x1b[0;31mx\x1b[0m");
}

static void tags_nest_and_close_in_order(UNUSED void **state)
{
	assert_string_equal(coded("{red}a{bold}b{on blue}c{/}d{/}e{/}f", C16),
		"\x1b[0;31ma\x1b[0;1;31mb\x1b[0;1;31;44mc\x1b[0;1;31md\x1b[0;31me\x1b[0mf");
	assert_string_equal(coded("{red}a{/}{/}b", C16), "\x1b[0;31ma\x1b[0m{/}b");
	assert_string_equal(coded("{red}a", C16), "\x1b[0;31ma\x1b[0m");
	assert_string_equal(coded("{red}{bold}{/}{/}a{red}", C16), "a");
	assert_string_equal(coded("{red}a{/}{red}b{/}", C16), "\x1b[0;31mab\x1b[0m");
}

static void deep_nests_are_closed_by_as_many_as_opened_them(UNUSED void **state)
{
	char text[2000] = "";

	for (int i = 0; i < 40; i++)
		strcat(text, i < 30 ? "{red}" : "{bold}");
	strcat(text, "a");
	for (int i = 0; i < 39; i++)
		strcat(text, "{/}");
	strcat(text, "b{/}c{/}");
	assert_string_equal(coded(text, C16), "\x1b[0;31mab\x1b[0mc{/}");
}

static void no_line_leaves_its_colours_to_what_follows(UNUSED void **state)
{
	assert_string_equal(coded("{red}a\nb{/}\n", C16), "\x1b[0;31ma\x1b[0m\n"
							  "\x1b[0;31mb\x1b[0m\n");
	assert_string_equal(coded("{red}a\r\n\nb", C16), "\x1b[0;31ma\x1b[0m\r\n\n"
							 "\x1b[0;31mb\x1b[0m");
	assert_string_equal(render("{red}a", true, true, C16), "\x1b[0;31ma\x1b[0m\n");
	assert_string_equal(render("{red}a\n{/}", true, true, C16), "\x1b[0;31ma\x1b[0m\n");
	assert_string_equal(render("a", false, true, C16), "a\n");
	assert_string_equal(render("a\n", false, true, C16), "a\n");
	assert_string_equal(render("", false, true, C16), "\n");
	assert_string_equal(render("", false, false, C16), "");
}

static void nothing_that_steers_a_terminal_comes_through(UNUSED void **state)
{
	static const char *const texts[][2] = {
		{"a\x1b[2Jb", "a[2Jb"},
		{"a\x07\x08\x0b\x0c\x0e\x0f\x7f"
		 "b",
			"ab"},
		{"a\xc2\x9b"
		 "2Jb",
			"a2Jb"},
		{"a\xc2\x80\xc2\x9f"
		 "b\xc2\xa0"
		 "c",
			"ab\xc2\xa0"
			"c"},
		{"a\tb\n", "a\tb\n"}, {"a\rb\r\nc\r", "ab\r\nc"},
		{"a\x9b"
		 "b\xff",
			"a\xef\xbf\xbd"
			"b\xef\xbf\xbd"},
		{"\xe2\x80\xaeright\xe2\x80\xac", "right"},
		{"\xe2\x81\xa6left\xe2\x81\xa9", "left"},
		{"a\xe2\x80\xa8"
		 "b\xe2\x80\xa9",
			"ab"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"h\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
			"h\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\xe2\x80\x8f\xd7\xa9", "\xe2\x80\x8f\xd7\xa9"}, /* the mark is of the language */
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_string_equal(plain(texts[i][0], TRUE), texts[i][1]);
		assert_string_equal(coded(texts[i][0], TRUE), texts[i][1]);
	}
}

static void who_shows_no_utf8_is_shown_ascii(UNUSED void **state)
{
	static const char *const texts[][2] = {
		{"Zo\xc3\xab", "Zoe"},
		{"Stra\xc3\x9f"
		 "e",
			"Strasse"},
		{"\xc3\x86sop \xc5\x81\xc3\xb3"
		 "d\xc5\xba \xc4\xb0\xc4\xb1\xc5\xb8\xc5\xbf",
			"AEsop Lodz IiYs"},
		{"\xe2\x80\x9cso\xe2\x80\x9d\xe2\x80\xa6 5 \xe2\x82\xac", "\"so\"... 5 EUR"},
		{"\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x90", "+-+"},
		{"\xe6\x97\xa5\xf0\x9f\x98\x80", "??"},
		{"e\xcc\x81", "e"},
		{"\xff", "?"},
		{"plain", "plain"},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_string_equal(plain(texts[i][0], LOOK_ASCII), texts[i][1]);
	for (uint32_t c = 0x80; c < 0x3000; c++) {
		struct slice s = ascii_of(c);

		for (size_t i = 0; i < s.len; i++)
			assert_in_range(s.at[i], 0x20, 0x7e);
	}
}

static void mxp_clients_are_shown_brackets_as_brackets(UNUSED void **state)
{
	assert_string_equal(plain("<b>a & b", LOOK_MXP), "&lt;b&gt;a &amp; b");
	assert_string_equal(plain("<b>a & b", TRUE), "<b>a & b");
	assert_string_equal(coded("{red}<", LOOK_MXP | C16), "\x1b[0;31m&lt;\x1b[0m");
}

static void text_that_needs_no_change_is_not_copied(UNUSED void **state)
{
	static const char *const texts[] = {"", "hello", "a\tb\nc\r\n", "h\xc3\xa4", "a < b"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		for (int is_coded = 0; is_coded < 2; is_coded++) {
			struct markup m = {.bytes = slice_text(texts[i]), .coded = is_coded != 0};
			struct buf out = {0};
			struct slice shown;

			assert_true(markup_render(&m, TRUE, &out, &shown));
			assert_ptr_equal(shown.at, m.bytes.at);
			assert_int_equal(shown.len, m.bytes.len);
			assert_null(out.mem);
		}
	}
}

static unsigned depends(const char *text, bool is_coded)
{
	return markup_depends(&(struct markup){.bytes = slice_text(text), .coded = is_coded});
}

static void a_text_says_what_it_depends_on(UNUSED void **state)
{
	assert_int_equal(depends("hello", true), 0);
	assert_int_equal(depends("{red}hello", false), 0);
	assert_int_equal(depends("{red}hello", true), LOOK_COLORS);
	assert_int_equal(depends("h\xc3\xa4", false), LOOK_ASCII);
	assert_int_equal(depends("a<b", false), LOOK_MXP);
	assert_int_equal(depends("{red}h\xc3\xa4>", true), LOOK_COLORS | LOOK_ASCII | LOOK_MXP);
}

/* What escape or trust makes of it, rendered. */
static const char *through(size_t (*code)(struct slice, uint8_t *), const char *text, unsigned look)
{
	static char room[512];

	assert_in_range(strlen(text), 0, sizeof room / 2 - 1);
	room[code(slice_text(text), (uint8_t *)room)] = '\0';
	return coded(room, look);
}

static void what_is_escaped_is_shown_as_a_plain_text_is(UNUSED void **state)
{
	static const char *const texts[] = {"{red}x{/}", "{{", "{", "}", "a\x10{b\x10", "\x1b[2J",
		"a\r\nb", "<\xc3\xa4\xe2\x80\xae", "{{{red}"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (unsigned look = 0; look < LOOK_COUNT; look++) {
			char expected[200];

			snprintf(expected, sizeof expected, "%s", plain(texts[i], look));
			assert_string_equal(through(markup_escape, texts[i], look), expected);
		}
}

static void what_is_trusted_comes_byte_by_byte(UNUSED void **state)
{
	static const char *const texts[] = {"\x1b[1z<send>&lt;", "{red}", "\x10\x11\xff\xc2\x9b",
		"a\rb\r\n", "\xe2\x80\xae", "h\xc3\xa4"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_string_equal(through(markup_trust, texts[i], TRUE), texts[i]);
		assert_string_equal(through(markup_trust, texts[i], LOOK_MXP), texts[i]);
	}
}

static void the_width_is_what_is_seen(UNUSED void **state)
{
	struct markup m = {.bytes = slice_text("{red}h\xc3\xa4{{{/}\x07"), .coded = true};

	assert_int_equal(markup_width(&m), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tag_is_what_each_client_can_show),
		cmocka_unit_test(what_is_no_tag_is_shown_as_it_is),
		cmocka_unit_test(tags_nest_and_close_in_order),
		cmocka_unit_test(deep_nests_are_closed_by_as_many_as_opened_them),
		cmocka_unit_test(no_line_leaves_its_colours_to_what_follows),
		cmocka_unit_test(nothing_that_steers_a_terminal_comes_through),
		cmocka_unit_test(who_shows_no_utf8_is_shown_ascii),
		cmocka_unit_test(mxp_clients_are_shown_brackets_as_brackets),
		cmocka_unit_test(text_that_needs_no_change_is_not_copied),
		cmocka_unit_test(a_text_says_what_it_depends_on),
		cmocka_unit_test(what_is_escaped_is_shown_as_a_plain_text_is),
		cmocka_unit_test(what_is_trusted_comes_byte_by_byte),
		cmocka_unit_test(the_width_is_what_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
