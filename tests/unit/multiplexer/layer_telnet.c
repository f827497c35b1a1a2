#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/multiplexer/support_layers.h"

static void every_line_end_of_real_clients_ends_one_line(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	rig_type(&r, BYTES("telnet\r\nbare\nchar\r\0mac\rlast\n"));
	assert_up(&r, BYTES("telnet\nbare\nchar\nmac\nlast\n"));
	rig_type(&r, BYTES("\r\n\n\r"));
	assert_up(&r, BYTES("\n\n\n"));
	rig_close(&r);
}

static void a_doubled_255_is_one_byte_of_text_and_goes_out_doubled(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	rig_type(&r, BYTES("a\xff\xff"
			   "b\r\n"));
	assert_up(&r, BYTES("a\xff"
			    "b\n"));
	rig_send(&r, BYTES("\xff!\r\n"));
	assert_down(&r, BYTES("\xff\xff!\r\n"));
	rig_close(&r);
}

static void options_are_refused_and_answers_are_not_answered(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	rig_type(&r, BYTES("\xff\xfb\x18"
			   "\xff\xfd\x01"
			   "hi\r\n"));
	assert_down(&r, BYTES("\xff\xfe\x18"
			      "\xff\xfc\x01"));
	rig_type(&r, BYTES("\xff\xfc\x18"
			   "\xff\xfe\x01"));
	assert_down(&r, BYTES(""));
	assert_up(&r, BYTES("hi\n"));
	rig_close(&r);
}

static void a_timing_mark_is_answered_always(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	for (int i = 0; i < 500; i++) {
		rig_type(&r, BYTES("\xff\xf4\xff\xfd\x06"));
		assert_down(&r, BYTES("\xff\xfb\x06"));
	}
	rig_close(&r);
}

static void refusals_are_limited_to_64_a_second(void **state)
{
	struct rig r;
	uint8_t expected[64 * 3];

	(void)state;
	for (size_t i = 0; i < sizeof expected; i += 3)
		memcpy(expected + i, "\xff\xfe\x18", 3);
	rig_open(&r, "telnet-line");
	r.layers.now_ms = 5000;
	for (int i = 0; i < 100; i++)
		rig_type(&r, BYTES("\xff\xfb\x18"));
	assert_down(&r, slice_of(expected, sizeof expected));
	assert_int_equal(r.layers.dropped_replies, 36);
	r.layers.now_ms = 6000;
	rig_type(&r, BYTES("\xff\xfb\x18"));
	assert_down(&r, BYTES("\xff\xfe\x18"));
	rig_close(&r);
}

static void are_you_there_is_answered_once_a_second(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	r.layers.now_ms = 1;
	rig_type(&r, BYTES("\xff\xf6\xff\xf6\xff\xf6"));
	assert_down(&r, BYTES("[Yes, you are connected.]\r\n"));
	r.layers.now_ms = 1001;
	rig_type(&r, BYTES("\xff\xf6"));
	assert_down(&r, BYTES("[Yes, you are connected.]\r\n"));
	rig_close(&r);
}

static void a_subnegotiation_is_swallowed_whatever_it_holds(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	rig_type(&r, BYTES("a\xff\xfa\x18\x00xterm\xff\xff\r\n\xff\xf0"
			   "b\r\n"));
	assert_up(&r, BYTES("ab\n"));
	rig_type(&r, BYTES("\xff\xfa\x1f\x00\x50\xff\xfb\x18more\r\n"));
	assert_up(&r, BYTES("more\n"));
	assert_down(&r, BYTES("\xff\xfe\x18"));
	rig_close(&r);
}

static void an_endless_subnegotiation_ends_at_a_line_end_behind_its_limit(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	rig_type(&r, BYTES("\xff\xfa\xc9"));
	for (int i = 0; i < 100000; i++)
		rig_type(&r, BYTES("x"));
	rig_type(&r, BYTES("\r\nback\r\n"));
	assert_up(&r, BYTES("\nback\n"));
	rig_close(&r);
}

static void erase_character_and_erase_line_edit_what_is_typed(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	rig_type(&r, BYTES("lool\xff\xf7\xff\xf7ok\r\n"));
	assert_up(&r, BYTES("look\n"));
	rig_type(&r, BYTES("nonsense\xff\xf8"
			   "go\r\n"));
	assert_up(&r, BYTES("go\n"));
	rig_close(&r);
}

static void line_ends_are_mended_on_the_way_out(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	rig_send(&r, BYTES("a\nb\r\nc\rd"));
	assert_down(&r, BYTES("a\r\nb\r\nc\r\0d"));
	rig_send(&r, BYTES("x\r"));
	rig_send(&r, BYTES("\ny\r"));
	rig_send(&r, BYTES("z\r"));
	rig_send(&r, BYTES("\0w"));
	assert_down(&r, BYTES("x\r\ny\r\0z\r\0w"));
	rig_close(&r);
}

static void output_that_needs_no_mending_is_not_copied(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-line");
	rig_send(&r, BYTES("one line\r\nand a prompt> "));
	assert_int_equal(r.shared_as_is, 1);
	rig_send(&r, BYTES("bare\n"));
	assert_int_equal(r.shared_as_is, 1);
	rig_close(&r);
}

