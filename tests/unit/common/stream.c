#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "common/stream.h"
#include "tests/unit/common/support_common.h"

/* A stream whose callbacks note a letter each, and can be told to close it. */
struct side {
	struct stream s;
	struct buf seen;  /* C connected, b bytes, S slow, D drained, E end, X closed */
	struct buf bytes; /* what came */
	int status;       /* of C or E */
	char close_on;    /* the letter at which the callback closes the stream */
	bool pause_on_bytes;
	bool inside; /* in a stream_ function: nothing may be told */
};

static void note(struct stream *s, char letter)
{
	struct side *side = container_of(s, struct side, s);

	assert_false(side->inside);
	assert_true(buf_add_byte(&side->seen, (uint8_t)letter));
	if (side->close_on == letter) {
		stream_close(s);
		stream_close(s);
	}
}

static void on_connected(struct stream *s, int status)
{
	container_of(s, struct side, s)->status = status;
	note(s, 'C');
}

static void on_bytes(struct stream *s, struct slice bytes)
{
	struct side *side = container_of(s, struct side, s);

	assert_true(buf_add(&side->bytes, bytes));
	if (side->pause_on_bytes)
		stream_pause(s);
	note(s, 'b');
}

static void on_slow(struct stream *s)
{
	note(s, 'S');
}

static void on_drained(struct stream *s)
{
	note(s, 'D');
}

static void on_end(struct stream *s, int status)
{
	container_of(s, struct side, s)->status = status;
	note(s, 'E');
}

static void on_closed(struct stream *s)
{
	note(s, 'X');
}

static const struct stream_ops ops = {
	on_connected, on_bytes, on_slow, on_drained, on_end, on_closed};

/* Opens side on one end of a new socket pair; returns the other end, non-blocking. */
static int open_pair(struct side *side, int type)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	*side = (struct side){0};
	assert_int_equal(stream_open_fd(&side->s, &test_loop, fds[0], &ops), 0);
	return fds[1];
}

/* Closes side, if nobody did, and sees that it is told once, and last. */
static void end(struct side *side)
{
	stream_close(&side->s);
	assert_false(side->s.open && !side->s.closing);
	RUN_UNTIL(!side->s.open);
	stream_close(&side->s);
	const char *seen = text_of(&side->seen);
	assert_ptr_equal(strchr(seen, 'X'), seen + strlen(seen) - 1);
	buf_free(&side->seen);
	buf_free(&side->bytes);
}

#define EXPECT_SEEN(side, letters) assert_string_equal(text_of(&(side)->seen), letters)

static void write_text(struct side *side, const char *text)
{
	struct shared *b = shared_new(slice_text(text));

	assert_non_null(b);
	side->inside = true;
	stream_write(&side->s, b);
	side->inside = false;
	shared_unref(b);
}

/* Queues so much that no socket takes it all; returns the block with a reference. */
static struct shared *write_much(struct side *side, uint32_t len)
{
	struct shared *b = shared_room(len);

	assert_non_null(b);
	for (uint32_t i = 0; i < len; i++)
		b->bytes[i] = (uint8_t)(i * 7 >> 3);
	side->inside = true;
	stream_write(&side->s, b);
	side->inside = false;
	return b;
}

