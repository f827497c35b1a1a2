#include "multiplexer/websocket.h"

#include <stdlib.h>

/*   FLAGS --> LENGTH --> [LENGTH_2 | LENGTH_8] --> MASK --> PAYLOAD --> FLAGS
 * Every byte is judged when it comes; nothing waits for the bytes behind it. */
enum at { AT_FLAGS, AT_LENGTH, AT_LENGTH_2, AT_LENGTH_8, AT_MASK, AT_PAYLOAD, AT_END };

static const struct {
	const char *name, *text;
	unsigned code;
} faults[] = {
	{"none", "nothing is wrong", 1000},
#define WEBSOCKET_FAULT(NAME, name, code, text) {#name, text, code},
#include "multiplexer/websocket_faults.def"
};

const char *websocket_fault_name(enum websocket_fault fault)
{
	return faults[fault].name;
}

const char *websocket_fault_text(enum websocket_fault fault)
{
	return faults[fault].text;
}

unsigned websocket_fault_code(enum websocket_fault fault)
{
	return faults[fault].code;
}

void websocket_free(struct websocket *w)
{
	free(w->bytes);
	w->bytes = NULL;
}

static bool is_control(uint8_t opcode)
{
	return (opcode & 8) != 0;
}

static enum websocket_fault on_flags(struct websocket *w, uint8_t byte)
{
	if ((byte & 0x70) != 0)
		return WEBSOCKET_FAULT_RESERVED;
	w->now = byte & 15;
	w->last = (byte & 0x80) != 0;
	w->taken = 0;
	w->control_len = 0;
	w->reason = (struct utf8){0};
	w->at = AT_LENGTH;
	switch (w->now) {
	case WEBSOCKET_MORE:
		if (w->message == 0)
			return WEBSOCKET_FAULT_NOT_BEGUN;
		break;
	case WEBSOCKET_TEXT:
	case WEBSOCKET_BINARY:
		if (w->message != 0)
			return WEBSOCKET_FAULT_NOT_ENDED;
		w->message = w->now;
		w->fragments = 0;
		w->len = 0;
		w->utf8 = (struct utf8){0};
		break;
	case WEBSOCKET_CLOSE:
	case WEBSOCKET_PING:
	case WEBSOCKET_PONG:
		return w->last ? WEBSOCKET_FAULT_NONE : WEBSOCKET_FAULT_CONTROL_CUT;
	default:
		return WEBSOCKET_FAULT_OPCODE;
	}
	return ++w->fragments > WEBSOCKET_FRAGMENTS_MAX ? WEBSOCKET_FAULT_FRAGMENTS
							: WEBSOCKET_FAULT_NONE;
}

/* The length of the payload is known. */
static enum websocket_fault on_length(struct websocket *w)
{
	w->at = AT_MASK;
	w->got = 0;
	if (!is_control(w->now) && w->left > (uint64_t)(WEBSOCKET_MESSAGE_MAX - w->len))
		return WEBSOCKET_FAULT_TOO_LONG;
	return WEBSOCKET_FAULT_NONE;
}

static enum websocket_fault on_first_length(struct websocket *w, uint8_t byte)
{
	uint8_t n = byte & 127;

	if ((byte & 128) == 0)
		return WEBSOCKET_FAULT_UNMASKED;
	if (is_control(w->now) && n > WEBSOCKET_CONTROL_MAX)
		return WEBSOCKET_FAULT_CONTROL_LONG;
	w->got = 0;
	w->left = n >= 126 ? 0 : n;
	if (n < 126)
		return on_length(w);
	w->at = n == 126 ? AT_LENGTH_2 : AT_LENGTH_8;
	return WEBSOCKET_FAULT_NONE;
}

static enum websocket_fault on_more_length(struct websocket *w, uint8_t byte)
{
	uint8_t room = w->at == AT_LENGTH_2 ? 2 : 8;

	if (room == 8 && w->got == 0 && (byte & 128) != 0)
		return WEBSOCKET_FAULT_LENGTH_TOP;
	w->left = w->left << 8 | byte;
	if (++w->got < room)
		return WEBSOCKET_FAULT_NONE;
	if (w->left < (room == 2 ? 126u : 65536u))
		return WEBSOCKET_FAULT_LENGTH_FORM;
	return on_length(w);
}

static void unmask(struct websocket *w, uint8_t *to, const uint8_t *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = from[i] ^ w->mask[(w->taken + i) & 3];
}

bool websocket_code_may_be_sent(unsigned code)
{
	return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
	       (code >= 3000 && code <= 4999);
}

/* Of a Close the bytes from the n-th on have come. */
static enum websocket_fault on_close_bytes(struct websocket *w, uint8_t n)
{
	if (n < 2 && w->control_len >= 2) {
		w->close_code = (unsigned)w->control[0] << 8 | w->control[1];
		if (!websocket_code_may_be_sent(w->close_code))
			return WEBSOCKET_FAULT_CLOSE_CODE;
	}
	for (unsigned i = n < 2 ? 2 : n; i < w->control_len; i++)
		if (!utf8_byte(&w->reason, w->control[i]))
			return WEBSOCKET_FAULT_CLOSE_UTF8;
	return WEBSOCKET_FAULT_NONE;
}

/* Takes what is there of the payload. */
static enum websocket_fault on_payload(struct websocket *w, struct slice *bytes)
{
	size_t n = w->left < bytes->len ? (size_t)w->left : bytes->len;
	uint8_t *to, before = w->control_len;

