#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/held.h"

#define BYTES(text) slice_of(text, sizeof(text) - 1)

static void expect_text(struct held *h, struct slice text)
{
	struct held_entry entry;

	assert_true(held_first(h, &entry));
	assert_false(entry.is_event);
	assert_int_equal(entry.data.len, text.len);
	assert_memory_equal(entry.data.at, text.at, text.len);
	held_eat(h);
}

static void text_is_one_entry_however_it_came(void **state UNUSED)
{
	struct held h = {0};

	assert_true(held_add_text(&h, BYTES("lo")));
	assert_true(held_add_text(&h, BYTES("ok\n")));
	assert_true(held_add_text(&h, BYTES("who\n")));
	expect_text(&h, BYTES("look\nwho\n"));
	assert_int_equal(held_len(&h), 0);
	assert_false(held_first(&h, &(struct held_entry){0}));
	held_free(&h);
}

static void an_event_keeps_its_place_between_texts(void **state UNUSED)
{
	struct held h = {0};
	struct held_entry entry;

	assert_true(held_add_text(&h, BYTES("before\n")));
	assert_true(held_add_event(&h, BYTES("command"), 3, BYTES("interrupt")));
	assert_true(held_add_event(&h, BYTES("naws"), 0, BYTES("")));
	assert_true(held_add_text(&h, BYTES("behind\n")));
	expect_text(&h, BYTES("before\n"));
	assert_true(held_first(&h, &entry));
	assert_true(entry.is_event);
	assert_int_equal(entry.flags, 3);
	assert_true(slice_is(entry.channel, BYTES("command")));
	assert_true(slice_is(entry.data, BYTES("interrupt")));
	held_eat(&h);
	assert_true(held_first(&h, &entry));
	assert_true(slice_is(entry.channel, BYTES("naws")));
	assert_int_equal(entry.data.len, 0);
	held_eat(&h);
	expect_text(&h, BYTES("behind\n"));
	held_free(&h);
}

/* Adding to a text whose front part was moved by the buffer must hit its header all the same. */
static void text_grows_while_older_entries_are_eaten(void **state UNUSED)
{
	struct held h = {0};
	char piece[100];

	memset(piece, 'x', sizeof piece);
	for (int round = 0; round < 50; round++) {
		size_t len = 0;

		assert_true(held_add_text(&h, BYTES("first")));
		assert_true(held_add_event(&h, BYTES("c"), 0, BYTES("e")));
		for (int i = 0; i < 40; i++, len += sizeof piece) {
			assert_true(held_add_text(&h, slice_of(piece, sizeof piece)));
			if (i == 20) {
				expect_text(&h, BYTES("first"));
				held_eat(&h);
			}
		}
		struct held_entry entry;
		assert_true(held_first(&h, &entry));
		assert_int_equal(entry.data.len, len);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(entry.data.at[i], 'x');
		held_eat(&h);
		assert_int_equal(held_len(&h), 0);
	}
	held_free(&h);
}

static void a_part_of_text_can_be_eaten_from_its_front(void **state UNUSED)
{
	struct held h = {0};
	struct held_entry entry;

	assert_true(held_add_text(&h, BYTES("look\nwho\n")));
	held_eat_text(&h, 5);
	assert_true(held_add_text(&h, BYTES("go\n"))); /* goes on with the same entry */
	assert_true(held_first(&h, &entry));
	assert_true(slice_is(entry.data, BYTES("who\ngo\n")));
	assert_true(held_add_event(&h, BYTES("naws"), 0, BYTES("x")));
	held_eat_text(&h, 4);
	assert_true(held_add_text(&h, BYTES("last"))); /* behind the event */
	expect_text(&h, BYTES("go\n"));
	held_eat(&h);
	expect_text(&h, BYTES("last"));
	assert_int_equal(held_kept(&h), 0);
	held_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_one_entry_however_it_came),
		cmocka_unit_test(a_part_of_text_can_be_eaten_from_its_front),
		cmocka_unit_test(an_event_keeps_its_place_between_texts),
		cmocka_unit_test(text_grows_while_older_entries_are_eaten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
