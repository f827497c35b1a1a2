#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/proto/support_ends.h"

static const uint8_t tick[] = {4, 0, MSG_TICK, 0};   /* up */
static const uint8_t ready[] = {4, 0, MSG_READY, 0}; /* down */

#define WIRE(bytes) slice_of(bytes, sizeof bytes)

static bool send_text(struct end *e, uint32_t n, size_t len)
{
	static uint8_t text[MSG_PAYLOAD_MAX];
	struct msg_got_subclient_text m = {.who = clientkey_of(n, 1), .data = slice_of(text, len)};

	memset(text, (int)('a' + n % 26), len);
	return link_send_got_subclient_text(&e->l, &m);
}

/* ---- coming up ---- */

static void a_dialled_link_says_when_it_is_up_and_hears_what_comes_down(void **state UNUSED)
{
	struct end e;
	int peer = end_dial(&e);

	assert_string_equal(seen(&e), "U");
	push(peer, WIRE(ready));
	RUN_UNTIL(e.messages == 1);
	assert_true(slice_is(buf_bytes(&e.came), WIRE(ready)));
	end_close(&e);
	close(peer);
}

static void an_accepted_link_is_up_at_once_and_hears_what_comes_up(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);

	push(peer, WIRE(tick));
	RUN_UNTIL(e.messages == 1);
	assert_string_equal(seen(&e), "m");
	assert_int_equal(e.l.messages_in, 1);
	end_close(&e);
	close(peer);
}

static void dialling_where_nobody_listens_ends_with_a_reason(void **state UNUSED)
{
	struct end e;
	struct address a;
	const char *why;

	memset(&e, 0, sizeof e);
	assert_true(address_parse("unix:/tmp/holdfast-unit-nobody/here", &a, &why));
	assert_int_equal(link_dial(&e.l, &test_loop, &a, &end_ops, MSG_DOWN, NULL), 0);
	RUN_UNTIL(e.status != 0);
	assert_int_equal(e.status, UV_ENOENT);
	assert_string_equal(e.reason, "no such file or directory");
	assert_false(e.refused);
	assert_false(send_text(&e, 1, 1));
	run_turn();
	assert_string_equal(seen(&e), "E");
	end_close(&e);
}

static void a_dial_can_be_given_up_before_its_outcome(void **state UNUSED)
{
	struct end e;
	struct address a;
	const char *why;

	memset(&e, 0, sizeof e);
	assert_true(address_parse("unix:/tmp/holdfast-unit-nobody/here", &a, &why));
	assert_int_equal(link_dial(&e.l, &test_loop, &a, &end_ops, MSG_DOWN, NULL), 0);
	link_close(&e.l);
	RUN_UNTIL(strcmp(seen(&e), "X") == 0);
	end_close(&e);
}

/* ---- in ---- */

static void messages_come_whole_however_their_bytes_come(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf all = {0};

	for (uint32_t n = 0; n < 20; n++)
		add_text(&all, n, 1 + n);
	for (size_t i = 0; i < all.len; i++) {
		push(peer, slice_of(all.mem + all.start + i, 1));
		RUN_UNTIL(e.l.stream.bytes_in == i + 1);
	}
	assert_int_equal(e.messages, 20);
	assert_true(slice_is(buf_bytes(&e.came), buf_bytes(&all)));
	end_close(&e);
	buf_free(&all);
	close(peer);
}

/* A message of 25 bytes of which so many come before the peer ends. */
static void expect_end_after(size_t bytes, const char *reason)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf all = {0};

	push(peer, WIRE(tick));
	add_text(&all, 1, 5);
	assert_int_equal(all.len, 25);
	push(peer, slice_of(all.mem, bytes));
	shutdown(peer, SHUT_WR);
	RUN_UNTIL(e.status != 0);
	assert_string_equal(seen(&e), bytes == 25 ? "mmE" : "mE");
	assert_string_equal(e.reason, reason);
	assert_int_equal(e.status, UV_EOF);
	assert_false(e.refused);
	end_close(&e);
	buf_free(&all);
	close(peer);
}