static void expect_text(int fd, const char *text)
{
	char got[256];
	ssize_t n = recv(fd, got, sizeof got, 0);

	assert_int_equal(n, (ssize_t)strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void what_is_written_in_a_turn_leaves_in_one_piece_at_its_end(void **state UNUSED)
{
	struct side a;
	/* A socket of packets shows what one writev held. */
	int peer = open_pair(&a, SOCK_SEQPACKET);
	char byte;

	write_text(&a, "one ");
	write_text(&a, "two ");
	write_text(&a, "three");
	assert_int_equal(a.s.queued, 13);
	assert_int_equal(recv(peer, &byte, 1, MSG_PEEK), -1);
	assert_int_equal(errno, EAGAIN);
	run_turn();
	expect_text(peer, "one two three");
	assert_int_equal(recv(peer, &byte, 1, 0), -1);
	assert_int_equal(a.s.bytes_out, 13);
	write_text(&a, "four");
	run_turn();
	expect_text(peer, "four");
	EXPECT_SEEN(&a, "");
	end(&a);
	close(peer);
}

static void a_flush_does_not_wait_for_the_turn_s_end(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	write_text(&a, "now");
	stream_flush(&a.s);
	expect_text(peer, "now");
	assert_int_equal(a.s.queued, 0);
	end(&a);
	close(peer);
}

static void write_now(struct side *side, const char *text)
{
	side->inside = true;
	stream_write_now(&side->s, slice_text(text));
	side->inside = false;
}

static void what_is_written_now_is_not_kept_if_the_kernel_takes_it(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	write_now(&a, "at once");
	expect_text(peer, "at once");
	assert_int_equal(a.s.queued, 0);
	assert_int_equal(a.s.bytes_out, 7);
	assert_int_equal(a.s.queue_count, 0);
	end(&a);
	write_now(&a, "too late");
	close(peer);
}

static void what_is_written_now_stays_behind_what_waits(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	write_text(&a, "one ");
	write_now(&a, "two ");
	write_text(&a, "three");
	run_turn();
	expect_text(peer, "one two three");
	end(&a);
	close(peer);
}

static void what_the_kernel_does_not_take_now_follows(void **state UNUSED)
{
	static uint8_t much[2000000];
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);
	struct buf got = {0};
	char room[65536];
	ssize_t n;

	for (size_t i = 0; i < sizeof much; i++)
		much[i] = (uint8_t)(i * 7 >> 3);
	stream_limits(&a.s, 1000, 0);
	a.inside = true;
	stream_write_now(&a.s, slice_of(much, sizeof much));
	a.inside = false;
	assert_in_range(a.s.bytes_out, 1, sizeof much - 1);
	assert_int_equal(a.s.bytes_out + a.s.queued, sizeof much);
	run_turn();
	EXPECT_SEEN(&a, "S");
	while (got.len < sizeof much) {
		while ((n = recv(peer, room, sizeof room, 0)) > 0)
			assert_true(buf_add(&got, slice_of(room, (size_t)n)));
		run_turn();
	}
	assert_true(slice_is(buf_bytes(&got), slice_of(much, sizeof much)));
	EXPECT_SEEN(&a, "SD");
	buf_free(&got);
	end(&a);
	close(peer);
}

static void a_fault_of_writing_now_is_told_once_and_later(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	close(peer);
	write_now(&a, "anybody?");
	EXPECT_SEEN(&a, "");
	write_now(&a, "anybody else?");
	run_turn();
	EXPECT_SEEN(&a, "E");
	assert_int_equal(a.status, UV_EPIPE);
	end(&a);
}

static void shared_bytes_are_counted_and_not_copied(void **state UNUSED)
{
	struct side a, b;
	int peer_a = open_pair(&a, SOCK_STREAM), peer_b = open_pair(&b, SOCK_STREAM);
	struct shared *text = shared_new(slice_text("for all of you"));

	assert_int_equal(text->refs, 1);
	assert_int_equal(text->len, 14);
	assert_int_equal(text->mark, 0);
	stream_write(&a.s, text);
	stream_write(&b.s, text);
	assert_int_equal(text->refs, 3);
	text->bytes[0] = 'F'; /* were it a copy, it would not show */
	run_turn();
	assert_int_equal(text->refs, 1);
	expect_text(peer_a, "For all of you");
	expect_text(peer_b, "For all of you");
	stream_write(&a.s, text);
	end(&a); /* drops what is queued */
	assert_int_equal(text->refs, 1);
	shared_unref(text);
	shared_unref(NULL);
	end(&b);
	close(peer_a);
	close(peer_b);
}

static void a_part_is_written_and_parts_that_follow_each_other_are_one_chunk(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);
	struct shared *b = shared_new(slice_text("0123456789"));

	stream_write_part(&a.s, b, 2, 3);
	stream_write_part(&a.s, b, 5, 2);
	assert_int_equal(a.s.queue_count, 1);
	stream_write_part(&a.s, b, 0, 1);
	stream_write_part(&a.s, b, 9, 0);
	assert_int_equal(a.s.queue_count, 2);
	assert_int_equal(a.s.queued, 6);
	assert_int_equal(b->refs, 3);
	run_turn();
	expect_text(peer, "234560");
	assert_int_equal(b->refs, 1);
	shared_unref(b);
	end(&a);
	close(peer);
}

static void an_idle_stream_holds_no_queue(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	write_text(&a, "x");
	assert_int_equal(a.s.queue_room, 0); /* nor does one with a single piece */
	assert_int_equal(a.s.queue_count, 1);
	for (int i = 0; i < 99; i++)
		write_text(&a, "x");
	assert_int_equal(a.s.queue_count, 100);
	assert_in_range(a.s.queue_room, 100, 128);
	run_turn();
	assert_false(a.s.full);
	assert_int_equal(a.s.queue_room, 0);
	end(&a);
	close(peer);
}

