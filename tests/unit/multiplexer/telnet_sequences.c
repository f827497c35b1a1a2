/* Every sequence of up to three bytes with a 255 in it, in many states, cut everywhere: the parser
 * returns to text, what was said is bounded, and the cuts change nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/multiplexer/support_layers.h"

/* What the client has sent before. */
static const struct {
	const char *name;
	const char *bytes;
	size_t len;
} states[] = {
#define STATE(name, text)                    \
	{                                    \
		name, text, sizeof(text) - 1 \
	}
	STATE("at first", ""),
	STATE("behind half a line", "half"),
	STATE("behind a CR", "a\r"),
	STATE("behind a 255", "\xff"),
	STATE("behind WILL", "\xff\xfb"),
	STATE("behind DO", "\xff\xfd"),
	STATE("behind SB", "\xff\xfa"),
	STATE("in what nobody reads", "\xff\xfa\x63xy"),
	STATE("in what nobody reads, behind a 255", "\xff\xfa\x63xy\xff"),
	STATE("with all options on",
		"\xff\xfb\x18\xff\xfb\x1f\xff\xfb\x27\xff\xfd\x2a\xff\xfd\xc9\xff\xfd\x46\xff\xfd\x19"
		"\xff\xfd\x45"),
#define ON(option, code)                                                                           \
	STATE("in " option, "\xff\xfb\x18\xff\xfb\x1f\xff\xfb\x27\xff\xfd\x2a\xff\xfd\xc9\xff\xfd" \
			    "\x45\xff\xfa" code)
	ON("TTYPE", "\x18"),
	ON("TTYPE IS", "\x18\0A"),
	ON("NAWS", "\x1f\0\x50\0"),
	ON("NEW-ENVIRON", "\x27\0\0MTTS\1"),
	ON("CHARSET", "\x2a\1"),
	ON("GMCP", "\xc9"
		   "Core.Ping "),
	ON("MSDP", "\x45\1"
		   "A\2\3"),
#undef ON
#undef STATE
};

enum { SAID_MAX = 400 }; /* bytes: the greeting, a question for the environment, an answer or two */

/* Types the state and the sequence in the pieces that cuts says. */
static void type(struct rig *r, size_t state, const uint8_t *bytes, size_t len, unsigned cuts)
{
	size_t from = 0;

	rig_open_telnet(r, "telnet-line", NEGOTIATE_ON_TELNET);
	r->layers.now_ms = 1000;
	rig_type(r, slice_of(states[state].bytes, states[state].len));
	for (size_t to = 1; to <= len; to++) {
		if (to < len && (cuts >> (to - 1) & 1) == 0)
			continue;
		rig_type(r, slice_of(bytes + from, to - from));
		from = to;
	}
}

static void check(size_t state, const uint8_t *bytes, size_t len)
{
	struct rig whole;

	type(&whole, state, bytes, len, 0);
	assert_true(whole.down.len <= SAID_MAX);
	for (unsigned cuts = 1; cuts < 1u << (len - 1); cuts++) {
		struct rig r;

		type(&r, state, bytes, len, cuts);
		assert_true(slice_is(buf_bytes(&r.up), buf_bytes(&whole.up)));
		assert_true(slice_is(buf_bytes(&r.down), buf_bytes(&whole.down)));
		assert_true(slice_is(buf_bytes(&r.told), buf_bytes(&whole.told)));
		rig_close(&r);
	}
	/* Whatever it was in the middle of: this ends it, and the next line is a line. */
	rig_type(&whole, BYTES("x\xff\xf0\r\n"));
	buf_eat(&whole.up, whole.up.len);
	rig_type(&whole, BYTES("look\r\n"));
	if (!slice_is(buf_bytes(&whole.up), BYTES("look\n")))
		print_error("%s, behind %02x %02x %02x\n", states[state].name, bytes[0],
			len > 1 ? bytes[1] : 0, len > 2 ? bytes[2] : 0);
	assert_up(&whole, BYTES("look\n"));
	rig_close(&whole);
}

static void after_any_one_or_two_bytes_in_any_state_it_returns_to_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		for (unsigned n = 0; n < 256; n++)
			check(i, (const uint8_t[]){(uint8_t)n}, 1);
		for (unsigned n = 0; n < 65536; n++)
			check(i, (const uint8_t[]){(uint8_t)n, (uint8_t)(n >> 8)}, 2);
	}
}

/* Without a 255 three bytes at first are text, which is the line's business. */
static void after_any_three_bytes_with_a_255_it_returns_to_text(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 1u << 24; n++) {
		uint8_t bytes[] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16)};

		if (bytes[0] == 255 || bytes[1] == 255 || bytes[2] == 255)
			check(0, bytes, 3);
	}
}

static void three_bytes_without_a_255_pass_telnet_unchanged(void **state)
{
	static const struct layer *const telnet_alone[] = {&layer_telnet, NULL};
	struct rig r;

	(void)state;
	rig_open(&r, "raw");
	layers_close(&r.layers);
	const struct layers_ops *ops = r.layers.ops;
	assert_true(layers_open(&r.layers, telnet_alone, ops));
	for (unsigned n = 0; n < 1u << 24; n++) {
		uint8_t bytes[] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16)};

		if (bytes[0] == 255 || bytes[1] == 255 || bytes[2] == 255)
			continue;
		rig_type(&r, slice_of(bytes, 3));
		if (r.up.len != 3 || memcmp(buf_bytes(&r.up).at, bytes, 3) != 0)
			fail_msg("%02x %02x %02x", bytes[0], bytes[1], bytes[2]);
		buf_eat(&r.up, 3);
	}
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

/* Row B05: bodies of every length up to their limit and beyond, of every kind of byte. */
static void bodies_of_any_length_are_read_to_their_end(void **state)
{
	static const char fill[] = {'x', '\0', '\1', '\2', '\3', '\5', '\x7f', '\xfe'};
	size_t first_with_body = 10;

	(void)state;
	for (size_t i = first_with_body; i < ARRAY_LEN(states); i++) {
		for (size_t f = 0; f < sizeof fill; f++) {
			for (size_t len = 0; len < 4100; len += len < 140 ? 1 : 97) {
				struct rig r;
				static char body[4200];

				memset(body, fill[f], len);
				rig_open_telnet(&r, "telnet-line", NEGOTIATE_ON_TELNET);
				rig_type(&r, slice_of(states[i].bytes, states[i].len));
				rig_type(&r, slice_of(body, len));
				rig_type(&r, BYTES("\xff\xf0look\r\n"));
				assert_up(&r, BYTES("look\n"));
				json_decref(layers_caps(&r.layers));
				assert_true(r.down.len <= SAID_MAX);
				rig_close(&r);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_any_one_or_two_bytes_in_any_state_it_returns_to_text),
		cmocka_unit_test(after_any_three_bytes_with_a_255_it_returns_to_text),
		cmocka_unit_test(three_bytes_without_a_255_pass_telnet_unchanged),
		cmocka_unit_test(bodies_of_any_length_are_read_to_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
