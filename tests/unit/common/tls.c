#include "common/tls.h"

#include <openssl/ssl.h>

#include "common/buf.h"
#include "tests/unit/common/support_common.h"

/* One end: what it wants to send, what it has understood, and how that ended. */
struct side {
	struct tls *tls;
	struct buf wire, plain;
	enum tls_result last;
	bool no_memory; /* send fails */
};

static struct tls_context *context;

static bool on_send(void *owner, struct slice wire)
{
	struct side *s = owner;

	return !s->no_memory && buf_add(&s->wire, wire);
}

static struct side side_new(struct tls_context *c, enum tls_role role)
{
	struct side s = {.last = TLS_MORE, .tls = tls_new(c, role, on_send, NULL)};

	assert_non_null(s.tls);
	return s;
}

static void side_free(struct side *s)
{
	tls_free(s->tls);
	buf_free(&s->wire);
	buf_free(&s->plain);
}

/* Gives wire bytes to a side, room bytes of plain text at a time. */
static void feed(struct side *s, struct slice wire, size_t room_len)
{
	uint8_t room[TLS_RECORD_MAX];
	size_t got;

	do {
		s->last = tls_read(s->tls, &wire, room, room_len, &got);
		assert_true((s->last == TLS_BYTES) == (got > 0));
		assert_true(buf_add(&s->plain, slice_of(room, got)));
	} while (s->last == TLS_BYTES);
	if (s->last == TLS_MORE)
		assert_int_equal(wire.len, 0);
}

/* Carries what both want to send to the other, in pieces, until neither has anything. */
static void carry(struct side *a, struct side *b, size_t piece)
{
	feed(a, slice_of(NULL, 0), TLS_RECORD_MAX);
	while (a->wire.len > 0 || b->wire.len > 0) {
		struct side *from = a->wire.len > 0 ? a : b, *to = from == a ? b : a;
		uint8_t bytes[TLS_RECORD_MAX];
		size_t n = size_min(size_min(piece, from->wire.len), sizeof bytes);

		memcpy(bytes, buf_bytes(&from->wire).at, n);
		buf_eat(&from->wire, n);
		feed(to, slice_of(bytes, n), TLS_RECORD_MAX);
	}
}

static void owners(struct side *a, struct side *b)
{
	/* The owner is known only where the side lies: make both anew in their places. */
	tls_free(a->tls);
	tls_free(b->tls);
	a->tls = tls_new(context, TLS_DIALS, on_send, a);
	b->tls = tls_new(context, TLS_ACCEPTS, on_send, b);
}

static void pair(struct side *a, struct side *b)
{
	*a = side_new(context, TLS_DIALS);
	*b = side_new(context, TLS_ACCEPTS);
	owners(a, b);
}

static int open_context(void **state UNUSED)
{
	static const uint8_t secret[32] = {1, 2, 3};
	const char *why;

	context = tls_context_psk("game", slice_of(secret, sizeof secret), &why);
	return context == NULL;
}

static int close_context(void **state UNUSED)
{
	tls_context_free(context);
	return 0;
}

static void two_who_have_the_key_understand_each_other(void **state UNUSED)
{
	struct side a, b;

	pair(&a, &b);
	assert_false(tls_is_up(a.tls));
	assert_false(tls_write(a.tls, slice_text("too early")));
	carry(&a, &b, SIZE_MAX);
	if (!tls_is_up(a.tls) || !tls_is_up(b.tls))
		fail_msg("'%s' and '%s'", tls_why(a.tls), tls_why(b.tls));
	assert_true(tls_write(a.tls, slice_text("hello")));
	assert_true(tls_write(b.tls, slice_text("hello yourself")));
	carry(&a, &b, SIZE_MAX);
	assert_true(slice_is(buf_bytes(&b.plain), slice_text("hello")));
	assert_true(slice_is(buf_bytes(&a.plain), slice_text("hello yourself")));
	side_free(&a);
	side_free(&b);
}

