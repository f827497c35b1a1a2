#include "common/line.h"
#include "tests/unit/common/support_common.h"

/* With WHOLE_FIRST, whole lines go by line_whole: which must not change anything. */
enum ways { FEED_ALONE, WHOLE_FIRST, WAYS };

/* Feeds the bytes in the pieces that cuts says (a bit for each place between two bytes) and writes
 * down each line as "[text]", a cut one as "[text!]", and what is unfinished behind them. */
static void assemble(struct slice bytes, uint64_t cuts, size_t max, enum ways way, struct buf *out)
{
	struct line l = {.max = max};
	size_t from = 0;

	for (size_t to = 1; to <= bytes.len; to++) {
		if (to < bytes.len && (cuts >> (to - 1 < 63 ? to - 1 : 63) & 1) == 0)
			continue;
		struct slice in = slice_of(bytes.at + from, to - from);
		from = to;
		struct slice text;
		if (way == WHOLE_FIRST && line_whole(&l, in, &text)) {
			buf_addf(out, "[%.*s]", (int)text.len, (const char *)text.at);
			continue;
		}
		for (;;) {
			enum line_result result = line_feed(&l, &in);
			assert_int_not_equal(result, LINE_NOMEM);
			if (result == LINE_MORE)
				break;
			buf_add_byte(out, '[');
			buf_add(out, buf_bytes(&l.text));
			buf_addf(out, l.cut ? "!]" : "]");
			line_next(&l);
		}
		assert_int_equal(in.len, 0);
	}
	buf_add(out, buf_bytes(&l.text));
	line_free(&l);
}

/* However the bytes are cut, the lines are these. */
static void expect_max(struct slice bytes, size_t max, const char *lines)
{
	uint64_t ways = bytes.len > 13 ? 4096 : (uint64_t)1 << (bytes.len > 0 ? bytes.len - 1 : 0);

	for (uint64_t cuts = 0; cuts <= ways; cuts++)
		for (enum ways way = 0; way < WAYS; way++) {
			struct buf out = {0};

			assemble(bytes, cuts < ways ? cuts : UINT64_MAX, max, way, &out);
			assert_string_equal(text_of(&out), lines);
			buf_free(&out);
		}
}

#define EXPECT(bytes, lines) expect_max(slice_of(bytes, sizeof(bytes) - 1), LINE_MAX_BYTES, lines)

static void every_kind_of_line_end_ends_one_line(void **state UNUSED)
{
	EXPECT("a\r\nb\r\n", "[a][b]");
	EXPECT("a\r\0b\r\0", "[a][b]");
	EXPECT("a\nb\n", "[a][b]");
	EXPECT("a\rb\r", "[a][b]");
	EXPECT("\r\n\r\0\n\r", "[][][][]");
	EXPECT("\r\r\n\n", "[][][]");
	EXPECT("\n\r\n", "[][]");
	EXPECT("a\r\n\0b\n", "[a][b]");
	EXPECT("a\r\0\nb", "[a][]b");
	EXPECT("", "");
}

static void stray_nuls_and_control_characters_are_dropped_and_tabs_kept(void **state UNUSED)
{
	EXPECT("\0a\0b\0\n", "[ab]");
	EXPECT("ab\007\tc\n", "[ab\tc]");
}

static void escape_sequences_are_dropped_whole(void **state UNUSED)
{
	EXPECT("a\033[1mb\007\tc\n", "[ab\tc]");
	EXPECT("a\033[A\033[Db\n", "[ab]");
	EXPECT("a\033[1;5Cb\033OPc\033[3~\n", "[abc]");
	EXPECT("\033look\n", "[look]");
	EXPECT("\033\033[Ax\n", "[x]");
	EXPECT("\033[1\nx\n", "[][x]");
	EXPECT("\033[\xc3\xbc\n", "[\xc3\xbc]");
	EXPECT("ab\033[\bc\n", "[ac]");
	EXPECT("\033\r\n\033[\r\0", "[][]");
	EXPECT("\033O\nA\n", "[][A]");
}

