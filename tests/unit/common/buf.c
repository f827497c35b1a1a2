#include "tests/unit/common/support_common.h"

static void bytes_come_out_as_they_went_in(void **state UNUSED)
{
	static uint8_t all[200000];
	struct buf b = {0};
	size_t in = 0, out = 0;

	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (uint8_t)random_number();
	while (out < sizeof all) {
		size_t n = size_min(random_number() % 300, sizeof all - in);
		assert_true(buf_add(&b, slice_of(all + in, n)));
		in += n;
		assert_int_equal(b.len, in - out);
		assert_true(slice_is(buf_bytes(&b), slice_of(all + out, in - out)));
		n = size_min(random_number() % (in == sizeof all ? 500 : 310), b.len);
		buf_eat(&b, n);
		out += n;
	}
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void a_queue_that_never_empties_stays_small(void **state UNUSED)
{
	struct buf b = {0};

	assert_true(buf_add(&b, slice_text("0123456789")));
	for (int i = 0; i < 100000; i++) {
		assert_true(buf_add(&b, slice_text("0123456789")));
		buf_eat(&b, 10);
	}
	assert_in_range(b.room, 20, 256);
	assert_true(slice_is(buf_bytes(&b), slice_text("0123456789")));
	buf_free(&b);
}

static void an_emptied_buffer_gives_much_memory_back_and_keeps_little(void **state UNUSED)
{
	static const uint8_t much[5000];
	struct buf b = {0};

	assert_true(buf_add(&b, slice_of(much, sizeof much)));
	buf_eat(&b, sizeof much - 1);
	assert_non_null(b.mem);
	buf_eat(&b, 1);
	assert_null(b.mem);
	assert_int_equal(b.room, 0);

	assert_true(buf_add(&b, slice_of(much, 100)));
	buf_eat(&b, 100);
	assert_non_null(b.mem);
	assert_int_equal(b.start, 0);
	buf_free(&b);
	assert_null(b.mem);
}

static void eating_more_than_there_is_eats_all(void **state UNUSED)
{
	struct buf b = {0};

	buf_eat(&b, 5);
	assert_int_equal(b.len, 0);
	assert_true(buf_add_byte(&b, 'x'));
	buf_eat(&b, 5);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void formatted_text_is_added_behind_what_is_there(void **state UNUSED)
{
	struct buf b = {0};

	assert_true(buf_addf(&b, "%s", ""));
	assert_int_equal(b.len, 0);
	assert_true(buf_add(&b, slice_text("a user ")));
	assert_true(buf_addf(&b, "%d:%d, %0100d", 5, 199, 7));
	assert_int_equal(b.len, 7 + 7 + 100);
	assert_true(slice_is(slice_of(buf_bytes(&b).at, 16), slice_text("a user 5:199, 00")));
	assert_int_equal(buf_bytes(&b).at[b.len - 1], '7');
	buf_free(&b);
}

static void an_impossible_size_is_refused_and_changes_nothing(void **state UNUSED)
{
	volatile size_t most = SIZE_MAX; /* the compiler, too, would refuse it */
	struct buf b = {0};

	assert_true(buf_add_byte(&b, 'x'));
	assert_false(buf_add(&b, slice_of("y", most)));
	assert_false(buf_add(&b, slice_of("y", most / 2)));
	assert_true(slice_is(buf_bytes(&b), slice_text("x")));
	buf_free(&b);
}

static void what_was_reserved_is_added_where_it_stands(void **state UNUSED)
{
	struct buf b = {0};

	assert_true(buf_add(&b, slice_text("12345")));
	assert_true(buf_reserve(&b, 1000));
	const uint8_t *mem = b.mem;
	for (int i = 0; i < 1000; i++)
		assert_true(buf_add_byte(&b, 'x'));
	assert_ptr_equal(b.mem, mem);
	assert_int_equal(b.len, 1005);
	assert_false(buf_reserve(&b, SIZE_MAX));
	assert_ptr_equal(b.mem, mem);
	buf_free(&b);
}

static void numbers_are_written_in_decimal(void **state UNUSED)
{
	struct buf b = {0};

	assert_true(buf_add_int(&b, 0) && buf_add_byte(&b, ' '));
	assert_true(buf_add_int(&b, -1) && buf_add_byte(&b, ' '));
	assert_true(buf_add_int(&b, 1090) && buf_add_byte(&b, ' '));
	assert_true(buf_add_int(&b, INT64_MIN) && buf_add_byte(&b, ' '));
	assert_true(buf_add_int(&b, INT64_MAX));
	assert_string_equal(text_of(&b), "0 -1 1090 -9223372036854775808 9223372036854775807");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_out_as_they_went_in),
		cmocka_unit_test(a_queue_that_never_empties_stays_small),
		cmocka_unit_test(an_emptied_buffer_gives_much_memory_back_and_keeps_little),
		cmocka_unit_test(eating_more_than_there_is_eats_all),
		cmocka_unit_test(formatted_text_is_added_behind_what_is_there),
		cmocka_unit_test(what_was_reserved_is_added_where_it_stands),
		cmocka_unit_test(numbers_are_written_in_decimal),
		cmocka_unit_test(an_impossible_size_is_refused_and_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