static void many_bytes_arrive_in_order_and_are_counted_exactly(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);
	size_t given = 0, taken = 0, total = 3 * 1024 * 1024;
	bool waited = false;
	static uint8_t got[8192];

	while (taken < total) {
		while (given < total && a.s.queued < 600 * 1024) {
			uint32_t len = random_number() % 8 == 0 ? random_number() % 100000
								: random_number() % 300;
			len = (uint32_t)size_min(len, total - given);
			struct shared *b = shared_room(len);
			for (uint32_t i = 0; i < len; i++)
				b->bytes[i] = (uint8_t)((given + i) * 2654435761u >> 20);
			a.inside = true;
			stream_write(&a.s, b);
			if (random_number() % 50 == 0)
				stream_flush(&a.s);
			a.inside = false;
			shared_unref(b);
			given += len;
			assert_int_equal(a.s.queued + a.s.bytes_out, given);
		}
		run_turn();
		assert_int_equal(a.s.queued + a.s.bytes_out, given);
		waited = waited || a.s.full;
		ssize_t n = recv(peer, got, 1 + random_number() % sizeof got, 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(got[i], (uint8_t)(taken++ * 2654435761u >> 20));
	}
	run_turn();
	assert_true(waited); /* the socket was full at times, or this test shows little */
	assert_int_equal(a.s.queued, 0);
	assert_int_equal(a.s.bytes_out, total);
	assert_int_equal(a.s.queue_room, 0);
	assert_false(a.s.full);
	EXPECT_SEEN(&a, "");
	end(&a);
	close(peer);
}

/* Reads all there is. */
static size_t drain(int fd)
{
	static uint8_t got[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, got, sizeof got, 0)) > 0)
		total += (size_t)n;
	return total;
}

static void a_slow_reader_is_told_of_once_and_so_is_its_end(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);
	size_t taken = 0;

	stream_limits(&a.s, 1000000, 1000);
	write_text(&a, "little");
	run_turn();
	taken += drain(peer);
	EXPECT_SEEN(&a, "");
	shared_unref(write_much(&a, 2000000)); /* note() fails if this tells at once */
	run_turn();
	EXPECT_SEEN(&a, "S");
	shared_unref(write_much(&a, 2000000));
	run_turn();
	EXPECT_SEEN(&a, "S");
	while (a.s.queued > 1000) {
		EXPECT_SEEN(&a, "S");
		taken += drain(peer);
		run_turn();
	}
	EXPECT_SEEN(&a, "SD");
	RUN_UNTIL((taken += drain(peer)) == 4000006);
	shared_unref(write_much(&a, 2000000));
	run_turn();
	EXPECT_SEEN(&a, "SDS");
	end(&a);
	close(peer);
}

static void a_burst_that_the_kernel_takes_at_once_makes_nobody_slow(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	stream_limits(&a.s, 10, 0);
	write_text(&a, "more than ten bytes");
	run_turn();
	EXPECT_SEEN(&a, "");
	end(&a);
	close(peer);
}

static void a_stream_may_be_closed_from_any_of_its_callbacks(void **state UNUSED)
{
	static const char letters[] = "bSDE";

	for (size_t i = 0; i < sizeof letters - 1; i++) {
		struct side a;
		int peer = open_pair(&a, SOCK_STREAM);
		a.close_on = letters[i];
		stream_limits(&a.s, 1000, 0);
		stream_read(&a.s);
		if (letters[i] == 'b')
			assert_int_equal(send(peer, "hello", 5, 0), 5);
		else if (letters[i] == 'E')
			shutdown(peer, SHUT_WR);
		struct shared *much = write_much(&a, 1000000);
		RUN_UNTIL((drain(peer), !a.s.open));
		const char *seen = text_of(&a.seen);
		assert_non_null(strchr(seen, letters[i]));
		assert_ptr_equal(strchr(seen, letters[i]) + 1, strchr(seen, 'X'));
		assert_int_equal(much->refs, 1);
		shared_unref(much);
		end(&a);
		close(peer);
	}
}

static void closing_with_a_write_under_way_gives_all_bytes_back(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);
	struct shared *much = write_much(&a, 2000000);

	write_text(&a, "and more");
	run_turn();
	assert_true(a.s.full);
	stream_close(&a.s);
	assert_int_equal(a.s.queued, 0);
	EXPECT_SEEN(&a, "");
	stream_write(&a.s, much);
	stream_flush(&a.s);
	stream_finish(&a.s);
	stream_read(&a.s);
	end(&a);
	assert_int_equal(much->refs, 1);
	shared_unref(much);
	close(peer);
}

static void on_closed_free(struct stream *s)
{
	stream_fd(s); /* harmless, even now */
	free(s);
}

