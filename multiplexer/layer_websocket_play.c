/* The subprotocol of our own page: who is a user again after his connection was lost (session.h,
 * and the messages in webclient.h).
 *
 *   GREETING --Mux.Client--------------------------------> OPEN, by on_ready
 *       \-----Mux.Resume--> CLAIMING --websocket_refuse----^
 *                              \-------websocket_take_over: the connection is another user's now */
#include <stdio.h>
#include <stdlib.h>

#include "common/jsontext.h"
#include "multiplexer/layer_websocket.h"
#include "multiplexer/mssp.h"

static void free_claim(struct websocket_state *s)
{
	if (s->claim == NULL)
		return;
	json_decref(s->claim->client);
	buf_free(&s->claim->rest);
	explicit_bzero(s->claim, sizeof *s->claim);
	free(s->claim);
	s->claim = NULL;
}

void play_free(struct layers *ls, struct websocket_state *s)
{
	free_claim(s);
	recall_free(&s->recall);
	session_free(ls->session);
	ls->session = NULL;
}

enum { NAME_MAX_LEN = 100 }; /* bytes; a longer one is not for the heading of a page */

/* Takes object over. */
static void tell_session(struct layers *ls, json_t *object)
{
	struct slice name = {0};

	if (ls->house != NULL && ls->house->mssp != NULL)
		name = mssp_name(ls->house->mssp);
	if (name.len > 0 && name.len <= NAME_MAX_LEN)
		json_object_set_new(object, "name", json_stringn((const char *)name.at, name.len));
	websocket_send_control(ls, "Mux.Session", object);
}

/* place: where the output goes on; seq: what he has got of it, when he is back. */
static void send_session(
	struct layers *ls, const struct session_place *place, uint64_t seq, bool resumed)
{
	char token[SESSION_TOKEN_LEN + 1] = "";
	struct session *session = ls->session;
	json_t *object;

	if (session == NULL || !session_issue(session, token)) {
		tell_session(ls, json_pack("{s:b}", "resumed", false));
		return;
	}
	object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:b, s:I}", "token", token, "seq",
		(json_int_t)place->seq, "upto", (json_int_t)session->next, "ttl",
		(json_int_t)(session->all->ttl_ms / 1000), "received",
		(json_int_t)session->received, "resumed", resumed, "lost",
		(json_int_t)(resumed && place->seq > seq ? place->seq - seq : 0));
	tell_session(ls, object);
	explicit_bzero(token, sizeof token);
}

static bool has_sessions(const struct layers *ls)
{
	return ls->house != NULL && ls->house->sessions != NULL && ls->house->sessions->ttl_ms > 0;
}

/* He is a user, unless he is refused. */
static void enter(struct layers *ls, struct websocket_state *s)
{
	s->phase = OPEN;
	if (has_sessions(ls))
		ls->session = session_new(ls->house->sessions, ls);
	ls->prompts = s->client != NULL && s->client->is_page;
	ls->ops->on_ready(ls);
	/* on_ready may have ended him, and may have said something */
	if (s->phase == OPEN) {
		const struct session_place now = {ls->session != NULL ? ls->session->next : 0, 0};

		send_session(ls, &now, 0, false);
	}
}

static bool take_claim(struct layers *ls, struct websocket_state *s, struct slice json)
{
	json_t *o = jsontext_read(json, 0, &jsontext_message, NULL);
	const json_t *token = json_object_get(o, "token"), *seq = json_object_get(o, "seq");
	bool ok = json_is_string(token) && json_is_integer(seq) && json_integer_value(seq) >= 0;

	if (ok && (s->claim = calloc(1, sizeof *s->claim)) == NULL) {
		ls->ops->on_nomem(ls);
	} else if (ok) {
		/* One of another length is none: it stays too short, or is cut and is then wrong. */
		snprintf(s->claim->token, sizeof s->claim->token, "%s",
			json_string_length(token) == SESSION_TOKEN_LEN ? json_string_value(token)
								       : "");
		s->claim->seq = (uint64_t)json_integer_value(seq);
		s->claim->client = json_incref(json_object_get(o, "client"));
	}
	json_decref(o);
	return ok;
}

