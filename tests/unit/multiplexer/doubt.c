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

	doubt_sent(&d, 3, 100, slice_text("one\n"));
	doubt_sent(&d, 4, 101, slice_text("one\ntwo\nthr"));
	doubt_sent(&d, 9, 100, slice_text("half a line"));
	doubt_handled(&d, 2);
	doubt_handled(&d, 3);
	expect(&d, 101, 2);
	expect(&d, 100, 1);
	assert_null(doubt_take(&d));
	doubt_free(&d);
}

static void a_server_that_claims_more_than_was_sent_clears_all(void **state UNUSED)
{
	struct doubt d = {0};

	doubt_sent(&d, 1, 7, slice_text("a\n"));
	doubt_handled(&d, 1000000);
	assert_null(doubt_take(&d));
	doubt_free(&d);
}

static void counts_may_wrap(void **state UNUSED)
{
	struct doubt d = {0};

	doubt_sent(&d, UINT32_MAX, 7, slice_text("a\n"));
	doubt_sent(&d, 0, 8, slice_text("b\n"));
	doubt_sent(&d, 1, 9, slice_text("c\n"));
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
		doubt_sent(&d, i, i, slice_text("x\n"));
		if (i > 500)
			expect(&d, i - 500, 1);
	}
	assert_false(d.overflow);
	for (uint32_t i = 1001; i <= 1001 + DOUBT_MAX; i++)
		doubt_sent(&d, i, i, slice_text("x\n"));
	assert_true(d.overflow);
	assert_int_equal(d.count, DOUBT_MAX);
	expect(&d, 501, 1);
	doubt_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_handled_is_in_doubt_no_more),
		cmocka_unit_test(a_server_that_claims_more_than_was_sent_clears_all),
		cmocka_unit_test(counts_may_wrap),
		cmocka_unit_test(
			thousands_wait_in_order_and_more_than_the_limit_is_known_to_be_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
