#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/schedule.h"

static struct schedule schedule;

static int empty(void **state UNUSED)
{
	schedule_free(&schedule);
	return schedule.heap == NULL ? 0 : -1;
}

static struct schedule_item *take(uint64_t now_ms)
{
	return schedule_take(&schedule, now_ms, UINT64_MAX);
}

static void who_is_due_first_is_taken_first(void **state UNUSED)
{
	struct schedule_item late = {0}, early = {0}, middle = {0};
	assert_true(schedule_add(&schedule, &late, 30));
	assert_true(schedule_add(&schedule, &early, 10));
	assert_true(schedule_add(&schedule, &middle, 20));
	assert_null(take(9));
	assert_ptr_equal(take(30), &early);
	assert_ptr_equal(take(30), &middle);
	assert_null(take(29));
	assert_ptr_equal(take(30), &late);
	assert_null(take(UINT64_MAX));
}

static void those_due_at_the_same_time_keep_their_order(void **state UNUSED)
{
	struct schedule_item item[100] = {0};
	for (size_t i = 0; i < ARRAY_LEN(item); i++)
		assert_true(schedule_add(&schedule, &item[i], 5));
	for (size_t i = 0; i < ARRAY_LEN(item); i++)
		assert_ptr_equal(take(5), &item[i]);
}

static void what_is_added_meanwhile_is_for_the_next_time(void **state UNUSED)
{
	struct schedule_item first = {0}, second = {0};
	assert_true(schedule_add(&schedule, &first, 5));
	uint64_t before = schedule.next_order;
	assert_ptr_equal(schedule_take(&schedule, 5, before), &first);
	assert_true(schedule_add(&schedule, &second, 5));
	assert_null(schedule_take(&schedule, 5, before));
	assert_ptr_equal(schedule_take(&schedule, 5, schedule.next_order), &second);
}

static void what_is_removed_is_never_taken(void **state UNUSED)
{
	struct schedule_item a = {0}, b = {0}, c = {0};
	assert_true(schedule_add(&schedule, &a, 1));
	assert_true(schedule_add(&schedule, &b, 2));
	assert_true(schedule_add(&schedule, &c, 3));
	schedule_remove(&schedule, &b);
	schedule_remove(&schedule, &b);
	assert_int_equal(b.place, 0);
	assert_ptr_equal(take(9), &a);
	assert_ptr_equal(take(9), &c);
	assert_null(take(9));
}

/* Against the plainest thing that does the same: looking through all of them. */
static void ten_thousand_random_steps_agree_with_a_plain_search(void **state UNUSED)
{
	static struct schedule_item item[200];
	uint32_t seed = 12345;
	memset(item, 0, sizeof item);
	for (int step = 0; step < 10000; step++) {
		seed = seed * 1664525 + 1013904223;
		struct schedule_item *it = &item[(seed >> 8) % ARRAY_LEN(item)];
		if (seed >> 30 == 0) {
			const struct schedule_item *first = NULL;
			for (size_t i = 0; i < ARRAY_LEN(item); i++) {
				const struct schedule_item *at = &item[i];
				if (at->place == 0)
					continue;
				if (first == NULL || at->due_ms < first->due_ms ||
					(at->due_ms == first->due_ms && at->order < first->order))
					first = at;
			}
			assert_ptr_equal(take(UINT64_MAX), first);
		} else if (it->place != 0) {
			schedule_remove(&schedule, it);
		} else {
			assert_true(schedule_add(&schedule, it, seed >> 16 & 31));
		}
		for (size_t i = 0; i < schedule.count; i++)
			assert_int_equal(schedule.heap[i]->place, i + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(who_is_due_first_is_taken_first, empty),
		cmocka_unit_test_teardown(those_due_at_the_same_time_keep_their_order, empty),
		cmocka_unit_test_teardown(what_is_added_meanwhile_is_for_the_next_time, empty),
		cmocka_unit_test_teardown(what_is_removed_is_never_taken, empty),
		cmocka_unit_test_teardown(
			ten_thousand_random_steps_agree_with_a_plain_search, empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
