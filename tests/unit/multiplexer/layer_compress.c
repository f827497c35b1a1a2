#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <malloc.h>
#include <zlib.h>

#include "tests/unit/multiplexer/support_layers.h"

#define DO_MCCP2 "\xff\xfd\x56"
#define START    "\xff\xfa\x56\xff\xf0"

/* A client that has just been compressed; what came before is eaten. */
static void compressed_user(struct rig *r)
{
	rig_open_telnet(r, "telnet-line", NEGOTIATE_ON_TELNET);
	rig_type(r, BYTES(DO_MCCP2));
	assert_true(r->down.len > 8);
	assert_memory_equal(buf_bytes(&r->down).at + r->down.len - 8, "\xff\xfb\x56" START, 8);
	buf_eat(&r->down, r->down.len);
	assert_true(compress_is_on(&r->layers));
	assert_int_equal(r->house.compressed, 1);
}

/* Inflates all that came down; what lies behind the end of the stream stays. */
static struct slice inflated(z_stream *z, struct rig *r, int *status)
{
	static uint8_t out[1 << 20];
	struct slice in = buf_bytes(&r->down);

	z->next_in = (uint8_t *)(uintptr_t)in.at;
	z->avail_in = (unsigned)in.len;
	z->next_out = out;
	z->avail_out = sizeof out;
	*status = in.len > 0 ? inflate(z, Z_SYNC_FLUSH) : Z_OK;
	buf_eat(&r->down, r->down.len - z->avail_in);
	return slice_of(out, sizeof out - z->avail_out);
}

static void one_turn_is_one_flush_and_comes_out_whole(void **state)
{
	struct rig r;
	z_stream z = {0};
	int status;

	(void)state;
	inflateInit(&z);
	compressed_user(&r);
	for (int turn = 0; turn < 50; turn++) {
		struct buf said = {0};

		for (int i = 0; i < 20; i++) {
			char line[60];

			snprintf(line, sizeof line, "line %d of turn %d: \xff\r\n", i, turn);
			rig_send(&r, slice_text(line));
			buf_addf(&said, "line %d of turn %d: \xff\xff\r\n", i, turn);
		}
		assert_true(r.down.len < 10); /* the head of the stream at most */
		layers_flush(&r.layers, false);
		assert_true(slice_is(inflated(&z, &r, &status), buf_bytes(&said)));
		assert_int_equal(status, Z_OK);
		buf_free(&said);
	}
	assert_true(r.house.compressed_bytes * 3 < r.house.plain_bytes);
	layers_flush(&r.layers, true);
	assert_int_equal(inflated(&z, &r, &status).len, 0);
	assert_int_equal(status, Z_STREAM_END);
	assert_int_equal(r.house.compressed, 0);
	rig_send(&r, BYTES("plain\r\n"));
	assert_down(&r, BYTES("plain\r\n"));
	inflateEnd(&z);
	rig_close(&r);
}

