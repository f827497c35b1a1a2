/* WebSocket (RFC 6455), and the HTTP before it:
 *
 *   VISIT --handshake--> OPEN --Close, fault, goodbye--> OVER
 *     \--page with "Connection: close", fault, too slow----^
 *
 * A visitor is nobody yet: he gets pages, and becomes a user by a handshake. A message is a line (or
 * several): its end is added when it has none. Inside the subprotocol telnet messages are a stream,
 * for the telnet layer above; for all others that layer is passed by, and 255 is a byte as any. What
 * else there is to say goes as GMCP (webclient.h), for the subprotocols that have it. */
#include <stdio.h>
#include <stdlib.h>

#include "multiplexer/layers.h"
#include "multiplexer/visit.h"
#include "multiplexer/webclient.h"
#include "multiplexer/websocket.h"
#include "proto/features.h"

enum { PING_MS = 30000, PONG_MS = 30000, PONGS_PER_S = 10 };

/* The state is plain but for what it owns, all of which can be written down: a visit is HTTP that can
 * begin anew (nothing of the game is lost with it), the rest is what is known of the client. */
enum phase { VISIT, OPEN, OVER };

struct websocket_state {
	uint8_t phase;       /* enum phase */
	uint8_t subprotocol; /* enum subprotocol */
	uint8_t pongs;       /* sent in the second that began at pongs_ms */
	uint8_t half_len;    /* bytes of half */
	uint8_t half[4];     /* a character of output whose end the game has not sent yet */
	uint64_t since_ms;   /* when he came; 0 = no clock has told it yet */
	uint64_t heard_ms;   /* when he was heard last */
	uint64_t pinged_ms;  /* when he was pinged and has said nothing since; 0 = he was not */
	uint64_t pongs_ms;
	struct visit *visit;      /* owned: while VISIT, from its first byte on */
	struct webclient *client; /* owned: once it has said something of itself */
	struct websocket ws;
};

static bool is_telnet(const struct websocket_state *s)
{
	return s->subprotocol == SUBPROTOCOL_TELNET || s->subprotocol == SUBPROTOCOL_BINARY;
}

static bool has_gmcp(const struct websocket_state *s)
{
	return s->subprotocol == SUBPROTOCOL_GMCP || s->subprotocol == SUBPROTOCOL_JSON;
}

/* ---- out ---------------------------------------------------------------------------------------- */

static void send_frame(
	struct layers *ls, unsigned position, enum websocket_opcode opcode, struct shared *payload)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t len = websocket_head(head, opcode, payload->len);

	layers_say_from(ls, position, slice_of(head, len));
	if (payload->len > 0)
		layers_down_from(ls, position, payload);
}

static void send_control(
	struct layers *ls, unsigned position, enum websocket_opcode opcode, struct slice payload)
{
	uint8_t frame[2 + WEBSOCKET_CONTROL_MAX];

	frame[0] = (uint8_t)(0x80 | opcode);
	frame[1] = (uint8_t)payload.len;
	if (payload.len > 0)
		memcpy(frame + 2, payload.at, payload.len);
	layers_say_from(ls, position, slice_of(frame, 2 + payload.len));
}

static void send_close(struct layers *ls, unsigned position, struct websocket_state *s,
	unsigned code, const char *reason)
{
	uint8_t frame[WEBSOCKET_CLOSE_MAX];

	s->phase = OVER;
	layers_say_from(ls, position, slice_of(frame, websocket_close_frame(frame, code, reason)));
}

/* Text as UTF-8 that is whole: what is not becomes U+FFFD, half a character at the end is kept for the
 * next text. NULL when memory is out; may be empty. */
static struct shared *mend_text(struct websocket_state *s, struct slice text)
{
	struct shared *out = shared_room((uint32_t)(3 * (text.len + sizeof s->half)));
	struct utf8 u = {0};
	uint8_t half = s->half_len;
	uint32_t n = 0, begun = 0; /* where the character begins that is not whole yet */

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < half + text.len;) {
		uint8_t byte = i < half ? s->half[i] : text.at[i - half];

		if (utf8_byte(&u, byte)) {
			out->bytes[n++] = byte;
			i++;
		} else {
			bool alone = n == begun; /* it cannot even begin a character */

			n = begun;
			memcpy(out->bytes + n, "\xef\xbf\xbd", 3);
			n += 3;
			i += alone;
			u = (struct utf8){0};
		}
		if (utf8_is_between(&u))
			begun = n;
	}
	s->half_len = (uint8_t)(n - begun);
	memcpy(s->half, out->bytes + begun, s->half_len);
	out->len = begun;
	return out;
}

