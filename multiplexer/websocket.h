/* WebSocket frames (RFC 6455), the server's side: strict, bounded, without a socket or a clock. */
#ifndef MULTIPLEXER_WEBSOCKET_H
#define MULTIPLEXER_WEBSOCKET_H

#include "common/defs.h"
#include "common/utf8.h"

enum websocket_fault {
	WEBSOCKET_FAULT_NONE,
#define WEBSOCKET_FAULT(NAME, name, code, text) WEBSOCKET_FAULT_##NAME,
#include "multiplexer/websocket_faults.def"
	WEBSOCKET_FAULTS
};
const char *websocket_fault_name(enum websocket_fault fault);
const char *websocket_fault_text(enum websocket_fault fault);
unsigned websocket_fault_code(enum websocket_fault fault);

enum {
	WEBSOCKET_MESSAGE_MAX = 4000, /* bytes of a message, its fragments together */
	WEBSOCKET_FRAGMENTS_MAX = 64, /* frames of a message */
	WEBSOCKET_CONTROL_MAX = 125,  /* section 5.5 */
	WEBSOCKET_HEAD_MAX = 10       /* bytes before the payload of a frame of ours */
};

enum websocket_opcode {
	WEBSOCKET_MORE = 0, /* a message goes on */
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10
};

enum websocket_step {
	WEBSOCKET_GIVE_MORE, /* all bytes were taken */
	WEBSOCKET_GOT,       /* a message, Ping, Pong or Close: see opcode and payload */
	WEBSOCKET_BAD        /* see fault: send a Close, take no more */
};

/* Plain state: the only pointer is to its own buffer. All zero is the start. */
struct websocket {
	enum websocket_opcode opcode; /* of what was got: TEXT, BINARY, CLOSE, PING or PONG */
	struct slice payload;         /* of it, valid until the next call */
	unsigned close_code;          /* of a Close that was got; 1005 when it said none */
	enum websocket_fault fault;

	/* private: the frame that comes */
	uint8_t at;   /* enum at */
	uint8_t got;  /* bytes of the part that comes */
	uint8_t now;  /* its opcode */
	bool last;    /* FIN */
	bool lasting; /* the message that was got last has to be freed */
	uint8_t mask[4];
	uint64_t left; /* bytes of payload still to come; while the length comes, what came of it */
	uint32_t taken; /* bytes of payload that came */
	/* the message that comes, over its frames */
	uint8_t message; /* enum websocket_opcode; 0 = none was begun */
	uint8_t fragments;
	uint16_t len;
	struct utf8 utf8;
	uint8_t *bytes; /* owned: WEBSOCKET_MESSAGE_MAX, from a message's first byte to its end */
	struct utf8 reason; /* of a Close, as far as it came */
	uint8_t control_len;
	uint8_t control[WEBSOCKET_CONTROL_MAX];
};

void websocket_free(struct websocket *w);

/* Takes bytes off the front of *bytes, up to the next step. A fault is told at the first byte that
 * cannot be right, before any of a payload that is too long is kept. */
enum websocket_step websocket_feed(struct websocket *w, struct slice *bytes);

/* The head of a whole frame of ours, unmasked. Returns its length. */
size_t websocket_head(uint8_t head[WEBSOCKET_HEAD_MAX], enum websocket_opcode opcode, uint64_t len);

/* A whole Close frame; reason is cut, between characters, to what has room. Code 1005: an empty one.
 * Returns its length. */
enum { WEBSOCKET_CLOSE_MAX = 2 + WEBSOCKET_CONTROL_MAX };
size_t websocket_close_frame(uint8_t frame[WEBSOCKET_CLOSE_MAX], unsigned code, const char *reason);

/* Codes that may stand in a Close frame (section 7.4, and what IANA has registered since). */
bool websocket_code_may_be_sent(unsigned code);

#endif
