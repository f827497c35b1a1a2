#include "multiplexer/telnet.h"

#include "multiplexer/gmcp.h"

#include <stdlib.h>

enum may { NEVER, AGREE, OURS, FIRST, OFFER, LATER };

/* He has to be answered, for GNU telnet throws output away after ^C until he is (RFC 860). */
enum { TIMING_MARK = 6 };

struct telnet_option {
	uint8_t code;
	uint8_t us[2]; /* enum may, by char_mode */
	uint8_t him;
	uint16_t limit;
	void (*on_us)(struct telnet *t, bool on);
	void (*on_him)(struct telnet *t, bool on);
	void (*on_body)(struct telnet *t, struct slice body);
};

static const struct telnet_option options[] = {
#define TELNET_OPTION(NAME, code, us, us_char, him, on_us, on_him, on_body, limit) \
	{code, {us, us_char}, him, limit, on_us, on_him, on_body},
#include "multiplexer/telnet_options.def"
};

static enum telnet_option_index find(uint8_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].code == code)
			return (enum telnet_option_index)i;
	return TELNET_OPTIONS;
}

static enum may may_we(const struct telnet *t, size_t i)
{
	return options[i].us[t->char_mode];
}

bool telnet_we_do(const struct telnet_client *c, enum telnet_option_index option)
{
	return c->us[option] == Q_YES;
}

bool telnet_he_does(const struct telnet_client *c, enum telnet_option_index option)
{
	return c->him[option] == Q_YES;
}

bool telnet_may_reply(struct telnet *t)
{
	struct telnet_client *c = t->client;

	if (t->ls->now_ms - c->replies_ms >= 1000) {
		c->replies_ms = t->ls->now_ms;
		c->replies = 0;
	}
	if (c->replies >= TELNET_REPLIES_PER_S) {
		t->ls->dropped_replies++;
		return false;
	}
	c->replies++;
	return true;
}

void telnet_learnt(struct telnet *t)
{
	t->ls->caps_changed = true;
}

static void say(struct telnet *t, uint8_t verb, uint8_t code)
{
	uint8_t bytes[3] = {TELNET_IAC, verb, code};

	layers_say_from(t->ls, t->position, slice_of(bytes, sizeof bytes));
}

/* One step of the Q method, of our side or of his; limited: an answer that a rate limit may keep back,
 * and then it is as if nothing had been heard. */
static void take_step(
	struct telnet *t, size_t i, bool ours, struct telnet_q_step step, bool limited)
{
	const struct telnet_option *o = &options[i];
	uint8_t *q = ours ? &t->client->us[i] : &t->client->him[i];
	bool was = *q == Q_YES, changes = *q != step.next;
	void (*tell)(struct telnet *, bool) = ours ? o->on_us : o->on_him;

	if (limited && step.say != Q_SAY_NOTHING && !telnet_may_reply(t))
		return;
	*q = step.next;
	if (step.say != Q_SAY_NOTHING) {
		bool on = step.say == Q_SAY_ON;

		say(t, ours ? (on ? TELNET_WILL : TELNET_WONT) : (on ? TELNET_DO : TELNET_DONT),
			o->code);
	}
	bool is = step.next == Q_YES, ends = step.next == Q_NO || step.next == Q_WANT_NO;
	if (tell != NULL && changes && ((is && !was) || ends))
		tell(t, is);
}

/* TinTin++ says nothing to WONT ECHO. By the Q method we would wait for its DONT for ever, and the next
 * password would be seen; so who wants it again takes the answer as given, and if it comes after all it
 * is left out. */
void telnet_want(struct telnet *t, enum telnet_option_index i, bool on)
{
	if (on && t->client->us[i] == Q_WANT_NO) {
		t->client->us[i] = Q_NO;
		t->client->overtaken |= 1u << i;
	}
	take_step(t, i, true, telnet_q_wish((enum telnet_q)t->client->us[i], on), false);
}

static void want_him(struct telnet *t, size_t i)
{
	take_step(t, i, false, telnet_q_wish((enum telnet_q)t->client->him[i], true), false);
}

/* What he asks for by himself, and we would do, or let him do. */
static bool would_agree(const struct telnet *t, size_t i, bool ours)
{
	enum may may = ours ? may_we(t, i) : (enum may)options[i].him;

	if (t->ls->negotiate == NEGOTIATE_NEVER)
		return ours && t->char_mode && i == TELNET_SGA;
	if (i == TELNET_MCCP2 && !compress_may_start(t->ls))
		return false;
	return may != NEVER && may != OURS;
}

static void refuse(struct telnet *t, uint8_t verb, uint8_t code)
{
	if ((verb == TELNET_WILL || verb == TELNET_DO) && telnet_may_reply(t))
		say(t, verb == TELNET_WILL ? TELNET_DONT : TELNET_WONT, code);
}

/* Whether his answer is to a WONT that a WILL of ours has followed; only the first one is. */
static bool was_overtaken(struct telnet *t, size_t i)
{
	uint32_t bit = 1u << i, was = t->client->overtaken & bit;

	t->client->overtaken &= ~bit;
	return was != 0;
}

void telnet_heard(struct telnet *t, uint8_t verb, uint8_t code)
{
	bool ours = verb == TELNET_DO || verb == TELNET_DONT;
	bool on = verb == TELNET_DO || verb == TELNET_WILL;
	enum telnet_option_index i = find(code);

	if (code == TIMING_MARK && verb == TELNET_DO) {
		say(t, TELNET_WILL, code);
	} else if (i == TELNET_OPTIONS) {
		refuse(t, verb, code);
	} else {
		uint8_t q = ours ? t->client->us[i] : t->client->him[i];

		if (ours && was_overtaken(t, i) && !on)
			return;
		take_step(t, i, ours, telnet_q_heard((enum telnet_q)q, on, would_agree(t, i, ours)),
			true);
	}
}