bool play_greeting(struct layers *ls, struct websocket_state *s, struct slice text)
{
	struct slice json, name = gmcp_name(text, &json);
	struct webclient *c;

	if (slice_is(name, slice_text("Mux.Client"))) {
		c = websocket_client(ls, s);
		if (c != NULL) {
			webclient_take(c, text);
			enter(ls, s);
		}
		return true;
	}
	if (!slice_is(name, slice_text("Mux.Resume")) || !take_claim(ls, s, json))
		return false;
	if (s->claim == NULL)
		return true; /* memory is out, and he is gone */
	s->phase = CLAIMING;
	if (ls->ops->on_claim != NULL)
		ls->ops->on_claim(ls);
	else
		websocket_refuse(ls);
	return true;
}

bool play_message(struct layers *ls, struct websocket_state *s, struct slice body)
{
	struct slice json, name = gmcp_name(body, &json);

	if (ls->session == NULL || !slice_is(name, slice_text("Mux.Seen")))
		return false;
	session_confirm(ls->session);
	if (websocket_may_answer(ls, s))
		websocket_send_control(ls, "Mux.Seen",
			json_pack("{s:I}", "received", (json_int_t)ls->session->received));
	return true;
}

struct session *websocket_claim(const struct layers *ls)
{
	const struct websocket_state *s = ls->state[0];

	return has_sessions(ls) ? sessions_find(ls->house->sessions, slice_text(s->claim->token))
				: NULL;
}

void websocket_refuse(struct layers *ls)
{
	struct websocket_state *s = ls->state[0];
	struct buf rest = s->claim->rest;
	struct webclient *c = websocket_client(ls, s);

	if (c == NULL)
		return;
	s->claim->rest = (struct buf){0};
	webclient_describe(c, s->claim->client);
	free_claim(s);
	enter(ls, s);
	websocket_take_frames(ls, s, buf_bytes(&rest));
	buf_free(&rest);
}

/* What he has not got; and, when some of that is lost, how things are. */
static void send_missing(struct layers *ls, struct websocket_state *s, uint64_t seq)
{
	struct session_place place = session_seek(ls->session, seq);
	bool lost = place.seq > seq, is_text;
	struct shared *b;

	ls->session->all->gaps += lost;
	send_session(ls, &place, seq, true);
	while ((b = session_next(ls->session, &place, &is_text)) != NULL) {
		websocket_send_frame(ls, is_text ? WEBSOCKET_TEXT : WEBSOCKET_BINARY, b);
		shared_unref(b);
	}
	/* Each is told behind all others, and so comes back to its place. */
	for (uint8_t n = lost ? s->recall.count : 0; n > 0; n--) {
		struct buf body = {0};

		if (buf_add(&body, recall_at(&s->recall, 0)))
			websocket_send_gmcp(ls, s, buf_bytes(&body));
		buf_free(&body);
	}
	/* A page that was loaded anew has seen old prompts again, which may be answered long since. */
	if (!recall_has(&s->recall, slice_text("Mux.Prompt")) && (lost || seq == 0))
		websocket_send_gmcp(ls, s, slice_text("Mux.Prompt {\"text\":\"\"}"));
}

void websocket_take_over(struct layers *user, struct layers *comer)
{
	struct websocket_state *s = user->state[0], *from = comer->state[0];
	struct buf rest = from->claim->rest;
	uint64_t seq = from->claim->seq;
	struct webclient *c = websocket_client(user, s);

	from->claim->rest = (struct buf){0};
	websocket_free(&s->ws); /* half a message of the old connection; it comes again */
	s->ws = from->ws;
	s->ws.payload = slice_of(NULL, 0);
	from->ws = (struct websocket){0};
	s->heard_ms = user->now_ms;
	s->pinged_ms = 0;
	user->detached = false;
	session_use(user->session, slice_text(from->claim->token));
	send_missing(user, s, seq);
	if (c != NULL) {
		struct webclient before = *c;

		webclient_describe(c, from->claim->client);
		if (!webclient_is_same(&before, c))
			websocket_learnt(user, c, before.width, before.height);
	}
	free_claim(from);
	websocket_take_frames(user, s, buf_bytes(&rest));
	buf_free(&rest);
}