/* Words to somebody who is not in yet: they are the body of an answer that he did not wait for. */
static void answer_early(
	struct layers *ls, unsigned position, struct websocket_state *s, struct slice text)
{
	struct http_answer a;

	s->phase = OVER;
	visit_answer_early(text, ls->forbidden ? 403 : 503, &a, time(NULL));
	if (a.no_memory)
		ls->ops->on_nomem(ls);
	else
		layers_say_from(ls, position, buf_bytes(&a.out));
	http_answer_free(&a);
}

static void websocket_down(struct layers *ls, unsigned position, void *state, struct shared *b)
{
	struct websocket_state *s = state;
	struct shared *mended;

	if (s->phase == VISIT) {
		answer_early(ls, position, s, slice_of(b->bytes, b->len));
	} else if (s->phase == OPEN && s->subprotocol != SUBPROTOCOL_NONE) {
		send_frame(ls, position, WEBSOCKET_BINARY, b);
	} else if (s->phase == OPEN) {
		mended = mend_text(s, slice_of(b->bytes, b->len));
		if (mended == NULL)
			ls->ops->on_nomem(ls);
		else if (mended->len > 0)
			send_frame(ls, position, WEBSOCKET_TEXT, mended);
		shared_unref(mended);
	}
}

/* GMCP in the form that was agreed on. False when none was. */
static bool send_gmcp(
	struct layers *ls, unsigned position, struct websocket_state *s, struct slice body)
{
	struct buf text = {0};
	struct shared *b = NULL;
	bool ok = webclient_wrap((enum subprotocol)s->subprotocol, body, &text) &&
		  (b = shared_new(buf_bytes(&text))) != NULL;

	if (ok)
		send_frame(ls, position, WEBSOCKET_TEXT, b);
	buf_free(&text);
	shared_unref(b);
	return ok;
}

/* The same, for a package of ours; takes object over. */
static bool send_package(struct layers *ls, unsigned position, struct websocket_state *s,
	const char *package, json_t *object)
{
	struct buf body = {0};
	char *json = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	bool ok = json != NULL && buf_addf(&body, "%s %s", package, json) &&
		  send_gmcp(ls, position, s, buf_bytes(&body));

	buf_free(&body);
	free(json);
	json_decref(object);
	return ok;
}

static bool websocket_tell(struct layers *ls, unsigned position, void *state, struct tell *tell)
{
	struct websocket_state *s = state;

	if (s->phase != OPEN || !has_gmcp(s))
		return false;
	if (slice_is(tell->channel, slice_text("gmcp")))
		return send_gmcp(ls, position, s, tell->data);
	if (slice_is(tell->channel, slice_text("echo"))) {
		ls->hidden = slice_is(tell->data, slice_text("off"));
		return send_package(
			ls, position, s, "Mux.Echo", json_pack("{s:b}", "on", !ls->hidden));
	}
	if (slice_is(tell->channel, slice_text("prompt")) && ls->prompts)
		return send_package(ls, position, s, "Mux.Prompt",
			json_pack("{s:s%}", "text", (const char *)tell->data.at, tell->data.len));
	return false;
}

static void websocket_caps(const struct layers *ls UNUSED, const void *state, json_t *caps)
{
	static const struct webclient unknown;
	const struct websocket_state *s = state;

	webclient_caps(
		s->client != NULL ? s->client : &unknown, (enum subprotocol)s->subprotocol, caps);
}

/* ---- in: frames --------------------------------------------------------------------------------- */

static void fail(
	struct layers *ls, unsigned position, struct websocket_state *s, enum websocket_fault fault)
{
	send_close(ls, position, s, websocket_fault_code(fault), websocket_fault_text(fault));
	ls->ops->on_over(ls, LAYERS_BROKEN, websocket_fault_text(fault));
}

static void on_line(struct layers *ls, unsigned position, struct slice text)
{
	layers_up_from(ls, position, text);
	if (text.len == 0 || text.at[text.len - 1] != '\n')
		layers_up_from(ls, position, slice_text("\n"));
}