static void a_partial_message_at_the_end_is_told_and_never_passed_on(void **state UNUSED)
{
	expect_end_after(0, "the peer has ended");
	expect_end_after(1, "the peer ended in the middle of a message: 1 byte");
	expect_end_after(2, "the peer ended in the middle of a message: 2 of 25 bytes");
	expect_end_after(4, "the peer ended in the middle of a message: 4 of 25 bytes");
	expect_end_after(24, "the peer ended in the middle of a message: 24 of 25 bytes");
	expect_end_after(25, "the peer has ended");
}

/* count texts of len bytes come at most so many a turn, in order, and then the end. */
static void flood(uint32_t count, size_t len)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf all = {0};
	size_t sent = 0;
	unsigned most = 0;
	int room = 4 * 1024 * 1024; /* the kernel gives what it may: as much as possible at once */

	setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	for (uint32_t n = 0; n < count; n++)
		add_text(&all, n, len);
	while (e.status == 0) {
		ssize_t n;

		while (sent < all.len && (n = send(peer, all.mem + all.start + sent, all.len - sent,
						  MSG_NOSIGNAL)) > 0)
			sent += (size_t)n;
		if (sent == all.len)
			shutdown(peer, SHUT_WR);
		e.turn_messages = 0;
		run_turn();
		most = e.turn_messages > most ? e.turn_messages : most;
		assert_in_range(e.turn_messages, 0, LINK_TURN_MESSAGES);
		assert_in_range(e.l.pending.len, 0, LOOP_READ_ROOM); /* the rest waits outside */
	}
	assert_int_equal(most, LINK_TURN_MESSAGES); /* and it does not dawdle either */
	assert_int_equal(e.messages, count);
	assert_true(slice_is(buf_bytes(&e.came), buf_bytes(&all)));
	assert_string_equal(e.reason, "the peer has ended");
	end_close(&e);
	buf_free(&all);
	close(peer);
}

static void a_flood_of_tiny_messages_is_handled_in_bounded_turns(void **state UNUSED)
{
	flood(100000, 1);
}

static void so_is_a_flood_that_comes_in_many_reads(void **state UNUSED)
{
	flood(20000, 250);
	flood(5000, 480);
}

static void an_unknown_message_is_skipped_and_counted(void **state UNUSED)
{
	static const uint8_t unknown[] = {4, 0, 200, 0, 9, 0, 0, 1, 3, 0, 'a', 'b', 'c'};
	struct end e;
	int peer = end_accept(&e);

	push(peer, WIRE(tick));
	push(peer, WIRE(unknown));
	push(peer, WIRE(tick));
	RUN_UNTIL(e.messages == 2);
	assert_string_equal(seen(&e), "mm");
	assert_int_equal(e.l.unknown_in, 2);
	assert_int_equal(e.l.messages_in, 4);
	end_close(&e);
	close(peer);
}

static void expect_refusal(struct end *e, const char *letters, const char *reason)
{
	RUN_UNTIL(e->status != 0);
	run_turn();
	run_turn();
	assert_string_equal(seen(e), letters);
	assert_string_equal(e->reason, reason);
	assert_int_equal(e->status, UV_EPROTO);
	assert_true(e->refused);
}

static void what_goes_the_other_way_ends_the_link(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);

	push(peer, WIRE(tick));
	push(peer, WIRE(ready));
	push(peer, WIRE(tick));
	expect_refusal(&e, "mE", "READY (5): not a message for this side");
	end_close(&e);
	close(peer);

	peer = end_dial(&e);
	push(peer, WIRE(ready));
	push(peer, WIRE(tick));
	expect_refusal(&e, "UmE", "TICK (1): not a message for this side");
	end_close(&e);
	close(peer);
}

static void a_header_that_cannot_be_ends_the_link(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);

	push(peer, WIRE(tick));
	push(peer, slice_text("GET / HTTP/1.1\r\n\r\n"));
	expect_refusal(&e, "mE", "HANDLED (84): length: 17735 is not 4..4096");
	end_close(&e);
	close(peer);
}

static void a_refused_message_ends_the_link_after_those_before_it(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf all = {0};

	e.refuse_at = 3;
	for (uint32_t n = 0; n < 5; n++)
		add_text(&all, n, 5);
	push(peer, buf_bytes(&all));
	expect_refusal(&e, "mmE", "I do not like number 3");
	assert_true(slice_is(buf_bytes(&e.came), slice_of(all.mem, 2 * 25)));
	push(peer, WIRE(tick));
	run_turn();
	assert_int_equal(e.messages, 3); /* nothing is heard any more */
	end_close(&e);
	buf_free(&all);
	close(peer);
}