static void a_client_that_shows_no_telnet_is_sent_none(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-char");
	rig_type(&r, BYTES("GET / HTTP/1.1\r\n\r\n\0\x01\x02\xf0\xfe"));
	assert_false(r.layers.spoke_telnet);
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

static void character_mode_passes_each_key_and_agrees_to_suppress_go_ahead_once(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "telnet-char");
	rig_type(&r, BYTES("h"));
	assert_up(&r, BYTES("h"));
	rig_type(&r, BYTES("i\x7f\r\0"));
	assert_up(&r, BYTES("i\x7f\r\0"));
	rig_type(&r, BYTES("\xff\xfd\x03\xff\xfd\x03\xff\xfe\x03\xff\xfe\x03"));
	assert_down(&r, BYTES("\xff\xfb\x03\xff\xfc\x03"));
	rig_close(&r);
}

static void a_line_over_4000_bytes_is_cut_and_the_user_is_told_once(void **state)
{
	struct rig r;
	char long_line[6000];
	static const char told[] =
		"[That line was too long: its end, from byte 4000 on, is lost.]\r\n";

	(void)state;
	memset(long_line, 'x', sizeof long_line);
	rig_open(&r, "telnet-line");
	rig_type(&r, slice_of(long_line, sizeof long_line));
	rig_type(&r, slice_of(long_line, sizeof long_line));
	assert_up(&r, BYTES(""));
	assert_down(&r, BYTES(""));
	rig_type(&r, BYTES("\r\nshort\r\n"));
	assert_int_equal(r.up.len, 4000 + 1 + 6);
	assert_down(&r, slice_text(told));
	rig_close(&r);
}

/* A session with every kind of thing in it. */
static const char session[] =
	"al\x08lice\r\n\xff\xfb\x18\xff\xfa\x18\x00XTERM\xff\xf0say "
	"\xff\xff hi\r\0\xff\xf6\xff\xfd\x06look\n\xff\xfa\x1f\x00\xff\xff"
	"\x00\x18\xff\xf0go\xff\xf7\xff\xf7\xff\xfe\x01quit\rx\xc3\xa9\x7f\r\n";

static void typed_at_once(const char *kind, struct buf *up, struct buf *down)
{
	struct rig r;

	rig_open(&r, kind);
	rig_type(&r, BYTES(session));
	*up = r.up;
	*down = r.down;
	r.up = r.down = (struct buf){0};
	rig_close(&r);
}

static void wherever_the_bytes_are_cut_the_effect_is_the_same(void **state)
{
	static const char *const kinds[] = {"telnet-line", "telnet-char", "raw"};
	size_t len = sizeof session - 1;

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct buf up, down;

		typed_at_once(kinds[k], &up, &down);
		assert_true(up.len > 0);
		for (size_t i = 0; i <= len; i++) {
			for (size_t j = i; j <= len; j++) {
				struct rig r;

				rig_open(&r, kinds[k]);
				rig_type(&r, slice_of(session, i));
				rig_type(&r, slice_of(session + i, j - i));
				rig_type(&r, slice_of(session + j, len - j));
				assert_up(&r, buf_bytes(&up));
				assert_down(&r, buf_bytes(&down));
				rig_close(&r);
			}
		}
		buf_free(&up);
		buf_free(&down);
	}
}

/* After any three bytes, an end of subnegotiation and a line end, a line comes through whole. */
static void the_parser_returns_to_text_after_any_three_bytes(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 1u << 24; n += 1) {
		uint8_t bytes[3] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16)};
		struct rig r;

		/* Only bytes that mean something to telnet, and one that does not. */
		if ((bytes[0] >= 4 && bytes[0] < 239) || (bytes[1] >= 14 && bytes[1] < 239) ||
			(bytes[2] >= 14 && bytes[2] < 239))
			continue;
		rig_open(&r, "telnet-line");
		rig_type(&r, slice_of(bytes, 3));
		rig_type(&r, BYTES("x\xff\xf0\r\n"));
		buf_eat(&r.up, r.up.len);
		rig_type(&r, BYTES("look\r\n"));
		assert_up(&r, BYTES("look\n"));
		rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_end_of_real_clients_ends_one_line),
		cmocka_unit_test(a_doubled_255_is_one_byte_of_text_and_goes_out_doubled),
		cmocka_unit_test(options_are_refused_and_answers_are_not_answered),
		cmocka_unit_test(a_timing_mark_is_answered_always),
		cmocka_unit_test(refusals_are_limited_to_64_a_second),
		cmocka_unit_test(are_you_there_is_answered_once_a_second),
		cmocka_unit_test(a_subnegotiation_is_swallowed_whatever_it_holds),
		cmocka_unit_test(an_endless_subnegotiation_ends_at_a_line_end_behind_its_limit),
		cmocka_unit_test(erase_character_and_erase_line_edit_what_is_typed),
		cmocka_unit_test(line_ends_are_mended_on_the_way_out),
		cmocka_unit_test(output_that_needs_no_mending_is_not_copied),
		cmocka_unit_test(a_client_that_shows_no_telnet_is_sent_none),
		cmocka_unit_test(
			character_mode_passes_each_key_and_agrees_to_suppress_go_ahead_once),
		cmocka_unit_test(a_line_over_4000_bytes_is_cut_and_the_user_is_told_once),
		cmocka_unit_test(wherever_the_bytes_are_cut_the_effect_is_the_same),
		cmocka_unit_test(the_parser_returns_to_text_after_any_three_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
