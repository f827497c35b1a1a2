#include "multiplexer/subclient.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "multiplexer/detached.h"
#include "multiplexer/mux.h"
#include "multiplexer/news.h"

enum {
	READ_MAX = 4096,         /* bytes of one read: held input may pass its limit by no more */
	FINISHED_WAIT_MS = 1000, /* after our end, how long the client may take for his */
	LAST_WORDS_MAX = 64 * 1024, /* more than what a socket keeps for us */
};

static const struct {
	const char *log, *last_words;
	bool is_fault;
} closings[] = {
#define CLOSING(NAME, name, is_fault, log, last_words) {log, last_words, is_fault},
#include "multiplexer/closings.def"
};

static void count_closing(struct mux_metrics *m, enum closing why)
{
	switch (why) {
#define CLOSING(NAME, name, is_fault, log, last_words) \
	case CLOSING_##NAME:                           \
		m->closed_##name++;                    \
		break;
#include "multiplexer/closings.def"
	}
}

struct clientkey subclient_key(const struct subclient *u)
{
	return clientkey_of(u->number, listener_config(u->listener)->number);
}

const char *subclient_label(const struct subclient *u)
{
	static char text[CLIENTKEY_TEXT_MAX + ADDRESS_IP_MAX + 16];
	char key[CLIENTKEY_TEXT_MAX], ip[ADDRESS_IP_MAX];
	struct clientkey k = subclient_key(u);
	struct address from = subclient_from(u);

	address_ip(&from, ip);
	snprintf(text, sizeof text, "user %s (%s)", clientkey_text(&k, key), ip);
	return text;
}

void subclient_watch(struct subclient *u)
{
	if (list_is_empty(&u->watched))
		list_add_last(&u->mux->watched, &u->watched);
}

static void free_record(struct subclient *u)
{
	held_free(&u->held);
	tls_user_free(u->wire);
	free(u->wire);
	free(u);
}

bool subclient_awaits_lookup(const struct subclient *u)
{
	for (size_t i = 0; i < LOOKUP_KINDS; i++)
		if (u->lookups[i].mode == LOOKUP_AUTO && u->lookups[i].state == LOOKUP_PENDING)
			return true;
	return false;
}

struct slice subclient_looked_up(const struct subclient *u, enum lookup_kind kind)
{
	return slice_text(lookup_word(&u->mux->lookups, &u->lookups[kind], &u->at));
}

static void on_looked_up(struct lookup *l)
{
	struct subclient *u = container_of(l - l->kind, struct subclient, lookups[0]);

	log_debug("%s: %s: %s", subclient_label(u), l->kind == LOOKUP_DNS ? "DNS" : "ident",
		lookup_word(&u->mux->lookups, l, &u->at));
	news_looked_up(&u->mux->server, u, l->kind);
}

void subclient_start_lookups(struct subclient *u)
{
	for (size_t i = 0; i < LOOKUP_KINDS; i++)
		if (u->lookups[i].mode == LOOKUP_AUTO)
			lookup_start(&u->mux->lookups, &u->lookups[i], &u->at);
}

static void forget_lookups(struct subclient *u)
{
	for (size_t i = 0; i < LOOKUP_KINDS; i++)
		lookup_forget(&u->lookups[i]);
	news_unanswered(&u->mux->server, u);
}

void subclient_forget(struct subclient *u)
{
	struct mux *mux = u->mux;

	list_remove(&u->waiting);
	held_free(&u->held);
	subclient_unsave(u);
	forget_lookups(u);
	lists_forget(&mux->lists, u);
	if (u->by_number.tbl != NULL)
		HASH_DELETE(by_number, mux->by_number, u);
	u->by_number.tbl = NULL;
	if (u->departed)
		mux->departed--;
	u->departed = false;
	u->known = u->kill_asked = false;
	if (u->buried)
		free_record(u);
}