static void a_refusal_may_come_turns_later(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf all = {0};

	e.refuse_at = 1000;
	for (uint32_t n = 0; n < 2000; n++)
		add_text(&all, n, 5);
	push(peer, buf_bytes(&all));
	expect_refusal(&e, "mmmmmmmmmmE", "I do not like number 1000");
	assert_int_equal(e.messages, 1000);
	end_close(&e);
	buf_free(&all);
	close(peer);
}

static void a_peer_that_dies_is_told_with_its_fault(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);

	assert_true(send_text(&e, 1, 5));
	run_turn();
	close(peer); /* with something unread */
	RUN_UNTIL(e.status != 0);
	assert_int_equal(e.status, UV_ECONNRESET);
	assert_string_equal(e.reason, "connection reset by peer");
	assert_false(e.refused);
	end_close(&e);
}

static void what_a_peer_said_before_it_died_comes_before_the_end(void **state UNUSED)
{
	/* Less than a turn, a full turn, what one read takes, more; and a read that is just a turn. */
	static const struct {
		uint32_t count;
		size_t len;
	} rows[] = {{1, 5}, {255, 5}, {256, 5}, {257, 5}, {1000, 5}, {6000, 5}, {600, 236}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct end e;
		int peer = end_accept(&e);
		struct buf all = {0};
		int room = 4 * 1024 * 1024;

		setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
		for (uint32_t n = 0; n < rows[i].count; n++)
			add_text(&all, n, rows[i].len);
		assert_int_equal(send(peer, all.mem + all.start, all.len, MSG_NOSIGNAL), all.len);
		close(peer);
		while (e.status == 0) { /* as who answers each message: every write fails */
			send_text(&e, 1, 5);
			run_turn();
		}
		assert_int_equal(e.status, UV_EPIPE);
		assert_int_equal(e.messages, rows[i].count);
		assert_true(slice_is(buf_bytes(&e.came), buf_bytes(&all)));
		end_close(&e);
		buf_free(&all);
	}
}

/* A link that has handled one turn's messages of 2000 that came, and a peer that is gone then. */
static void come_and_go(struct end *e)
{
	int peer = end_accept(e);
	struct buf all = {0};

	for (uint32_t n = 0; n < 2000; n++)
		add_text(&all, n, 5);
	push(peer, buf_bytes(&all));
	RUN_UNTIL(e->messages == LINK_TURN_MESSAGES);
	close(peer);
	buf_free(&all);
}

static void an_end_is_told_once_whatever_else_goes_wrong(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);

	e.refuse_at = 1;
	push(peer, WIRE(tick));
	RUN_UNTIL(e.status == UV_EPROTO);
	push(peer, WIRE(tick)); /* unread when the write fails, and it stays so */
	close(peer);
	assert_true(send_text(&e, 1, 5)); /* broken pipe */
	for (int n = 0; n < 10; n++)
		run_turn();
	assert_string_equal(e.reason, "I do not like number 1");
	assert_string_equal(seen(&e), "E");
	assert_int_equal(e.messages, 1);
	end_close(&e);
}

/* ---- closing from inside ---- */

static void a_link_closed_by_its_message_hears_no_more(void **state UNUSED)
{
	/* in the first read, at the last message of a turn, among those that wait for a turn */
	static const unsigned places[] = {1, 2, LINK_TURN_MESSAGES, LINK_TURN_MESSAGES + 1, 700};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct end e;
		int peer = end_accept(&e);
		struct buf all = {0};

		e.close_at = places[i];
		e.answer = true; /* so that something was to be sent as well */
		for (uint32_t n = 0; n < 2000; n++)
			add_text(&all, n, 5);
		push(peer, buf_bytes(&all));
		RUN_UNTIL(strchr(seen(&e), 'X') != NULL);
		assert_null(strchr(seen(&e), 'E'));
		assert_int_equal(e.messages, places[i]);
		assert_true(slice_is(buf_bytes(&e.came), slice_of(all.mem, 25 * places[i])));
		end_close(&e);
		buf_free(&all);
		close(peer);
	}
}

