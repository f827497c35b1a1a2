/* Real sockets and threads: what the workers and the owner's loop hand to each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/http_server.h"
#include "tests/unit/support_loop.h"

/* ---- an owner ----------------------------------------------------------------------------------- */

enum { MANY = 64 };

static struct owner {
	struct http_server *server;
	in_port_t port;
	struct http_exchange *later[MANY]; /* of "/later", until the test answers */
	unsigned later_count, asked, gone, batches;
	unsigned rooms; /* requests that brought memory for their answer */
	bool closed, deny;
	size_t body_size;
} owner;

static void answer(struct http_exchange *x, unsigned status, struct slice body)
{
	struct http_answer a;

	owner.rooms += x->room.mem != NULL;
	http_answer_open_in(&a, &x->room, x->asked, status, 0);
	http_answer_body(&a, "text/plain", body);
	http_exchange_end(x, &a);
}

static bool path_is(const struct http_exchange *x, const char *path)
{
	return slice_is(x->request->path, slice_text(path));
}

static void on_request(void *of, struct http_exchange *x)
{
	static char large[1024 * 1024];

	assert_ptr_equal(of, &owner);
	assert_true(list_is_empty(&x->node));
	owner.asked++;
	if (path_is(x, "/later") && owner.later_count < MANY)
		owner.later[owner.later_count++] = x;
	else if (path_is(x, "/large"))
		answer(x, 200, slice_of(memset(large, 'x', sizeof large), owner.body_size));
	else
		answer(x, 200, x->request->has_body ? x->request->body : x->request->path);
}

static void on_gone(void *of UNUSED, struct http_exchange *x)
{
	struct http_answer a = {0};

	assert_true(x->gone);
	owner.gone++;
	for (unsigned i = 0; i < owner.later_count; i++)
		if (owner.later[i] == x)
			owner.later[i] = owner.later[--owner.later_count];
	http_exchange_end(x, &a);
}

static bool may_connect(void *of UNUSED, const struct address *from)
{
	return address_is_local(from) && !owner.deny;
}

static bool may_ask(void *of UNUSED, const struct address *from UNUSED,
	const struct http_request *r, const struct http_asked *asked, struct http_answer *a)
{
	if (!slice_is(r->path, slice_text("/never")))
		return true;
	http_answer_open(a, asked, 403, 0);
	http_answer_text(a, "never");
	return false;
}

static void before_answers(void *of UNUSED)
{
	owner.batches++;
}

static void on_closed(void *of UNUSED)
{
	owner.closed = true;
}

static const struct http_server_ops ops = {
	.may_connect = may_connect,
	.may_ask = may_ask,
	.on_request = on_request,
	.on_gone = on_gone,
	.before_answers = before_answers,
	.on_closed = on_closed,
};

static struct http_server_config config;

static struct http_server *open_at(in_port_t port)
{
	struct address at = {.in.sin_family = AF_INET, .len = sizeof at.in};
	const char *why = "";

	at.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at.in.sin_port = port;
	int fd = address_listen(&at, 0, &why);
	if (fd < 0)
		fail_msg("%s", why);
	assert_true(address_of_socket(fd, &at));
	owner.port = at.in.sin_port;
	struct http_server *s = http_server_open(&test_loop, &config, &fd, 1, &why);
	assert_non_null(s);
	return s;
}

static void start(unsigned threads)
{
	config.threads = threads;
	owner.server = open_at(0);
}

static int set_up(void **state)
{
	static const struct http_limits limits = {8192, 8192, 64, 65536};
	static const struct http_deadlines deadlines = {10000, 10000, 15000};

	owner = (struct owner){.body_size = 1000};
	config = (struct http_server_config){.ops = &ops,
		.owner = &owner,
		.limits = &limits,
		.deadlines = &deadlines,
		.clients = MANY,
		.per_address = 4,
		.queue_ms = 10000,
		.write_ms = 20000};
	return open_test_loop(state);
}

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