/* One who never was a user can come as often as he likes. */
static void log_closing(const struct subclient *u, enum closing why, const char *detail)
{
	struct mux *mux = u->mux;
	struct address from = subclient_from(u);

	if (list_is_empty(&u->node) &&
		!logquota_take(&mux->refusals, &from, loop_now_ms(mux->loop)))
		return;
	log_line(closings[why].is_fault ? LOG_WARN : LOG_INFO, "%s: closed: %s%s",
		subclient_label(u), closings[why].log, detail);
}

/* The socket goes, now. What the server has to hear of it is sorted out by the link. */
static void become_gone(struct subclient *u)
{
	struct mux *mux = u->mux;

	u->state = SUBCLIENT_GONE;
	if (mux->server.listed == &u->node)
		mux->server.listed = u->node.next;
	arrival_gone(u);
	tls_user_gone(u);
	detached_gone(u);
	if (!list_is_empty(&u->node))
		mux->metrics.users_now--;
	list_remove(&u->node);
	list_remove(&u->ticking);
	list_remove(&u->watched);
	list_remove(&u->unflushed);
	lists_forget(&mux->lists, u);
	mux->metrics.replies_dropped += u->layers.dropped_replies;
	if (u->flow.slow)
		mux->metrics.users_slow--;
	u->flow = (struct flow){0};
	forget_lookups(u);
	if (held_len(&u->held) == 0)
		subclient_unsave(u); /* else it is needed to understand what he typed */
	stream_close(u->stream);
	if (!u->stream->open) { /* long ago: nothing will call */
		list_add_last(&mux->graves, &u->grave);
		loop_at_turn_end(mux->loop, &mux->bury);
	}
	news_changed(&mux->server, u);
}

/* What the log says more of an ending: by how much a limit was passed. */
static void detail_of(const struct subclient *u, enum closing why, char *text, size_t room)
{
	const struct options *o = &u->mux->config.options;
	size_t output = stream_kept(u->stream);

	if (why == CLOSING_TOO_SLOW)
		snprintf(text, room, " (%zu bytes wait, limit %zu)", output,
			(size_t)o->output_limit);
	else if (why == CLOSING_SLOW_TOO_LONG)
		snprintf(text, room, " (%zu bytes wait, more than %zu for %llu s)", output,
			(size_t)o->output_soft, (unsigned long long)(o->output_soft_time / 1000));
	else if (why == CLOSING_STUCK)
		snprintf(text, room, " (%zu bytes wait, the oldest for over %llu s)", output,
			(unsigned long long)(o->output_age / 1000));
	else if (why == CLOSING_POOL)
		snprintf(text, room, " (%zu bytes wait for him, %zu from him)", output,
			held_kept(&u->held));
	else if (u->why != NULL)
		snprintf(text, room, " (%s)", u->why);
}

/* Endings of a connection rather than of its user; who says that he leaves comes to subclient_end. */
static bool may_come_back(enum closing why)
{
	return why == CLOSING_LEFT || why == CLOSING_LOST || why == CLOSING_DEAD ||
	       why == CLOSING_SILENT || why == CLOSING_TOO_SLOW || why == CLOSING_SLOW_TOO_LONG ||
	       why == CLOSING_STUCK || why == CLOSING_TLS_LOST || why == CLOSING_TLS_BROKEN;
}

static bool detach(struct subclient *u, enum closing why)
{
	char detail[96] = "";

	detail_of(u, why, detail, sizeof detail);
	if (!detached_begin(u))
		return false;
	log_info("%s: waited for: %s%s", subclient_label(u), closings[why].log, detail);
	return true;
}

void subclient_drop(struct subclient *u, enum closing why)
{
	char detail[160] = "";
	bool is_connections = may_come_back(why);

	if (u->state == SUBCLIENT_GONE ||
		(is_connections && (u->layers.detached || detach(u, why))))
		return;
	if (u->state == SUBCLIENT_ARRIVING && why == CLOSING_LEFT)
		why = CLOSING_VISIT;
	if (u->state != SUBCLIENT_CLOSING) {
		detail_of(u, why, detail, sizeof detail);
		u->closing = why;
		count_closing(&u->mux->metrics, why);
		log_closing(u, why, detail);
	}
	become_gone(u);
}