static const struct stream_ops freeing_ops = {.on_closed = on_closed_free};
static struct stream *freed_soon;

static void on_write_and_close(struct loop_task *task UNUSED)
{
	struct shared *b = shared_new(slice_text("dropped"));

	stream_write(freed_soon, b);
	shared_unref(b);
	stream_close(freed_soon);
}

static void a_stream_that_is_freed_in_its_last_call_leaves_nothing_behind(void **state UNUSED)
{
	struct loop_task task;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	freed_soon = calloc(1, sizeof *freed_soon);
	assert_non_null(freed_soon);
	assert_int_equal(stream_open_fd(freed_soon, &test_loop, fds[0], &freeing_ops), 0);
	/* Closings come after this and before the turn's end, where the write would be flushed. */
	loop_task_init(&task, on_write_and_close);
	loop_at_next_turn(&test_loop, &task);
	run_turn();
	assert_true(list_is_empty(&test_loop.at_turn_end));
	run_turn();
	close(fds[1]);
}

static void a_fault_of_writing_is_told_once_later_and_ends_all_writing(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	close(peer);
	write_text(&a, "anybody?");
	a.inside = true;
	stream_flush(&a.s);
	a.inside = false;
	EXPECT_SEEN(&a, "");
	run_turn();
	EXPECT_SEEN(&a, "E");
	assert_int_equal(a.status, UV_EPIPE);
	write_text(&a, "anybody else?");
	assert_int_equal(a.s.queued, 0);
	run_turn();
	stream_finish(&a.s);
	assert_true(stream_is_finished(&a.s)); /* nothing to wait for */
	EXPECT_SEEN(&a, "E");
	end(&a);
}

static void a_fault_while_a_write_waits_is_told_as_well(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);
	struct shared *much = write_much(&a, 2000000);

	run_turn();
	assert_true(a.s.full);
	close(peer);
	RUN_UNTIL(a.seen.len > 0);
	EXPECT_SEEN(&a, "E");
	assert_true(a.status == UV_EPIPE || a.status == UV_ECONNRESET);
	assert_int_equal(a.s.queued, 0);
	assert_int_equal(much->refs, 1);
	shared_unref(much);
	end(&a);
}

static void the_last_words_of_a_peer_that_died_are_heard_before_its_end(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	stream_read(&a.s);
	assert_int_equal(send(peer, "farewell", 8, 0), 8);
	close(peer);
	write_text(&a, "are you there?"); /* fails before anything is read */
	run_turn();
	RUN_UNTIL(a.s.ended);
	EXPECT_SEEN(&a, "bE");
	assert_string_equal(text_of(&a.bytes), "farewell");
	end(&a);
}

static void after_the_peer_s_end_we_can_still_write(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	stream_read(&a.s);
	assert_int_equal(send(peer, "bye", 3, 0), 3);
	shutdown(peer, SHUT_WR);
	RUN_UNTIL(a.s.ended);
	EXPECT_SEEN(&a, "bE");
	assert_int_equal(a.status, UV_EOF);
	write_text(&a, "goodbye");
	run_turn();
	expect_text(peer, "goodbye");
	end(&a);
	close(peer);
}

/* Else its owner would wait for it to take what was queued. */
static void a_fault_after_the_peer_s_end_is_told_too_and_once(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);
	struct shared *much = write_much(&a, 2000000);

	stream_limits(&a.s, 1000, 0);
	stream_read(&a.s);
	shutdown(peer, SHUT_WR);
	RUN_UNTIL(a.s.ended);
	EXPECT_SEEN(&a, "SE");
	assert_int_equal(a.status, UV_EOF);
	assert_true(a.s.full);
	close(peer);
	RUN_UNTIL(a.status != UV_EOF);
	EXPECT_SEEN(&a, "SEE");
	assert_true(a.status == UV_EPIPE || a.status == UV_ECONNRESET);
	assert_int_equal(much->refs, 1);
	assert_int_equal(a.s.polled, 0);
	stream_read(&a.s);
	write_text(&a, "anybody else?");
	stream_finish(&a.s);
	run_turn();
	run_turn();
	assert_true(stream_is_finished(&a.s));
	EXPECT_SEEN(&a, "SEE");
	shared_unref(much);
	end(&a);
}

