/* A second opinion: Debian's wslay is given the same bytes. Where the two differ on purpose, it is
 * said why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <wslay/wslay.h>

#include "multiplexer/websocket.h"
#include "tests/unit/multiplexer/support_websocket.h"

struct peer {
	struct slice in;
	struct buf got; /* "opcode payload|" of each message */
	struct buf out;
};

static void note(struct buf *got, unsigned opcode, struct slice payload)
{
	assert_true(
		buf_addf(got, "%u ", opcode) && buf_add(got, payload) && buf_add_byte(got, '|'));
}

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *user)
{
	struct peer *p = user;
	size_t n = size_min(len, p->in.len);

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(buf, p->in.at, n);
	p->in = slice_from(p->in, n);
	return (ssize_t)n;
}

static ssize_t on_send(
	wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *user)
{
	(void)ctx;
	(void)flags;
	assert_true(buf_add(&((struct peer *)user)->out, slice_of(data, len)));
	return (ssize_t)len;
}

static void on_msg(
	wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
	(void)ctx;
	note(&((struct peer *)user)->got, arg->opcode, slice_of(arg->msg, arg->msg_length));
}

/* The code of the Close frame that it answers with; 0: none. */
static unsigned close_code(const struct buf *out)
{
	struct slice bytes = buf_bytes(out);

	while (bytes.len >= 2) { /* it sends nothing long: pongs and a Close */
		if (bytes.at[0] == 0x88)
			return bytes.at[1] >= 2 ? (unsigned)bytes.at[2] << 8 | bytes.at[3] : 1005;
		bytes = slice_from(bytes, 2u + bytes.at[1]);
	}
	return 0;
}

static unsigned ask_wslay(struct slice bytes, struct buf *got)
{
	const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_recv, .send_callback = on_send, .on_msg_recv_callback = on_msg};
	struct peer p = {.in = bytes};
	wslay_event_context_ptr ctx;
	unsigned code;

	assert_int_equal(wslay_event_context_server_init(&ctx, &callbacks, &p), 0);
	wslay_event_config_set_max_recv_msg_length(ctx, WEBSOCKET_MESSAGE_MAX);
	while (wslay_event_want_read(ctx) && p.in.len > 0)
		if (wslay_event_recv(ctx) != 0)
			break;
	while (wslay_event_want_write(ctx))
		assert_int_equal(wslay_event_send(ctx), 0);
	code = close_code(&p.out);
	wslay_event_context_free(ctx);
	*got = p.got;
	buf_free(&p.out);
	return code;
}

static unsigned ask_ours(struct slice bytes, struct buf *got, enum websocket_fault *fault)
{
	struct websocket w = {0};
	unsigned code = 0;

	while (code == 0) {
		enum websocket_step step = websocket_feed(&w, &bytes);

		if (step == WEBSOCKET_GIVE_MORE)
			break;
		if (step == WEBSOCKET_BAD) {
			code = websocket_fault_code(w.fault);
			break;
		}
		if (w.opcode != WEBSOCKET_CLOSE) {
			note(got, w.opcode, w.payload);
			continue;
		}
		code = w.close_code;
		note(got, w.opcode, code == 1005 ? w.payload : slice_of(w.control, w.control_len));
	}
	*fault = w.fault;
	websocket_free(&w);
	return code;
}

static bool is_of_close(enum websocket_fault fault)
{
	return fault == WEBSOCKET_FAULT_CLOSE_SHORT || fault == WEBSOCKET_FAULT_CLOSE_CODE ||
	       fault == WEBSOCKET_FAULT_CLOSE_UTF8;
}

/* The same end, or one of the differences that are meant. */
static bool same_end(unsigned ours, unsigned theirs, enum websocket_fault fault)
{
	if (ours == theirs || fault == WEBSOCKET_FAULT_FRAGMENTS)
		return true; /* wslay has no limit of fragments */
	if (fault == WEBSOCKET_FAULT_NONE)
		return ours >= 1012 && ours <= 1014 && theirs == 1002; /* registered since */
	if (fault == WEBSOCKET_FAULT_CLOSE_CODE && theirs == 1007)
		return true;   /* the reason was no UTF-8 either */
	return theirs == 1005; /* some faults it answers without saying which */
}