/* Why, as a WebSocket client is told it (RFC 6455 section 7.4.1): 1001 asks a page to come back. */
static uint16_t close_code_of(enum closing why)
{
	switch (why) {
	case CLOSING_SHUTDOWN:
		return 1001;
	case CLOSING_TAKEN_OVER:
		return 4001; /* of our page's own */
	case CLOSING_NOT_LOCAL:
	case CLOSING_BANNED:
		return 1008;
	case CLOSING_FULL:
	case CLOSING_BUSY:
	case CLOSING_TOO_MANY:
	case CLOSING_TOO_MANY_SILENT:
	case CLOSING_TOO_FAST:
	case CLOSING_CROWDED:
		return 1013;
	default:
		return 1000;
	}
}

/* What we say now, before his TLS is up, would be noise to him. */
static bool is_deaf(const struct subclient *u)
{
	return u->state == SUBCLIENT_SECURING ||
	       (u->state == SUBCLIENT_KNOCKING && listener_config(u->listener)->tls &&
		       u->wire->tls == NULL);
}

void subclient_end(struct subclient *u, enum closing why, const char *words)
{
	char detail[160] = "";

	if (u->state == SUBCLIENT_CLOSING || u->state == SUBCLIENT_GONE)
		return;
	if (is_deaf(u) || u->layers.detached) {
		subclient_drop(u, why);
		return;
	}
	u->layers.forbidden = why == CLOSING_BANNED;
	subclient_notice(u, words != NULL ? words : closings[why].last_words);
	if (u->state == SUBCLIENT_GONE)
		return; /* saying it was too much for his connection */
	layers_flush(&u->layers, true);
	list_remove(&u->unflushed);
	if (u->state == SUBCLIENT_GONE)
		return; /* so was the end of compression */
	u->layers.close_code = close_code_of(why);
	layers_finish(&u->layers);
	if (u->state == SUBCLIENT_CLOSING || u->state == SUBCLIENT_GONE)
		return;
	u->state = SUBCLIENT_CLOSING;
	u->closing = why;
	u->closing_ms = loop_now_ms(u->mux->loop);
	count_closing(&u->mux->metrics, why);
	if (u->why != NULL)
		snprintf(detail, sizeof detail, " (%s)", u->why);
	log_closing(u, why, detail);
	subclient_watch(u);
	held_free(&u->held);
	forget_lookups(u);
	/* Reading goes on, into nothing: a close with unread input would be a reset, and a reset
	 * takes the last words away from the client. */
	stream_turn_max(u->stream, 0);
	stream_read_max(u->stream, READ_MAX);
	stream_read(u->stream);
	stream_finish(u->stream);
}

/* What the limits count: compressed or not, it is what the game has said. */
static size_t kept(struct subclient *u)
{
	size_t stream = stream_kept(u->stream);
	size_t plain = compress_waits(&u->layers, stream_sent(u->stream));

	return plain > stream ? plain : stream;
}

/* Looks at what waits for him: tells the server, or ends him. */
static void look_at_output(struct subclient *u)
{
	static const enum closing closing_of[] = {
		[FLOW_OVERFLOW] = CLOSING_TOO_SLOW,
		[FLOW_TOO_LONG] = CLOSING_SLOW_TOO_LONG,
		[FLOW_STUCK] = CLOSING_STUCK,
	};
	const struct options *o = &u->mux->config.options;
	const struct flow_limits limits = {.soft = o->output_soft,
		.hard = o->output_limit,
		.soft_ms = o->output_soft_time,
		.age_ms = o->output_age};
	const struct flow_state now = {
		.sent = stream_sent(u->stream), .queued = u->stream->queued, .kept = kept(u)};
	bool was_slow = u->flow.slow;
	enum flow_verdict v = flow_look(&u->flow, &limits, &now, loop_now_ms(u->mux->loop));

	if (u->flow.slow != was_slow) {
		u->mux->metrics.users_slow += u->flow.slow ? 1 : UINT64_MAX;
		u->mux->metrics.users_were_slow += u->flow.slow;
		news_flow(&u->mux->server, u);
	}
	if (v != FLOW_FINE)
		subclient_drop(u, closing_of[v]);
}

