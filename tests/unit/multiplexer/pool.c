#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/held.h"
#include "multiplexer/pool.h"

#define MIB ((size_t)1024 * 1024)

static void the_default_is_a_quarter_of_the_memory_and_at_most_512_mib(void **state UNUSED)
{
	assert_int_equal(pool_default(1024 * MIB), 256 * MIB);
	assert_int_equal(pool_default(2048 * MIB), 512 * MIB);
	assert_int_equal(pool_default((uint64_t)64 * 1024 * MIB), 512 * MIB);
	assert_int_equal(pool_limit(3 * MIB), 3 * MIB);
	assert_true(pool_limit(0) > 0 && pool_limit(0) <= 512 * MIB);
}

static void it_is_over_above_95_and_full_above_98_hundredths(void **state UNUSED)
{
	struct pool p = {.limit = 1000, .bytes = 950};

	assert_false(pool_is_over(&p));
	p.bytes = 951;
	assert_true(pool_is_over(&p));
	p.bytes = 980;
	assert_false(pool_is_full(&p));
	p.bytes = 981;
	assert_true(pool_is_full(&p));
	assert_true(pool_is_over(&p));
	p.bytes = 10;
	assert_false(pool_is_over(&p));
	assert_int_equal(p.most, 981);
}

static void what_is_above_90_hundredths_has_to_go(void **state UNUSED)
{
	assert_int_equal(pool_excess(&(struct pool){.limit = 1000, .bytes = 960}), 60);
	assert_int_equal(pool_excess(&(struct pool){.limit = 1000, .bytes = 900}), 0);
	assert_int_equal(pool_excess(&(struct pool){.limit = 1000}), 0);
}

static void the_largest_go_first_and_no_more_than_must(void **state UNUSED)
{
	struct pool_share all[] = {{"c", 30}, {"nothing", 0}, {"a", 500}, {"b", 40}, {"d", 1}};

	assert_int_equal(pool_choose(all, 5, 501), 2);
	assert_string_equal(all[0].who, "a");
	assert_string_equal(all[1].who, "b");
	assert_int_equal(pool_choose(all, 5, 500), 1);
	assert_int_equal(pool_choose(all, 5, 0), 0);
	assert_int_equal(pool_choose(all, 5, 100000), 4); /* who has nothing stays */
	assert_int_equal(pool_choose(NULL, 0, 100), 0);
}

/* Held inputs that grow, are eaten, are freed, in any order: the total is their sum at every step. */
static void the_total_is_the_sum_of_all_after_any_change(void **state UNUSED)
{
	enum { USERS = 40, STEPS = 200000 };
	static struct held all[USERS];
	static uint8_t text[4096];
	size_t total = 0;
	uint32_t seed = 7;

	for (int i = 0; i < USERS; i++)
		all[i] = (struct held){.total = &total};
	for (int step = 0; step < STEPS; step++) {
		seed = seed * 1664525 + 1013904223;
		struct held *h = &all[(seed >> 8) % USERS];
		struct held_entry entry;
		size_t n = 1 + (seed >> 4) % 300;

		switch (seed >> 29) {
		case 0:
			if (held_first(h, &entry))
				held_eat(h);
			break;
		case 1:
			if (step % 5 == 0)
				held_free(h);
			break;
		case 2:
			assert_true(held_add_event(h, slice_text("gmcp"), 0, slice_of(text, n)));
			break;
		case 3:
			if (held_first(h, &entry) && !entry.is_event && entry.data.len > n)
				held_eat_text(h, n);
			break;
		default:
			if (held_len(h) < 20000)
				assert_true(held_add_text(h, slice_of(text, n)));
		}
		size_t sum = 0;
		for (int i = 0; i < USERS; i++)
			sum += held_kept(&all[i]);
		assert_int_equal(total, sum);
	}
	for (int i = 0; i < USERS; i++)
		held_free(&all[i]);
	assert_int_equal(total, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_is_a_quarter_of_the_memory_and_at_most_512_mib),
		cmocka_unit_test(it_is_over_above_95_and_full_above_98_hundredths),
		cmocka_unit_test(what_is_above_90_hundredths_has_to_go),
		cmocka_unit_test(the_largest_go_first_and_no_more_than_must),
		cmocka_unit_test(the_total_is_the_sum_of_all_after_any_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
