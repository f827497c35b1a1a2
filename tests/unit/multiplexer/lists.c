#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/listener.h"
#include "multiplexer/lists.h"
#include "multiplexer/subclient.h"

enum { USERS = 4 };

static struct subclient users[USERS];
static struct lists ls;
static char shown[64];            /* who got a text, in order */
static struct subclient *leaving; /* is dropped by the text he gets, as one who is too slow is */

/* In place of a socket. */
static void on_output(struct layers *l, struct shared *b)
{
	const struct subclient *u = container_of(l, struct subclient, layers);
	size_t len = strlen(shown);

	snprintf(shown + len, sizeof shown - len, "%zu%.*s ", (size_t)(u - users), (int)b->len,
		(const char *)b->bytes);
	if (u == leaving)
		lists_forget(&ls, leaving);
}

static const struct layers_ops ops = {.on_output = on_output};

static int begin(void **state UNUSED)
{
	memset(&ls, 0, sizeof ls);
	leaving = NULL;
	for (size_t i = 0; i < USERS; i++) {
		list_init(&users[i].lists);
		if (!layers_open(&users[i].layers, listener_kind_find("raw")->layers, &ops))
			return -1;
	}
	return 0;
}

/* Whatever a test did: nothing is left behind. */
static int end(void **state UNUSED)
{
	lists_clear(&ls);
	for (size_t i = 0; i < USERS; i++) {
		layers_close(&users[i].layers);
		if (!list_is_empty(&users[i].lists))
			return -1;
	}
	return ls.members == 0 && ls.by_number == NULL ? 0 : -1;
}

static const char *send_to(uint32_t number, const char *text)
{
	struct shared *b = shared_new(slice_text(text));

	assert_non_null(b);
	shown[0] = '\0';
	lists_send(&ls, number, b);
	assert_int_equal(b->refs, 1);
	shared_unref(b);
	return shown;
}

static void a_text_goes_to_the_members_in_order_and_to_each_once(void **state UNUSED)
{
	assert_true(lists_make(&ls, 7));
	assert_true(lists_add(&ls, 7, &users[2]));
	assert_true(lists_add(&ls, 7, &users[0]));
	assert_true(lists_add(&ls, 7, &users[2]));
	assert_int_equal(ls.members, 2);
	assert_string_equal(send_to(7, "a"), "2a 0a ");
	lists_remove(&ls, 7, &users[2]);
	lists_remove(&ls, 7, &users[3]);
	assert_string_equal(send_to(7, "b"), "0b ");
}

static void lists_are_apart(void **state UNUSED)
{
	assert_true(lists_make(&ls, 1));
	assert_true(lists_make(&ls, 65535));
	assert_true(lists_add(&ls, 1, &users[0]));
	assert_true(lists_add(&ls, 1, &users[1]));
	assert_true(lists_add(&ls, 65535, &users[1]));
	lists_remove(&ls, 1, &users[1]);
	assert_string_equal(send_to(1, "x"), "0x ");
	assert_string_equal(send_to(65535, "y"), "1y ");
	lists_drop(&ls, 1);
	assert_false(lists_has(&ls, 1));
	assert_true(lists_has(&ls, 65535));
	assert_string_equal(send_to(65535, "z"), "1z ");
}

static void there_is_no_adding_to_a_list_that_there_is_not(void **state UNUSED)
{
	assert_false(lists_has(&ls, 7));
	assert_false(lists_add(&ls, 7, &users[0]));
	lists_remove(&ls, 7, &users[0]);
	lists_drop(&ls, 7);
	assert_string_equal(send_to(7, "x"), "");
}

static void made_again_it_is_empty(void **state UNUSED)
{
	assert_true(lists_make(&ls, 7));
	assert_true(lists_add(&ls, 7, &users[0]));
	assert_true(lists_make(&ls, 7));
	assert_int_equal(ls.members, 0);
	assert_string_equal(send_to(7, "x"), "");
	assert_true(lists_add(&ls, 7, &users[0]));
	assert_string_equal(send_to(7, "y"), "0y ");
}

static void who_leaves_falls_out_of_all_also_while_a_text_goes_round(void **state UNUSED)
{
	for (uint32_t number = 1; number <= 3; number++) {
		assert_true(lists_make(&ls, number));
		for (size_t i = 0; i < USERS; i++)
			assert_true(lists_add(&ls, number, &users[i]));
	}
	leaving = &users[1];
	assert_string_equal(send_to(2, "x"), "0x 1x 2x 3x ");
	assert_true(list_is_empty(&users[1].lists));
	for (uint32_t number = 1; number <= 3; number++)
		assert_string_equal(send_to(number, "y"), "0y 2y 3y ");
	leaving = &users[3]; /* the last of the chain */
	send_to(1, "x");
	assert_string_equal(send_to(1, "z"), "0z 2z ");
}

static void all_of_them_together_have_a_limit(void **state UNUSED)
{
	assert_true(lists_make(&ls, 7));
	ls.members = LISTS_MEMBERS_MAX;
	assert_false(lists_add(&ls, 7, &users[0]));
	ls.members = LISTS_MEMBERS_MAX - 1;
	assert_true(lists_add(&ls, 7, &users[0]));
	assert_true(lists_add(&ls, 7, &users[0])); /* he is there */
	assert_false(lists_add(&ls, 7, &users[1]));
	ls.members = 1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_text_goes_to_the_members_in_order_and_to_each_once),
		TEST(lists_are_apart),
		TEST(there_is_no_adding_to_a_list_that_there_is_not),
		TEST(made_again_it_is_empty),
		TEST(who_leaves_falls_out_of_all_also_while_a_text_goes_round),
		TEST(all_of_them_together_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