/* Reads him, unless something is against it. */
static void set_reading(struct subclient *u)
{
	if (u->stopped || u->paced)
		stream_pause(u->stream);
	else
		stream_read(u->stream);
}

static struct bucket_limits input_limits(const struct subclient *u)
{
	const struct options *o = &u->mux->config.options;

	return (struct bucket_limits){.rate = o->input_rate,
		.burst_lines = o->input_burst_lines,
		.burst_bytes = (uint32_t)o->input_burst_bytes};
}

/* He has typed, or time has passed: reads him as far as he may go on, so that his bucket is not
 * overdrawn whatever he sends. What he sends meanwhile waits in the kernel, and nothing is lost. */
static void pace(struct subclient *u)
{
	struct bucket_limits l = input_limits(u);
	uint32_t room = bucket_room(&u->bucket, &l, loop_now_ms(u->mux->loop));

	if (room > 0)
		stream_read_max(u->stream, room < READ_MAX ? room : READ_MAX);
	if (u->paced == (room == 0))
		return;
	u->paced = room == 0;
	if (u->paced) {
		u->mux->metrics.reads_paced++;
		subclient_watch(u);
		mux_pace(u->mux);
	}
	set_reading(u);
}

void subclient_pace(struct subclient *u)
{
	if (u->state == SUBCLIENT_CONNECTED && u->paced)
		pace(u);
}

static void take(struct subclient *u, uint32_t lines, size_t bytes)
{
	struct bucket_limits l = input_limits(u);

	bucket_take(&u->bucket, &l, lines, (uint32_t)bytes, loop_now_ms(u->mux->loop));
}

/* One who is connected. */
static void tick_connected(struct subclient *u)
{
	uint64_t now = loop_now_ms(u->mux->loop);

	if (u->layers.detached) {
		detached_tick(u);
		return;
	}
	if (u->eof_ms != 0 && now - u->eof_ms >= u->mux->config.options.half_close) {
		subclient_drop(u, CLOSING_LEFT);
		return;
	}
	look_at_output(u);
	if (u->state == SUBCLIENT_CONNECTED && !u->proven)
		arrival_tick(u);
	if (u->state == SUBCLIENT_CONNECTED && u->proven && u->eof_ms == 0 &&
		u->stream->queued == 0 && !u->paced)
		list_remove(&u->watched);
}

void subclient_tick(struct subclient *u)
{
	const struct options *o = &u->mux->config.options;
	uint64_t now = loop_now_ms(u->mux->loop);

	if (u->state == SUBCLIENT_CLOSING) {
		uint64_t ms = now - u->closing_ms;

		if (stream_is_finished(u->stream) ? u->eof_ms != 0 || ms >= FINISHED_WAIT_MS
						  : ms >= o->linger)
			subclient_drop(u, u->closing);
	} else if (u->state == SUBCLIENT_CONNECTED) {
		tick_connected(u);
	} else if (u->state == SUBCLIENT_KNOCKING || u->state == SUBCLIENT_SECURING) {
		arrival_tick(u);
	}
}

/* His layers have learnt something of his client. */
static void look_at_caps(struct subclient *u)
{
	if (!u->layers.caps_changed)
		return;
	u->layers.caps_changed = false;
	news_caps(&u->mux->server, u);
}

void subclient_go_on(struct subclient *u)
{
	if (u->state != SUBCLIENT_CONNECTED || u->layers.detached)
		return;
	stream_read_max(u->stream, READ_MAX);
	set_reading(u);
	pace(u);
	look_at_caps(u);
}

