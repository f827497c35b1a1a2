#include "tests/unit/proto/support_ends.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* ---- a link that takes notes ---- */

static struct end *of(struct link *l)
{
	return container_of(l, struct end, l);
}

static void note(struct link *l, char letter)
{
	assert_true(buf_add_byte(&of(l)->seen, (uint8_t)letter));
	if (of(l)->close_on == letter) {
		link_close(l);
		link_close(l);
	}
}

static void on_up(struct link *l)
{
	note(l, 'U');
}

static bool on_message(struct link *l, const struct frame *f, struct refusal *why)
{
	struct end *e = of(l);
	uint8_t header[MSG_HEADER];

	e->messages++;
	e->turn_messages++;
	if (e->messages == e->refuse_at) {
		snprintf(why->text, sizeof why->text, "I do not like number %u", e->messages);
		return false;
	}
	if (e->messages == e->close_at)
		link_close(l); /* what f points to must still be there below */
	spell_header(MSG_HEADER + f->args.len, f->id, f->count, header);
	assert_true(buf_add(&e->came, slice_of(header, sizeof header)));
	assert_true(buf_add(&e->came, f->args));
	if (e->answer)
		assert_int_equal(link_send_i_am_alive(l, &(struct msg_i_am_alive){0}), !l->closing);
	if (e->messages <= 10)
		note(l, 'm');
	return true;
}

static void on_slow(struct link *l, bool slow)
{
	note(l, slow ? 'S' : 'D');
}

static void on_end(struct link *l, int status, const char *reason, bool refused)
{
	struct end *e = of(l);

	e->status = status;
	e->refused = refused;
	snprintf(e->reason, sizeof e->reason, "%s", reason);
	note(l, 'E');
}

/* Its memory is the owner's again: a task of it that still waits would now be run as garbage. */
static void on_closed(struct link *l)
{
	note(l, 'X');
	memset(l, 0x5a, sizeof *l);
}

const struct link_ops end_ops = {on_up, on_message, on_slow, on_end, on_closed};

const char *seen(struct end *e)
{
	assert_true(buf_add_byte(&e->seen, '\0'));
	e->seen.len--;
	return (const char *)e->seen.mem + e->seen.start;
}

void end_close(struct end *e)
{
	if (strchr(seen(e), 'X') == NULL) {
		link_close(&e->l);
		link_close(&e->l);
	}
	RUN_UNTIL(strchr(seen(e), 'X') != NULL);
	run_turn();
	run_turn();
	assert_ptr_equal(strchr(seen(e), 'X'), seen(e) + strlen(seen(e)) - 1);
	buf_free(&e->seen);
	buf_free(&e->came);
}

/* ---- the two ways to one ---- */

static struct address new_address(void)
{
	static unsigned next;
	char text[ADDRESS_TEXT_MAX];
	struct address a;
	const char *why;

	snprintf(text, sizeof text, "unix:/tmp/holdfast-unit-link-%d-%u", (int)getpid(), next++);
	assert_true(address_parse(text, &a, &why));
	unlink(a.un.sun_path);
	return a;
}

static struct end *accepting;
static const struct linkkey *accepting_key;

static void on_connection(uv_stream_t *listening, int status)
{
	assert_int_equal(status, 0);
	assert_int_equal(
		link_accept(&accepting->l, &test_loop, listening, &end_ops, MSG_UP, accepting_key),
		0);
}

int end_accept(struct end *e)
{
	struct address a = new_address();
	uv_pipe_t listening;
	const char *why;
	int fd = address_listen(&a, 0600, &why);
	int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(e, 0, sizeof *e);
	accepting = e;
	accepting_key = NULL;
	assert_true(fd >= 0 && peer >= 0);
	assert_int_equal(uv_pipe_init(&test_loop.uv, &listening, 0), 0);
	assert_int_equal(uv_pipe_open(&listening, fd), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listening, 1, on_connection), 0);
	assert_int_equal(connect(peer, &a.sa, a.len), 0);
	RUN_UNTIL(e->l.up);
	uv_close((uv_handle_t *)&listening, NULL);
	run_turn();
	unlink(a.un.sun_path);
	return peer;
}

