/* WebSocket (RFC 6455), and the HTTP before it:
 *
 *   VISIT --handshake--> (subprotocol play: GREETING, CLAIMING) --> OPEN --Close, fault, goodbye--> OVER
 *     \--page with "Connection: close", fault, too slow-----------------------------------------^
 *
 * A visitor is nobody yet: he gets pages, and becomes a user by a handshake. A message is a line (or
 * several): its end is added when it has none. Inside the subprotocol telnet messages are a stream,
 * for the telnet layer above; for all others that layer is passed by, and 255 is a byte as any. What
 * else there is to say goes as GMCP (webclient.h), for the subprotocols that have it. */
#include "multiplexer/layer_websocket.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/features.h"

enum { PING_MS = 30000, PONG_MS = 30000, PONGS_PER_S = 10, REST_MAX = 16 * 1024 };

static bool is_telnet(const struct websocket_state *s)
{
	return s->subprotocol == SUBPROTOCOL_TELNET || s->subprotocol == SUBPROTOCOL_BINARY;
}

static bool has_gmcp(const struct websocket_state *s)
{
	return webclient_has_gmcp((enum subprotocol)s->subprotocol);
}

/* There is, or was, a handshake, and no end of it. */
static bool is_connected(const struct websocket_state *s)
{
	return s->phase == GREETING || s->phase == CLAIMING || s->phase == OPEN;
}

/* ---- out ---------------------------------------------------------------------------------------- */

void websocket_send_frame(struct layers *ls, enum websocket_opcode opcode, struct shared *payload)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	size_t len = websocket_head(head, opcode, payload->len);

	layers_say_from(ls, 0, slice_of(head, len));
	if (payload->len > 0)
		layers_down_from(ls, 0, payload);
}

/* Output: where there is a session it is kept as well, and while there is no connection only kept. */
static void send_message(struct layers *ls, enum websocket_opcode opcode, struct shared *payload)
{
	if (ls->session != NULL)
		session_record(ls->session, opcode == WEBSOCKET_TEXT,
			slice_of(payload->bytes, payload->len));
	if (!ls->detached)
		websocket_send_frame(ls, opcode, payload);
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
	} else if (is_connected(s) && s->subprotocol != SUBPROTOCOL_NONE) {
		send_message(ls, WEBSOCKET_BINARY, b);
	} else if (s->phase == OPEN) {
		mended = mend_text(s, slice_of(b->bytes, b->len));
		if (mended == NULL)
			ls->ops->on_nomem(ls);
		else if (mended->len > 0)
			send_message(ls, WEBSOCKET_TEXT, mended);
		shared_unref(mended);
	}
}

bool websocket_send_gmcp(struct layers *ls, struct websocket_state *s, struct slice body)
{
	struct buf text = {0};
	struct shared *b = NULL;
	bool ok = webclient_wrap((enum subprotocol)s->subprotocol, body, &text) &&
		  (b = shared_new(buf_bytes(&text))) != NULL;

	if (ok)
		send_message(ls, WEBSOCKET_TEXT, b);
	if (ok && ls->session != NULL)
		recall_keep(&s->recall, body);
	buf_free(&text);
	shared_unref(b);
	return ok;
}

/* "Package json"; takes object over. */
static bool add_package(struct buf *body, const char *package, json_t *object)
{
	char *json = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	bool ok = json != NULL && buf_addf(body, "%s %s", package, json);

	free(json);
	json_decref(object);
	return ok;
}

/* A package of ours; takes object over. */
static bool send_package(
	struct layers *ls, struct websocket_state *s, const char *package, json_t *object)
{
	struct buf body = {0};
	bool ok =
		add_package(&body, package, object) && websocket_send_gmcp(ls, s, buf_bytes(&body));

	buf_free(&body);
	return ok;
}

void websocket_send_control(struct layers *ls, const char *package, json_t *object)
{
	struct buf body = {0};
	struct shared *b = NULL;

	if (add_package(&body, package, object) && (b = shared_new(buf_bytes(&body))) != NULL)
		websocket_send_frame(ls, WEBSOCKET_TEXT, b);
	else
		ls->ops->on_nomem(ls);
	shared_unref(b);
	buf_free(&body);
}

static bool websocket_tell(
	struct layers *ls, unsigned position UNUSED, void *state, struct tell *tell)
{
	struct websocket_state *s = state;