static struct subclient *user_of(struct stream *s)
{
	return container_of(s, struct wire, stream)->user;
}

/* Bytes from the client. */
static void on_bytes(struct stream *s, struct slice bytes)
{
	struct subclient *u = user_of(s);

	if (u->state == SUBCLIENT_KNOCKING)
		bytes = arrival_bytes(u, bytes);
	bool is_heard = u->state == SUBCLIENT_CONNECTED || u->state == SUBCLIENT_ARRIVING;
	if (!is_heard || bytes.len == 0)
		return;
	u->mux->metrics.bytes_from_users += bytes.len;
	u->input_ms = u->layers.now_ms = loop_now_ms(u->mux->loop);
	if (!u->proven && arrival_is_stranger(u, bytes))
		return;
	take(u, 0, bytes.len);
	layers_up(&u->layers, bytes);
	if (u->state == SUBCLIENT_CONNECTED)
		pace(u);
	look_at_caps(u);
}

/* The kernel did not take all: from here on the clock looks at what waits. */
static void on_slow(struct stream *s)
{
	subclient_watch(user_of(s));
}

/* It has all now. */
static void on_drained(struct stream *s)
{
	struct subclient *u = user_of(s);

	if (u->state == SUBCLIENT_CONNECTED)
		look_at_output(u);
}

void subclient_ended(struct subclient *u, int status)
{
	if (status != UV_EOF) {
		subclient_drop(u, CLOSING_LOST);
	} else if (u->state == SUBCLIENT_KNOCKING) {
		subclient_drop(u, CLOSING_LEFT); /* what he did not say now he never will */
	} else if (detach(u, CLOSING_LOST)) {
		return; /* who means to leave says so */
	} else if (u->state == SUBCLIENT_ARRIVING) {
		u->eof_ms = loop_now_ms(u->mux->loop);
		subclient_end(u, CLOSING_VISIT, NULL); /* what he asked for is under way */
	} else {
		u->eof_ms = loop_now_ms(u->mux->loop);
		subclient_watch(u);
		subclient_tick(u);
	}
}

static void on_end(struct stream *s, int status)
{
	struct subclient *u = user_of(s);

	if (!tls_user_settles(u, &status))
		subclient_ended(u, status);
}

/* Nothing of his connection is left. */
static void bury(struct subclient *u)
{
	list_remove(&u->grave);
	layers_close(&u->layers);
	listener_count(u->listener, -1);
	u->buried = true;
	if (list_is_empty(&u->waiting))
		free_record(u);
}

void subclient_bury(struct mux *mux)
{
	while (!list_is_empty(&mux->graves))
		bury(container_of(mux->graves.next, struct subclient, grave));
}

static void on_closed(struct stream *s)
{
	struct subclient *u = user_of(s);

	if (tls_user_moved(u))
		return;
	if (u->state == SUBCLIENT_GONE && list_is_empty(&u->grave))
		bury(u);
}