int end_dial(struct end *e)
{
	struct address a = new_address();
	const char *why;
	int fd = address_listen(&a, 0600, &why);

	memset(e, 0, sizeof *e);
	assert_true(fd >= 0);
	assert_int_equal(link_dial(&e->l, &test_loop, &a, &end_ops, MSG_DOWN, NULL), 0);
	assert_false(link_send_tick(&e->l, &(struct msg_tick){0})); /* not yet */
	RUN_UNTIL(e->l.up);
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(peer >= 0);
	close(fd);
	unlink(a.un.sun_path);
	return peer;
}

int end_accept_keyed(struct end *e, const struct linkkey *key)
{
	struct address a = new_address();
	uv_pipe_t listening;
	const char *why;
	int fd = address_listen(&a, 0600, &why);
	int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(e, 0, sizeof *e);
	accepting = e;
	accepting_key = key;
	assert_true(fd >= 0 && peer >= 0);
	assert_int_equal(uv_pipe_init(&test_loop.uv, &listening, 0), 0);
	assert_int_equal(uv_pipe_open(&listening, fd), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listening, 1, on_connection), 0);
	assert_int_equal(connect(peer, &a.sa, a.len), 0);
	RUN_UNTIL(e->l.stream.open);
	uv_close((uv_handle_t *)&listening, NULL);
	run_turn();
	unlink(a.un.sun_path);
	return peer;
}

static void on_pair_connection(uv_stream_t *listening, int status)
{
	assert_int_equal(status, 0);
	assert_int_equal(
		link_accept(&accepting->l, &test_loop, listening, &end_ops, MSG_UP, accepting_key),
		0);
	uv_close((uv_handle_t *)listening, NULL);
}

void ends_connect(struct end *dialled, const struct linkkey *dialled_key, struct end *accepted,
	const struct linkkey *accepted_key)
{
	static uv_tcp_t listening;
	struct address a;
	struct sockaddr_in name;
	int len = sizeof name;
	const char *why;

	memset(dialled, 0, sizeof *dialled);
	memset(accepted, 0, sizeof *accepted);
	accepting = accepted;
	accepting_key = accepted_key;
	assert_true(address_parse("127.0.0.1:0", &a, &why));
	assert_int_equal(uv_tcp_init(&test_loop.uv, &listening), 0);
	assert_int_equal(uv_tcp_bind(&listening, &a.sa, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&listening, 1, on_pair_connection), 0);
	assert_int_equal(uv_tcp_getsockname(&listening, (struct sockaddr *)&name, &len), 0);
	a.in.sin_port = name.sin_port;
	assert_int_equal(
		link_dial(&dialled->l, &test_loop, &a, &end_ops, MSG_DOWN, dialled_key), 0);
	RUN_UNTIL(accepted->l.stream.open);
}

/* ---- the bare socket ---- */

void push(int fd, struct slice bytes)
{
	int turns_left = 200000;

	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);

		if (n > 0)
			bytes = slice_from(bytes, (size_t)n);
		else
			assert_int_equal(errno, EAGAIN);
		if (bytes.len > 0)
			run_turn();
		assert_true(turns_left-- > 0);
	}
}

/* True at the end of file. */
static bool pull_some(int fd, struct buf *got, size_t most)
{
	static uint8_t room[65536];
	ssize_t n = recv(fd, room, size_min(sizeof room, most), 0);

	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	if (n > 0)
		assert_true(buf_add(got, slice_of(room, (size_t)n)));
	return n == 0;
}

void pull(int fd, struct buf *got, size_t len)
{
	while (got->len < len) {
		size_t before = got->len;

		assert_false(pull_some(fd, got, len - got->len));
		if (got->len == before)
			RUN_UNTIL(recv(fd, &(char){0}, 1, MSG_PEEK) >= 0);
	}
}

void pull_all(int fd, struct buf *got)
{
	int turns_left = 20000;

	while (!pull_some(fd, got, SIZE_MAX)) {
		run_turn();
		assert_true(turns_left-- > 0);
	}
}

void add_text(struct buf *b, uint32_t n, size_t len)
{
	static uint8_t text[MSG_PAYLOAD_MAX], out[MSG_MAX];
	struct value values[2] = {{.key = clientkey_of(n, 1)}, {.bytes = slice_of(text, len)}};

	memset(text, (int)('a' + n % 26), len);
	assert_true(
		buf_add(b, slice_of(out, spell(message_of(MSG_GOT_SUBCLIENT_TEXT), values, out))));
}
