#include "tests/unit/common/support_common.h"

#include "common/bell.h"

static struct bell bell;
static unsigned heard;
static bool closed, again;

static void on_ring(struct bell *b)
{
	assert_ptr_equal(b, &bell);
	heard++;
	if (again)
		bell_ring(b);
	again = false;
}

static void on_closed(struct bell *b)
{
	assert_ptr_equal(b, &bell);
	closed = true;
}

static void open_it(void)
{
	heard = 0;
	closed = again = false;
	assert_int_equal(bell_open(&bell, &test_loop, on_ring), 0);
}

static void close_it(void)
{
	assert_false(bell_is_closing(&bell));
	bell_close(&bell, on_closed);
	assert_true(bell_is_closing(&bell));
	assert_false(closed);
	RUN_UNTIL(closed);
}

static void however_often_it_is_rung_it_is_heard_once(void **state UNUSED)
{
	open_it();
	run_turn();
	assert_int_equal(heard, 0);
	bell_ring(&bell);
	bell_ring(&bell);
	bell_ring(&bell);
	assert_int_equal(heard, 0);
	run_turn();
	run_turn();
	assert_int_equal(heard, 1);
	bell_ring(&bell);
	run_turn();
	assert_int_equal(heard, 2);
	close_it();
}

static void who_rings_while_it_is_heard_is_heard_again(void **state UNUSED)
{
	open_it();
	again = true;
	bell_ring(&bell);
	RUN_UNTIL(heard == 2);
	run_turn();
	assert_int_equal(heard, 2);
	close_it();
}

static void what_was_rung_before_it_is_closed_is_not_heard(void **state UNUSED)
{
	open_it();
	bell_ring(&bell);
	close_it();
	assert_int_equal(heard, 0);
}

enum { RINGS = 1000 };

static void ring_often(void *arg)
{
	for (unsigned i = 0; i < RINGS; i++) {
		__atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_SEQ_CST);
		bell_ring(&bell);
	}
}

static unsigned rung, seen;

static void look(struct bell *b UNUSED)
{
	heard++;
	seen = __atomic_load_n(&rung, __ATOMIC_SEQ_CST);
}

static void no_ring_of_another_thread_is_lost(void **state UNUSED)
{
	uv_thread_t threads[3];

	heard = 0;
	closed = false;
	rung = seen = 0;
	assert_int_equal(bell_open(&bell, &test_loop, look), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(uv_thread_create(&threads[i], ring_often, &rung), 0);
	RUN_UNTIL(seen == ARRAY_LEN(threads) * RINGS);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		uv_thread_join(&threads[i]);
	assert_in_range(heard, 1, ARRAY_LEN(threads) * RINGS);
	close_it();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(however_often_it_is_rung_it_is_heard_once),
		LOOP_TEST(who_rings_while_it_is_heard_is_heard_again),
		LOOP_TEST(what_was_rung_before_it_is_closed_is_not_heard),
		LOOP_TEST(no_ring_of_another_thread_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