static void finishing_sends_what_is_queued_then_ends_our_side_and_reads_on(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);
	size_t taken = 0;
	char byte;

	stream_read(&a.s);
	shared_unref(write_much(&a, 1000000));
	a.inside = true;
	stream_finish(&a.s);
	stream_finish(&a.s);
	a.inside = false;
	write_text(&a, "too late");
	run_turn();
	assert_false(stream_is_finished(&a.s));
	RUN_UNTIL((taken += drain(peer), stream_is_finished(&a.s)));
	taken += drain(peer);
	assert_int_equal(taken, 1000000);
	assert_int_equal(recv(peer, &byte, 1, 0), 0);
	assert_int_equal(send(peer, "ok", 2, 0), 2);
	RUN_UNTIL(a.bytes.len == 2);
	EXPECT_SEEN(&a, "b");
	end(&a);
	close(peer);
}

static void a_paused_stream_leaves_the_bytes_in_the_kernel(void **state UNUSED)
{
	struct side a;
	int peer = open_pair(&a, SOCK_STREAM);

	stream_pause(&a.s);
	assert_int_equal(send(peer, "one", 3, 0), 3);
	run_turn();
	run_turn();
	EXPECT_SEEN(&a, ""); /* nobody said stream_read yet */
	a.pause_on_bytes = true;
	stream_read_max(&a.s, 2);
	stream_read(&a.s);
	stream_read(&a.s);
	run_turn();
	run_turn();
	assert_string_equal(text_of(&a.bytes), "on"); /* a piece, then the pause */
	stream_read(&a.s);
	run_turn();
	run_turn();
	assert_string_equal(text_of(&a.bytes), "one");
	assert_int_equal(a.s.bytes_in, 3);
	end(&a);
	close(peer);
}

/* TCP: a listening handle whose connections go to takers, or are refused when there is none. */
static uv_tcp_t listening;
static int came;
static struct side *taker;

static void on_waiting(uv_stream_t *stream, int status)
{
	assert_int_equal(status, 0);
	came++;
	if (taker == NULL) {
		stream_refuse(stream);
		stream_refuse(stream); /* there is none any more: harmless */
		return;
	}
	assert_int_equal(stream_accept(&taker->s, &test_loop, stream, &ops), 0);
	assert_int_equal(stream_accept(&taker->s, &test_loop, stream, &ops), UV_EAGAIN);
	taker = NULL;
}

static struct address listen_tcp(void)
{
	struct address a;
	const char *why;

	came = 0;
	assert_true(address_parse("127.0.0.1:0", &a, &why));
	int fd = address_listen(&a, 0, &why);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, &a.sa, &a.len), 0);
	uv_tcp_init(&test_loop.uv, &listening);
	assert_int_equal(uv_tcp_open(&listening, fd), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listening, 8, on_waiting), 0);
	return a;
}

static void dial(struct side *side, const struct address *a)
{
	*side = (struct side){.inside = true};
	assert_int_equal(stream_dial(&side->s, &test_loop, a, &ops), 0);
	side->inside = false;
}

static int int_option(const struct stream *s, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof value;

	assert_int_equal(getsockopt(stream_fd(s), level, option, &value, &len), 0);
	return value;
}

static void a_dialled_and_an_accepted_stream_talk_over_tcp(void **state UNUSED)
{
	struct address address = listen_tcp();
	struct side a, b = {0};

	assert_int_equal(
		stream_accept(&b.s, &test_loop, (uv_stream_t *)&listening, &ops), UV_EAGAIN);
	taker = &b;
	dial(&a, &address);
	write_text(&a, "written before the connection is there");
	stream_read(&a.s);
	RUN_UNTIL(a.s.connected && came == 1);
	EXPECT_SEEN(&a, "C");
	assert_int_equal(a.status, 0);
	stream_read(&b.s);
	RUN_UNTIL(b.bytes.len == 38);
	write_text(&b, "hello");
	RUN_UNTIL(a.bytes.len == 5);

	const struct stream *both[] = {&a.s, &b.s};
	for (int i = 0; i < 2; i++) {
		assert_int_not_equal(int_option(both[i], IPPROTO_TCP, TCP_NODELAY), 0);
		assert_int_not_equal(int_option(both[i], SOL_SOCKET, SO_OOBINLINE), 0);
	}
	assert_int_equal(send(stream_fd(&a.s), "!", 1, MSG_OOB), 1);
	RUN_UNTIL(b.bytes.len == 39);
	assert_int_equal(b.bytes.mem[b.bytes.start + 38], '!');
	end(&a);
	RUN_UNTIL(b.s.ended);
	assert_int_equal(b.status, UV_EOF);
	end(&b);
	uv_close((uv_handle_t *)&listening, NULL);
}

/* a has dialled b; the listening handle is still to be closed. */
static void open_tcp_pair(struct side *a, struct side *b)
{
	struct address address = listen_tcp();

	*b = (struct side){0};
	taker = b;
	dial(a, &address);
	RUN_UNTIL(a->s.connected && came == 1);
}

