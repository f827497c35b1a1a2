#include <stdio.h>

#include "common/buf.h"
#include "proto/frame.h"
#include "tests/unit/proto/support_messages.h"

static struct framer framer;

/* Gives the framer a piece in memory of its own, so that the sanitizer sees a look behind its end;
 * all messages that come are added to out as they were on the wire. */
static enum frame_result feed(struct slice piece, struct buf *out, struct refusal *why)
{
	uint8_t *copy = malloc(piece.len > 0 ? piece.len : 1), header[MSG_HEADER];
	struct slice in = slice_of(copy, piece.len);
	enum frame_result r;
	struct frame f;

	assert_non_null(copy);
	if (piece.len > 0)
		memcpy(copy, piece.at, piece.len);
	while ((r = framer_next(&framer, &in, &f, why)) == FRAME_READY) {
		spell_header(MSG_HEADER + f.args.len, f.id, f.count, header);
		assert_true(buf_add(out, slice_of(header, sizeof header)));
		assert_true(buf_add(out, f.args));
	}
	assert_true(r == FRAME_BAD || in.len == 0);
	free(copy);
	return r;
}

/* bytes in three pieces give the same bytes as messages, all of them. */
static void expect_same(struct slice bytes, size_t first, size_t second)
{
	struct buf out = {0};
	struct refusal why;

	framer = (struct framer){0};
	assert_int_equal(feed(slice_of(bytes.at, first), &out, &why), FRAME_MORE);
	assert_int_equal(feed(slice_of(bytes.at + first, second), &out, &why), FRAME_MORE);
	assert_int_equal(feed(slice_from(bytes, first + second), &out, &why), FRAME_MORE);
	assert_true(slice_is(buf_bytes(&out), bytes));
	assert_int_equal(framer.have, 0);
	buf_free(&out);
}

/* The message, and a TICK behind it that must not be taken for a part of it. */
static struct slice spell_with_tick(const struct message *m, unsigned how)
{
	static uint8_t bytes[MSG_MAX + MSG_HEADER];
	struct value values[MSG_ARGS_MAX];

	fill(m, how, values);
	size_t len = spell(m, values, bytes);
	len += spell_header(MSG_HEADER, MSG_TICK, 0, bytes + len);
	return slice_of(bytes, len);
}

static void a_message_is_the_same_wherever_it_is_cut_in_two(void **state UNUSED)
{
	for (size_t i = 0; i < message_count; i++)
		for (unsigned how = 0; how < FILL_COUNT; how++) {
			struct slice bytes = spell_with_tick(&messages[i], how);

			for (size_t cut = 0; cut <= bytes.len; cut++)
				expect_same(bytes, cut, 0);
		}
}

static void a_message_is_the_same_wherever_it_is_cut_in_three(void **state UNUSED)
{
	for (size_t i = 0; i < message_count; i++) {
		struct slice bytes = spell_with_tick(&messages[i], FILL_USUAL);

		for (size_t cut = 0; cut <= bytes.len; cut++)
			for (size_t more = 0; cut + more <= bytes.len; more++)
				expect_same(bytes, cut, more);
	}
}

static void all_messages_in_a_row_come_whatever_the_size_of_the_pieces(void **state UNUSED)
{
	struct buf all = {0};

	for (unsigned how = 0; how < FILL_COUNT; how++)
		for (size_t i = 0; i < message_count; i++)
			assert_true(buf_add(&all, spell_with_tick(&messages[i], how)));
	for (size_t size = 1; size < 2 * MSG_MAX; size = size < 70 ? size + 1 : size * 5 / 3) {
		struct buf out = {0};
		struct refusal why;

		framer = (struct framer){0};
		for (struct slice rest = buf_bytes(&all); rest.len > 0;
			rest = slice_from(rest, size))
			assert_int_equal(
				feed(slice_of(rest.at, size_min(size, rest.len)), &out, &why),
				FRAME_MORE);
		assert_true(slice_is(buf_bytes(&out), buf_bytes(&all)));
		buf_free(&out);
	}
	buf_free(&all);
}