static void bytes_from_80_on_are_kept_as_they_are(void **state UNUSED)
{
	EXPECT("\x80\xff\xc3\n", "[\x80\xff\xc3]");
	EXPECT("gr\xc3\xbc\xc3\x9f\x65\n", "[gr\xc3\xbc\xc3\x9f\x65]");
}

static void erasing_takes_one_character_of_one_to_four_bytes(void **state UNUSED)
{
	EXPECT("abc\b\x7f\n", "[a]");
	EXPECT("\b\b\n", "[]");
	EXPECT("a\xc3\xbc\b\n", "[a]");
	EXPECT("a\xe2\x82\xac\x7f\n", "[a]");
	EXPECT("a\xf0\x9f\x98\x80\b\n", "[a]");
}

static void erasing_takes_the_accents_of_a_letter_with_it(void **state UNUSED)
{
	EXPECT("ae\xcc\x81\b\n", "[a]");           /* e, combining acute */
	EXPECT("ae\xcc\x81\xcc\xa7\x7f\n", "[a]"); /* and a cedilla */
	EXPECT("\xcc\x81\x7f\n", "[]");            /* nothing to stand on */
	EXPECT("ab\xe2\x80\x8d\x7f\n", "[a]");     /* a joiner */
	EXPECT("a\xef\xb8\x8f\x7f\x7f\n", "[]");   /* a variation selector */
}

static void erasing_in_broken_utf8_takes_a_byte(void **state UNUSED)
{
	EXPECT("a\x80\b\n", "[a]");
	EXPECT("\x80\x80\b\n", "[\x80]");
	EXPECT("\xc3\b\n", "[]");
	EXPECT("\xc3\xbc\x80\b\n", "[\xc3\xbc]");
	EXPECT("\xe2\x82\b\n", "[\xe2]");
	EXPECT("\x80\x80\x80\x80\x80\b\n", "[\x80\x80\x80\x80]");
}

static void control_u_erases_the_line_and_control_w_the_word(void **state UNUSED)
{
	EXPECT("abc\x15\x64\n", "[d]");
	EXPECT("say hello\x17\n", "[say ]");
	EXPECT("say hi \t\x17\n", "[say ]");
	EXPECT("say\x17\x17\n", "[]");
	EXPECT("a\n\x15\x17\x08z\n", "[a][z]");
}

static void a_line_that_is_too_long_loses_its_end_only(void **state UNUSED)
{
	expect_max(slice_text("abcd\nab\n"), 4, "[abcd][ab]");
	expect_max(slice_text("abcdefg\nab\n"), 4, "[abcd!][ab]");
	expect_max(slice_text("abcdef\bg\nab\n"), 4, "[abc!][ab]");
	expect_max(slice_text("abcdef\x15zz\nab\n"), 4, "[zz][ab]");
}

static void random_bytes_make_the_same_lines_however_they_are_cut(void **state UNUSED)
{
	static const uint8_t some[] = "ab \t\r\n\0\b\x7f\x15\x17\xc3\xbc\xe2\x82\xac\x1b";

	for (int i = 0; i < 20000; i++) {
		uint8_t bytes[40];
		size_t len = random_number() % sizeof bytes;
		for (size_t k = 0; k < len; k++)
			bytes[k] = some[random_number() % (sizeof some - 1)];
		struct buf whole = {0}, pieces = {0};
		size_t max = 1 + random_number() % 12;
		assemble(slice_of(bytes, len), 0, max, FEED_ALONE, &whole);
		assemble(slice_of(bytes, len), (uint64_t)random_number() << 31 ^ random_number(),
			max, i % WAYS, &pieces);
		assert_true(slice_is(buf_bytes(&whole), buf_bytes(&pieces)));
		buf_free(&whole);
		buf_free(&pieces);
	}
}