/* Offers, and asks for, what the table has of one kind. */
static void offer(struct telnet *t, enum may kind)
{
	if (t->ls->negotiate == NEGOTIATE_NEVER)
		return;
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (may_we(t, i) == kind && (i != TELNET_MCCP2 || compress_may_start(t->ls)))
			telnet_want(t, (enum telnet_option_index)i, true);
		if (options[i].him == kind)
			want_him(t, i);
	}
}

void telnet_offer_later(struct telnet *t)
{
	if (t->client->asked_later)
		return;
	t->client->asked_later = true;
	offer(t, LATER);
}

bool telnet_meet(struct telnet *t)
{
	struct telnet_client *c = calloc(1, sizeof *c);

	t->client = t->state->client = c;
	if (c == NULL)
		return false;
	t->ls->spoke_telnet = true;
	telnet_learnt(t);
	if (t->state->asked) {
		for (size_t i = 0; i < ARRAY_LEN(options); i++) {
			c->us[i] = may_we(t, i) == FIRST ? Q_WANT_YES : Q_NO;
			c->him[i] = options[i].him == FIRST ? Q_WANT_YES : Q_NO;
		}
	}
	offer(t, FIRST); /* those that were are not again */
	offer(t, OFFER);
	if (t->ls->hidden && t->ls->negotiate != NEGOTIATE_NEVER)
		telnet_want(t, TELNET_ECHO, true);
	return true;
}

void telnet_forget(struct telnet_state *state)
{
	if (state->client == NULL)
		return;
	buf_free(&state->client->sub);
	buf_free(&state->client->modules);
	free(state->client);
	state->client = NULL;
}

void telnet_ask_first(struct telnet *t)
{
	uint8_t bytes[3 * 2 * ARRAY_LEN(options)];
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		bool us = may_we(t, i) == FIRST;

		if (!us && options[i].him != FIRST)
			continue;
		bytes[len++] = TELNET_IAC;
		bytes[len++] = us ? TELNET_WILL : TELNET_DO;
		bytes[len++] = options[i].code;
	}
	t->state->asked = true;
	layers_say_from(t->ls, t->position, slice_of(bytes, len));
}

/* ---- subnegotiations ---- */

void telnet_sub_begin(struct telnet *t, uint8_t code)
{
	struct telnet_client *c = t->client;
	enum telnet_option_index i = find(code);
	bool heard = i != TELNET_OPTIONS && options[i].on_body != NULL &&
		     (c->us[i] == Q_YES || c->him[i] == Q_YES);

	c->sub_option = (uint8_t)(heard ? i : TELNET_OPTIONS);
	c->sub_limit = heard ? options[i].limit : TELNET_SUB_MAX;
	c->sub_len = 0;
	buf_free(&c->sub);
}

/* Dropped as a whole: half a message is worse than none. */
static void sub_is_over(struct telnet *t)
{
	struct telnet_client *c = t->client;

	c->sub_option = TELNET_OPTIONS;
	buf_free(&c->sub);
	if (t->ls->house != NULL)
		t->ls->house->bodies_dropped++;
}

bool telnet_sub_byte(struct telnet *t, uint8_t byte)
{
	struct telnet_client *c = t->client;
	bool near = c->sub_len < (c->sub_limit > TELNET_SUB_MAX ? c->sub_limit : TELNET_SUB_MAX);

	if (near)
		c->sub_len++;
	if (c->sub_option != TELNET_OPTIONS &&
		(!near || c->sub_len > c->sub_limit || !buf_add_byte(&c->sub, byte)))
		sub_is_over(t);
	return near;
}

void telnet_sub_end(struct telnet *t)
{
	struct telnet_client *c = t->client;
	struct buf body = c->sub;

	c->sub = (struct buf){0};
	if (c->sub_option != TELNET_OPTIONS)
		options[c->sub_option].on_body(t, buf_bytes(&body));
	buf_free(&body);
}

struct shared *telnet_sub_made(enum telnet_option_index option, struct slice body)
{
	size_t doubled = 0;

	for (size_t i = 0; i < body.len; i++)
		doubled += body.at[i] == TELNET_IAC;
	struct shared *b = shared_room((uint32_t)(body.len + doubled + 5));
	if (b == NULL)
		return NULL;
	uint8_t *to = b->bytes;
	*to++ = TELNET_IAC;
	*to++ = TELNET_SB;
	*to++ = options[option].code;
	for (size_t i = 0; i < body.len; i++) {
		*to++ = body.at[i];
		if (body.at[i] == TELNET_IAC)
			*to++ = TELNET_IAC;
	}
	*to++ = TELNET_IAC;
	*to++ = TELNET_SE;
	return b;
}

void telnet_sub_say(struct telnet *t, enum telnet_option_index option, struct slice body)
{
	struct shared *b = telnet_sub_made(option, body);

	if (b == NULL) {
		t->ls->ops->on_nomem(t->ls);
		return;
	}
	layers_down_from(t->ls, t->position, b);
	shared_unref(b);
}

void telnet_value(char out[TELNET_VALUE_MAX], struct slice text)
{
	gmcp_value(out, text);
}