/* RFC 6455 section 5.5.3: of many Pings the latest is the one that counts. */
static bool may_answer(struct layers *ls, struct websocket_state *s)
{
	if (ls->now_ms - s->pongs_ms >= 1000) {
		s->pongs_ms = ls->now_ms;
		s->pongs = 0;
	}
	if (s->pongs >= PONGS_PER_S) {
		ls->dropped_replies++;
		return false;
	}
	s->pongs++;
	return true;
}

/* More is known of him than the size that he had. */
static void learnt(struct layers *ls, const struct webclient *c, uint16_t width, uint16_t height)
{
	char json[64];

	ls->caps_changed = true;
	ls->prompts = c->is_page;
	if (c->width == 0 || c->height == 0 || (c->width == width && c->height == height))
		return;
	snprintf(json, sizeof json, "{\"w\":%u,\"h\":%u}", c->width, c->height);
	layers_tell_game(ls, slice_text("naws"), EVENT_IS_JSON, slice_text(json));
}

static void on_gmcp(
	struct layers *ls, unsigned position, struct websocket_state *s, struct slice body)
{
	if (s->client == NULL && (s->client = calloc(1, sizeof *s->client)) == NULL) {
		ls->ops->on_nomem(ls);
		return;
	}
	uint16_t width = s->client->width, height = s->client->height;

	switch (webclient_take(s->client, body)) {
	case GMCP_FOR_GAME:
		layers_tell_game(ls, slice_text("gmcp"), 0, body);
		break;
	case GMCP_LEARNT:
		learnt(ls, s->client, width, height);
		break;
	case GMCP_PING:
		if (may_answer(ls, s))
			send_gmcp(ls, position, s, slice_text("Core.Ping"));
		break;
	case GMCP_DROPPED:
		break;
	}
}

/* A text of subprotocol json. */
static void on_json(struct layers *ls, unsigned position, struct websocket_state *s)
{
	struct buf body = {0};
	enum webclient_said said = webclient_unwrap(s->ws.payload, &body);

	if (said == WEBCLIENT_NONSENSE)
		fail(ls, position, s, WEBSOCKET_FAULT_FORM);
	else if (said == WEBCLIENT_GMCP)
		on_gmcp(ls, position, s, buf_bytes(&body));
	else if (said == WEBCLIENT_LINE)
		on_line(ls, position, buf_bytes(&body));
	buf_free(&body);
}

static void on_text(struct layers *ls, unsigned position, struct websocket_state *s)
{
	if (s->subprotocol == SUBPROTOCOL_JSON)
		on_json(ls, position, s);
	else if (s->subprotocol == SUBPROTOCOL_GMCP && webclient_is_gmcp(s->ws.payload))
		on_gmcp(ls, position, s, s->ws.payload);
	else
		on_line(ls, position, s->ws.payload); /* wscat can send nothing but texts */
}

/* What came whole. */
static void on_frame(struct layers *ls, unsigned position, struct websocket_state *s)
{
	switch (s->ws.opcode) {
	case WEBSOCKET_TEXT:
	case WEBSOCKET_BINARY:
		if (is_telnet(s))
			layers_up_from(ls, position, s->ws.payload);
		else if (s->ws.opcode == WEBSOCKET_TEXT)
			on_text(ls, position, s);
		else
			on_line(ls, position, s->ws.payload);
		break;
	case WEBSOCKET_PING:
		if (may_answer(ls, s))
			send_control(ls, position, WEBSOCKET_PONG, s->ws.payload);
		break;
	case WEBSOCKET_CLOSE:
		send_close(ls, position, s, s->ws.close_code, NULL);
		ls->ops->on_over(ls, LAYERS_LEFT, NULL);
		break;
	default: /* a Pong: that he was heard is all it says */
		break;
	}
}

static void take_frames(
	struct layers *ls, unsigned position, struct websocket_state *s, struct slice bytes)
{
	s->heard_ms = ls->now_ms;
	s->pinged_ms = 0;
	while (s->phase == OPEN) {
		switch (websocket_feed(&s->ws, &bytes)) {
		case WEBSOCKET_GIVE_MORE:
			return;
		case WEBSOCKET_GOT:
			on_frame(ls, position, s);
			break;
		case WEBSOCKET_BAD:
			fail(ls, position, s, s->ws.fault);
			break;
		}
	}
}

/* ---- in: a visitor ------------------------------------------------------------------------------ */

static void on_visit_output(void *owner, struct slice bytes)
{
	layers_say_from(owner, 0, bytes);
}

