#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/doubt.h"

static void expect(struct doubt *d, uint32_t user, uint32_t lines)
{
	const struct doubt_entry *entry = doubt_take(d);

	assert_non_null(entry);
	assert_int_equal(entry->user, user);
	assert_int_equal(entry->lines, lines);
}

static void what_was_handled_is_in_doubt_no_more(void **state UNUSED)
{
	struct doubt d = {0};

	doubt_sent(&d, 3, 100, 1);
	doubt_sent(&d, 4, 101, 2);
	doubt_sent(&d, 5, 102, 0);
	doubt_sent(&d, 9, 100, 1);
	doubt_handled(&d, 2);
	doubt_handled(&d, 3);
	expect(&d, 101, 2);
	expect(&d, 100, 1);
	assert_null(doubt_take(&d));
	doubt_free(&d);
}

/* Each cut of it in two: what is counted does not depend on how the bytes were sent. */
static void lines_are_counted_by_their_ends_however_they_are_cut(void **state UNUSED)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t lines;
		bool in_line;
	} rows[] = {
		{"look\n", 5, 1, false},
		{"look", 4, 0, true},
		{"a\r\nb\r\nc", 7, 2, true},
		{"a\r\0b\r\0", 6, 2, false},
		{"a\rb\r", 4, 2, false},
		{"\n\n\r\r", 4, 4, false},
		{"a\n\r", 3, 2, false},
		{"\0\x07\x1b", 3, 0, false},
		{"\t", 1, 0, true},
		{"\xc3\xa9", 2, 0, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t cut = 0; cut <= rows[i].len; cut++) {
			struct doubt_text t = {0};
			struct slice all = slice_of(rows[i].bytes, rows[i].len);
			uint32_t lines = doubt_lines(&t, slice_of(rows[i].bytes, cut));

			lines += doubt_lines(&t, slice_from(all, cut));
			if (lines != rows[i].lines || t.in_line != rows[i].in_line)
				fail_msg("row %zu, cut at %zu: %u lines", i, cut, lines);
		}
	}
}

static void a_server_that_claims_more_than_was_sent_clears_all(void **state UNUSED)
{
	struct doubt d = {0};

	doubt_sent(&d, 1, 7, 1);
	doubt_handled(&d, 1000000);
	assert_null(doubt_take(&d));
	doubt_free(&d);
}

static void counts_may_wrap(void **state UNUSED)
{
	struct doubt d = {0};

	doubt_sent(&d, UINT32_MAX, 7, 1);
	doubt_sent(&d, 0, 8, 1);
	doubt_sent(&d, 1, 9, 1);
	doubt_handled(&d, UINT32_MAX - 1);
	doubt_handled(&d, 0);
	expect(&d, 9, 1);
	assert_null(doubt_take(&d));
	doubt_free(&d);
}

static void thousands_wait_in_order_and_more_than_the_limit_is_known_to_be_unknown(
	void **state UNUSED)
{
	struct doubt d = {0};

	for (uint32_t i = 1; i <= 1000; i++) {
		doubt_sent(&d, i, i, 1);
		if (i > 500)
			expect(&d, i - 500, 1);
	}
	assert_false(d.overflow);
	for (uint32_t i = 1001; i <= 1001 + DOUBT_MAX; i++)
		doubt_sent(&d, i, i, 1);
	assert_true(d.overflow);
	assert_int_equal(d.count, DOUBT_MAX);
	expect(&d, 501, 1);
	doubt_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_handled_is_in_doubt_no_more),
		cmocka_unit_test(lines_are_counted_by_their_ends_however_they_are_cut),
		cmocka_unit_test(a_server_that_claims_more_than_was_sent_clears_all),
		cmocka_unit_test(counts_may_wrap),
		cmocka_unit_test(
			thousands_wait_in_order_and_more_than_the_limit_is_known_to_be_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
