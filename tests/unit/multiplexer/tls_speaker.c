/* The process that speaks TLS, in a test's loop: we are the multiplexer, and the players. */
#include "multiplexer/tls/speaker.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/tls_selfsigned.h"
#include "multiplexer/tls/session.h"
#include "tests/unit/support_loop.h"

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

#define RUN_UNTIL(condition)                           \
	do {                                           \
		int turns_left = 20000;                \
		while (!(condition)) {                 \
			run_turn();                    \
			assert_true(turns_left-- > 0); \
			usleep((condition) ? 0 : 200); \
		}                                      \
	} while (0)

enum { MESSAGES_MAX = 64 };

static char dir[] = "/tmp/holdfast-speaker-XXXXXX", chain[64], key[64];

/* What the speaker has said, texts copied. */
static struct said {
	struct tls_message m;
	char text[TLS_MESSAGE_TEXTS][300];
} said[MESSAGES_MAX];
static size_t said_count;

static struct speaker speaker;
static struct channel ours;
static bool drained;

static void on_message(
	struct channel *c UNUSED, const struct tls_message *m, const int *fds UNUSED, size_t count)
{
	assert_int_equal(count, 0);
	assert_true(said_count < MESSAGES_MAX);
	said[said_count].m = *m;
	for (size_t i = 0; i < TLS_MESSAGE_TEXTS; i++)
		snprintf(said[said_count].text[i], sizeof said[0].text[i], "%.*s",
			(int)m->text[i].len, m->text[i].len > 0 ? (const char *)m->text[i].at : "");
	said_count++;
}

static void on_end(struct channel *c)
{
	channel_close(c);
}

static void on_drained(struct channel *c UNUSED)
{
	drained = true;
}

static void on_closed(struct channel *c UNUSED)
{
}

static const struct channel_ops ops = {on_message, on_end, on_drained, on_closed};

static void write_file(const char *path, const struct buf *b, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(buf_bytes(b).at, 1, b->len, f), b->len);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int make_files(void **state UNUSED)
{
	static const char *const names[] = {"localhost"};
	struct buf c = {0}, k = {0};
	const char *why;

	assert_non_null(mkdtemp(dir));
	snprintf(chain, sizeof chain, "%s/c", dir);
	snprintf(key, sizeof key, "%s/k", dir);
	assert_true(tls_selfsigned_make(names, 1, 30, &c, &k, &why));
	write_file(chain, &c, 0644);
	write_file(key, &k, 0600);
	buf_free(&c);
	buf_free(&k);
	return 0;
}

static int remove_files(void **state UNUSED)
{
	unlink(chain);
	unlink(key);
	return rmdir(dir);
}

static int open_world(void **state)
{
	int ends[2];

	open_test_loop(state);
	said_count = 0;
	drained = false;
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(channel_open(&ours, &test_loop, ends[0], &ops), 0);
	assert_true(speaker_open(&speaker, &test_loop, ends[1], 2));
	return 0;
}

static int close_world(void **state)
{
	channel_close(&ours);
	loop_run(&test_loop);
	speaker_free(&speaker);
	return close_test_loop(state);
}

static void say(const struct tls_message *m)
{
	assert_true(channel_send(&ours, m, NULL, 0));
}

static struct said *wait_for(uint8_t type)
{
	size_t at = 0;

	RUN_UNTIL(said_count > 0);
	for (;;) {
		for (; at < said_count; at++) {
			if (said[at].m.type == type) {
				said[at].m.type = 0;
				return &said[at];
			}
		}
		RUN_UNTIL(said_count > at);
	}
}

static struct said *use(const char *c, const char *k, uint64_t number)
{
	say(&(struct tls_message){.type = TLS_CERTIFICATE,
		.text = {slice_text("main"), slice_text(c), slice_text(k)}});
	say(&(struct tls_message){.type = TLS_USE, .number = number});
	return wait_for(TLS_USED);
}

/* A player, and our end of his plain text. */
struct player {
	struct tls *tls;
	struct buf heard;
	int wire, plain;
};

static bool on_send(void *owner, struct slice wire)
{
	struct player *p = owner;

	while (wire.len > 0) {
		ssize_t n = write(p->wire, wire.at, wire.len);

		if (n < 0 && errno != EAGAIN)
			return false;
		if (n > 0)
			wire = slice_from(wire, (size_t)n);
		else
			run_turn();
	}
	return true;
}