/* True when both agree. */
static bool compare(struct slice bytes, const char *name)
{
	struct buf ours = {0}, theirs = {0}, padded = {0};
	enum websocket_fault fault;
	unsigned our_code = ask_ours(bytes, &ours, &fault), their_code;

	/* wslay judges a head when all of it is there, we at each of its bytes. */
	assert_true(buf_add(&padded, bytes));
	if (fault != WEBSOCKET_FAULT_NONE && fault != WEBSOCKET_FAULT_FRAGMENTS)
		assert_true(buf_add(&padded, slice_of("\0\0\0\0\0\0\0\0\0\0\0\0\0", 14)));
	their_code = ask_wslay(buf_bytes(&padded), &theirs);
	/* It shows a Close before it looks into it. */
	bool is_new = fault == WEBSOCKET_FAULT_NONE && our_code != their_code;
	size_t len = is_of_close(fault) ? ours.len : theirs.len;
	bool same = same_end(our_code, their_code, fault) &&
		    (is_new || fault == WEBSOCKET_FAULT_FRAGMENTS ||
			    (theirs.len >= len &&
				    slice_is(buf_bytes(&ours), slice_of(theirs.mem, len))));

	if (!same)
		for (size_t i = 0; i < bytes.len && i < 200; i++)
			print_error("%02x%s", bytes.at[i], i + 1 < bytes.len ? " " : "\n");
	if (!same)
		print_error("%s: we %u (%s) after %.*s, wslay %u after %.*s\n", name, our_code,
			websocket_fault_name(fault), (int)size_min(ours.len, 100),
			ours.len > 0 ? (const char *)ours.mem : "", their_code,
			(int)size_min(theirs.len, 100),
			theirs.len > 0 ? (const char *)theirs.mem : "");
	buf_free(&ours);
	buf_free(&theirs);
	buf_free(&padded);
	return same;
}

static void wslay_agrees_on_every_case(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < websocket_cases; i++) {
		struct buf bytes = {0};

		for (size_t n = 0; n < websocket_case[i].count; n++)
			add_frame(&bytes, &websocket_case[i].frames[n]);
		bad += !compare(buf_bytes(&bytes), websocket_case[i].name);
		buf_free(&bytes);
	}
	assert_int_equal(bad, 0);
}

static uint32_t seed = 1;

static uint32_t some(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

/* A few frames that are mostly right, and now and then a byte that is not. */
static void add_random(struct buf *b)
{
	static const uint8_t flags[] = {
		0x81, 0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x80, 0x89, 0x8a, 0x88, 0x83, 0x91, 0x09};
	static const char *const texts[] = {"", "a", "hello", "\xc3\xa4", "\xf0\x9f\x98\x80",
		"\xf0\x9f", "\x98\x80", "\x03\xe8", "\x03\xe8\x62ye", /* bye */
		"\x03\xed", "\xed\xa0\x80", "\xff"};

	for (uint32_t n = 1 + some(6); n > 0; n--) {
		const char *text = texts[some(ARRAY_LEN(texts))];
		struct frame f = {flags[some(ARRAY_LEN(flags))], text, strlen(text), false};

		if (some(20) == 0)
			f = (struct frame){f.flags, NULL, some(5000), false};
		add_frame(b, &f);
	}
	if (some(8) == 0)
		b->mem[b->start + some((uint32_t)b->len)] ^= (uint8_t)(1u << some(8));
	if (some(8) == 0)
		b->len -= some((uint32_t)b->len);
}

static void wslay_agrees_on_a_hundred_thousand_random_streams(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (int i = 0; i < 100000 && bad < 20; i++) {
		struct buf bytes = {0};
		char name[32];

		snprintf(name, sizeof name, "stream %d", i);
		add_random(&bytes);
		bad += !compare(buf_bytes(&bytes), name);
		buf_free(&bytes);
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wslay_agrees_on_every_case),
		cmocka_unit_test(wslay_agrees_on_a_hundred_thousand_random_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
