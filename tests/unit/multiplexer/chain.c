#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/chainlink.h"
#include "proto/wire.h"

/* One multiplexer behind us, without sockets: what is kept of it while it is away. */
static struct mux mux;
static struct chainlink link_of_it;
static struct chainlink *c;
static const struct listener_config listener = {.name = "chain", .number = 7};

static int begin(void **state UNUSED)
{
	memset(&mux, 0, sizeof mux);
	list_init(&mux.chain.links);
	list_init(&mux.users);
	mux.chain.mux = &mux;
	mux.server.mux = &mux;
	mux.server.state = LINK_DOWN;
	mux.loop = calloc(1, sizeof *mux.loop);
	link_of_it = (struct chainlink){
		.chain = &mux.chain, .mux = &mux, .listener = &listener, .state = CHAIN_LOST};
	list_init(&link_of_it.candidates);
	c = &link_of_it;
	list_add_last(&mux.chain.links, &c->node);
	return mux.loop != NULL ? 0 : -1;
}

static int end(void **state UNUSED)
{
	struct chainuser *u, *next;

	HASH_ITER(by_key, c->users, u, next)
	chainuser_free(u);
	buf_free(&c->down);
	buf_free(&c->held);
	doubt_free(&c->places);
	lists_clear(&mux.lists);
	free(mux.loop);
	return c->user_count == 0 && c->untold == 0 && mux.lists.members == 0 &&
			       mux.metrics.chain_users_now == 0
		       ? 0
		       : -1;
}

static struct chainuser *arrive(uint32_t n)
{
	struct chainuser *u =
		chainuser_take(c, &(struct msg_got_subclient){.who = clientkey_of(n, 1),
					  .protocol = slice_text("telnet-line"),
					  .ip = slice_text("192.0.2.7")});

	assert_non_null(u);
	return u;
}

/* A whole message, as a frame whose bytes live until the next call. */
static struct frame text_to(const struct clientkey *who, size_t len)
{
	static uint8_t message[MSG_MAX], text[MSG_PAYLOAD_MAX];
	size_t whole = msg_send_subclient_text_write(
		&(struct msg_send_subclient_text){.who = *who, .data = slice_of(text, len)},
		message);

	assert_true(whole > 0);
	return (struct frame){.id = MSG_SEND_SUBCLIENT_TEXT,
		.count = 2,
		.args = slice_of(message + MSG_HEADER, whole - MSG_HEADER)};
}

/* ---- keys ---- */

static void a_message_is_the_same_about_another_key(void **state UNUSED)
{
	struct clientkey deep = {.depth = 10, .number = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
	struct clientkey flat = clientkey_of(5, 1);
	static const size_t lens[] = {1, 100, MSG_PAYLOAD_MAX};
	uint8_t out[MSG_MAX];
	struct refusal why;

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		struct frame f = text_to(&flat, lens[i]);
		struct msg_send_subclient_text m;

		size_t whole = chainroute_rekey(&f, &deep, out);
		assert_int_equal(wire_get16(out), whole);
		assert_int_equal(out[2], MSG_SEND_SUBCLIENT_TEXT);
		assert_true(msg_send_subclient_text_read(
			slice_of(out + MSG_HEADER, whole - MSG_HEADER), out[3], &m, &why));
		assert_true(clientkey_is(&m.who, &deep));
		assert_int_equal(m.data.len, lens[i]);
	}
}

