#include "multiplexer/subclient_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/line.h"
#include "common/log.h"
#include "multiplexer/detached.h"
#include "multiplexer/mux.h"
#include "multiplexer/news.h"

enum { LAST_WORDS_MAX = 64 * 1024 /* more than what a socket keeps for us */ };

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

void subclient_forget_lookups(struct subclient *u)
{
	for (size_t i = 0; i < LOOKUP_KINDS; i++)
		lookup_forget(&u->lookups[i]);
	news_unanswered(&u->mux->server, u);
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
	stream_read_max(u->stream, SUBCLIENT_READ_MAX);
	subclient_set_reading(u);
	subclient_go_on_at_his_pace(u);
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
	subclient_take(u, 0, bytes.len);
	layers_up(&u->layers, bytes);
	if (u->state == SUBCLIENT_CONNECTED)
		subclient_go_on_at_his_pace(u);
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
		subclient_look_at_output(u);
}

static void on_end(struct stream *s, int status)
{
	struct subclient *u = user_of(s);

	if (!tls_user_settles(u, &status))
		subclient_ended(u, status);
}

static void on_closed(struct stream *s)
{
	struct subclient *u = user_of(s);

	if (tls_user_moved(u))
		return;
	if (u->state == SUBCLIENT_GONE && list_is_empty(&u->grave))
		subclient_bury_one(u);
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
	subclient_take(u, line_count(bytes, &u->typed_cr), 0);
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
		subclient_look_at_output(u);
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
	if (u->state == SUBCLIENT_CONNECTED &&
		subclient_kept(u) > u->mux->config.options.output_soft) {
		stream_flush(u->stream);
		subclient_look_at_output(u);
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

	if ((over == LAYERS_AWAY || over == LAYERS_SILENT) && subclient_detach(u, closing_of[over]))
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
	stream_read_max(u->stream, SUBCLIENT_READ_MAX);
	subclient_go_on_at_his_pace(u);
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
	u->mux = mux;
	if (!roster_add(&mux->roster, u) ||
		!layers_open(&u->layers, listener_config(listener)->kind->layers, &layers_ops)) {
		subclient_free_record(u);
		return NULL;
	}
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
		subclient_free_record(u);
		return NULL;
	}
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
	subclient_forget_lookups(u);
	for (size_t i = 0; i < LOOKUP_KINDS; i++)
		lookup_init(&u->lookups[i], (enum lookup_kind)i, u->lookups[i].mode, on_looked_up);
	subclient_start_lookups(u);
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
	a->why = b->why = NULL; /* it is about a connection, and may be that one's memory */
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
	struct subclient *u = key->depth == 2 ? roster_find(&mux->roster, key->number[0]) : NULL;

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
