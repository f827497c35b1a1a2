#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/linkkey.h"
#include "tests/unit/proto/support_ends.h"

static struct linkkey *key_of(const char *identity, const char *secret)
{
	const char *why;
	struct linkkey *key = linkkey_new(identity, slice_text(secret), &why);

	assert_non_null(key);
	return key;
}

static struct linkkey *key;

static int open_key(void **state)
{
	key = key_of("game", "0123456789abcdef0123456789abcdef");
	return open_test_loop(state);
}

static int close_key(void **state)
{
	linkkey_free(key);
	return close_test_loop(state);
}

#define KEYED_TEST(f) cmocka_unit_test_setup_teardown(f, open_key, close_key)

static void connect_both(struct end *mux, struct end *server)
{
	ends_connect(mux, key, server, key);
	RUN_UNTIL(mux->l.up && server->l.up);
	assert_string_equal(seen(mux), "U");
	assert_string_equal(seen(server), "U");
}

static bool send_text(struct end *e, size_t len)
{
	static uint8_t text[MSG_PAYLOAD_MAX];
	struct msg_send_subclient_text m = {.who = clientkey_of(5, 1), .data = slice_of(text, len)};

	return link_send_send_subclient_text(&e->l, &m);
}

static void both_are_up_and_messages_go_both_ways(void **state UNUSED)
{
	struct end mux, server;

	ends_connect(&mux, key, &server, key);
	assert_false(link_send_tick(&mux.l, &(struct msg_tick){0}));
	assert_false(link_send_ready(&server.l, &(struct msg_ready){0}));
	RUN_UNTIL(mux.l.up && server.l.up);
	assert_true(link_send_tick(&mux.l, &(struct msg_tick){0}));
	assert_true(link_send_ready(&server.l, &(struct msg_ready){0}));
	RUN_UNTIL(mux.messages == 1 && server.messages == 1);
	assert_string_equal(seen(&mux), "Um");
	assert_string_equal(seen(&server), "Um");
	assert_true(slice_is(buf_bytes(&server.came), slice_of("\x04\0\x01\0", 4)));
	end_close(&mux);
	end_close(&server);
}

static void much_arrives_whole_and_in_order_and_a_slow_peer_is_told(void **state UNUSED)
{
	struct end mux, server;
	unsigned sent = 0;

	connect_both(&mux, &server);
	stream_pause(&mux.l.stream);
	while (link_queued(&server.l) <= LINK_HIGH) {
		assert_true(send_text(&server, 1 + sent++ % MSG_PAYLOAD_MAX));
		run_turn();
	}
	RUN_UNTIL(strchr(seen(&server), 'S') != NULL);
	stream_read(&mux.l.stream);
	RUN_UNTIL(mux.messages == sent);
	RUN_UNTIL(strchr(seen(&server), 'D') != NULL);
	assert_int_equal(link_queued(&server.l), 0);
	end_close(&mux);
	end_close(&server);
}

static void the_last_of_many_messages_comes_before_the_end(void **state UNUSED)
{
	struct end mux, server;

	connect_both(&mux, &server);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(send_text(&server, 10));
	link_half_close(&server.l);
	assert_false(send_text(&server, 10));
	RUN_UNTIL(strchr(seen(&mux), 'E') != NULL);
	assert_int_equal(mux.messages, 1000);
	assert_int_equal(mux.status, UV_EOF);
	assert_string_equal(mux.reason, "the peer has ended");
	assert_true(link_send_tick(&mux.l, &(struct msg_tick){0})); /* our side goes on */
	RUN_UNTIL(server.messages == 1);
	link_half_close(&mux.l);
	RUN_UNTIL(strchr(seen(&server), 'E') != NULL);
	assert_int_equal(server.status, UV_EOF);
	end_close(&mux);
	end_close(&server);
}

static void who_is_gone_without_saying_so_is_lost(void **state UNUSED)
{
	struct end mux, server;

	connect_both(&mux, &server);
	assert_true(send_text(&server, 10));
	run_turn();
	link_close(&server.l); /* as when the process is killed */
	RUN_UNTIL(strchr(seen(&mux), 'E') != NULL);
	assert_int_equal(mux.messages, 1);
	assert_true(mux.status != UV_EOF);
	assert_false(mux.refused);
	end_close(&mux);
	end_close(&server);
}

static void keys_differ(const char *identity, const char *secret, const char *reason)
{
	struct linkkey *other = key_of(identity, secret);
	struct end mux, server;

	ends_connect(&mux, other, &server, key);
	linkkey_free(other); /* the link goes on with it */
	RUN_UNTIL(strchr(seen(&mux), 'E') != NULL && strchr(seen(&server), 'E') != NULL);
	assert_string_equal(seen(&mux), "E");
	assert_string_equal(seen(&server), "E");
	assert_non_null(strstr(mux.reason, reason));
	assert_non_null(strstr(server.reason, reason));
	end_close(&mux);
	end_close(&server);
}

