/* Telnet (RFC 854): commands out of the input, doubled 255 and whole line ends into the output.
 *
 *   DATA --255--> IAC --250--> SUB --255--> SUB_IAC --240--> DATA
 *    ^             |  \                        |  \--255--> SUB
 *    |   (command) |   \--251..254--> OPTION   |
 *    +-------------+---------<-----------+     +--other: the end is missing; it is a command --> IAC
 *
 * What options there are and who may ask for them is in telnet_options.def. */
#include "multiplexer/telnet.h"

enum telnet_at { AT_DATA, AT_IAC, AT_OPTION, AT_SUB_OPTION, AT_SUB, AT_SUB_IAC };

static struct telnet telnet_of(struct layers *ls, unsigned position, void *state)
{
	struct telnet_state *s = state;

	return (struct telnet){
		ls, position, s, s->client, .char_mode = ls->list[position] == &layer_telnet_char};
}

static void answer_are_you_there(struct telnet *t)
{
	static const char here[] = "[Yes, you are connected.]\r\n";
	uint64_t *last = &t->client->ayt_ms;
	uint64_t now = t->ls->now_ms;

	if (*last != 0 && now - *last < TELNET_PAUSE_MS) {
		t->ls->dropped_replies++;
		return;
	}
	*last = now == 0 ? 1 : now;
	layers_say_from(t->ls, t->position, slice_text(here));
	layers_event_from(t->ls, t->position, LAYER_ARE_YOU_THERE);
}

static void on_command(struct telnet *t, uint8_t command)
{
	switch (command) {
	case TELNET_AYT:
		answer_are_you_there(t);
		break;
	case TELNET_IP:
		layers_event_from(t->ls, t->position, LAYER_INTERRUPT);
		break;
	case TELNET_BRK:
		layers_event_from(t->ls, t->position, LAYER_BREAK);
		break;
	case TELNET_AO:
		layers_event_from(t->ls, t->position, LAYER_ABORT_OUTPUT);
		break;
	case TELNET_EC:
		layers_event_from(t->ls, t->position, LAYER_ERASE_CHAR);
		break;
	case TELNET_EL:
		layers_event_from(t->ls, t->position, LAYER_ERASE_LINE);
		break;
	default: /* NOP, DM, EOF of plink, GA, EOR and what nobody knows: nothing to do */
		break;
	}
}

/* What follows a 255. Returns true when it is text after all (a doubled 255). */
static bool after_iac(struct telnet *t, uint8_t byte)
{
	struct telnet_state *s = t->state;

	s->at = AT_DATA;
	if (byte == TELNET_IAC)
		return true;
	if (byte >= TELNET_WILL && byte <= TELNET_DONT) {
		s->at = AT_OPTION;
		s->verb = byte;
	} else if (byte == TELNET_SB) {
		s->at = AT_SUB_OPTION;
	} else {
		on_command(t, byte);
	}
	return false;
}

/* One byte while not AT_DATA. Returns true when it is text after all. */
static bool telnet_byte(struct telnet *t, uint8_t byte)
{
	struct telnet_state *s = t->state;

	switch ((enum telnet_at)s->at) {
	case AT_IAC:
		return after_iac(t, byte);
	case AT_OPTION:
		s->at = AT_DATA;
		telnet_heard(t, s->verb, byte);
		break;
	case AT_SUB_OPTION:
		/* 255 is no option: an end at once, or a command whose beginning was lost */
		s->at = byte == TELNET_IAC ? AT_SUB_IAC : AT_SUB;
		telnet_sub_begin(t, byte);
		break;
	case AT_SUB:
		if (byte == TELNET_IAC)
			s->at = AT_SUB_IAC;
		else if (!telnet_sub_byte(t, byte) && (byte == '\r' || byte == '\n'))
			s->at = AT_DATA; /* far too long: take it that the end will never come */
		break;
	case AT_SUB_IAC:
		s->at = AT_SUB;
		if (byte == TELNET_IAC) {
			telnet_sub_byte(t, byte);
			break;
		}
		s->at = AT_DATA;
		telnet_sub_end(t);
		/* Without IAC SE (Mudlet had to mend this too): it ends here, and this is a command. */
		return byte != TELNET_SE && after_iac(t, byte);
	case AT_DATA:
		break;
	}
	return false;
}

static void telnet_up(struct layers *ls, unsigned position, void *state, struct slice bytes)
{
	struct telnet t = telnet_of(ls, position, state);
	const uint8_t *end = bytes.at + bytes.len;
	const uint8_t *text = bytes.at; /* plain text that waits to go up begins here */

	for (const uint8_t *p = bytes.at; p < end; p++) {
		if (t.state->at != AT_DATA) {
			text = telnet_byte(&t, *p) ? p : p + 1;
			continue;
		}
		p = memchr(p, TELNET_IAC, (size_t)(end - p));
		if (p == NULL)
			break;
		layers_up_from(ls, position, slice_of(text, (size_t)(p - text)));
		text = p + 1;
		if (t.client == NULL && !telnet_meet(&t)) {
			ls->ops->on_nomem(ls);
			return;
		}
		t.state->at = AT_IAC;
	}
	layers_up_from(ls, position, slice_of(text, (size_t)(end - text)));
}