/* Ends side so that its peer is told of a reset. */
static void reset(struct side *side)
{
	const struct linger at_once = {.l_onoff = 1};

	setsockopt(stream_fd(&side->s), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	end(side);
}

static void a_reset_is_told_with_its_name(void **state UNUSED)
{
	struct side a, b;

	open_tcp_pair(&a, &b);
	stream_read(&b.s);
	reset(&a);
	RUN_UNTIL(b.s.ended);
	EXPECT_SEEN(&b, "E");
	assert_int_equal(b.status, UV_ECONNRESET);
	write_text(&b, "dropped");
	assert_int_equal(b.s.queued, 0);
	end(&b);
	uv_close((uv_handle_t *)&listening, NULL);
}

static void a_refused_connection_is_closed_and_the_next_is_taken(void **state UNUSED)
{
	struct address address = listen_tcp();
	struct side first, second, b = {0};

	dial(&first, &address);
	stream_read(&first.s);
	RUN_UNTIL(first.s.ended);
	assert_int_equal(came, 1);
	taker = &b;
	dial(&second, &address);
	RUN_UNTIL(came == 2);
	assert_true(b.s.connected);
	end(&first);
	end(&second);
	end(&b);
	uv_close((uv_handle_t *)&listening, NULL);
}

static void a_dial_that_fails_tells_why_later(void **state UNUSED)
{
	struct address address = listen_tcp(), none = {0}, nowhere;
	const char *why;
	struct side a;

	uv_close((uv_handle_t *)&listening, NULL);
	run_turn();
	dial(&a, &address);
	write_text(&a, "lost");
	RUN_UNTIL(a.seen.len > 0);
	EXPECT_SEEN(&a, "C");
	assert_int_equal(a.status, UV_ECONNREFUSED);
	write_text(&a, "lost too");
	assert_int_equal(a.s.queued, 0);
	end(&a);

	assert_true(address_parse("unix:/nowhere/at/all", &nowhere, &why));
	dial(&a, &nowhere);
	a.close_on = 'C';
	RUN_UNTIL(!a.s.open);
	EXPECT_SEEN(&a, "CX");
	assert_int_equal(a.status, UV_ENOENT);
	end(&a);

	/* One that connect(2) itself refuses: a broadcast address. */
	assert_true(address_parse("255.255.255.255:1", &nowhere, &why));
	dial(&a, &nowhere);
	RUN_UNTIL(a.seen.len > 0);
	EXPECT_SEEN(&a, "C");
	assert_true(a.status < 0);
	end(&a);

	assert_true(stream_dial(&a.s, &test_loop, &none, &ops) < 0);
}

static void a_dial_may_be_given_up(void **state UNUSED)
{
	struct address address = listen_tcp();
	struct side a;

	dial(&a, &address);
	write_text(&a, "never mind");
	end(&a); /* tells X and nothing else */
	uv_close((uv_handle_t *)&listening, NULL);
}

static void a_dial_may_come_from_an_address_of_ours(void **state UNUSED)
{
	struct address address = listen_tcp(), from, seen, nobody = {0};
	struct side a = {0}, b = {0};
	const char *why;

	assert_true(address_parse("127.0.0.9:25", &from, &why)); /* the port does not matter */
	taker = &b;
	assert_int_equal(stream_dial_from(&a.s, &test_loop, &from, &address, &ops), 0);
	RUN_UNTIL(a.s.connected && came == 1);
	assert_true(address_of_peer(stream_fd(&b.s), &seen));
	assert_memory_equal(&seen.in.sin_addr, &from.in.sin_addr, 4);
	assert_true(address_of_socket(stream_fd(&a.s), &from));
	assert_int_equal(seen.in.sin_port, from.in.sin_port);
	end(&a);
	end(&b);

	assert_true(address_parse("192.0.2.1:0", &from, &why)); /* is nobody's */
	assert_int_equal(
		stream_dial_from(&a.s, &test_loop, &from, &address, &ops), UV_EADDRNOTAVAIL);
	assert_true(address_parse("[::1]:0", &from, &why));
	assert_int_equal(stream_dial_from(&a.s, &test_loop, &from, &address, &ops), UV_EINVAL);
	assert_int_equal(stream_dial_from(&a.s, &test_loop, &from, &nobody, &ops), UV_EINVAL);
	uv_close((uv_handle_t *)&listening, NULL);
}

static void a_descriptor_that_is_no_socket_is_refused_and_stays_the_caller_s(void **state UNUSED)
{
	struct side a = {0};
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(stream_open_fd(&a.s, &test_loop, fds[0], &ops), UV_ENOTSOCK);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
	assert_int_equal(stream_open_fd(&a.s, &test_loop, fds[0], &ops), UV_EBADF);
}

/* ---- counting, and a share of the turn ---- */

static size_t sum_of(const struct side *sides, int count)
{
	size_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += stream_kept(&sides[i].s);
	return sum;
}

static void what_streams_keep_is_counted_together_at_every_step(void **state UNUSED)
{
	enum { SIDES = 5, STEPS = 3000 };
	static struct side sides[SIDES];
	static char text[30000];
	size_t total = 0;
	int peers[SIDES];

	memset(text, 'x', sizeof text);
	for (int i = 0; i < SIDES; i++) {
		peers[i] = open_pair(&sides[i], SOCK_STREAM);
		stream_count_in(&sides[i].s, &total);
	}
	for (int step = 0; step < STEPS; step++) {
		int i = (int)(random_number() % SIDES);
		size_t len = random_number() % (random_number() % 5 == 0 ? sizeof text : 60);
		struct shared *b = shared_new(slice_of(text, len));

		assert_non_null(b);
		stream_write(&sides[i].s, b); /* the same bytes, to two of them */
		stream_write(&sides[(i + 1) % SIDES].s, b);
		shared_unref(b);
		if (step % 3 == 0)
			run_turn();
		if (step % 7 == 0) {
			ssize_t got = recv(peers[i], text, sizeof text, 0);
			(void)got;
			memset(text, 'x', sizeof text);
		}
		assert_int_equal(total, sum_of(sides, SIDES));
	}
	assert_true(total > 0);
	stream_count_out(&sides[0].s);
	stream_count_out(&sides[0].s);
	assert_int_equal(total + stream_kept(&sides[0].s), sum_of(sides, SIDES));
	for (int i = 0; i < SIDES; i++) {
		if (i % 2 == 0)
			close(peers[i]); /* a fault drops the queue too */
		run_turn();
		end(&sides[i]);
		if (i % 2 != 0)
			close(peers[i]);
	}
	assert_int_equal(total, 0);
}

static void a_queue_costs_more_than_its_bytes(void **state UNUSED)
{
	struct side side;
	int peer = open_pair(&side, SOCK_STREAM);

	side.s.connected = false; /* nothing is handed to the kernel */
	write_text(&side, "a");
	write_text(&side, "bc");
	assert_int_equal(side.s.queued, 3);
	assert_int_equal(stream_kept(&side.s), 3 + 2 * STREAM_PIECE_COST);
	side.s.connected = true;
	run_turn();
	assert_int_equal(stream_kept(&side.s), 0);
	assert_int_equal(side.s.bytes_out, 3);
	end(&side);
	close(peer);
}

static void no_more_than_its_share_is_read_of_a_stream_in_one_turn(void **state UNUSED)
{
	static char text[100000];
	struct side greedy, modest;
	int peer = open_pair(&greedy, SOCK_STREAM), other = open_pair(&modest, SOCK_STREAM);

	assert_int_equal(send(peer, text, sizeof text, 0), sizeof text);
	assert_int_equal(send(other, "hello", 5, 0), 5);
	stream_read_max(&greedy.s, 4096);
	stream_read_max(&modest.s, 4096);
	stream_read(&greedy.s);
	stream_read(&modest.s);
	for (size_t had = 0; greedy.bytes.len < sizeof text; had = greedy.bytes.len) {
		run_turn();
		assert_int_equal(greedy.bytes.len - had, size_min(4096, sizeof text - had));
		assert_true(greedy.bytes.len > had);
		assert_int_equal(modest.bytes.len, 5);
	}
	end(&greedy);
	end(&modest);
	close(peer);
	close(other);
}

/* The peer resets the connection while we read nothing, and wait for room. */
static void a_reset_is_told_to_one_who_only_waits_for_room(void **state UNUSED)
{
	struct side a, b;

	open_tcp_pair(&a, &b);
	struct shared *much = write_much(&b, 32 * 1024 * 1024);
	RUN_UNTIL(b.s.full);
	assert_int_equal(b.s.polled, UV_WRITABLE);
	reset(&a);
	RUN_UNTIL(b.s.ended);
	EXPECT_SEEN(&b, "E");
	assert_true(b.status == UV_ECONNRESET || b.status == UV_EPIPE);
	assert_int_equal(b.s.queued, 0);
	assert_int_equal(much->refs, 1);
	assert_int_equal(b.s.polled, 0);
	shared_unref(much);
	end(&b);
	uv_close((uv_handle_t *)&listening, NULL);
}

/* What waits in the kernel when the reset comes is heard all the same, piece by piece. */
static void what_came_before_a_reset_is_heard(void **state UNUSED)
{
	struct side a, b;

	open_tcp_pair(&a, &b);
	write_text(&a, "ten bytes.");
	run_turn();
	reset(&a);
	stream_read_max(&b.s, 4);
	stream_read(&b.s);
	RUN_UNTIL(b.s.ended);
	EXPECT_SEEN(&b, "bbbE");
	assert_string_equal(text_of(&b.bytes), "ten bytes.");
	assert_int_equal(b.status, UV_ECONNRESET);
	end(&b);
	uv_close((uv_handle_t *)&listening, NULL);
}

static void a_stream_without_a_limit_reads_more_in_a_turn_but_not_without_end(void **state UNUSED)
{
	static char text[LOOP_READ_ROOM];
	int peer, room = 4 * 1024 * 1024;
	struct side a;
	size_t sent = 0;
	ssize_t n;

	peer = open_pair(&a, SOCK_STREAM);
	setsockopt(peer, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room); /* for root alone */
	while ((n = send(peer, text, sizeof text, 0)) > 0)
		sent += (size_t)n;
	assert_true(sent > LOOP_READ_ROOM);
	stream_read(&a.s);
	run_turn();
	assert_int_equal(a.bytes.len, size_min(sent, 8 * LOOP_READ_ROOM));
	RUN_UNTIL(a.bytes.len == sent);
	end(&a);
	close(peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(what_is_written_in_a_turn_leaves_in_one_piece_at_its_end),
		LOOP_TEST(a_flush_does_not_wait_for_the_turn_s_end),
		LOOP_TEST(what_is_written_now_is_not_kept_if_the_kernel_takes_it),
		LOOP_TEST(what_is_written_now_stays_behind_what_waits),
		LOOP_TEST(what_the_kernel_does_not_take_now_follows),
		LOOP_TEST(a_fault_of_writing_now_is_told_once_and_later),
		LOOP_TEST(shared_bytes_are_counted_and_not_copied),
		LOOP_TEST(a_part_is_written_and_parts_that_follow_each_other_are_one_chunk),
		LOOP_TEST(an_idle_stream_holds_no_queue),
		LOOP_TEST(many_bytes_arrive_in_order_and_are_counted_exactly),
		LOOP_TEST(a_slow_reader_is_told_of_once_and_so_is_its_end),
		LOOP_TEST(a_burst_that_the_kernel_takes_at_once_makes_nobody_slow),
		LOOP_TEST(a_stream_may_be_closed_from_any_of_its_callbacks),
		LOOP_TEST(closing_with_a_write_under_way_gives_all_bytes_back),
		LOOP_TEST(a_stream_that_is_freed_in_its_last_call_leaves_nothing_behind),
		LOOP_TEST(a_fault_of_writing_is_told_once_later_and_ends_all_writing),
		LOOP_TEST(a_fault_while_a_write_waits_is_told_as_well),
		LOOP_TEST(the_last_words_of_a_peer_that_died_are_heard_before_its_end),
		LOOP_TEST(after_the_peer_s_end_we_can_still_write),
		LOOP_TEST(a_fault_after_the_peer_s_end_is_told_too_and_once),
		LOOP_TEST(finishing_sends_what_is_queued_then_ends_our_side_and_reads_on),
		LOOP_TEST(a_paused_stream_leaves_the_bytes_in_the_kernel),
		LOOP_TEST(a_dialled_and_an_accepted_stream_talk_over_tcp),
		LOOP_TEST(a_reset_is_told_with_its_name),
		LOOP_TEST(a_reset_is_told_to_one_who_only_waits_for_room),
		LOOP_TEST(what_came_before_a_reset_is_heard),
		LOOP_TEST(a_stream_without_a_limit_reads_more_in_a_turn_but_not_without_end),
		LOOP_TEST(what_streams_keep_is_counted_together_at_every_step),
		LOOP_TEST(a_queue_costs_more_than_its_bytes),
		LOOP_TEST(no_more_than_its_share_is_read_of_a_stream_in_one_turn),
		LOOP_TEST(a_refused_connection_is_closed_and_the_next_is_taken),
		LOOP_TEST(a_dial_that_fails_tells_why_later),
		LOOP_TEST(a_dial_may_be_given_up),
		LOOP_TEST(a_dial_may_come_from_an_address_of_ours),
		LOOP_TEST(a_descriptor_that_is_no_socket_is_refused_and_stays_the_caller_s),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
