/* Telnet (RFC 854): commands out of the input, doubled 255 and whole line ends into the output.
 *
 *   DATA --255--> IAC --250--> SUB --255--> SUB_IAC --240--> DATA
 *    ^             |  \                        |  \--255--> SUB
 *    |   (command) |   \--251..254--> OPTION   |
 *    +-------------+---------<-----------+     +--other: the end is missing; it is a command --> IAC
 *
 * Of the options only what a bare terminal needs: TIMING-MARK (RFC 860) is always answered, since
 * GNU telnet throws output away after ^C until it is; all others are refused. Nothing is ever
 * offered, so a client that speaks no telnet sees no telnet. */
#include "multiplexer/layers.h"

#include <stdlib.h>

enum {
	SE = 240,
	BRK = 243,
	IP = 244,
	AYT = 246,
	EC = 247,
	EL = 248,
	SB = 250,
	WILL = 251,
	WONT = 252,
	DO = 253,
	DONT = 254,
	IAC = 255
};
enum { OPTION_SGA = 3, OPTION_TIMING_MARK = 6 };

enum {
	SUB_MAX = 1024,     /* bytes of a subnegotiation; behind that a line end ends it too */
	REPLIES_PER_S = 64, /* refusals of options; RFC 1143 loops end here at the latest */
	AYT_PAUSE_MS = 1000
};

enum telnet_at { AT_DATA, AT_IAC, AT_OPTION, AT_SUB, AT_SUB_IAC };

struct telnet_state {
	uint8_t at;        /* enum telnet_at */
	uint8_t verb;      /* WILL..DONT, while AT_OPTION */
	bool out_after_cr; /* the last byte of output was CR */
	bool suppress_ga;  /* we have agreed to WILL SGA (character mode only) */
	uint16_t sub_len;  /* bytes of the running subnegotiation, stops at SUB_MAX */
	uint16_t replies;  /* in the second that began at replies_ms */
	uint64_t replies_ms;
	uint64_t ayt_ms; /* when AYT was answered last; 0 = never */
};

/* Bytes of our own, past the escaping of text. */
static void reply(
	struct layers *ls, unsigned position, struct telnet_state *t, uint8_t verb, uint8_t option)
{
	uint8_t bytes[3] = {IAC, verb, option};

	if (option != OPTION_TIMING_MARK) {
		if (ls->now_ms - t->replies_ms >= 1000) {
			t->replies_ms = ls->now_ms;
			t->replies = 0;
		}
		if (t->replies >= REPLIES_PER_S) {
			ls->dropped_replies++;
			return;
		}
		t->replies++;
	}
	layers_say_from(ls, position, slice_of(bytes, sizeof bytes));
}

static void on_option(struct layers *ls, unsigned position, struct telnet_state *t, uint8_t option)
{
	bool may_sga = ls->list[position] == &layer_telnet_char && option == OPTION_SGA;

	switch (t->verb) {
	case WILL:
		reply(ls, position, t, DONT, option);
		break;
	case DO:
		if (option == OPTION_TIMING_MARK) {
			reply(ls, position, t, WILL, option);
		} else if (!may_sga) {
			reply(ls, position, t, WONT, option);
		} else if (!t->suppress_ga) {
			t->suppress_ga = true;
			reply(ls, position, t, WILL, option);
		}
		break;
	case DONT:
		if (may_sga && t->suppress_ga) {
			t->suppress_ga = false;
			reply(ls, position, t, WONT, option);
		}
		break;
	default: /* WONT: we never asked, there is nothing to take back */
		break;
	}
}

static void on_command(
	struct layers *ls, unsigned position, struct telnet_state *t, uint8_t command)
{
	static const char here[] = "[Yes, you are connected.]\r\n";

	switch (command) {
	case AYT:
		if (t->ayt_ms == 0 || ls->now_ms - t->ayt_ms >= AYT_PAUSE_MS) {
			t->ayt_ms = ls->now_ms == 0 ? 1 : ls->now_ms;
			layers_say_from(ls, position, slice_text(here));
			layers_event_from(ls, position, LAYER_ARE_YOU_THERE);
		} else {
			ls->dropped_replies++;
		}
		break;
	case IP:
		layers_event_from(ls, position, LAYER_INTERRUPT);
		break;
	case BRK:
		layers_event_from(ls, position, LAYER_BREAK);
		break;
	case EC:
		layers_event_from(ls, position, LAYER_ERASE_CHAR);
		break;
	case EL:
		layers_event_from(ls, position, LAYER_ERASE_LINE);
		break;
	default: /* NOP, DM, AO, GA, EOR and what nobody knows: nothing to do */
		break;
	}
}