static void a_link_closed_while_messages_wait_hears_no_more(void **state UNUSED)
{
	struct end e;

	come_and_go(&e);
	assert_true(e.l.pending.len > 0);
	end_close(&e);
	assert_int_equal(e.messages, LINK_TURN_MESSAGES);
}

/* A hold in the middle of a read, and one that nothing has come behind. */
static void a_held_link_hears_nothing_until_it_is_let_go(void **state UNUSED)
{
	struct buf sent = {0};
	struct end e;
	int peer = end_accept(&e);

	for (unsigned i = 0; i < 600; i++)
		assert_true(buf_add(&sent, WIRE(tick)));
	push(peer, WIRE(tick));
	RUN_UNTIL(e.messages == 1);
	link_hold(&e.l, true);
	push(peer, buf_bytes(&sent));
	shutdown(peer, SHUT_WR);
	for (unsigned i = 0; i < 20; i++)
		run_turn();
	assert_int_equal(e.messages, 1);
	link_hold(&e.l, false);
	RUN_UNTIL(e.messages >= 2);
	link_hold(&e.l, true);
	unsigned heard = e.messages;
	for (unsigned i = 0; i < 20; i++)
		run_turn();
	assert_int_equal(e.messages, heard);
	assert_int_equal(e.status, 0);
	link_hold(&e.l, false);
	RUN_UNTIL(e.status != 0);
	assert_int_equal(e.messages, 601);
	assert_int_equal(e.status, UV_EOF);
	end_close(&e);
	close(peer);
	buf_free(&sent);
}

static void a_message_is_passed_on_as_it_came(void **state UNUSED)
{
	struct buf got = {0};
	struct end e;
	int peer = end_accept(&e);

	assert_true(link_pass(&e.l, WIRE(ready)));
	pull(peer, &got, sizeof ready);
	assert_true(slice_is(buf_bytes(&got), WIRE(ready)));
	assert_int_equal(e.l.messages_out, 1);
	link_half_close(&e.l);
	assert_false(link_pass(&e.l, WIRE(ready)));
	end_close(&e);
	close(peer);
	buf_free(&got);
}

static void a_link_may_be_closed_by_any_of_its_callbacks(void **state UNUSED)
{
	struct end e;
	int peer;

	peer = end_accept(&e);
	e.close_on = 'm';
	push(peer, WIRE(tick));
	push(peer, WIRE(tick));
	RUN_UNTIL(strcmp(seen(&e), "mX") == 0);
	end_close(&e);
	close(peer);

	peer = end_accept(&e);
	e.close_on = 'E';
	close(peer);
	RUN_UNTIL(strcmp(seen(&e), "EX") == 0);
	end_close(&e);

	peer = end_accept(&e);
	e.close_on = 'S';
	for (uint32_t n = 0; n < 1200; n++)
		assert_true(send_text(&e, n, MSG_PAYLOAD_MAX));
	RUN_UNTIL(strcmp(seen(&e), "SX") == 0);
	end_close(&e);
	close(peer);
}

/* ---- out ---- */

static void what_is_sent_arrives_in_order_whatever_the_peer_takes_at_once(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf got = {0}, wanted = {0};

	/* Many blocks, in many turns, while the peer reads too little and then nothing. */
	for (uint32_t n = 0; n < 3000; n++) {
		size_t len = 1 + random_number() % 1000;

		assert_true(send_text(&e, n, len));
		add_text(&wanted, n, len);
		if (n % 7 == 0)
			run_turn();
		if (n < 1000)
			pull(peer, &got, size_min(got.len + 300, e.l.stream.bytes_out));
	}
	assert_int_equal(e.l.messages_out, 3000);
	pull(peer, &got, wanted.len);
	assert_true(slice_is(buf_bytes(&got), buf_bytes(&wanted)));
	RUN_UNTIL(link_queued(&e.l) == 0);
	end_close(&e);
	buf_free(&got);
	buf_free(&wanted);
	close(peer);
}

static void what_cannot_be_said_is_not_sent_and_harms_nothing(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf got = {0}, wanted = {0};

	assert_true(send_text(&e, 1, 5));
	assert_false(send_text(&e, 2, 0));
	assert_false(
		link_send_lost_subclient(&e.l, &(struct msg_lost_subclient){.who = {11, {0}}}));
	assert_true(send_text(&e, 3, 5));
	assert_int_equal(link_queued(&e.l), 50);
	assert_int_equal(e.l.messages_out, 2);
	add_text(&wanted, 1, 5);
	add_text(&wanted, 3, 5);
	pull(peer, &got, 50);
	assert_true(slice_is(buf_bytes(&got), buf_bytes(&wanted)));
	end_close(&e);
	buf_free(&got);
	buf_free(&wanted);
	close(peer);
}