static const struct visit_ops visit_ops = {.on_output = on_visit_output};

/* He asked for a WebSocket, and it was granted. */
static void begin(struct layers *ls, unsigned position, struct websocket_state *s)
{
	s->phase = OPEN;
	s->subprotocol = (uint8_t)s->visit->subprotocol;
	s->heard_ms = ls->now_ms;
	if (is_telnet(s))
		ls->off = 0;
	ls->ops->on_ready(ls);
	/* on_ready may have ended him */
	take_frames(ls, position, s, visit_rest(s->visit));
	visit_free(s->visit);
	s->visit = NULL;
}

/* Does what the visit has come to. */
static void look_at_visit(struct layers *ls, unsigned position, struct websocket_state *s)
{
	ls->idle = visit_is_idle(s->visit);
	switch (s->visit->state) {
	case VISIT_GOES_ON:
		break;
	case VISIT_WEBSOCKET:
		begin(ls, position, s);
		break;
	case VISIT_OVER:
		s->phase = OVER;
		ls->ops->on_over(
			ls, s->visit->why != NULL ? LAYERS_HANDSHAKE : LAYERS_VISIT, s->visit->why);
		break;
	case VISIT_NO_MEMORY:
		ls->ops->on_nomem(ls);
		break;
	}
}

static void websocket_up(struct layers *ls, unsigned position, void *state, struct slice bytes)
{
	struct websocket_state *s = state;

	if (s->phase == OPEN)
		take_frames(ls, position, s, bytes);
	if (s->phase != VISIT)
		return;
	if (s->visit == NULL)
		s->visit = visit_open(ls->door, &visit_ops, ls, s->since_ms);
	if (s->visit == NULL) {
		ls->ops->on_nomem(ls);
		return;
	}
	visit_bytes(s->visit, bytes, ls->now_ms);
	look_at_visit(ls, position, s);
}

/* ---- the clock and the end ---------------------------------------------------------------------- */

static void tick_open(struct layers *ls, unsigned position, struct websocket_state *s)
{
	if (s->pinged_ms != 0 && ls->now_ms - s->pinged_ms >= PONG_MS) {
		send_close(ls, position, s, websocket_fault_code(WEBSOCKET_FAULT_SILENT),
			websocket_fault_text(WEBSOCKET_FAULT_SILENT));
		ls->ops->on_over(ls, LAYERS_SILENT, websocket_fault_text(WEBSOCKET_FAULT_SILENT));
	} else if (s->pinged_ms == 0 && ls->now_ms - s->heard_ms >= PING_MS) {
		s->pinged_ms = ls->now_ms;
		send_control(ls, position, WEBSOCKET_PING, slice_of(NULL, 0));
	}
}

static void websocket_tick(struct layers *ls, unsigned position, void *state)
{
	struct websocket_state *s = state;

	if (s->since_ms == 0)
		s->since_ms = ls->now_ms;
	if (s->phase == OPEN) {
		tick_open(ls, position, s);
	} else if (s->phase == VISIT && s->visit != NULL) {
		visit_tick(s->visit, ls->now_ms);
		look_at_visit(ls, position, s);
	} else if (s->phase == VISIT && ls->now_ms - s->since_ms >= VISIT_HANDSHAKE_MS) {
		s->phase = OVER;
		ls->ops->on_over(ls, LAYERS_HANDSHAKE, "he said nothing");
	}
}

static void websocket_finish(struct layers *ls, unsigned position, void *state)
{
	struct websocket_state *s = state;

	if (s->phase == OPEN)
		send_close(ls, position, s, ls->close_code, NULL);
	s->phase = OVER;
}

static void websocket_open(struct layers *ls, void *state UNUSED)
{
	ls->off = 1 << 1; /* telnet, until it is agreed upon */
}

static void websocket_close(struct layers *ls UNUSED, void *state)
{
	struct websocket_state *s = state;

	visit_free(s->visit);
	if (s->client != NULL)
		webclient_free(s->client);
	free(s->client);
	websocket_free(&s->ws);
}

const struct layer layer_websocket = {
	.name = "websocket",
	.memory = sizeof(struct websocket_state),
	.open = websocket_open,
	.up = websocket_up,
	.down = websocket_down,
	.tell = websocket_tell,
	.caps = websocket_caps,
	.tick = websocket_tick,
	.finish = websocket_finish,
	.close = websocket_close,
};