static void telnet_erases_as_the_keys_do(void **state UNUSED)
{
	struct line l = {.max = 10};
	struct slice in = slice_text("ab\xc3\xbc");

	assert_int_equal(line_feed(&l, &in), LINE_MORE);
	line_erase_char(&l);
	assert_true(slice_is(buf_bytes(&l.text), slice_text("ab")));
	line_erase(&l);
	assert_int_equal(l.text.len, 0);
	line_erase_char(&l);
	assert_int_equal(l.text.len, 0);
	line_free(&l);
}

static void most_lines_are_taken_without_a_copy(void **state UNUSED)
{
	static const char *const whole[] = {"look\r\n", "look\n", "look\r", "\n"},
				 *const others[] = {"look", "look\nnorth\n", "look\n\r",
					 "lok\bok\n", "far too long\n", ""};
	struct slice text;

	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		struct line l = {.max = 10};

		assert_true(line_whole(&l, slice_text(whole[i]), &text));
		assert_true(slice_is(text, slice_text(i < 3 ? "look" : "")));
		assert_null(l.text.mem);
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		struct line l = {.max = 10};

		assert_false(line_whole(&l, slice_text(others[i]), &text));
	}
	/* A half line waits for its end. */
	struct line l = {.max = 10};
	struct slice in = slice_text("lo");
	assert_int_equal(line_feed(&l, &in), LINE_MORE);
	assert_false(line_whole(&l, slice_text("ok\n"), &text));
	line_free(&l);
}

static void lines_are_counted_as_they_are_fed(void **state UNUSED)
{
	bool cr = false;

	assert_int_equal(line_count(slice_text("a\nb\r\nc\rd"), &cr), 3);
	assert_int_equal(line_count(slice_text("\r"), &cr), 1);
	assert_true(cr);
	assert_int_equal(line_count(slice_text(""), &cr), 0);
	assert_int_equal(line_count(slice_text("\n"), &cr), 0); /* of the CR before it */
	assert_int_equal(line_count(slice_text("\n"), &cr), 1);
	assert_int_equal(line_count(slice_of("\r\0\r\0", 4), &cr), 2);
	assert_int_equal(line_count(slice_text("keys"), &cr), 0);
	for (int i = 0; i < 20000; i++) {
		static const uint8_t some[] = "a\r\n";
		uint8_t bytes[12];
		size_t len = random_number() % sizeof bytes,
		       cut = len > 0 ? random_number() % len : 0;
		struct buf out = {0};
		uint32_t lines = 0;

		for (size_t k = 0; k < len; k++)
			bytes[k] = some[random_number() % (sizeof some - 1)];
		assemble(slice_of(bytes, len), 0, 100, FEED_ALONE, &out);
		for (const char *at = text_of(&out); (at = strchr(at, ']')) != NULL; at++)
			lines++;
		cr = false;
		uint32_t counted = line_count(slice_of(bytes, cut), &cr);
		counted += line_count(slice_from(slice_of(bytes, len), cut), &cr);
		assert_int_equal(counted, lines);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_line_end_ends_one_line),
		cmocka_unit_test(stray_nuls_and_control_characters_are_dropped_and_tabs_kept),
		cmocka_unit_test(escape_sequences_are_dropped_whole),
		cmocka_unit_test(erasing_takes_the_accents_of_a_letter_with_it),
		cmocka_unit_test(bytes_from_80_on_are_kept_as_they_are),
		cmocka_unit_test(erasing_takes_one_character_of_one_to_four_bytes),
		cmocka_unit_test(erasing_in_broken_utf8_takes_a_byte),
		cmocka_unit_test(control_u_erases_the_line_and_control_w_the_word),
		cmocka_unit_test(a_line_that_is_too_long_loses_its_end_only),
		cmocka_unit_test(random_bytes_make_the_same_lines_however_they_are_cut),
		cmocka_unit_test(telnet_erases_as_the_keys_do),
		cmocka_unit_test(most_lines_are_taken_without_a_copy),
		cmocka_unit_test(lines_are_counted_as_they_are_fed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