/* One byte while not AT_DATA. Returns true when the byte is text after all (a doubled 255). */
static bool telnet_byte(struct layers *ls, unsigned position, struct telnet_state *t, uint8_t byte)
{
	switch ((enum telnet_at)t->at) {
	case AT_SUB_IAC:
		if (byte == IAC) {
			t->at = AT_SUB;
			return false;
		}
		if (byte == SE) {
			t->at = AT_DATA;
			return false;
		}
		/* IAC SE was forgotten; this is a command of its own */
		/* fall through */
	case AT_IAC:
		t->at = AT_DATA;
		if (byte == IAC)
			return true;
		if (byte >= WILL && byte <= DONT) {
			t->at = AT_OPTION;
			t->verb = byte;
		} else if (byte == SB) {
			t->at = AT_SUB;
			t->sub_len = 0;
		} else {
			on_command(ls, position, t, byte);
		}
		return false;
	case AT_OPTION:
		t->at = AT_DATA;
		on_option(ls, position, t, byte);
		return false;
	case AT_SUB:
		if (byte == IAC)
			t->at = AT_SUB_IAC;
		else if (t->sub_len < SUB_MAX)
			t->sub_len++;
		else if (byte == '\r' || byte == '\n')
			t->at = AT_DATA; /* far too long: take it that the end will never come */
		return false;
	case AT_DATA:
		break;
	}
	return false;
}

static void telnet_up(struct layers *ls, unsigned position, void *state, struct slice bytes)
{
	struct telnet_state *t = state;
	const uint8_t *end = bytes.at + bytes.len;
	const uint8_t *text = bytes.at; /* plain text that waits to go up begins here */

	for (const uint8_t *p = bytes.at; p < end; p++) {
		if (t->at == AT_DATA) {
			if (*p != IAC)
				continue;
			layers_up_from(ls, position, slice_of(text, (size_t)(p - text)));
			text = p + 1;
			t->at = AT_IAC;
			ls->spoke_telnet = true;
		} else {
			text = telnet_byte(ls, position, t, *p) ? p : p + 1;
		}
	}
	layers_up_from(ls, position, slice_of(text, (size_t)(end - text)));
}

/* What one look at a text found; kept in its mark, so that a text for ten thousand users is looked
 * at once. */
enum { TEXT_SEEN = 1, TEXT_NEEDS_MENDING = 2 };

static bool needs_mending(struct shared *b)
{
	if (b->mark == 0) {
		b->mark = TEXT_SEEN;
		for (uint32_t i = 0; i < b->len; i++) {
			uint8_t c = b->bytes[i];
			bool bad = c == IAC || (c == '\n' && i > 0 && b->bytes[i - 1] != '\r') ||
				   (c == '\r' && i + 1 < b->len && b->bytes[i + 1] != '\n' &&
					   b->bytes[i + 1] != '\0');
			if (bad) {
				b->mark |= TEXT_NEEDS_MENDING;
				break;
			}
		}
	}
	return (b->mark & TEXT_NEEDS_MENDING) != 0;
}

/* 255 becomes 255 255, LF alone CR LF, CR alone CR NUL. out has room for 2 * len + 1. */
static uint32_t mend(struct telnet_state *t, struct slice text, uint8_t *out)
{
	uint8_t *to = out;
	bool after_cr = t->out_after_cr;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i];

		if (after_cr && c != '\n' && c != '\0')
			*to++ = '\0';
		if ((c == '\n' && !after_cr) || c == IAC)
			*to++ = c == IAC ? IAC : '\r';
		*to++ = c;
		after_cr = c == '\r';
	}
	return (uint32_t)(to - out);
}

static void telnet_down(struct layers *ls, unsigned position, void *state, struct shared *b)
{
	struct telnet_state *t = state;
	uint8_t first = b->bytes[0];
	bool joint = t->out_after_cr ? first != '\n' && first != '\0' : first == '\n';

	if (!joint && !needs_mending(b)) {
		layers_down_from(ls, position, b);
	} else {
		struct shared *mended = shared_room(2 * b->len + 1);

		if (mended == NULL) {
			ls->ops->on_nomem(ls);
			return;
		}
		mended->len = mend(t, slice_of(b->bytes, b->len), mended->bytes);
		layers_down_from(ls, position, mended);
		shared_unref(mended);
	}
	t->out_after_cr = b->bytes[b->len - 1] == '\r';
}

const struct layer layer_telnet = {
	.name = "telnet",
	.memory = sizeof(struct telnet_state),
	.up = telnet_up,
	.down = telnet_down,
};

const struct layer layer_telnet_char = {
	.name = "telnet-char",
	.memory = sizeof(struct telnet_state),
	.up = telnet_up,
	.down = telnet_down,
};