static const struct stream_ops stream_ops = {
	.on_bytes = on_bytes,
	.on_slow = on_slow,
	.on_drained = on_drained,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* Text from the layers, on its way to the game. */
static void on_input(struct layers *ls, struct slice bytes)
{
	struct subclient *u = container_of(ls, struct subclient, layers);
	uint8_t last = bytes.at[bytes.len - 1];

	if (u->state != SUBCLIENT_CONNECTED)
		return;
	if (!u->proven)
		arrival_proven(u);
	/* He sees what he types, and his Enter; hidden input leaves the cursor where it was. */
	if (!u->layers.hidden || last == '\n' || last == '\r')
		u->line_start = last == '\n' || last == '\r';
	take(u, bucket_lines(&u->typed, bytes), 0);
	news_input(&u->mux->server, u, bytes);
}

static void on_output(struct layers *ls, struct shared *b)
{
	struct subclient *u = container_of(ls, struct subclient, layers);

	if (u->state == SUBCLIENT_CLOSING || u->state == SUBCLIENT_GONE)
		return;
	u->mux->metrics.bytes_to_users += b->len;
	stream_write(u->stream, b);
	if (stream_kept(u->stream) > u->mux->config.options.output_soft) {
		stream_flush(u->stream); /* what counts is what the kernel does not take */
		look_at_output(u);
	}
	queues_check(u->mux);
}

static void on_nomem(struct layers *ls)
{
	subclient_drop(container_of(ls, struct subclient, layers), CLOSING_NO_MEMORY);
}

/* Not text, but something he wants the game to know: AgNet extension, channel "command". */
static void on_event(struct layers *ls, enum layer_event event)
{
	struct subclient *u = container_of(ls, struct subclient, layers);
	const char *word = event == LAYER_INTERRUPT       ? "interrupt"
			   : event == LAYER_BREAK         ? "break"
			   : event == LAYER_ABORT_OUTPUT  ? "abort-output"
			   : event == LAYER_ARE_YOU_THERE ? "are-you-there"
							  : NULL;

	if (word != NULL && u->state == SUBCLIENT_CONNECTED)
		news_event(&u->mux->server, u, slice_text("command"), 0, slice_text(word));
}

struct slice subclient_caps(const struct subclient *u)
{
	static char text[MSG_PAYLOAD_MAX];
	json_t *caps = layers_caps(&u->layers);
	if (caps != NULL && u->wire->tls_version[0] != '\0')
		json_object_set_new(caps, "tls", json_string(u->wire->tls_version));
	size_t len = caps != NULL ? json_dumpb(caps, text, sizeof text, JSON_COMPACT) : 0;

	json_decref(caps);
	return len > 0 && len <= sizeof text ? slice_of(text, len) : slice_text("{}");
}

static void on_tell(struct layers *ls, struct slice channel, uint32_t flags, struct slice data)
{
	struct subclient *u = container_of(ls, struct subclient, layers);

	if (u->state == SUBCLIENT_CONNECTED)
		news_event(&u->mux->server, u, channel, flags, data);
}

static void on_flush_wanted(struct layers *ls)
{
	struct subclient *u = container_of(ls, struct subclient, layers);

	if (u->state == SUBCLIENT_GONE)
		return;
	list_add_last(&u->mux->unflushed, &u->unflushed);
	loop_at_turn_end(u->mux->loop, &u->mux->flush);
}

void subclient_flush(struct subclient *u)
{
	list_remove(&u->unflushed);
	layers_flush(&u->layers, false);
	if (u->state == SUBCLIENT_CONNECTED && kept(u) > u->mux->config.options.output_soft) {
		stream_flush(u->stream);
		look_at_output(u);
	}
}

bool subclient_tell(struct subclient *u, struct tell *tell, struct shared *text)
{
	bool shown = text != NULL;

	u->layers.now_ms = loop_now_ms(u->mux->loop);
	if (text != NULL && !u->layers.prompts)
		subclient_send(u, text);
	if (u->state == SUBCLIENT_CONNECTED)
		shown |= layers_tell(&u->layers, tell);
	return shown;
}

static void on_claim(struct layers *ls)
{
	detached_claim(container_of(ls, struct subclient, layers));
}

static void on_ready(struct layers *ls)
{
	arrival_handshaken(container_of(ls, struct subclient, layers));
}

static void on_over(struct layers *ls, enum layers_over over, const char *why)
{
	static const enum closing closing_of[] = {
		[LAYERS_LEFT] = CLOSING_LEFT,
		[LAYERS_AWAY] = CLOSING_LEFT,
		[LAYERS_VISIT] = CLOSING_VISIT,
		[LAYERS_HANDSHAKE] = CLOSING_HANDSHAKE,
		[LAYERS_BROKEN] = CLOSING_BROKEN,
		[LAYERS_SILENT] = CLOSING_SILENT,
	};
	struct subclient *u = container_of(ls, struct subclient, layers);

	if ((over == LAYERS_AWAY || over == LAYERS_SILENT) && detach(u, closing_of[over]))
		return;
	u->why = why;
	subclient_end(u, closing_of[over], NULL);
}

static const struct layers_ops layers_ops = {
	.on_input = on_input,
	.on_event = on_event,
	.on_tell = on_tell,
	.on_flush_wanted = on_flush_wanted,
	.on_output = on_output,
	.on_nomem = on_nomem,
	.on_ready = on_ready,
	.on_claim = on_claim,
	.on_over = on_over,
};

void subclient_send(struct subclient *u, struct shared *b)
{
	if (u->state == SUBCLIENT_GONE)
		return;
	if (b->len > 0)
		u->line_start = b->bytes[b->len - 1] == '\n';
	layers_down(&u->layers, b);
}

void subclient_notice(struct subclient *u, const char *text)
{
	struct buf line = {0};
	struct shared *b = NULL;

	if (text == NULL || text[0] == '\0' || u->state == SUBCLIENT_CLOSING ||
		u->state == SUBCLIENT_GONE)
		return;
	if (buf_addf(&line, "%s%s\r\n", u->line_start ? "" : "\r\n", text))
		b = shared_new(buf_bytes(&line));
	if (b != NULL)
		subclient_send(u, b);
	shared_unref(b);
	buf_free(&line);
}

static void set_up_stream(struct subclient *u)
{
	stream_limits(u->stream, 0, 0);
	/* Libuv's 32 reads in a row would be 31 too many: everybody has one in a turn. */
	stream_turn_max(u->stream, READ_MAX);
	pace(u);
}

/* A record and its wire, neither connected. NULL when memory is out. */
static struct subclient *new_record(void)
{
	struct subclient *u = calloc(1, sizeof *u);
	struct wire *wire = calloc(1, sizeof *wire);

	if (u == NULL || wire == NULL) {
		free(u);
		free(wire);
		return NULL;
	}
	wire->user = u;
	u->wire = wire;
	u->stream = &wire->stream;
	return u;
}

struct subclient *subclient_new(struct mux *mux, struct listener *listener, uv_stream_t *listening)
{
	struct subclient *u = new_record();
	struct address at;

	if (u == NULL)
		return NULL;
	if (!layers_open(&u->layers, listener_config(listener)->kind->layers, &layers_ops)) {
		free_record(u);
		return NULL;
	}
	u->mux = mux;
	u->listener = listener;
	u->layers.house = &mux->house;
	u->layers.negotiate = (uint8_t)listener_config(listener)->negotiate;
	u->layers.door = &listener_config(listener)->door;
	u->line_start = true;
	u->connected_ms = u->input_ms = loop_now_ms(mux->loop);
	list_init(&u->node);
	list_init(&u->waiting);
	list_init(&u->watched);
	list_init(&u->unflushed);
	list_init(&u->ticking);
	list_init(&u->lists);
	list_init(&u->grave);
	list_init(&u->claiming);
	const struct listener_config *config = listener_config(listener);
	lookup_init(&u->lookups[LOOKUP_DNS], LOOKUP_DNS, config->dns, on_looked_up);
	lookup_init(&u->lookups[LOOKUP_IDENT], LOOKUP_IDENT,
		config->kind->no_ident ? LOOKUP_OFF : config->ident, on_looked_up);
	if (stream_accept(u->stream, mux->loop, listening, &stream_ops) != 0) {
		layers_close(&u->layers);
		free_record(u);
		return NULL;
	}
	listener_count(listener, 1);
	if (address_of_peer(stream_fd(u->stream), &at))
		u->at.user = endpoint_of(&at);
	if (address_of_socket(stream_fd(u->stream), &at))
		u->at.local = endpoint_of(&at);
	set_up_stream(u);
	return u;
}

static bool is_same_host(const struct endpoint *a, const struct endpoint *b)
{
	struct address one = endpoint_address(a), other = endpoint_address(b);
	char x[ADDRESS_IP_MAX], y[ADDRESS_IP_MAX];

	address_ip(&one, x);
	address_ip(&other, y);
	return strcmp(x, y) == 0;
}

void subclient_move(struct subclient *u, const struct lookup_subject *at, bool proxied)
{
	bool moved = !is_same_host(&u->at.user, &at->user);

	u->at = *at;
	u->proxied = proxied;
	if (!moved)
		return;
	forget_lookups(u);
	for (size_t i = 0; i < LOOKUP_KINDS; i++)
		lookup_init(&u->lookups[i], (enum lookup_kind)i, u->lookups[i].mode, on_looked_up);
	subclient_start_lookups(u);
}

void subclient_unslow(struct subclient *u)
{
	bool was_slow = u->flow.slow;

	u->flow = (struct flow){0};
	if (!was_slow)
		return;
	u->mux->metrics.users_slow--;
	news_flow(&u->mux->server, u);
}

/* Only users' queues are counted. */
static void count_wire(struct subclient *u)
{
	if (list_is_empty(&u->node))
		stream_count_out(u->stream);
	else if (u->stream->total == NULL)
		stream_count_in(u->stream, &u->mux->queues.pool.bytes);
}

void subclient_swap_wires(struct subclient *a, struct subclient *b)
{
	struct wire *wire = a->wire;

	a->wire = b->wire;
	b->wire = wire;
	a->wire->user = a;
	b->wire->user = b;
	a->stream = &a->wire->stream;
	b->stream = &b->wire->stream;
	count_wire(a);
	count_wire(b);
	a->flow.mark_ms = b->flow.mark_ms = 0; /* what counts as sent is another stream's */
	a->eof_ms = b->eof_ms = 0;
}

bool subclient_reopen(struct subclient *u, int fd)
{
	if (stream_open_fd(u->stream, u->mux->loop, fd, &stream_ops) < 0)
		return false;
	set_up_stream(u);
	return true;
}

void subclient_last_words(struct subclient *u)
{
	struct slice bytes;

	for (size_t total = 0; total < LAST_WORDS_MAX; total += bytes.len) {
		bytes = u->state == SUBCLIENT_CONNECTED ? stream_rest(u->stream)
							: slice_of(NULL, 0);
		if (bytes.len == 0)
			return;
		on_bytes(u->stream, bytes);
	}
}

const char *subclient_protocol(const struct subclient *u)
{
	static char word[64];

	snprintf(word, sizeof word, "%s%s", listener_config(u->listener)->kind->name,
		u->wire->tls_version[0] != '\0' ? "+tls" : "");
	return word;
}

void subclient_second(struct subclient *u)
{
	if (u->state != SUBCLIENT_CONNECTED && u->state != SUBCLIENT_ARRIVING)
		return;
	u->layers.now_ms = loop_now_ms(u->mux->loop);
	layers_tick(&u->layers);
}

struct subclient *subclient_find(struct mux *mux, const struct clientkey *key)
{
	struct subclient *u = NULL;

	if (key->depth != 2)
		return NULL;
	HASH_FIND(by_number, mux->by_number, &key->number[0], sizeof u->number, u);
	if (u == NULL || u->state == SUBCLIENT_CLOSING || !u->known ||
		key->number[1] != listener_config(u->listener)->number)
		return NULL;
	return u;
}

bool subclient_save(struct subclient *u, struct slice info)
{
	struct secret *copy = secret_new(&u->mux->secrets, info);

	if (copy == NULL)
		return false;
	subclient_unsave(u);
	u->saved = copy;
	return true;
}

void subclient_unsave(struct subclient *u)
{
	secret_free(u->saved);
	u->saved = NULL;
}

void subclient_stop(struct subclient *u)
{
	if (u->stopped)
		return;
	u->stopped = true;
	u->mux->metrics.reads_stopped++;
	set_reading(u);
}

void subclient_resume(struct subclient *u)
{
	if (!u->stopped || held_len(&u->held) + READ_MAX > u->mux->config.options.held_input)
		return;
	u->stopped = false;
	set_reading(u);
}
