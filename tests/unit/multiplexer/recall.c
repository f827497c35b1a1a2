#include "multiplexer/recall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_recalled(struct recall *r, const char *expected)
{
	struct buf all = {0};

	for (uint8_t i = 0; i < r->count; i++)
		assert_true(buf_add(&all, recall_at(r, i)) && buf_add_byte(&all, '|'));
	assert_true(buf_add_byte(&all, '\0'));
	assert_string_equal((const char *)buf_bytes(&all).at, expected);
	buf_free(&all);
}

static void the_last_message_of_each_package_is_kept(void **state UNUSED)
{
	struct recall r = {0};

	recall_keep(&r, slice_text("Char.Vitals {\"hp\":1}"));
	recall_keep(&r, slice_text("Room.Info {}"));
	recall_keep(&r, slice_text("char.vitals {\"hp\":2}"));
	recall_keep(&r, slice_text("Char.VitalsMore {}"));
	assert_recalled(&r, "Room.Info {}|char.vitals {\"hp\":2}|Char.VitalsMore {}|");
	recall_forget(&r, slice_text("Room.Info"));
	recall_forget(&r, slice_text("Room.Info"));
	assert_recalled(&r, "char.vitals {\"hp\":2}|Char.VitalsMore {}|");
	recall_free(&r);
	assert_recalled(&r, "");
}

static void what_happens_once_is_not_told_again(void **state UNUSED)
{
	struct recall r = {0};

	recall_keep(&r, slice_text("Comm.Channel.Text {}"));
	recall_keep(&r, slice_text("CORE.Goodbye \"bye\""));
	recall_keep(&r, slice_text("Client.Media.Play {}"));
	recall_keep(&r, slice_text(" {}"));
	recall_keep(&r, slice_text(""));
	assert_recalled(&r, "");
	recall_keep(&r, slice_text("Community {}"));
	assert_recalled(&r, "Community {}|");
	recall_free(&r);
}

static void no_more_is_kept_than_has_room(void **state UNUSED)
{
	static char body[RECALL_BYTES + 1];
	struct recall r = {0};

	for (int n = 0; n < 3 * RECALL_MAX; n++) {
		snprintf(body, sizeof body, "Package%d {}", n);
		recall_keep(&r, slice_text(body));
	}
	assert_int_equal(r.count, RECALL_MAX);
	assert_string_equal("Package71 {}", body);
	assert_true(slice_is(recall_at(&r, RECALL_MAX - 1), slice_text(body)));
	for (int n = 0; n < 20; n++) {
		memset(body, 'x', sizeof body);
		snprintf(body, sizeof body, "Long%d ", n);
		recall_keep(&r, slice_of(body, RECALL_BYTES));
		assert_true(r.bytes <= RECALL_ROOM);
	}
	assert_int_equal(r.count, RECALL_ROOM / RECALL_BYTES);
	/* one that is too long leaves no older one, which would be wrong now */
	snprintf(body, sizeof body, "Long19 ");
	recall_keep(&r, slice_of(body, sizeof body));
	assert_int_equal(r.count, RECALL_ROOM / RECALL_BYTES - 1);
	recall_free(&r);
	assert_int_equal(r.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_message_of_each_package_is_kept),
		cmocka_unit_test(what_happens_once_is_not_told_again),
		cmocka_unit_test(no_more_is_kept_than_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
