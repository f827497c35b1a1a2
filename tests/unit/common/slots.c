#include "common/slots.h"
#include "tests/unit/common/support_common.h"

static void what_was_put_is_found_until_it_is_dropped(void **state UNUSED)
{
	enum { MANY = 1000 };
	static int things[MANY];
	static struct handle handles[MANY];
	struct slots s = {0};

	for (int i = 0; i < MANY; i++)
		assert_true(slots_put(&s, &things[i], &handles[i]));
	assert_int_equal(s.count, MANY);
	for (int i = 0; i < MANY; i += 2)
		slots_drop(&s, handles[i]);
	assert_int_equal(s.count, MANY / 2);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(slots_find(&s, handles[i]), i % 2 == 0 ? NULL : &things[i]);
	slots_free(&s);
	assert_null(slots_find(&s, handles[1]));
}

static void a_stale_handle_is_nobody_s_though_its_slot_is_used_again(void **state UNUSED)
{
	int a, b;
	struct handle old, new;
	struct slots s = {0};

	assert_true(slots_put(&s, &a, &old));
	slots_drop(&s, old);
	assert_true(slots_put(&s, &b, &new));
	assert_int_equal(new.slot, old.slot);
	assert_null(slots_find(&s, old));
	slots_drop(&s, old); /* does not hit the new one */
	assert_ptr_equal(slots_find(&s, new), &b);
	assert_int_equal(s.count, 1);
	slots_free(&s);
}

static void an_all_zero_handle_is_nobody_s_even_after_generations_ran_out(void **state UNUSED)
{
	int a;
	struct handle h;
	struct slots s = {0};

	assert_null(slots_find(&s, (struct handle){0}));
	assert_true(slots_put(&s, &a, &h));
	assert_int_equal(h.slot, 0);
	assert_null(slots_find(&s, (struct handle){0}));
	s.rows[0].generation = h.generation = UINT32_MAX;
	slots_drop(&s, h);
	assert_true(slots_put(&s, &a, &h));
	assert_int_equal(h.slot, 0);
	assert_int_not_equal(h.generation, 0);
	assert_null(slots_find(&s, (struct handle){0}));
	slots_free(&s);
}

static void freed_slots_are_used_before_new_ones(void **state UNUSED)
{
	int a;
	struct handle h[10];
	struct slots s = {0};

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 10; i++)
			assert_true(slots_put(&s, &a, &h[i]));
		for (int i = 0; i < 10; i++)
			slots_drop(&s, h[i]);
	}
	assert_int_equal(s.used, 10);
	slots_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_until_it_is_dropped),
		cmocka_unit_test(a_stale_handle_is_nobody_s_though_its_slot_is_used_again),
		cmocka_unit_test(an_all_zero_handle_is_nobody_s_even_after_generations_ran_out),
		cmocka_unit_test(freed_slots_are_used_before_new_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