static void a_message_that_is_full_cannot_take_a_longer_key(void **state UNUSED)
{
	uint8_t message[MSG_MAX], text[MSG_PAYLOAD_MAX] = {0}, out[MSG_MAX];
	struct clientkey flat = clientkey_of(5, 1), deeper = flat;
	size_t whole = msg_got_subclient_event_write(
		&(struct msg_got_subclient_event){.who = flat,
			.channel = slice_text("123456789012345678901234"),
			.data = slice_of(text, sizeof text)},
		message);
	struct frame f = {.id = MSG_GOT_SUBCLIENT_EVENT,
		.count = 4,
		.args = slice_of(message + MSG_HEADER, MSG_MAX - MSG_HEADER)};

	assert_int_equal(whole, MSG_MAX);
	assert_int_equal(chainroute_rekey(&f, &flat, out), MSG_MAX);
	assert_memory_equal(out, message, MSG_MAX);
	assert_true(clientkey_grow(&deeper, 7));
	assert_int_equal(chainroute_rekey(&f, &deeper, out), 0);
}

static void a_user_is_found_by_the_key_the_server_knows_once_it_knows_him(void **state UNUSED)
{
	struct chainuser *u = arrive(5);
	struct clientkey key = chainuser_key(u), other = key;
	char text[CLIENTKEY_TEXT_MAX];

	assert_string_equal(clientkey_text(&key, text), "5:1:7");
	assert_null(chain_find(&mux.chain, &key));
	chainuser_told(u);
	assert_ptr_equal(chain_find(&mux.chain, &key), u);
	other.number[2] = 8;
	assert_null(chain_find(&mux.chain, &other));
	assert_null(chain_find(&mux.chain, &u->key)); /* that is a key of our own users */
	memset(key.number + key.depth, 0xAA, 4 * (CLIENTKEY_DEPTH_MAX - key.depth));
	assert_ptr_equal(
		chain_find(&mux.chain, &key), u); /* what lies behind the depth is nothing */
}

/* ---- who is there ---- */

static void a_listing_loses_whom_it_does_not_name(void **state UNUSED)
{
	struct chainuser *stays = arrive(5);

	arrive(6);
	assert_ptr_equal(arrive(5), stays);
	assert_int_equal(c->user_count, 2);
	c->listing_number = 1;
	stays->seen = 1;
	chainuser_lose_unseen(c);
	assert_int_equal(c->user_count, 1);
	assert_ptr_equal(chainuser_find(c, &stays->key), stays);
}

static void a_new_server_knows_nobody(void **state UNUSED)
{
	struct chainuser *u = arrive(5), *left = arrive(6);
	struct clientkey key = chainuser_key(u);

	chainuser_told(u);
	chainuser_told(left);
	assert_int_equal(c->untold, 0);
	left->gone = true;
	chainuser_forget_server(c);
	assert_int_equal(c->user_count, 1);
	assert_int_equal(c->untold, 1);
	assert_null(chain_find(&mux.chain, &key));
}

static void who_leaves_while_the_server_is_not_ready_is_told_of_later(void **state UNUSED)
{
	struct chainuser *told = arrive(5);

	arrive(6);
	chainuser_told(told);
	mux.server.state = LINK_HELD;
	chainuser_lose_all(c);
	assert_int_equal(c->user_count, 1); /* whom it never knew it need not hear of */
	assert_true(told->gone);
	assert_null(chainuser_find(c, &told->key));
	mux.server.state = LINK_DOWN;
}

/* ---- what waits ---- */

static void what_is_for_one_that_is_away_waits_up_to_a_bound(void **state UNUSED)
{
	struct chainuser *u = arrive(5);
	struct clientkey key = chainuser_key(u);
	unsigned sent = 0;

	chainuser_told(u);
	for (; !c->too_much && sent < 1000; sent++) {
		struct frame f = text_to(&key, 4000);

		assert_true(chain_down(&mux.chain, &f));
	}
	assert_in_range(sent, CHAIN_DOWN_MAX / 4096, CHAIN_DOWN_MAX / 4000 + 1);
	assert_in_range(c->down.len, CHAIN_DOWN_MAX - 4096, CHAIN_DOWN_MAX);
	/* Each is whole, and about the key that he has there. */
	struct slice first = buf_bytes(&c->down);
	struct msg_send_subclient_text m;
	struct refusal why;
	assert_true(msg_send_subclient_text_read(
		slice_of(first.at + MSG_HEADER, wire_get16(first.at) - MSG_HEADER), first.at[3], &m,
		&why));
	assert_true(clientkey_is(&m.who, &u->key));
}