static void every_split_of_the_wire_gives_the_same(void **state UNUSED)
{
	for (size_t piece = 1; piece < 400; piece = piece < 40 ? piece + 1 : piece * 2) {
		static uint8_t much[40000];
		struct side a, b;

		for (size_t i = 0; i < sizeof much; i++)
			much[i] = (uint8_t)(i * 7 + i / 256);
		pair(&a, &b);
		carry(&a, &b, piece);
		assert_true(tls_write(a.tls, slice_of(much, sizeof much)));
		assert_true(tls_write(b.tls, slice_of(much, sizeof much)));
		carry(&a, &b, piece * 50);
		assert_true(slice_is(buf_bytes(&b.plain), slice_of(much, sizeof much)));
		assert_true(slice_is(buf_bytes(&a.plain), slice_of(much, sizeof much)));
		side_free(&a);
		side_free(&b);
	}
}

/* Where the first flight is cut in two: at every single byte. */
static void the_first_flight_may_be_cut_anywhere(void **state UNUSED)
{
	size_t cut = 1, len = SIZE_MAX;

	for (; cut < len; cut++) {
		struct side a, b;
		uint8_t flight[TLS_RECORD_MAX];

		pair(&a, &b);
		feed(&a, slice_of(NULL, 0), TLS_RECORD_MAX);
		len = a.wire.len;
		memcpy(flight, buf_bytes(&a.wire).at, len);
		buf_eat(&a.wire, len);
		feed(&b, slice_of(flight, cut), TLS_RECORD_MAX);
		assert_int_equal(b.last, TLS_MORE);
		assert_int_equal(b.wire.len, 0); /* an unproved peer is told nothing */
		feed(&b, slice_of(flight + cut, len - cut), TLS_RECORD_MAX);
		carry(&a, &b, SIZE_MAX);
		assert_true(tls_is_up(a.tls) && tls_is_up(b.tls));
		side_free(&a);
		side_free(&b);
	}
	assert_true(cut > 100);
}

static void plain_text_comes_in_pieces_that_fit_the_room(void **state UNUSED)
{
	struct side a, b;

	pair(&a, &b);
	carry(&a, &b, SIZE_MAX);
	assert_true(tls_write(a.tls, slice_text("0123456789")));
	feed(&b, buf_bytes(&a.wire), 3);
	assert_true(slice_is(buf_bytes(&b.plain), slice_text("0123456789")));
	side_free(&a);
	side_free(&b);
}

static void another_key(const char *identity, uint8_t first, const char *here, const char *there)
{
	uint8_t secret[32] = {first, 2, 3};
	const char *why;
	struct tls_context *other =
		tls_context_psk(identity, slice_of(secret, sizeof secret), &why);
	struct side a, b;

	pair(&a, &b);
	tls_free(a.tls);
	a.tls = tls_new(other, TLS_DIALS, on_send, &a);
	tls_context_free(other); /* the session goes on */
	carry(&a, &b, SIZE_MAX);
	assert_int_equal(b.last, TLS_FAULT);
	assert_int_equal(a.last, TLS_FAULT);
	assert_false(tls_is_up(a.tls) || tls_is_up(b.tls));
	if (strstr(tls_why(a.tls), here) == NULL || strstr(tls_why(b.tls), there) == NULL)
		fail_msg("'%s' and '%s'", tls_why(a.tls), tls_why(b.tls));
	assert_false(tls_write(a.tls, slice_text("x")));
	tls_finish(b.tls);
	feed(&b, slice_text("more"), 10);
	assert_int_equal(b.last, TLS_FAULT);
	side_free(&a);
	side_free(&b);
}

static void a_wrong_secret_is_refused_on_both_sides(void **state UNUSED)
{
	another_key("game", 99, "another key by the same name", "another key by the same name");
}

static void a_wrong_identity_is_refused_on_both_sides(void **state UNUSED)
{
	another_key("other", 1, "no key, or one by another name", "no key, or one by another name");
}

static void what_is_no_tls_is_refused(void **state UNUSED)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\nHost: game\r\n\r\n",
		"\x04\x00\x0e",
		"look\r\nlook\r\nlook\r\n",
		"SSH-2.0-OpenSSH_9.2p1\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct side a, b;

		pair(&a, &b);
		feed(&b, slice_text(texts[i]), 100);
		if (b.last == TLS_MORE) /* three bytes may yet become a record */
			feed(&b, slice_text("\0\0\0\0\0"), 100),
				feed(&b, slice_of("\0\0\0\0\0", 5), 9);
		assert_int_equal(b.last, TLS_FAULT);
		if (strstr(tls_why(b.tls), "does not speak TLS") == NULL)
			fail_msg("%s", tls_why(b.tls));
		side_free(&a);
		side_free(&b);
	}
}

