/* The cases of websocket_cases.def, as bytes. */
#ifndef TESTS_UNIT_MULTIPLEXER_SUPPORT_WEBSOCKET_H
#define TESTS_UNIT_MULTIPLEXER_SUPPORT_WEBSOCKET_H

#include "common/buf.h"

struct frame {
	uint8_t flags;
	const char *payload; /* NULL: len stars */
	size_t len;
	bool raw; /* the payload is all that is sent */
};

#define F(flags, text)                               \
	{                                            \
		flags, text, sizeof(text) - 1, false \
	}
#define TEXT(text)         F(0x81, text)
#define TEXT_BEGIN(text)   F(0x01, text)
#define BINARY(text)       F(0x82, text)
#define BINARY_BEGIN(text) F(0x02, text)
#define MORE(text)         F(0x00, text)
#define END(text)          F(0x80, text)
#define CLOSE(text)        F(0x88, text)
#define PING(text)         F(0x89, text)
#define PONG(text)         F(0x8a, text)
#define RAW(text)                               \
	{                                       \
		0, text, sizeof(text) - 1, true \
	}
#define MANY(flags, n)                \
	{                             \
		flags, NULL, n, false \
	}

extern const struct websocket_case {
	const char *name;
	int bad_at;
	const char *expected;
	size_t expected_len;
	const struct frame *frames;
	size_t count;
} websocket_case[];
extern const size_t websocket_cases;

/* Adds the frame as a client sends it. */
void add_frame(struct buf *b, const struct frame *f);

#endif
