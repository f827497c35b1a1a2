#include "multiplexer/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/subclient.h"

enum { MANY = 5000 };

static void numbers_go_up_and_find_who_has_them(void **state UNUSED)
{
	struct roster r = {.last = 41};
	struct subclient *all = calloc(MANY, sizeof *all);
	uint32_t before = 41;

	assert_null(roster_find(&r, 42));
	for (int i = 0; i < MANY; i++) {
		assert_true(roster_add(&r, &all[i]));
		assert_true(all[i].number > before);
		before = all[i].number;
	}
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(roster_find(&r, all[i].number), &all[i]);
	assert_null(roster_find(&r, before + 1));
	assert_null(roster_find(&r, 41));
	assert_int_equal(r.count, MANY);
	roster_free(&r);
	free(all);
}

static void a_number_is_not_given_again_when_its_owner_is_gone(void **state UNUSED)
{
	struct roster r = {0};
	struct subclient old = {0}, young = {0};

	assert_true(roster_add(&r, &old));
	uint32_t number = old.number;
	roster_remove(&r, &old);
	roster_remove(&r, &old);
	assert_null(roster_find(&r, number));
	assert_int_equal(r.count, 0);
	assert_true(roster_add(&r, &young));
	assert_int_not_equal(young.number, number);
	assert_null(roster_find(&r, number));
	/* Nor does a stale record put out who has its place now. */
	old.number = young.number;
	roster_remove(&r, &old);
	assert_ptr_equal(roster_find(&r, young.number), &young);
	roster_free(&r);
}

static void zero_is_nobodys_number(void **state UNUSED)
{
	struct roster r = {.last = UINT32_MAX - 1};
	struct subclient a = {0}, b = {0};

	assert_true(roster_add(&r, &a));
	assert_int_equal(a.number, UINT32_MAX);
	assert_true(roster_add(&r, &b));
	assert_int_equal(b.number, 1);
	assert_null(roster_find(&r, 0));
	roster_free(&r);
}

static uint32_t any(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Some stay for ever while others come and go: the counter goes round the table many times. */
static void who_stays_is_never_in_the_way(void **state UNUSED)
{
	struct roster r = {0};
	struct subclient *all = calloc(MANY, sizeof *all);
	uint32_t before = 0, seed = 1;

	for (int i = 0; i < 200 * MANY; i++) {
		struct subclient *u = &all[any(&seed) % MANY];

		if (u->number != 0 && any(&seed) % 4 != 0)
			roster_remove(&r, u);
		else if (u->number != 0)
			continue;
		assert_true(roster_add(&r, u));
		assert_true(u->number > before);
		before = u->number;
		assert_ptr_equal(roster_find(&r, u->number), u);
		assert_true(r.count <= r.room / 2);
	}
	for (int i = 0; i < MANY; i++)
		if (all[i].number != 0)
			assert_ptr_equal(roster_find(&r, all[i].number), &all[i]);
	roster_free(&r);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_go_up_and_find_who_has_them),
		cmocka_unit_test(a_number_is_not_given_again_when_its_owner_is_gone),
		cmocka_unit_test(zero_is_nobodys_number),
		cmocka_unit_test(who_stays_is_never_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