static void hear(struct player *p)
{
	uint8_t bytes[4096], room[TLS_RECORD_MAX];
	ssize_t n = read(p->wire, bytes, sizeof bytes);
	struct slice wire = slice_of(bytes, n > 0 ? (size_t)n : 0);
	enum tls_result result;
	size_t got;

	do {
		result = tls_read(p->tls, &wire, room, sizeof room, &got);
		assert_true(buf_add(&p->heard, slice_of(room, got)));
	} while (result == TLS_BYTES);
}

static void send_over(uint32_t id, const int *fds, size_t count, struct slice early)
{
	assert_true(channel_send(&ours,
		&(struct tls_message){
			.type = TLS_CONNECTION, .id = id, .number = 5000, .text = {early}},
		fds, count));
}

static void connect_player(struct player *p, uint32_t id)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int wire[2], plain[2];
	const int small = 8192;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, wire);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, plain);
	for (size_t i = 0; i < 2; i++) {
		setsockopt(wire[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
		setsockopt(plain[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	}
	*p = (struct player){.wire = wire[0], .plain = plain[0]};
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	p->tls = tls_new((struct tls_context *)ctx, TLS_DIALS, on_send, p);
	SSL_CTX_free(ctx);
	send_over(id, (const int[]){wire[1], plain[1]}, 2, slice_of(NULL, 0));
	close(wire[1]);
	close(plain[1]);
}

static void shake(struct player *p)
{
	hear(p);
	RUN_UNTIL((hear(p), tls_is_up(p->tls)));
	wait_for(TLS_UP);
}

static void player_free(struct player *p)
{
	tls_free(p->tls);
	buf_free(&p->heard);
	if (p->wire >= 0)
		close(p->wire);
	if (p->plain >= 0)
		close(p->plain);
}

static void certificates_are_taken_and_bad_ones_are_not(void **state UNUSED)
{
	struct said *s = wait_for(TLS_HELLO);

	assert_int_equal(s->m.number, TLS_PROTOCOL_VERSION);
	s = use("/nowhere/c", key, 1);
	assert_int_equal(s->m.kind, 0);
	assert_string_equal(s->text[0], "certificate main: /nowhere/c: No such file or directory");
	assert_null(speaker.context);
	s = use(chain, key, 2);
	assert_int_equal(s->m.kind, 1);
	assert_int_equal(s->m.number, 2);
	assert_string_equal(wait_for(TLS_CERTIFICATE_IS)->text[1], "localhost");
	struct tls_context *kept = speaker.context;
	assert_non_null(kept);
	s = use(chain, chain, 3);
	assert_int_equal(s->m.kind, 0);
	assert_non_null(strstr(s->text[0], "others may read it"));
	say(&(struct tls_message){.type = TLS_USE, .number = 4});
	assert_int_equal(wait_for(TLS_USED)->m.kind, 0); /* none was named */
	assert_ptr_equal(speaker.context, kept);
}

static void who_cannot_be_served_is_refused_by_name(void **state UNUSED)
{
	struct player p, q, r;
	struct said *s;

	connect_player(&p, 1);
	s = wait_for(TLS_ENDED_BY);
	assert_int_equal(s->m.kind, TLS_FAULT_NO_CERTIFICATE);
	player_free(&p);
	use(chain, key, 1);
	send_over(7, NULL, 0, slice_of(NULL, 0)); /* no room for its descriptors */
	s = wait_for(TLS_ENDED_BY);
	assert_int_equal(s->m.id, 7);
	assert_int_equal(s->m.kind, TLS_FAULT_NO_ROOM);
	connect_player(&p, 1);
	connect_player(&q, 2);
	connect_player(&r, 3); /* one more than max */
	s = wait_for(TLS_ENDED_BY);
	assert_int_equal(s->m.id, 3);
	assert_int_equal(s->m.kind, TLS_FAULT_NO_ROOM);
	player_free(&r);
	close(p.wire);
	p.wire = -1;
	s = wait_for(TLS_ENDED_BY);
	assert_int_equal(s->m.kind, TLS_FAULT_LEFT);
	player_free(&p);
	player_free(&q);
	RUN_UNTIL(speaker.count == 0);
}

/* Lines that are all different, so that one lost or out of order is seen. */
static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

static void whoever_does_not_read_is_waited_for_in_bounds(void **state UNUSED)
{
	enum { MUCH = 1 << 20 };
	size_t sent = 0, got = 0;
	struct session *session;
	uint32_t id = 5;
	struct player p;

	use(chain, key, 1);
	connect_player(&p, id);
	shake(&p);
	HASH_FIND(by_id, speaker.by_id, &id, sizeof id, session);
	/* The multiplexer speaks, the player does not read. */
	for (int idle = 0; sent < MUCH && idle < 300; idle++) {
		uint8_t bytes[1000];

		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = byte_at(sent + i);
		ssize_t n = write(p.plain, bytes, sizeof bytes);
		if (n > 0) {
			sent += (size_t)n;
			idle = 0;
		}
		run_turn();
		assert_true(session->wire.queued <= SESSION_HIGH + 20 * 1024);
	}
	assert_true(sent < MUCH);
	RUN_UNTIL((hear(&p), p.heard.len == sent));
	for (size_t i = 0; i < sent; i++)
		assert_int_equal(buf_bytes(&p.heard).at[i], byte_at(i));
	/* The player speaks, the multiplexer does not read. */
	size_t most = 0;
	sent = 0;
	int idle = 0;
	int flags = fcntl(p.wire, F_GETFL);
	assert_true((flags & O_NONBLOCK) != 0);
	struct buf out = {0};
	while (idle < 300) {
		uint8_t bytes[1000];
		struct slice rest;
		ssize_t n;

		if (out.len == 0 && sent < MUCH) {
			int real = p.wire, pipe_ends[2];

			/* Records into a pipe first: the socket may take only a part. */
			assert_int_equal(pipe2(pipe_ends, O_NONBLOCK | O_CLOEXEC), 0);
			p.wire = pipe_ends[1];
			for (size_t i = 0; i < sizeof bytes; i++)
				bytes[i] = byte_at(sent + i);
			assert_true(tls_write(p.tls, slice_of(bytes, sizeof bytes)));
			uint8_t record[2000];
			n = read(pipe_ends[0], record, sizeof record);
			assert_true(buf_add(&out, slice_of(record, (size_t)n)));
			close(pipe_ends[0]);
			close(pipe_ends[1]);
			p.wire = real;
			sent += sizeof bytes;
		}
		rest = buf_bytes(&out);
		n = rest.len > 0 ? write(p.wire, rest.at, rest.len) : -1;
		idle = n > 0 ? 0 : idle + 1;
		buf_eat(&out, n > 0 ? (size_t)n : 0);
		run_turn();
		if (session->plain.queued > most)
			most = session->plain.queued;
	}
	assert_true(sent < MUCH && out.len > 0);
	assert_true(most <= SESSION_HIGH + 16 * 1024);
	for (int turns = 0; turns < 20000 && got < sent - 1000; turns++) {
		uint8_t bytes[4096];
		ssize_t n = read(p.plain, bytes, sizeof bytes);

		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(bytes[i], byte_at(got + (size_t)i));
		got += n > 0 ? (size_t)n : 0;
		n = out.len > 0 ? write(p.wire, buf_bytes(&out).at, out.len) : 0;
		buf_eat(&out, n > 0 ? (size_t)n : 0);
		run_turn();
	}
	assert_true(got >= sent - 1000);
	buf_free(&out);
	player_free(&p);
	RUN_UNTIL(speaker.count == 0);
}

static void last_words_get_through_when_the_multiplexer_is_gone(void **state UNUSED)
{
	struct player p;

	use(chain, key, 1);
	connect_player(&p, 9);
	shake(&p);
	assert_int_equal(write(p.plain, "goodbye", 7), 7);
	close(p.plain);
	p.plain = -1;
	channel_close(&ours);
	RUN_UNTIL((hear(&p), p.heard.len == 7));
	RUN_UNTIL((hear(&p), speaker.count == 0));
	RUN_UNTIL(uv_is_closing((uv_handle_t *)&speaker.clock));
	player_free(&p);
}

static void messages_keep_their_order_when_the_kernel_has_no_room(void **state UNUSED)
{
	enum { MANY = 3000 };
	struct player p;

	use(chain, key, 1);
	drained = false;
	for (uint32_t i = 0; i < MANY; i++)
		say(&(struct tls_message){.type = TLS_LEFT, .id = 100 + i});
	assert_true(ours.waits > 0);
	connect_player(&p, 4); /* its descriptors wait, too */
	assert_true(ours.waits > 0);
	shake(&p);
	assert_true(drained);
	assert_int_equal(ours.waits, 0);
	player_free(&p);
	RUN_UNTIL(speaker.count == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(certificates_are_taken_and_bad_ones_are_not),
		LOOP_TEST(who_cannot_be_served_is_refused_by_name),
		LOOP_TEST(whoever_does_not_read_is_waited_for_in_bounds),
		LOOP_TEST(last_words_get_through_when_the_multiplexer_is_gone),
		LOOP_TEST(messages_keep_their_order_when_the_kernel_has_no_room),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