	if (s->phase != OPEN || !has_gmcp(s))
		return false;
	if (slice_is(tell->channel, slice_text("gmcp")))
		return websocket_send_gmcp(ls, s, tell->data);
	if (slice_is(tell->channel, slice_text("echo"))) {
		ls->hidden = slice_is(tell->data, slice_text("off"));
		return send_package(ls, s, "Mux.Echo", json_pack("{s:b}", "on", !ls->hidden));
	}
	if (slice_is(tell->channel, slice_text("prompt")) && ls->prompts)
		return send_package(ls, s, "Mux.Prompt",
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
	bool is_user = s->phase == OPEN;

	send_close(ls, position, s, websocket_fault_code(fault), websocket_fault_text(fault));
	ls->ops->on_over(
		ls, is_user ? LAYERS_BROKEN : LAYERS_HANDSHAKE, websocket_fault_text(fault));
}

static void on_line(
	struct layers *ls, unsigned position, struct websocket_state *s, struct slice text)
{
	if (ls->session != NULL) {
		ls->session->received++;
		recall_forget(&s->recall, slice_text("Mux.Prompt"));
	}
	layers_up_from(ls, position, text);
	if (text.len == 0 || text.at[text.len - 1] != '\n')
		layers_up_from(ls, position, slice_text("\n"));
}

/* RFC 6455 section 5.5.3: of many Pings the latest is the one that counts. */
bool websocket_may_answer(struct layers *ls, struct websocket_state *s)
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

void websocket_learnt(struct layers *ls, const struct webclient *c, uint16_t width, uint16_t height)
{
	char json[64];

	ls->caps_changed = true;
	ls->prompts = c->is_page;
	if (c->width == 0 || c->height == 0 || (c->width == width && c->height == height))
		return;
	snprintf(json, sizeof json, "{\"w\":%u,\"h\":%u}", c->width, c->height);
	layers_tell_game(ls, slice_text("naws"), EVENT_IS_JSON, slice_text(json));
}

struct webclient *websocket_client(struct layers *ls, struct websocket_state *s)
{
	if (s->client == NULL && (s->client = calloc(1, sizeof *s->client)) == NULL)
		ls->ops->on_nomem(ls);
	return s->client;
}

static void on_gmcp(struct layers *ls, struct websocket_state *s, struct slice body)
{
	if (play_message(ls, s, body) || websocket_client(ls, s) == NULL)
		return;
	uint16_t width = s->client->width, height = s->client->height;

	switch (webclient_take(s->client, body)) {
	case GMCP_FOR_GAME:
		layers_tell_game(ls, slice_text("gmcp"), 0, body);
		break;
	case GMCP_LEARNT:
		websocket_learnt(ls, s->client, width, height);
		break;
	case GMCP_PING:
		if (websocket_may_answer(ls, s))
			websocket_send_gmcp(ls, s, slice_text("Core.Ping"));
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
		on_gmcp(ls, s, buf_bytes(&body));
	else if (said == WEBCLIENT_LINE)
		on_line(ls, position, s, buf_bytes(&body));
	buf_free(&body);
}

static void on_text(struct layers *ls, unsigned position, struct websocket_state *s)
{
	if (s->subprotocol == SUBPROTOCOL_JSON)
		on_json(ls, position, s);
	else if (has_gmcp(s) && webclient_is_gmcp(s->ws.payload))
		on_gmcp(ls, s, s->ws.payload);
	else
		on_line(ls, position, s, s->ws.payload); /* wscat can send nothing but texts */
}

/* What came whole. */
static void on_frame(struct layers *ls, unsigned position, struct websocket_state *s)
{
	switch (s->ws.opcode) {
	case WEBSOCKET_TEXT:
	case WEBSOCKET_BINARY:
		if (s->phase == GREETING) {
			if (!play_greeting(ls, s, s->ws.payload))
				fail(ls, position, s, WEBSOCKET_FAULT_FORM);
		} else if (is_telnet(s))
			layers_up_from(ls, position, s->ws.payload);
		else if (s->ws.opcode == WEBSOCKET_TEXT)
			on_text(ls, position, s);
		else
			on_line(ls, position, s, s->ws.payload);
		break;
	case WEBSOCKET_PING:
		if (websocket_may_answer(ls, s))
			send_control(ls, position, WEBSOCKET_PONG, s->ws.payload);
		break;
	case WEBSOCKET_CLOSE:
		if (ls->session != NULL && s->ws.close_code != 1000) {
			ls->ops->on_over(ls, LAYERS_AWAY, NULL);
			break;
		}
		send_close(ls, position, s, s->ws.close_code, NULL);
		ls->ops->on_over(ls, LAYERS_LEFT, NULL);
		break;
	default: /* a Pong: that he was heard is all it says */
		break;
	}
}

/* Behind a claim: for whoever the connection belongs to when it is decided. */
static void keep_for_later(struct layers *ls, struct websocket_state *s, struct slice bytes)
{
	struct buf *rest = &s->claim->rest;

	if (rest->len + bytes.len > REST_MAX)
		fail(ls, 0, s, WEBSOCKET_FAULT_TOO_LONG);
	else if (bytes.len > 0 && !buf_add(rest, bytes))
		ls->ops->on_nomem(ls);
}

void websocket_take_frames(struct layers *ls, struct websocket_state *s, struct slice bytes)
{
	s->heard_ms = ls->now_ms;
	s->pinged_ms = 0;
	while ((s->phase == OPEN && !ls->detached) || s->phase == GREETING) {
		switch (websocket_feed(&s->ws, &bytes)) {
		case WEBSOCKET_GIVE_MORE:
			return;
		case WEBSOCKET_GOT:
			on_frame(ls, 0, s);
			break;
		case WEBSOCKET_BAD:
			fail(ls, 0, s, s->ws.fault);
			break;
		}
	}
	if (s->phase == CLAIMING)
		keep_for_later(ls, s, bytes);
}

/* ---- in: a visitor ------------------------------------------------------------------------------ */

static void on_visit_output(void *owner, struct slice bytes)
{
	layers_say_from(owner, 0, bytes);
}

static const struct visit_ops visit_ops = {.on_output = on_visit_output};

/* He asked for a WebSocket, and it was granted. */
static void begin(struct layers *ls, struct websocket_state *s)
{
	s->subprotocol = (uint8_t)s->visit->subprotocol;
	s->phase = s->subprotocol == SUBPROTOCOL_PLAY ? GREETING : OPEN;
	s->heard_ms = s->since_ms = ls->now_ms;
	ls->idle = false;
	if (is_telnet(s))
		ls->off = 0;
	if (s->phase == OPEN)
		ls->ops->on_ready(ls);
	/* on_ready may have ended him */
	websocket_take_frames(ls, s, visit_rest(s->visit));
	visit_free(s->visit);
	s->visit = NULL;
}

/* Does what the visit has come to. */
static void look_at_visit(struct layers *ls, struct websocket_state *s)
{
	ls->idle = visit_is_idle(s->visit);
	switch (s->visit->state) {
	case VISIT_GOES_ON:
		break;
	case VISIT_WEBSOCKET:
		begin(ls, s);
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

static void websocket_up(
	struct layers *ls, unsigned position UNUSED, void *state, struct slice bytes)
{
	struct websocket_state *s = state;

	if (is_connected(s))
		websocket_take_frames(ls, s, bytes);
	if (s->phase != VISIT)
		return;
	if (s->visit == NULL)
		s->visit = visit_open(ls->door, &visit_ops, ls, s->since_ms);
	if (s->visit == NULL) {
		ls->ops->on_nomem(ls);
		return;
	}
	visit_bytes(s->visit, bytes, ls->now_ms);
	look_at_visit(ls, s);
}

/* ---- the clock and the end ---------------------------------------------------------------------- */

static void tick_open(struct layers *ls, unsigned position, struct websocket_state *s)
{
	if (s->pinged_ms != 0 && ls->now_ms - s->pinged_ms >= PONG_MS) {
		if (ls->session == NULL)
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
	if (s->phase == OPEN && !ls->detached) {
		tick_open(ls, position, s);
	} else if (s->phase == GREETING && ls->now_ms - s->since_ms >= VISIT_HANDSHAKE_MS) {
		ls->ops->on_over(ls, LAYERS_HANDSHAKE, "he did not say who he is");
	} else if (s->phase == VISIT && s->visit != NULL) {
		visit_tick(s->visit, ls->now_ms);
		look_at_visit(ls, s);
	} else if (s->phase == VISIT && ls->now_ms - s->since_ms >= VISIT_HANDSHAKE_MS) {
		s->phase = OVER;
		ls->ops->on_over(ls, LAYERS_HANDSHAKE, "he said nothing");
	}
}

static void websocket_finish(struct layers *ls, unsigned position, void *state)
{
	struct websocket_state *s = state;

	if (is_connected(s) && !ls->detached)
		send_close(ls, position, s, ls->close_code, NULL);
	s->phase = OVER;
}

static void websocket_open(struct layers *ls, void *state UNUSED)
{
	ls->off = 1 << 1; /* telnet, until it is agreed upon */
}

static void websocket_close(struct layers *ls, void *state)
{
	struct websocket_state *s = state;

	play_free(ls, s);
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