static void without_the_same_key_neither_is_ever_up(void **state UNUSED)
{
	keys_differ("game", "0123456789abcdef0123456789abcdeX", "another key by the same name");
	keys_differ("games", "0123456789abcdef0123456789abcdef", "no key, or one by another name");
}

static void what_is_not_tls_learns_nothing(void **state UNUSED)
{
	struct end server;
	struct buf got = {0};
	int peer = end_accept_keyed(&server, key);

	push(peer, slice_of("\x04\0\x0e\0\x04\0\x0e\0", 8));
	RUN_UNTIL(strchr(seen(&server), 'E') != NULL);
	assert_string_equal(seen(&server), "E");
	assert_true(server.refused);
	assert_non_null(strstr(server.reason, "it does not speak TLS"));
	end_close(&server);
	pull_all(peer, &got);
	assert_true(got.len <= 7); /* an alert at most */
	buf_free(&got);
	close(peer);
}

static void who_ends_before_the_handshake_is_told_apart(void **state UNUSED)
{
	struct end server;
	int peer = end_accept_keyed(&server, key);

	close(peer);
	RUN_UNTIL(strchr(seen(&server), 'E') != NULL);
	assert_string_equal(server.reason, "the peer ended during the TLS handshake");
	assert_true(server.status != UV_EOF);
	end_close(&server);
}

static void silence_is_ended_at_the_deadline(void **state UNUSED)
{
	struct end server;
	int peer = end_accept_keyed(&server, key);

	uv_timer_start(&server.l.clock, server.l.clock.timer_cb, 10, 0); /* 5 s are long */
	RUN_UNTIL(strchr(seen(&server), 'E') != NULL);
	assert_int_equal(server.status, UV_ETIMEDOUT);
	assert_string_equal(server.reason, "no TLS handshake within 5 s");
	end_close(&server);
	close(peer);
}

static void who_is_refused_hears_why_though_he_was_speaking(void **state UNUSED)
{
	struct end mux, server;

	connect_both(&mux, &server);
	stream_pause(&server.l.stream);
	for (unsigned i = 0; i < 100; i++)
		assert_true(link_send_tick(&mux.l, &(struct msg_tick){0}));
	run_turn();
	link_refuse(&server.l, "another one is here");
	link_refuse(&server.l, "twice");
	RUN_UNTIL(strchr(seen(&mux), 'E') != NULL);
	assert_int_equal(mux.messages, 1);
	assert_true(slice_is(
		buf_bytes(&mux.came), slice_of("\x19\0\x46\x01\x13\0another one is here", 25)));
	assert_int_equal(mux.status, UV_EOF);
	link_close(&mux.l);
	RUN_UNTIL(strchr(seen(&server), 'X') != NULL);
	assert_string_equal(seen(&server), "UX");
	assert_int_equal(server.messages, 0);
	end_close(&mux);
	end_close(&server);
}

static void who_does_not_hear_why_is_closed_all_the_same(void **state UNUSED)
{
	struct end server;
	int peer = end_accept(&server);

	link_refuse(&server.l, "not wanted");
	uv_timer_start(&server.l.clock, server.l.clock.timer_cb, 10, 0);
	RUN_UNTIL(strchr(seen(&server), 'X') != NULL);
	end_close(&server);
	close(peer);
}

static void closing_in_any_callback_is_safe(void **state UNUSED)
{
	for (const char *at = "UmE"; *at != '\0'; at++) {
		struct end mux, server;

		ends_connect(&mux, key, &server, key);
		mux.close_on = *at;
		RUN_UNTIL(server.l.up || strchr(seen(&server), 'E') != NULL);
		send_text(&server, 10);
		link_half_close(&server.l);
		RUN_UNTIL(strchr(seen(&mux), 'X') != NULL);
		end_close(&mux);
		end_close(&server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEYED_TEST(both_are_up_and_messages_go_both_ways),
		KEYED_TEST(much_arrives_whole_and_in_order_and_a_slow_peer_is_told),
		KEYED_TEST(the_last_of_many_messages_comes_before_the_end),
		KEYED_TEST(who_is_gone_without_saying_so_is_lost),
		KEYED_TEST(without_the_same_key_neither_is_ever_up),
		KEYED_TEST(what_is_not_tls_learns_nothing),
		KEYED_TEST(who_ends_before_the_handshake_is_told_apart),
		KEYED_TEST(silence_is_ended_at_the_deadline),
		KEYED_TEST(who_is_refused_hears_why_though_he_was_speaking),
		KEYED_TEST(who_does_not_hear_why_is_closed_all_the_same),
		KEYED_TEST(closing_in_any_callback_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
