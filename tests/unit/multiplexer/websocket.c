/* Every case of websocket_cases.def, at every split of its bytes. */
#include "multiplexer/websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/multiplexer/support_websocket.h"

static void add_payload(struct buf *b, struct slice payload)
{
	size_t stars = 0;

	while (stars < payload.len && payload.at[stars] == '*')
		stars++;
	if (stars == payload.len && stars >= 100)
		assert_true(buf_addf(b, "%zu stars", stars));
	else
		assert_true(buf_add(b, payload));
}

/* Feeds all of bytes; what came of it is added to got. False when there was a fault. */
static bool feed(struct websocket *w, struct slice bytes, struct buf *got)
{
	static const char *const words[] = {[WEBSOCKET_TEXT] = "text",
		[WEBSOCKET_BINARY] = "binary",
		[WEBSOCKET_PING] = "ping",
		[WEBSOCKET_PONG] = "pong",
		[WEBSOCKET_CLOSE] = "close"};
	enum websocket_step step;

	while ((step = websocket_feed(w, &bytes)) == WEBSOCKET_GOT) {
		assert_true(buf_addf(got, "%s ", words[w->opcode]));
		if (w->opcode == WEBSOCKET_CLOSE)
			assert_true(buf_addf(got, "%u ", w->close_code));
		add_payload(got, w->payload);
		assert_true(buf_add_byte(got, '|'));
		if (w->opcode == WEBSOCKET_CLOSE)
			return false; /* the owner feeds no more */
	}
	if (step == WEBSOCKET_BAD)
		assert_true(buf_addf(got, "!%s", websocket_fault_name(w->fault)));
	return step == WEBSOCKET_GIVE_MORE;
}

static void check(const struct websocket_case *c, struct buf *got, const char *how, size_t at)
{
	struct slice g = buf_bytes(got), e = slice_of(c->expected, c->expected_len);

	if (!slice_is(g, e))
		print_error("%s, %s %zu: got %.*s\n", c->name, how, at, (int)g.len,
			g.len > 0 ? (const char *)g.at : "");
	assert_true(slice_is(g, e));
	buf_free(got);
}

static void every_case_comes_out_as_expected_wherever_it_is_cut(void **state)
{
	(void)state;
	assert_true(websocket_cases >= 300);
	for (size_t i = 0; i < websocket_cases; i++) {
		const struct websocket_case *c = &websocket_case[i];
		struct buf bytes = {0};

		for (size_t n = 0; n < c->count; n++)
			add_frame(&bytes, &c->frames[n]);
		for (size_t cut = 0; cut <= bytes.len; cut++) {
			struct websocket w = {0};
			struct buf got = {0};
			struct slice all = buf_bytes(&bytes);

			if (feed(&w, slice_of(all.at, cut), &got))
				feed(&w, slice_from(all, cut), &got);
			check(c, &got, "cut at", cut);
			websocket_free(&w);
			if (cut == 600 && bytes.len > 1200)
				cut = bytes.len - 600; /* between these it is all stars */
		}
		buf_free(&bytes);
	}
}

static void every_case_comes_out_as_expected_in_pieces_of_any_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < websocket_cases; i++) {
		const struct websocket_case *c = &websocket_case[i];
		struct buf bytes = {0};

		for (size_t n = 0; n < c->count; n++)
			add_frame(&bytes, &c->frames[n]);
		for (size_t piece = 1; piece <= 17; piece++) {
			struct websocket w = {0};
			struct buf got = {0};
			bool more = true;

			for (size_t at = 0; more && at < bytes.len; at += piece)
				more = feed(&w,
					slice_of(bytes.mem + at, size_min(piece, bytes.len - at)),
					&got);
			check(c, &got, "in pieces of", piece);
			websocket_free(&w);
		}
		buf_free(&bytes);
	}
}

static void bad_utf8_is_told_at_the_first_byte_that_cannot_be(void **state)
{
	unsigned asked = 0;

	(void)state;
	for (size_t i = 0; i < websocket_cases; i++) {
		const struct websocket_case *c = &websocket_case[i];
		struct buf bytes = {0};
		struct websocket w = {0};
		struct slice one;
		size_t at = 0;

		if (c->bad_at < 0)
			continue;
		asked++;
		add_frame(&bytes, &c->frames[0]);
		do {
			one = slice_of(bytes.mem + at++, 1);
		} while (at <= bytes.len && websocket_feed(&w, &one) == WEBSOCKET_GIVE_MORE);
		assert_int_equal(w.fault, WEBSOCKET_FAULT_UTF8);
		/* half a character is told when the frame ends: at its last byte */
		size_t told = size_min((size_t)c->bad_at + 1, c->frames[0].len);
		if (at != 6 + told)
			print_error("%s: told at %zu instead of %zu\n", c->name, at - 6, told);
		assert_int_equal(at, 6 + told);
		websocket_free(&w);
		buf_free(&bytes);
	}
	assert_true(asked >= 60);
}

