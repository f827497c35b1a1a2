#include "tests/unit/multiplexer/support_websocket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

const struct websocket_case websocket_case[] = {
#define CASE(name, bad_at, expected, ...)                                                   \
	{name, bad_at, expected, sizeof(expected) - 1, (const struct frame[]){__VA_ARGS__}, \
		sizeof((const struct frame[]){__VA_ARGS__}) / sizeof(struct frame)},
#include "tests/unit/multiplexer/websocket_cases.def"
};
const size_t websocket_cases = ARRAY_LEN(websocket_case);

static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};

void add_frame(struct buf *b, const struct frame *f)
{
	if (f->raw) {
		assert_true(buf_add(b, slice_of(f->payload, f->len)));
		return;
	}
	assert_true(buf_add_byte(b, f->flags));
	if (f->len < 126) {
		assert_true(buf_add_byte(b, (uint8_t)(0x80 | f->len)));
	} else if (f->len < 65536) {
		uint8_t head[3] = {0xfe, (uint8_t)(f->len >> 8), (uint8_t)f->len};

		assert_true(buf_add(b, slice_of(head, 3)));
	} else {
		uint8_t head[9] = {0xff, 0, 0, 0, 0, (uint8_t)(f->len >> 24),
			(uint8_t)(f->len >> 16), (uint8_t)(f->len >> 8), (uint8_t)f->len};

		assert_true(buf_add(b, slice_of(head, 9)));
	}
	assert_true(buf_add(b, slice_of(mask, 4)));
	for (size_t i = 0; i < f->len; i++)
		assert_true(buf_add_byte(
			b, (uint8_t)((f->payload != NULL ? f->payload[i] : '*') ^ mask[i & 3])));
}