static void a_byte_that_was_changed_on_the_way_is_a_fault(void **state UNUSED)
{
	struct side a, b;
	uint8_t record[200];

	pair(&a, &b);
	carry(&a, &b, SIZE_MAX);
	assert_true(tls_write(a.tls, slice_text("give 10 coins")));
	size_t len = a.wire.len;
	memcpy(record, buf_bytes(&a.wire).at, len);
	record[8] ^= 1;
	feed(&b, slice_of(record, len), 100);
	assert_int_equal(b.last, TLS_FAULT);
	assert_int_equal(b.plain.len, 0);
	side_free(&a);
	side_free(&b);
}

static void the_end_is_said_and_the_other_side_may_still_speak(void **state UNUSED)
{
	struct side a, b;

	pair(&a, &b);
	carry(&a, &b, SIZE_MAX);
	assert_true(tls_write(a.tls, slice_text("bye")));
	tls_finish(a.tls);
	tls_finish(a.tls);
	feed(&b, buf_bytes(&a.wire), 100);
	assert_int_equal(b.last, TLS_ENDED);
	assert_true(slice_is(buf_bytes(&b.plain), slice_text("bye")));
	feed(&b, slice_text("after the end"), 100);
	assert_int_equal(b.last, TLS_ENDED);
	assert_true(tls_write(b.tls, slice_text("goodbye")));
	tls_finish(b.tls);
	feed(&a, buf_bytes(&b.wire), 100);
	assert_int_equal(a.last, TLS_ENDED);
	assert_true(slice_is(buf_bytes(&a.plain), slice_text("goodbye")));
	side_free(&a);
	side_free(&b);
}

static void without_memory_for_the_wire_it_is_at_fault(void **state UNUSED)
{
	struct side a, b;

	pair(&a, &b);
	carry(&a, &b, SIZE_MAX);
	a.no_memory = true;
	assert_false(tls_write(a.tls, slice_text("x")));
	assert_false(tls_is_up(a.tls));
	feed(&a, slice_of(NULL, 0), 10);
	assert_int_equal(a.last, TLS_FAULT);
	side_free(&a);
	side_free(&b);
}

/* Through OpenSSL's own ideas of what a client is. */
static enum tls_result foreign_client(void (*prepare)(SSL_CTX *), const char *why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct side a, b;

	pair(&a, &b);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	prepare(ctx);
	tls_free(a.tls);
	a.tls = tls_new((struct tls_context *)ctx, TLS_DIALS, on_send, &a);
	SSL_CTX_free(ctx);
	carry(&a, &b, SIZE_MAX);
	if (strstr(tls_why(b.tls), why) == NULL)
		fail_msg("%s", tls_why(b.tls));
	assert_false(tls_is_up(b.tls));
	enum tls_result last = b.last;
	side_free(&a);
	side_free(&b);
	return last;
}

static void prepare_1_2(SSL_CTX *ctx)
{
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
}

static void prepare_nothing(SSL_CTX *ctx UNUSED)
{
}

static void a_client_without_a_key_or_without_tls_1_3_is_refused(void **state UNUSED)
{
	assert_int_equal(foreign_client(prepare_1_2, "does not speak TLS 1.3"), TLS_FAULT);
	assert_int_equal(foreign_client(prepare_nothing, "it has no key"), TLS_FAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_who_have_the_key_understand_each_other),
		cmocka_unit_test(every_split_of_the_wire_gives_the_same),
		cmocka_unit_test(the_first_flight_may_be_cut_anywhere),
		cmocka_unit_test(plain_text_comes_in_pieces_that_fit_the_room),
		cmocka_unit_test(a_wrong_secret_is_refused_on_both_sides),
		cmocka_unit_test(a_wrong_identity_is_refused_on_both_sides),
		cmocka_unit_test(what_is_no_tls_is_refused),
		cmocka_unit_test(a_byte_that_was_changed_on_the_way_is_a_fault),
		cmocka_unit_test(the_end_is_said_and_the_other_side_may_still_speak),
		cmocka_unit_test(without_memory_for_the_wire_it_is_at_fault),
		cmocka_unit_test(a_client_without_a_key_or_without_tls_1_3_is_refused),
	};

	return cmocka_run_group_tests(tests, open_context, close_context);
}