static void nothing_waits_for_one_that_was_never_there(void **state UNUSED)
{
	struct clientkey everyone = clientkey_of(0, CLIENTKEY_LIST);
	struct frame f = text_to(&everyone, 10);

	assert_false(chain_down(&mux.chain, &f)); /* it is for our own users too */
	assert_int_equal(c->down.len, 0);
	c->state = CHAIN_ABSENT;
	chainuser_told(arrive(5));
	assert_false(chain_down(&mux.chain, &f));
	assert_int_equal(c->down.len, 0);
}

static void a_list_reaches_its_members_behind_us_one_by_one(void **state UNUSED)
{
	struct clientkey list = clientkey_of(3, CLIENTKEY_LIST);
	struct chainuser *on = arrive(5), *off = arrive(6);
	struct frame f = text_to(&list, 10);

	chainuser_told(on);
	chainuser_told(off);
	assert_true(lists_make(&mux.lists, 3));
	assert_true(lists_add_chained(&mux.lists, 3, on));
	assert_true(lists_add_chained(&mux.lists, 3, on));
	assert_false(lists_add_chained(&mux.lists, 4, on));
	assert_int_equal(mux.lists.members, 1);
	assert_false(chain_down(&mux.chain, &f));
	size_t one = c->down.len;
	assert_true(one > 0);
	assert_true(lists_add_chained(&mux.lists, 3, off));
	assert_false(chain_down(&mux.chain, &f));
	assert_int_equal(c->down.len, 3 * one);
	chainuser_free(on); /* who leaves falls out */
	lists_remove_chained(&mux.lists, 3, off);
	assert_int_equal(mux.lists.members, 0);
	assert_false(chain_down(&mux.chain, &f));
	assert_int_equal(c->down.len, 3 * one);
}

static void input_from_one_that_was_told_to_wait_is_held_up_to_a_bound(void **state UNUSED)
{
	static uint8_t args[4000];
	struct frame f = {
		.id = MSG_GOT_SUBCLIENT_TEXT, .count = 2, .args = slice_of(args, sizeof args)};
	struct refusal why;
	unsigned held = 0;

	assert_false(chainroute_flows(c));
	while (chainroute_hold(c, &f, &why))
		held++;
	assert_in_range(held, CHAIN_HELD_MAX / 4100, CHAIN_HELD_MAX / 4000 + 1);
	assert_non_null(strstr(why.text, "it goes on though the game waits"));
	mux.server.state = LINK_OPEN;
	assert_false(chainroute_flows(c)); /* what came before goes first */
	buf_free(&c->held);
	assert_true(chainroute_flows(c));
	mux.server.state = LINK_HELD;
	assert_false(chainroute_flows(c));
	mux.chain.pausing = true;
	assert_false(chainroute_flows(c));
	c->state = CHAIN_PAUSING; /* what it says before PAUSED still goes on */
	assert_true(chainroute_flows(c));
	mux.server.state = LINK_DOWN;
	c->state = CHAIN_LOST;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
		TEST(a_message_is_the_same_about_another_key),
		TEST(a_message_that_is_full_cannot_take_a_longer_key),
		TEST(a_user_is_found_by_the_key_the_server_knows_once_it_knows_him),
		TEST(a_listing_loses_whom_it_does_not_name),
		TEST(a_new_server_knows_nobody),
		TEST(who_leaves_while_the_server_is_not_ready_is_told_of_later),
		TEST(what_is_for_one_that_is_away_waits_up_to_a_bound),
		TEST(nothing_waits_for_one_that_was_never_there),
		TEST(a_list_reaches_its_members_behind_us_one_by_one),
		TEST(input_from_one_that_was_told_to_wait_is_held_up_to_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