static int dial_tcp(struct end *e)
{
	struct address a = {.in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}},
		.len = sizeof a.in};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(e, 0, sizeof *e);
	assert_int_equal(bind(fd, &a.sa, a.len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, &a.sa, &a.len), 0);
	assert_int_equal(link_dial(&e->l, &test_loop, &a, &end_ops, MSG_DOWN, NULL), 0);
	RUN_UNTIL(e->l.up);
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(peer >= 0);
	close(fd);
	return peer;
}

static void all_that_is_sent_in_a_turn_leaves_in_one_write(void **state UNUSED)
{
	struct end e;
	int peer = dial_tcp(&e);
	struct buf got = {0};

	for (uint32_t n = 0; n < 500; n++)
		assert_true(send_text(&e, n, 5));
	assert_int_equal(segments_in(peer), 0); /* nothing before the turn's end */
	assert_int_equal(link_queued(&e.l), 500 * 25);
	pull(peer, &got, 500 * 25);
	assert_int_equal(segments_in(peer), 1);
	assert_int_equal(link_queued(&e.l), 0);
	for (unsigned turn = 0; turn < 3; turn++) {
		send_text(&e, 1, 5);
		send_text(&e, 2, 5);
		pull(peer, &got, got.len + 50);
	}
	assert_int_equal(segments_in(peer), 4);
	end_close(&e);
	buf_free(&got);
	close(peer);
}

static void answers_of_one_turn_leave_together(void **state UNUSED)
{
	static const uint8_t alive[] = {4, 0, MSG_ARE_YOU_ALIVE, 0};
	struct end e;
	int peer = end_dial(&e);
	struct buf asked = {0}, got = {0};

	e.answer = true;
	for (int n = 0; n < 1000; n++)
		assert_true(buf_add(&asked, WIRE(alive)));
	push(peer, buf_bytes(&asked));
	pull(peer, &got, 4 * 1000);
	for (size_t i = 0; i < got.len; i += 4)
		assert_memory_equal(got.mem + got.start + i, ((uint8_t[]){4, 0, 8, 0}), 4);
	assert_int_equal(e.messages, 1000);
	end_close(&e);
	buf_free(&asked);
	buf_free(&got);
	close(peer);
}

static void a_peer_that_does_not_read_is_told_above_4_mib_and_when_it_is_over(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf got = {0};
	size_t sent = 0;

	for (int n = 0; n < 50; n++) { /* the kernel takes some at first */
		while (link_queued(&e.l) + 20 + MSG_PAYLOAD_MAX <= LINK_HIGH) {
			assert_true(send_text(&e, 1, MSG_PAYLOAD_MAX));
			sent += 20 + MSG_PAYLOAD_MAX;
		}
		run_turn();
	}
	assert_string_equal(seen(&e), ""); /* not above it yet */
	while (link_queued(&e.l) <= LINK_HIGH) {
		assert_true(send_text(&e, 1, MSG_PAYLOAD_MAX));
		sent += 20 + MSG_PAYLOAD_MAX;
	}
	RUN_UNTIL(strcmp(seen(&e), "S") == 0);
	/* What comes in is handled all the same. */
	push(peer, WIRE(tick));
	push(peer, WIRE(tick));
	RUN_UNTIL(strcmp(seen(&e), "Smm") == 0);
	while (link_queued(&e.l) > LINK_LOW + 512 * 1024)
		pull(peer, &got, got.len + 65536);
	run_turn();
	assert_string_equal(seen(&e), "Smm");
	pull(peer, &got, sent);
	RUN_UNTIL(strcmp(seen(&e), "SmmD") == 0);
	assert_int_equal(link_queued(&e.l), 0);
	end_close(&e);
	buf_free(&got);
	close(peer);
}

/* ---- the end of our side ---- */