/* Runs the loop until it is so; never as long as the deadline unless something is broken. */
#define UNTIL(condition)                                                 \
	do {                                                             \
		uint64_t until_ = now_ms() + 20000;                      \
		while (!(condition)) {                                   \
			if (now_ms() > until_)                           \
				fail_msg("waited in vain: " #condition); \
			uv_run(&test_loop.uv, UV_RUN_NOWAIT);            \
			usleep(50);                                      \
		}                                                        \
	} while (0)

static int tear_down(void **state)
{
	if (owner.server != NULL) {
		http_server_close(owner.server);
		UNTIL(owner.closed);
	}
	return close_test_loop(state);
}

/* ---- a client ----------------------------------------------------------------------------------- */

static int dial(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = owner.port};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	for (size_t len = strlen(text), sent = 0; sent < len;) {
		ssize_t n = send(fd, text + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			uv_run(&test_loop.uv, UV_RUN_NOWAIT);
		else if (n < 0)
			return;
		else
			sent += (size_t)n;
	}
}

static void ask(int fd, const char *path)
{
	char text[300];

	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
	say(fd, text);
}

/* Adds what has come to *got. False: it has ended. */
static bool hear(int fd, struct buf *got)
{
	char room[16384];
	ssize_t n = recv(fd, room, sizeof room, MSG_DONTWAIT);

	if (n > 0)
		assert_true(buf_add(got, slice_of(room, (size_t)n)));
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static unsigned count_in(const struct buf *b, const char *word)
{
	struct slice rest = buf_bytes(b);
	unsigned count = 0;
	size_t len = strlen(word);

	while (rest.len >= len) {
		const uint8_t *at = memmem(rest.at, rest.len, word, len);

		if (at == NULL)
			break;
		count++;
		rest = slice_from(rest, (size_t)(at - rest.at) + len);
	}
	return count;
}

static void wait_count(int fd, struct buf *got, const char *word, unsigned count)
{
	UNTIL((hear(fd, got), count_in(got, word) >= count));
}

static void wait_end(int fd, struct buf *got)
{
	UNTIL(!hear(fd, got));
}

static struct http_server_counts counts(void)
{
	struct http_server_counts c;

	http_server_counts(owner.server, &c);
	return c;
}

/* ---- requests and answers ----------------------------------------------------------------------- */

static void ask_and_end(unsigned threads)
{
	struct buf got = {0};

	start(threads);
	int fd = dial();
	ask(fd, "/one");
	wait_count(fd, &got, "\r\n\r\n/one", 1);
	ask(fd, "/two");
	wait_count(fd, &got, "\r\n\r\n/two", 1);
	say(fd, "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
		"Transfer-Encoding: chunked\r\n\r\n");
	wait_count(fd, &got, "100 Continue", 1);
	say(fd, "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
	wait_count(fd, &got, "\r\n\r\nabcdef", 1);
	say(fd, "GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	wait_end(fd, &got);
	assert_int_equal(count_in(&got, "HTTP/1.1 200 OK"), 4);
	assert_int_equal(owner.asked, 4);
	assert_true(owner.batches > 0);
	assert_int_equal(counts().requests, 4);
	close(fd);
	buf_free(&got);
}

static void a_request_is_answered_on_the_owners_loop(void **state UNUSED)
{
	ask_and_end(0);
}

static void a_request_is_answered_by_a_thread(void **state UNUSED)
{
	ask_and_end(1);
}

static void a_request_is_answered_by_one_of_several_threads(void **state UNUSED)
{
	ask_and_end(3);
}

static void a_pipeline_is_answered_in_order(void **state UNUSED)
{
	struct buf got = {0};
	size_t at = 0;

	start(2);
	int fd = dial();
	for (unsigned i = 0; i < 500; i++) {
		char path[20];

		snprintf(path, sizeof path, "/%04u", i);
		ask(fd, path);
	}
	wait_count(fd, &got, "HTTP/1.1 200", 500);
	wait_count(fd, &got, "/0499", 1);
	for (unsigned i = 0; i < 500; i++) {
		char body[20];

		snprintf(body, sizeof body, "\r\n\r\n/%04u", i);
		const uint8_t *found =
			memmem(buf_bytes(&got).at + at, got.len - at, body, strlen(body));
		assert_non_null(found);
		at = (size_t)(found - buf_bytes(&got).at);
	}
	close(fd);
	buf_free(&got);
}

static void the_memory_of_an_answer_serves_for_the_next(void **state UNUSED)
{
	struct buf got = {0};

	start(1);
	int fd = dial();
	for (unsigned i = 1; i <= 5; i++) {
		ask(fd, "/again");
		wait_count(fd, &got, "\r\n\r\n/again", i);
		assert_int_equal(owner.rooms, i - 1);
	}
	ask(fd, "/later");
	UNTIL(owner.later_count == 1);
	/* Who answers without it leaves it to the next. */
	struct http_answer a;
	http_answer_open(&a, owner.later[0]->asked, 200, 0);
	http_answer_body(&a, "text/plain", slice_text("late"));
	http_exchange_end(owner.later[0], &a);
	wait_count(fd, &got, "\r\n\r\nlate", 1);
	ask(fd, "/again");
	wait_count(fd, &got, "\r\n\r\n/again", 6);
	assert_int_equal(owner.rooms, 5);
	close(fd);
	buf_free(&got);
}

static void what_came_in_one_turn_is_answered_in_one(void **state UNUSED)
{
	int fds[10];
	struct buf got = {0};

	start(0);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial();
		ask(fds[i], "/x");
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		wait_count(fds[i], &got, "\r\n\r\n/x", (unsigned)i + 1);
	assert_int_equal(owner.asked, ARRAY_LEN(fds));
	assert_int_equal(owner.batches, 1);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	buf_free(&got);
}

/* Row K09. */
static void who_does_not_read_his_answers_is_read_no_further(void **state UNUSED)
{
	static char all[10000 * 40];
	const char *one = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
	size_t len = strlen(one), sent = 0;
	struct buf got = {0};

	for (size_t i = 0; i < 10000; i++)
		memcpy(all + i * len, one, len);
	start(1);
	owner.body_size = 4000;
	int fd = dial();
	/* Until nothing moves any more: neither does he take requests, nor does the kernel. */
	for (uint64_t still = now_ms(); now_ms() - still < 300;) {
		unsigned before = owner.asked;
		ssize_t n = sent < 10000 * len ? send(fd, all + sent, 10000 * len - sent,
							 MSG_DONTWAIT | MSG_NOSIGNAL)
					       : -1;

		sent += n > 0 ? (size_t)n : 0;
		uv_run(&test_loop.uv, UV_RUN_NOWAIT);
		if (n > 0 || owner.asked != before)
			still = now_ms();
		else
			usleep(50);
	}
	assert_in_range(owner.asked, 1, 9000); /* what the sockets hold, and 64 KiB */
	/* Now he reads, and it goes on, however slow this machine is. */
	unsigned wanted = owner.asked + 1000;
	for (uint64_t moved = now_ms(); owner.asked < wanted;) {
		unsigned before = owner.asked;
		ssize_t n = sent < 10000 * len ? send(fd, all + sent, 10000 * len - sent,
							 MSG_DONTWAIT | MSG_NOSIGNAL)
					       : -1;

		sent += n > 0 ? (size_t)n : 0;
		hear(fd, &got);
		buf_eat(&got, got.len);
		uv_run(&test_loop.uv, UV_RUN_NOWAIT);
		if (owner.asked != before)
			moved = now_ms();
		else
			usleep(50);
		if (now_ms() - moved > 20000)
			fail_msg("stuck after %u requests", owner.asked);
	}
	close(fd);
	buf_free(&got);
}

static void an_answer_may_come_later_and_others_do_not_wait_for_it(void **state UNUSED)
{
	struct buf got = {0}, other = {0};

	start(1);
	int slow = dial(), quick = dial();
	ask(slow, "/later");
	ask(slow, "/behind");
	UNTIL(owner.later_count == 1);
	for (unsigned i = 1; i <= 20; i++) {
		ask(quick, "/quick");
		wait_count(quick, &other, "\r\n\r\n/quick", i);
	}
	assert_int_equal(got.len, 0);
	answer(owner.later[0], 200, slice_text("at last"));
	wait_count(slow, &got, "\r\n\r\n/behind", 1);
	assert_int_equal(count_in(&got, "\r\n\r\nat last"), 1);
	close(slow);
	close(quick);
	buf_free(&got);
	buf_free(&other);
}

static void who_ends_his_side_still_gets_his_answer(void **state UNUSED)
{
	struct buf got = {0};

	start(1);
	int fd = dial();
	ask(fd, "/later");
	shutdown(fd, SHUT_WR);
	UNTIL(owner.later_count == 1);
	answer(owner.later[0], 200, slice_text("here"));
	wait_end(fd, &got);
	assert_int_equal(count_in(&got, "\r\n\r\nhere"), 1);
	close(fd);
	buf_free(&got);
}

static void reset(int fd)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

/* ---- parts -------------------------------------------------------------------------------------- */

static bool send_part(struct http_exchange *x, const char *text)
{
	struct http_answer a = {.asked = *x->asked, .chunked = true};

	http_answer_piece(&a, slice_text(text));
	return http_exchange_part(x, &a);
}

static struct http_exchange *begin_parts(void)
{
	struct http_answer a;

	UNTIL(owner.later_count == 1);
	http_answer_open(&a, owner.later[0]->asked, 200, 0);
	http_answer_stream(&a, "text/plain");
	assert_true(http_exchange_part(owner.later[0], &a));
	return owner.later[0];
}

static void an_answer_may_come_in_parts(void **state UNUSED)
{
	struct buf got = {0};

	start(1);
	int fd = dial();
	ask(fd, "/later");
	struct http_exchange *x = begin_parts();
	assert_true(send_part(x, "one"));
	wait_count(fd, &got, "3\r\none\r\n", 1);
	assert_true(send_part(x, "two"));
	wait_count(fd, &got, "3\r\ntwo\r\n", 1);
	struct http_answer end = {.asked = *x->asked, .chunked = true};
	http_answer_end(&end);
	http_exchange_end(x, &end);
	ask(fd, "/next");
	wait_count(fd, &got, "0\r\n\r\nHTTP/1.1 200 OK", 1);
	wait_count(fd, &got, "\r\n\r\n/next", 1);
	close(fd);
	buf_free(&got);
}

static void who_leaves_while_parts_come_is_told_of(void **state UNUSED)
{
	start(1);
	int fd = dial();
	ask(fd, "/later");
	begin_parts();
	close(fd);
	UNTIL(owner.gone == 1);
	assert_int_equal(owner.later_count, 0);
	UNTIL(counts().now == 0);
}

static void who_does_not_read_parts_is_closed(void **state UNUSED)
{
	static char text[8000];

	start(1);
	memset(text, 'x', sizeof text - 1);
	int fd = dial();
	ask(fd, "/later");
	begin_parts();
	UNTIL(owner.gone > 0 || !send_part(owner.later[0], text) || owner.gone > 0);
	UNTIL(owner.gone == 1);
	close(fd);
}

/* ---- who may not -------------------------------------------------------------------------------- */

static void who_may_not_connect_is_closed_unheard(void **state UNUSED)
{
	struct buf got = {0};

	owner.deny = true;
	start(1);
	int fd = dial();
	wait_end(fd, &got);
	assert_int_equal(got.len, 0);
	assert_int_equal(counts().denied, 1);
	assert_int_equal(counts().connections, 0);
	close(fd);
}

static void what_may_not_be_asked_is_refused_before_its_body(void **state UNUSED)
{
	struct buf got = {0};

	start(1);
	int fd = dial();
	ask(fd, "/never");
	wait_count(fd, &got, "403 Forbidden: never", 1);
	say(fd, "POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n");
	wait_end(fd, &got);
	assert_int_equal(count_in(&got, "403 Forbidden: never"), 2);
	assert_int_equal(owner.asked, 0);
	assert_int_equal(counts().refused, 2);
	close(fd);
	buf_free(&got);
}

static void too_many_connections_are_answered_503(void **state UNUSED)
{
	struct buf got = {0};
	int fds[3];

	config.clients = 2;
	start(2);
	for (unsigned i = 0; i < 3; i++)
		fds[i] = dial();
	wait_end(fds[2], &got);
	assert_int_equal(count_in(&got, "503 Service Unavailable"), 2);
	assert_int_equal(count_in(&got, "Retry-After: "), 1);
	close(fds[2]);
	close(fds[0]);
	UNTIL(counts().now == 1);
	fds[0] = dial();
	ask(fds[0], "/again");
	wait_count(fds[0], &got, "\r\n\r\n/again", 1);
	close(fds[0]);
	close(fds[1]);
	buf_free(&got);
}

static void a_malformed_request_is_answered_and_counted(void **state UNUSED)
{
	struct buf got = {0};

	start(1);
	int fd = dial();
	say(fd, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"
		"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_end(fd, &got);
	assert_int_equal(count_in(&got, "400 Bad Request"), 2);
	assert_int_equal(owner.asked, 0);
	assert_int_equal(counts().malformed, 1);
	assert_int_equal(counts().last_fault, HTTP_FAULT_LENGTH_MANY);
	close(fd);
	buf_free(&got);
}

/* A byte now and then does not move a deadline. */
static bool hear_and_drip(int fd, struct buf *got, const char *drop)
{
	static uint64_t last_ms;

	if (now_ms() - last_ms >= 50) {
		say(fd, drop);
		last_ms = now_ms();
	}
	return hear(fd, got);
}

/* Rows K04, A01. */
static void who_is_slow_is_cut_off_at_each_deadline(void **state UNUSED)
{
	static const struct http_deadlines soon = {300, 300, 300};
	static const char *const openers[] = {"", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\nX: ",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"};
	struct buf got = {0};

	config.deadlines = &soon;
	start(1);
	for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
		int fd = dial();

		say(fd, openers[i]);
		UNTIL(!hear_and_drip(fd, &got, openers[i][0] != '\0' ? "x" : ""));
		close(fd);
	}
	assert_int_equal(count_in(&got, "HTTP/1.1 408 "), 3);
	int fd = dial();
	ask(fd, "/idle");
	wait_end(fd, &got);
	assert_int_equal(count_in(&got, "\r\n\r\n/idle"), 1);
	assert_int_equal(counts().late, 3);
	close(fd);
	buf_free(&got);
}

static void who_takes_nothing_of_an_answer_is_closed(void **state UNUSED)
{
	struct buf got = {0};
	const int small = 4096;

	config.write_ms = 300;
	start(1);
	owner.body_size = 1024 * 1024;
	int fd = dial();
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	for (unsigned i = 0; i < 8; i++)
		ask(fd, "/large");
	UNTIL(owner.asked >= 1);
	UNTIL(counts().now == 0);
	assert_int_equal(counts().late, 1);
	close(fd);
	buf_free(&got);
}

/* Row K10: nothing moves the owner's loop meanwhile. */
static void who_waits_for_an_owner_that_hangs_is_answered_503(void **state UNUSED)
{
	char room[1000];
	size_t len = 0;

	config.queue_ms = 200;
	start(1);
	int fd = dial();
	ask(fd, "/one");
	for (ssize_t n = 1; n > 0 && len < sizeof room - 1; len += (size_t)n) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};

		assert_int_equal(poll(&ready, 1, 20000), 1);
		n = recv(fd, room + len, sizeof room - 1 - len, 0);
	}
	room[len] = '\0';
	assert_non_null(strstr(room, "503 Service Unavailable"));
	assert_non_null(strstr(room, "Retry-After: "));
	for (unsigned i = 0; i < 10; i++)
		uv_run(&test_loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(owner.asked, 0);
	close(fd);
}

/* ---- the end ------------------------------------------------------------------------------------ */

static void at_the_end_answers_are_sent_and_the_port_is_free_at_once(void **state UNUSED)
{
	struct buf got = {0}, idle = {0};

	start(2);
	int fd = dial(), other = dial();
	ask(other, "/idle");
	wait_count(other, &idle, "\r\n\r\n/idle", 1);
	ask(fd, "/later");
	UNTIL(owner.later_count == 1);
	answer(owner.later[0], 500, slice_text("the end"));
	http_server_close(owner.server);
	owner.server = NULL;
	struct http_server *next = open_at(owner.port);
	UNTIL(owner.closed);
	wait_end(fd, &got);
	wait_end(other, &idle);
	assert_int_equal(count_in(&got, "\r\n\r\nthe end"), 1);
	close(fd);
	fd = dial();
	ask(fd, "/anew");
	wait_count(fd, &got, "\r\n\r\n/anew", 1);
	close(fd);
	close(other);
	owner.closed = false;
	owner.server = next;
	buf_free(&got);
	buf_free(&idle);
}

static void who_was_not_heard_at_the_end_is_answered_503(void **state UNUSED)
{
	struct buf got = {0};

	start(1);
	int fd = dial();
	ask(fd, "/one");
	for (uint64_t until = now_ms() + 5000; counts().requests == 0 && now_ms() < until;)
		usleep(1000); /* in the inbox, and the loop has not turned */
	http_server_close(owner.server);
	owner.server = NULL;
	UNTIL(owner.closed);
	wait_end(fd, &got);
	assert_int_equal(count_in(&got, "503 Service Unavailable"), 2);
	assert_int_equal(owner.asked, 0);
	close(fd);
	buf_free(&got);
}

static void who_does_not_read_holds_the_end_up_for_a_moment_only(void **state UNUSED)
{
	start(1);
	owner.body_size = 1024 * 1024;
	int fd = dial();
	for (unsigned i = 0; i < 16; i++)
		ask(fd, "/large");
	UNTIL(owner.asked >= 1);
	http_server_close(owner.server);
	owner.server = NULL;
	UNTIL(owner.closed);
	close(fd);
}

/* ---- all at once -------------------------------------------------------------------------------- */

/* Clients that come, ask, are answered late, leave in the middle, and all of it again: nothing is lost,
 * leaked or touched by two threads. */
static void whatever_clients_do_every_request_is_ended_once(void **state UNUSED)
{
	struct buf sink = {0};
	int fds[24];
	unsigned seed = 1;

	start(3);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = dial();
	for (unsigned turn = 0; turn < 3000; turn++) {
		seed = seed * 1103515245 + 12345;
		unsigned what = seed >> 16, i = what % ARRAY_LEN(fds);

		if (what % 7 == 0) {
			reset(fds[i]);
			fds[i] = dial();
		} else if (what % 11 == 0) {
			close(fds[i]);
			fds[i] = dial();
		} else {
			ask(fds[i], what % 3 == 0 ? "/later" : "/now");
			hear(fds[i], &sink);
			buf_eat(&sink, sink.len);
		}
		if (owner.later_count > 0 && what % 5 == 0)
			answer(owner.later[--owner.later_count], 200, slice_text("late"));
		uv_run(&test_loop.uv, UV_RUN_NOWAIT);
	}
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	while (owner.later_count > 0)
		answer(owner.later[--owner.later_count], 200, slice_text("late"));
	UNTIL((owner.later_count > 0
			? answer(owner.later[--owner.later_count], 200, slice_text("l"))
			: (void)0,
		counts().now == 0));
	assert_in_range(owner.asked, 100, 3000);
	buf_free(&sink);
}

#define SERVER_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER_TEST(a_request_is_answered_on_the_owners_loop),
		SERVER_TEST(a_request_is_answered_by_a_thread),
		SERVER_TEST(a_request_is_answered_by_one_of_several_threads),
		SERVER_TEST(a_pipeline_is_answered_in_order),
		SERVER_TEST(the_memory_of_an_answer_serves_for_the_next),
		SERVER_TEST(what_came_in_one_turn_is_answered_in_one),
		SERVER_TEST(who_does_not_read_his_answers_is_read_no_further),
		SERVER_TEST(an_answer_may_come_later_and_others_do_not_wait_for_it),
		SERVER_TEST(who_ends_his_side_still_gets_his_answer),
		SERVER_TEST(an_answer_may_come_in_parts),
		SERVER_TEST(who_leaves_while_parts_come_is_told_of),
		SERVER_TEST(who_does_not_read_parts_is_closed),
		SERVER_TEST(who_may_not_connect_is_closed_unheard),
		SERVER_TEST(what_may_not_be_asked_is_refused_before_its_body),
		SERVER_TEST(too_many_connections_are_answered_503),
		SERVER_TEST(a_malformed_request_is_answered_and_counted),
		SERVER_TEST(who_is_slow_is_cut_off_at_each_deadline),
		SERVER_TEST(who_takes_nothing_of_an_answer_is_closed),
		SERVER_TEST(who_waits_for_an_owner_that_hangs_is_answered_503),
		SERVER_TEST(at_the_end_answers_are_sent_and_the_port_is_free_at_once),
		SERVER_TEST(who_was_not_heard_at_the_end_is_answered_503),
		SERVER_TEST(who_does_not_read_holds_the_end_up_for_a_moment_only),
		SERVER_TEST(whatever_clients_do_every_request_is_ended_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