static void a_message_that_lies_whole_is_not_copied(void **state UNUSED)
{
	struct slice bytes = spell_with_tick(message_of(MSG_SEND_SUBCLIENT_TEXT), FILL_USUAL);
	struct slice in = bytes;
	struct refusal why;
	struct frame f;

	framer = (struct framer){0};
	assert_int_equal(framer_next(&framer, &in, &f, &why), FRAME_READY);
	assert_ptr_equal(f.args.at, bytes.at + MSG_HEADER);
	assert_int_equal(f.args.len, bytes.len - 2 * MSG_HEADER);
	assert_ptr_equal(in.at, bytes.at + bytes.len - MSG_HEADER);
	assert_int_equal(in.len, MSG_HEADER); /* at most one message at a time */

	in = slice_of(bytes.at, bytes.len - MSG_HEADER); /* and nothing behind it */
	assert_int_equal(framer_next(&framer, &in, &f, &why), FRAME_READY);
	assert_ptr_equal(f.args.at, bytes.at + MSG_HEADER);
}

static void a_message_without_arguments_is_whole_with_its_header(void **state UNUSED)
{
	static const uint8_t tick[] = {4, 0, 1, 0};
	struct slice in = slice_of(tick, sizeof tick);
	struct refusal why;
	struct frame f;

	framer = (struct framer){0};
	assert_int_equal(framer_next(&framer, &in, &f, &why), FRAME_READY);
	assert_true(f.id == 1 && f.count == 0 && f.args.len == 0 && in.len == 0);
	assert_int_equal(framer_next(&framer, &in, &f, &why), FRAME_MORE);
}

/* The header is refused with this text, whole and cut, and as soon as its fourth byte is there;
 * a message before it has come by then. */
static void expect_refused(size_t len, unsigned id, unsigned count, const char *reason)
{
	uint8_t bytes[3 * MSG_HEADER];

	spell_header(MSG_HEADER, MSG_TICK, 0, bytes);
	spell_header(len, id, count, bytes + MSG_HEADER);
	memset(bytes + 2 * MSG_HEADER, 0, MSG_HEADER);
	for (size_t cut = 0; cut < 2 * MSG_HEADER; cut++)
		for (size_t behind = 0; behind <= MSG_HEADER; behind++) {
			struct buf out = {0};
			struct refusal why;

			framer = (struct framer){0};
			assert_int_equal(feed(slice_of(bytes, cut), &out, &why), FRAME_MORE);
			assert_int_equal(feed(slice_of(bytes + cut, 2 * MSG_HEADER - cut + behind),
						 &out, &why),
				FRAME_BAD);
			assert_string_equal(why.text, reason);
			assert_true(slice_is(buf_bytes(&out), slice_of(bytes, MSG_HEADER)));
			buf_free(&out);
		}
}

static void a_length_that_cannot_be_is_refused(void **state UNUSED)
{
	expect_refused(3, 4, 0, "NOT READY (4): length: 3 is not 4..4096");
	expect_refused(0, 1, 0, "TICK (1): length: 0 is not 4..4096");
	expect_refused(4097, 24, 2, "GOT SUBCLIENT TEXT (24): length: 4097 is not 4..4096");
	expect_refused(65535, 25, 2, "SEND SUBCLIENT TEXT (25): length: 65535 is not 4..4096");
	expect_refused(3, 99, 0, "unknown message (99): length: 3 is not 4..4096");
}

static void a_count_over_4_is_refused(void **state UNUSED)
{
	expect_refused(24, 25, 5, "SEND SUBCLIENT TEXT (25): argument count: 5 is over 4");
	expect_refused(4096, 1, 255, "TICK (1): argument count: 255 is over 4");
	expect_refused(24, 0, 5, "unknown message (0): argument count: 5 is over 4");
	/* Of two faults the length is told: with a wrong one the count may be anything. */
	expect_refused(4097, 25, 5, "SEND SUBCLIENT TEXT (25): length: 4097 is not 4..4096");
}

static void http_is_no_message(void **state UNUSED)
{
	struct buf out = {0};
	struct refusal why;

	framer = (struct framer){0};
	assert_int_equal(feed(slice_text("GET / HTTP/1.1\r\n"), &out, &why), FRAME_BAD);
	assert_string_equal(why.text, "HANDLED (84): length: 17735 is not 4..4096");
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_the_same_wherever_it_is_cut_in_two),
		cmocka_unit_test(a_message_is_the_same_wherever_it_is_cut_in_three),
		cmocka_unit_test(all_messages_in_a_row_come_whatever_the_size_of_the_pieces),
		cmocka_unit_test(a_message_that_lies_whole_is_not_copied),
		cmocka_unit_test(a_message_without_arguments_is_whole_with_its_header),
		cmocka_unit_test(a_length_that_cannot_be_is_refused),
		cmocka_unit_test(a_count_over_4_is_refused),
		cmocka_unit_test(http_is_no_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