static void a_half_closed_link_delivers_everything_and_goes_on_hearing(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf got = {0}, wanted = {0};

	for (uint32_t n = 0; n < 1000; n++) {
		assert_true(send_text(&e, n, 1000)); /* more than a socket holds */
		add_text(&wanted, n, 1000);
	}
	link_half_close(&e.l);
	link_half_close(&e.l);
	assert_false(send_text(&e, 1, 5));
	pull_all(peer, &got);
	assert_true(slice_is(buf_bytes(&got), buf_bytes(&wanted)));
	assert_string_equal(seen(&e), "");
	push(peer, WIRE(tick));
	close(peer);
	RUN_UNTIL(e.status != 0);
	assert_string_equal(seen(&e), "mE");
	assert_string_equal(e.reason, "the peer has ended");
	end_close(&e);
	buf_free(&got);
	buf_free(&wanted);
}

static void a_link_whose_peer_has_ended_can_still_send(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf got = {0}, wanted = {0};

	shutdown(peer, SHUT_WR);
	RUN_UNTIL(e.status == UV_EOF);
	assert_true(send_text(&e, 7, 100));
	add_text(&wanted, 7, 100);
	link_half_close(&e.l);
	pull_all(peer, &got);
	assert_true(slice_is(buf_bytes(&got), buf_bytes(&wanted)));
	assert_string_equal(seen(&e), "E"); /* once */
	end_close(&e);
	buf_free(&got);
	buf_free(&wanted);
	close(peer);
}

static void a_closed_link_drops_what_was_queued_and_sends_no_more(void **state UNUSED)
{
	struct end e;
	int peer = end_accept(&e);
	struct buf got = {0};

	assert_true(send_text(&e, 1, 5));
	link_close(&e.l);
	assert_false(send_text(&e, 2, 5));
	assert_int_equal(e.l.block_used, 0);
	link_half_close(&e.l);
	pull_all(peer, &got);
	assert_int_equal(got.len, 0);
	end_close(&e);
	buf_free(&got);
	close(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(a_dialled_link_says_when_it_is_up_and_hears_what_comes_down),
		LINK_TEST(an_accepted_link_is_up_at_once_and_hears_what_comes_up),
		LINK_TEST(dialling_where_nobody_listens_ends_with_a_reason),
		LINK_TEST(a_dial_can_be_given_up_before_its_outcome),
		LINK_TEST(messages_come_whole_however_their_bytes_come),
		LINK_TEST(a_partial_message_at_the_end_is_told_and_never_passed_on),
		LINK_TEST(a_flood_of_tiny_messages_is_handled_in_bounded_turns),
		LINK_TEST(so_is_a_flood_that_comes_in_many_reads),
		LINK_TEST(an_unknown_message_is_skipped_and_counted),
		LINK_TEST(what_goes_the_other_way_ends_the_link),
		LINK_TEST(a_header_that_cannot_be_ends_the_link),
		LINK_TEST(a_refused_message_ends_the_link_after_those_before_it),
		LINK_TEST(a_refusal_may_come_turns_later),
		LINK_TEST(a_peer_that_dies_is_told_with_its_fault),
		LINK_TEST(what_a_peer_said_before_it_died_comes_before_the_end),
		LINK_TEST(an_end_is_told_once_whatever_else_goes_wrong),
		LINK_TEST(a_link_closed_by_its_message_hears_no_more),
		LINK_TEST(a_link_closed_while_messages_wait_hears_no_more),
		LINK_TEST(a_held_link_hears_nothing_until_it_is_let_go),
		LINK_TEST(a_message_is_passed_on_as_it_came),
		LINK_TEST(a_link_may_be_closed_by_any_of_its_callbacks),
		LINK_TEST(what_is_sent_arrives_in_order_whatever_the_peer_takes_at_once),
		LINK_TEST(what_cannot_be_said_is_not_sent_and_harms_nothing),
		LINK_TEST(all_that_is_sent_in_a_turn_leaves_in_one_write),
		LINK_TEST(answers_of_one_turn_leave_together),
		LINK_TEST(a_peer_that_does_not_read_is_told_above_4_mib_and_when_it_is_over),
		LINK_TEST(a_half_closed_link_delivers_everything_and_goes_on_hearing),
		LINK_TEST(a_link_whose_peer_has_ended_can_still_send),
		LINK_TEST(a_closed_link_drops_what_was_queued_and_sends_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