	if (is_control(w->now)) {
		to = w->control + w->control_len;
		w->control_len += (uint8_t)n;
	} else {
		if (w->bytes == NULL && (w->bytes = malloc(WEBSOCKET_MESSAGE_MAX)) == NULL)
			return WEBSOCKET_FAULT_NO_MEMORY;
		to = w->bytes + w->len;
		w->len += (uint16_t)n;
	}
	unmask(w, to, bytes->at, n);
	w->taken += (uint32_t)n;
	w->left -= n;
	*bytes = slice_from(*bytes, n);
	if (w->now == WEBSOCKET_CLOSE)
		return on_close_bytes(w, before);
	if (!is_control(w->now) && w->message == WEBSOCKET_TEXT &&
		utf8_check(&w->utf8, slice_of(to, n)) < n)
		return WEBSOCKET_FAULT_UTF8;
	return WEBSOCKET_FAULT_NONE;
}

static enum websocket_fault on_close(struct websocket *w)
{
	if (w->control_len == 0)
		w->close_code = 1005;
	if (w->control_len == 1)
		return WEBSOCKET_FAULT_CLOSE_SHORT;
	w->payload = slice_of(w->control + 2, w->control_len > 2 ? w->control_len - 2u : 0);
	return utf8_is_between(&w->reason) ? WEBSOCKET_FAULT_NONE : WEBSOCKET_FAULT_CLOSE_UTF8;
}

/* The frame has come to its end. *got: and with it something whole. */
static enum websocket_fault on_end(struct websocket *w, bool *got)
{
	w->at = AT_FLAGS;
	if (is_control(w->now)) {
		*got = true;
		w->opcode = (enum websocket_opcode)w->now;
		w->payload = slice_of(w->control, w->control_len);
		if (w->now != WEBSOCKET_CLOSE)
			return WEBSOCKET_FAULT_NONE;
		w->at = AT_END; /* nothing counts that comes behind it (section 5.5.1) */
		return on_close(w);
	}
	if (!w->last)
		return WEBSOCKET_FAULT_NONE;
	if (w->message == WEBSOCKET_TEXT && !utf8_is_between(&w->utf8))
		return WEBSOCKET_FAULT_UTF8;
	*got = true;
	w->opcode = (enum websocket_opcode)w->message;
	w->payload = slice_of(w->bytes, w->len);
	w->message = 0;
	w->lasting = true;
	return WEBSOCKET_FAULT_NONE;
}

/* Takes one byte of a head, or what there is of a payload. */
static enum websocket_fault take(struct websocket *w, struct slice *bytes)
{
	uint8_t byte = bytes->at[0];

	if (w->at == AT_PAYLOAD)
		return on_payload(w, bytes);
	*bytes = slice_from(*bytes, 1);
	switch ((enum at)w->at) {
	case AT_FLAGS:
		return on_flags(w, byte);
	case AT_LENGTH:
		return on_first_length(w, byte);
	case AT_LENGTH_2:
	case AT_LENGTH_8:
		return on_more_length(w, byte);
	case AT_MASK:
		w->mask[w->got++] = byte;
		if (w->got == 4)
			w->at = AT_PAYLOAD;
		break;
	case AT_PAYLOAD:
	case AT_END:
		break;
	}
	return WEBSOCKET_FAULT_NONE;
}

enum websocket_step websocket_feed(struct websocket *w, struct slice *bytes)
{
	bool got = false;

	if (w->lasting) {
		websocket_free(w);
		w->lasting = false;
	}
	while (bytes->len > 0 && !got && w->fault == WEBSOCKET_FAULT_NONE) {
		w->fault = take(w, bytes);
		if (w->fault == WEBSOCKET_FAULT_NONE && w->at == AT_PAYLOAD && w->left == 0)
			w->fault = on_end(w, &got);
	}
	if (w->fault != WEBSOCKET_FAULT_NONE)
		return WEBSOCKET_BAD;
	return got ? WEBSOCKET_GOT : WEBSOCKET_GIVE_MORE;
}

size_t websocket_head(uint8_t head[WEBSOCKET_HEAD_MAX], enum websocket_opcode opcode, uint64_t len)
{
	unsigned extra = len < 126 ? 0 : len < 65536 ? 2 : 8;

	head[0] = (uint8_t)(0x80 | opcode);
	head[1] = (uint8_t)(extra == 0 ? len : extra == 2 ? 126 : 127);
	for (unsigned i = 0; i < extra; i++)
		head[2 + i] = (uint8_t)(len >> 8 * (extra - 1 - i));
	return 2 + extra;
}

size_t websocket_close_frame(uint8_t frame[WEBSOCKET_CLOSE_MAX], unsigned code, const char *reason)
{
	size_t len = reason != NULL ? strlen(reason) : 0;

	frame[0] = 0x80 | WEBSOCKET_CLOSE;
	frame[1] = 0;
	if (code == 1005)
		return 2;
	if (len > WEBSOCKET_CONTROL_MAX - 2) {
		len = WEBSOCKET_CONTROL_MAX - 2;
		while (len > 0 && ((uint8_t)reason[len] & 0xc0) == 0x80)
			len--;
	}
	frame[1] = (uint8_t)(2 + len);
	frame[2] = (uint8_t)(code >> 8);
	frame[3] = (uint8_t)code;
	if (len > 0)
		memcpy(frame + 4, reason, len);
	return 4 + len;
}