static void nothing_said_is_nothing_flushed(void **state)
{
	struct rig r;

	(void)state;
	compressed_user(&r);
	layers_flush(&r.layers, false);
	layers_flush(&r.layers, false);
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

static void what_waits_is_counted_before_compression(void **state)
{
	struct rig r;
	static char text[1000];
	uint64_t sent, first;

	(void)state;
	memset(text, 'x', sizeof text);
	rig_open_telnet(&r, "telnet-line", NEGOTIATE_ON_TELNET);
	rig_type(&r, BYTES(DO_MCCP2));
	sent = r.down.len;
	assert_int_equal(compress_waits(&r.layers, sent), 0);
	rig_send(&r, slice_of(text, sizeof text));
	assert_int_equal(compress_waits(&r.layers, sent), 1000);
	layers_flush(&r.layers, false);
	first = r.down.len;
	assert_true(first - sent < 100);
	assert_int_equal(compress_waits(&r.layers, first - 1), 1000);
	for (int i = 0; i < 100; i++) {
		rig_send(&r, slice_of(text, sizeof text));
		layers_flush(&r.layers, false);
		assert_int_equal(compress_waits(&r.layers, first - 1), 1000 * (i + 2));
	}
	/* Of what was taken together at the end all waits until all of it has gone: never too little. */
	size_t waits = compress_waits(&r.layers, r.down.len - 1);
	assert_true(waits > 0 && waits <= 100 * 1000);
	assert_int_equal(compress_waits(&r.layers, r.down.len), 0);
	rig_close(&r);
}

static void broadcasts_stay_shared_for_those_who_are_not_compressed(void **state)
{
	struct rig r;

	(void)state;
	rig_open_telnet(&r, "telnet-line", NEGOTIATE_ON_TELNET);
	rig_type(&r, BYTES("\xff\xf1"));
	rig_send(&r, BYTES("to all\r\n"));
	assert_int_equal(r.shared_as_is, 1);
	rig_close(&r);
}

static void at_the_cap_nobody_more_is_compressed(void **state)
{
	struct rig r;

	(void)state;
	rig_open_telnet(&r, "telnet-line", NEGOTIATE_ON_TELNET);
	r.house.compressed_max = 0;
	rig_type(&r, BYTES("\xff\xfc\x18"));
	assert_null(memmem(buf_bytes(&r.down).at, r.down.len, "\xff\xfb\x56", 3));
	buf_eat(&r.down, r.down.len);
	rig_type(&r, BYTES(DO_MCCP2));
	assert_down(&r, BYTES("\xff\xfc\x56"));
	rig_close(&r);
}

/* Somebody else took the last place between our offer and his answer. */
static void an_offer_that_cannot_be_kept_is_taken_back(void **state)
{
	struct rig r;

	(void)state;
	rig_open_telnet(&r, "telnet-line", NEGOTIATE_ON_TELNET);
	rig_type(&r, BYTES("\xff\xfc\x18"));
	assert_non_null(memmem(buf_bytes(&r.down).at, r.down.len, "\xff\xfb\x56", 3));
	buf_eat(&r.down, r.down.len);
	r.house.compressed_max = 0;
	rig_type(&r, BYTES(DO_MCCP2));
	assert_down(&r, BYTES("\xff\xfc\x56"));
	rig_type(&r, BYTES("\xff\xfe\x56"));
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

static size_t in_use(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* Row B12, and what a user costs who has shown telnet. The sanitizer's malloc does not count. */
static void a_user_costs_what_was_promised(void **state)
{
	enum { USERS = 100 };
	static struct rig r[USERS];
	size_t before = in_use(), plain, telnet;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	for (int i = 0; i < USERS; i++)
		rig_open_telnet(&r[i], "telnet-line", NEGOTIATE_ALWAYS);
	for (int i = 0; i < USERS; i++)
		buf_free(&r[i].down);
	plain = (in_use() - before) / USERS;
	for (int i = 0; i < USERS; i++) {
		rig_type(&r[i],
			BYTES("\xff\xfb\x18\xff\xfa\x18\0TINTIN++\xff\xf0\xff\xfb\x1f\xff\xfa\x1f"
			      "\0\x50\0\x18\xff\xf0"));
		buf_free(&r[i].down);
		buf_free(&r[i].told);
	}
	telnet = (in_use() - before) / USERS;
	for (int i = 0; i < USERS; i++) {
		r[i].house.compressed_max = 1;
		rig_type(&r[i], BYTES(DO_MCCP2));
		buf_free(&r[i].down);
	}
	size_t compressed = (in_use() - before) / USERS;
	print_message("layers of a user: plain %zu bytes, telnet %zu, compressed %zu\n", plain,
		telnet, compressed);
	assert_true(plain < 200);
	assert_true(telnet < 1000);
	assert_true(compressed < 48 * 1024 + 1000);
	for (int i = 0; i < USERS; i++)
		rig_close(&r[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_turn_is_one_flush_and_comes_out_whole),
		cmocka_unit_test(nothing_said_is_nothing_flushed),
		cmocka_unit_test(what_waits_is_counted_before_compression),
		cmocka_unit_test(broadcasts_stay_shared_for_those_who_are_not_compressed),
		cmocka_unit_test(at_the_cap_nobody_more_is_compressed),
		cmocka_unit_test(an_offer_that_cannot_be_kept_is_taken_back),
		cmocka_unit_test(a_user_costs_what_was_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