static void what_is_too_long_is_refused_before_its_bytes_come(void **state)
{
	static const char *const heads[] = {"\x82\xfe\x0f\xa1", "\x81\xfe\xff\xff",
		"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00",
		"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"};
	static const size_t lens[] = {4, 4, 10, 10};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct websocket w = {0};
		struct slice bytes = slice_of(heads[i], lens[i]);

		assert_int_equal(websocket_feed(&w, &bytes), WEBSOCKET_BAD);
		assert_int_equal(w.fault, WEBSOCKET_FAULT_TOO_LONG);
		assert_int_equal(websocket_fault_code(w.fault), 1009);
		assert_null(w.bytes);
	}
}

static void an_idle_connection_keeps_no_buffer(void **state)
{
	struct websocket w = {0};
	struct buf got = {0}, bytes = {0};

	(void)state;
	add_frame(&bytes, &(struct frame)TEXT("hello"));
	add_frame(&bytes, &(struct frame)PING("x"));
	assert_true(feed(&w, buf_bytes(&bytes), &got));
	assert_null(w.bytes);
	buf_free(&got);
	buf_free(&bytes);
}

static void heads_of_ours_have_the_shortest_form(void **state)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];

	(void)state;
	assert_int_equal(websocket_head(head, WEBSOCKET_TEXT, 0), 2);
	assert_memory_equal(head, "\x81\x00", 2);
	assert_int_equal(websocket_head(head, WEBSOCKET_BINARY, 125), 2);
	assert_memory_equal(head, "\x82\x7d", 2);
	assert_int_equal(websocket_head(head, WEBSOCKET_BINARY, 126), 4);
	assert_memory_equal(head, "\x82\x7e\x00\x7e", 4);
	assert_int_equal(websocket_head(head, WEBSOCKET_PONG, 65535), 4);
	assert_memory_equal(head, "\x8a\x7e\xff\xff", 4);
	assert_int_equal(websocket_head(head, WEBSOCKET_TEXT, 65536), 10);
	assert_memory_equal(head, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

static void a_reason_is_cut_between_characters(void **state)
{
	uint8_t frame[WEBSOCKET_CLOSE_MAX];
	char reason[200];

	(void)state;
	assert_int_equal(websocket_close_frame(frame, 1005, "x"), 2);
	assert_int_equal(websocket_close_frame(frame, 1001, NULL), 4);
	assert_memory_equal(frame, "\x88\x02\x03\xe9", 4);
	assert_int_equal(websocket_close_frame(frame, 4001, "bye"), 7);
	assert_memory_equal(frame,
		"\x88\x05\x0f\xa1"
		"bye",
		7);
	memset(reason, 'a', sizeof reason);
	reason[150] = '\0';
	assert_int_equal(websocket_close_frame(frame, 1000, reason), 127);
	memcpy(reason + 121, "\xf0\x9f\x98\x80", 4); /* 121..124: two of its bytes would fit */
	assert_int_equal(websocket_close_frame(frame, 1000, reason), 4 + 121);
	memcpy(reason + 119, "\xf0\x9f\x98\x80", 4);
	reason[123] = 'a';
	assert_int_equal(websocket_close_frame(frame, 1000, reason), 127);
}

static void which_close_codes_may_be_sent(void **state)
{
	(void)state;
	for (unsigned code = 0; code <= 65535; code++) {
		bool may = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
			   (code >= 3000 && code <= 4999);

		assert_int_equal(websocket_code_may_be_sent(code), may);
	}
	for (int f = 1; f < WEBSOCKET_FAULTS; f++)
		assert_true(
			websocket_code_may_be_sent(websocket_fault_code((enum websocket_fault)f)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_comes_out_as_expected_wherever_it_is_cut),
		cmocka_unit_test(every_case_comes_out_as_expected_in_pieces_of_any_size),
		cmocka_unit_test(bad_utf8_is_told_at_the_first_byte_that_cannot_be),
		cmocka_unit_test(what_is_too_long_is_refused_before_its_bytes_come),
		cmocka_unit_test(an_idle_connection_keeps_no_buffer),
		cmocka_unit_test(heads_of_ours_have_the_shortest_form),
		cmocka_unit_test(a_reason_is_cut_between_characters),
		cmocka_unit_test(which_close_codes_may_be_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