/* What one look at a text found; kept in its mark, so that a text for ten thousand users is looked
 * at once. */
enum { TEXT_SEEN = 1, TEXT_NEEDS_MENDING = 2 };

/* An LF without its CR, or a CR without its LF or NUL. What the first and the last byte lack, nobody
 * knows here. */
static bool has_bare_line_ends(const uint8_t *text, const uint8_t *end)
{
	for (const uint8_t *p = text; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		if (p > text && p[-1] != '\r')
			return true;
	for (const uint8_t *p = text; (p = memchr(p, '\r', (size_t)(end - p))) != NULL; p++)
		if (p + 1 < end && p[1] != '\n' && p[1] != '\0')
			return true;
	return false;
}

static bool needs_mending(struct shared *b)
{
	if (b->mark == 0) {
		b->mark = TEXT_SEEN;
		if (memchr(b->bytes, TELNET_IAC, b->len) != NULL ||
			has_bare_line_ends(b->bytes, b->bytes + b->len))
			b->mark |= TEXT_NEEDS_MENDING;
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
		if ((c == '\n' && !after_cr) || c == TELNET_IAC)
			*to++ = c == TELNET_IAC ? TELNET_IAC : '\r';
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

static void telnet_start(struct layers *ls, unsigned position, void *state)
{
	struct telnet t = telnet_of(ls, position, state);

	if (ls->negotiate == NEGOTIATE_ALWAYS)
		telnet_ask_first(&t);
}

/* The end of a prompt, for who can make something of it. */
static bool end_prompt(struct telnet *t)
{
	static const uint8_t eor[] = {TELNET_IAC, TELNET_END_OF_RECORD},
			     ga[] = {TELNET_IAC, TELNET_GA};

	if (t->client == NULL || t->ls->negotiate == NEGOTIATE_NEVER)
		return false;
	if (telnet_we_do(t->client, TELNET_EOR))
		layers_say_from(t->ls, t->position, slice_of(eor, sizeof eor));
	else if (!telnet_we_do(t->client, TELNET_SGA))
		layers_say_from(t->ls, t->position, slice_of(ga, sizeof ga));
	return true;
}

/* On a line listener the client shows what is typed; with ECHO on it leaves that to us, and we do not. */
static bool hide(struct telnet *t, bool hidden)
{
	bool ours = t->char_mode || (t->client != NULL && t->ls->negotiate != NEGOTIATE_NEVER);

	t->ls->hidden = hidden;
	if (!t->char_mode && ours)
		telnet_want(t, TELNET_ECHO, hidden);
	return ours;
}

static bool telnet_tell(struct layers *ls, unsigned position, void *state, struct tell *tell)
{
	struct telnet t = telnet_of(ls, position, state);

	if (slice_is(tell->channel, slice_text("prompt")))
		return end_prompt(&t);
	if (slice_is(tell->channel, slice_text("echo")))
		return hide(&t, slice_is(tell->data, slice_text("off")));
	if (t.client == NULL || ls->negotiate == NEGOTIATE_NEVER)
		return false;
	if (slice_is(tell->channel, slice_text("gmcp")))
		return telnet_gmcp_tell(&t, tell);
	if (slice_is(tell->channel, slice_text("msdp")))
		return telnet_msdp_tell(&t, tell);
	if (slice_is(tell->channel, slice_text("mxp"))) {
		telnet_want(&t, TELNET_MXP, !slice_is(tell->data, slice_text("off")));
		return true;
	}
	return false;
}

static void telnet_layer_caps(const struct layers *ls, const void *state, json_t *caps)
{
	const struct telnet_state *s = state;

	if (s->client == NULL)
		return;
	telnet_caps(s->client, caps);
	if (compress_is_on(ls))
		json_object_set_new(caps, "mccp", json_true());
}

static void telnet_close(struct layers *ls UNUSED, void *state)
{
	telnet_forget(state);
}

const struct layer layer_telnet = {
	.name = "telnet",
	.memory = sizeof(struct telnet_state),
	.start = telnet_start,
	.up = telnet_up,
	.down = telnet_down,
	.tell = telnet_tell,
	.caps = telnet_layer_caps,
	.close = telnet_close,
};

const struct layer layer_telnet_char = {
	.name = "telnet-char",
	.memory = sizeof(struct telnet_state),
	.start = telnet_start,
	.up = telnet_up,
	.down = telnet_down,
	.tell = telnet_tell,
	.caps = telnet_layer_caps,
	.close = telnet_close,
};
