#include "multiplexer/tls/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "multiplexer/tls/speaker.h"

enum {
	READ_MAX = 16 * 1024,  /* bytes that are read of one side in one turn */
	WIRE_MAX = 128 * 1024, /* TLS's own answers may make the queue longer than SESSION_HIGH */
	ALERT_MS = 1000,       /* how long the last record may take */
	HANDSHAKE_RECORD = 0x16
};

static uint64_t now_ms(const struct session *s)
{
	return loop_now_ms(s->speaker->loop);
}

static void set_deadline(struct session *s, uint64_t ms)
{
	s->deadline_ms = now_ms(s) + ms;
	speaker_watch(s->speaker, s);
}

/* ---- the end ---- */

static void close_session(struct session *s)
{
	if (s->closing)
		return;
	s->closing = true;
	stream_close(&s->wire);
	stream_close(&s->plain);
}

static void settle(struct session *s)
{
	if (!stream_is_finished(&s->wire))
		return;
	if (s->wire_dead) {
		if (!stream_is_finished(&s->plain) && !s->plain_over)
			/* The multiplexer has still to read his last words: the clock will see. */
			speaker_watch(s->speaker, s);
		else if (s->wire_gone)
			close_session(s);
		else if (s->deadline_ms == 0)
			set_deadline(s, ALERT_MS);
	} else if (s->plain_over && (s->wire_over || s->left)) {
		close_session(s);
	}
}

static void tell_end(struct session *s, enum tls_fault fault, const char *why)
{
	speaker_say(s->speaker, &(struct tls_message){.type = TLS_ENDED_BY,
					.kind = (uint8_t)fault,
					.id = s->id,
					.text = {slice_text(why)}});
}

/* He will say no more: what he said goes on to the multiplexer, and then its end. */
static void end_wire(struct session *s, enum tls_fault fault, const char *why)
{
	if (s->wire_over)
		return;
	s->wire_over = true;
	tell_end(s, fault, why);
	stream_finish(&s->plain);
}

/* Nor can he be told anything but what is under way, an alert most likely. */
static void fail(struct session *s, enum tls_fault fault, const char *why)
{
	end_wire(s, fault, why);
	s->wire_dead = true;
	stream_finish(&s->wire);
	if (!s->up)
		set_deadline(s, ALERT_MS);
	settle(s);
}

/* ---- what he says ---- */

static void say_raw(struct session *s, const char *text)
{
	struct shared *b = shared_new(slice_text(text));

	if (b != NULL)
		stream_write(&s->wire, b);
	shared_unref(b);
}

/* He waits for our first words, or speaks something else: that this is TLS he is told without it. */
static void turn_away(struct session *s, bool is_http)
{
	static const char text[] =
		"This port speaks TLS: tell your client to use it (TLS, or SSL).\r\n";
	static const char page[] =
		"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Content-Length: 67\r\nConnection: close\r\n\r\n"
		"This port speaks https alone: the address has to begin with https.\n";

	say_raw(s, is_http ? page : text);
}

static enum tls_fault fault_of(const struct tls *t)
{
	switch (tls_trouble(t)) {
	case TLS_NOT_TLS:
		return TLS_FAULT_NOT_TLS;
	case TLS_NO_VERSION:
		return TLS_FAULT_VERSION;
	case TLS_TURNED_DOWN:
		return TLS_FAULT_TURNED_DOWN;
	case TLS_BAD_RECORD:
		return TLS_FAULT_BAD_RECORD;
	default:
		return TLS_FAULT_OTHER;
	}
}

static void come_up(struct session *s)
{
	s->up = true;
	s->deadline_ms = 0;
	list_remove(&s->clocked);
	speaker_say(s->speaker,
		&(struct tls_message){.type = TLS_UP,
			.id = s->id,
			.text = {slice_text(tls_version(s->tls)), slice_text(tls_cipher(s->tls)),
				slice_text(tls_server_name(s->tls))}});
	stream_read(&s->plain);
}

/* Plain text, on to the multiplexer. */
static void pass_on(struct session *s, struct slice bytes)
{
	struct shared *b = shared_new(bytes);

	if (b == NULL)
		fail(s, TLS_FAULT_NO_ROOM, "out of memory");
	else
		stream_write(&s->plain, b);
	shared_unref(b);
}

static void hear(struct session *s, struct slice bytes)
{
	static uint8_t room[TLS_RECORD_MAX];
	enum tls_result result = TLS_BYTES;
	size_t got;

	while (result == TLS_BYTES && !s->wire_over) {
		result = tls_read(s->tls, &bytes, room, sizeof room, &got);
		if (!s->up && tls_is_up(s->tls))
			come_up(s);
		if (result == TLS_BYTES)
			pass_on(s, slice_of(room, got));
		else if (result == TLS_ENDED)
			end_wire(s, TLS_FAULT_LEFT, "");
		else if (result == TLS_FAULT)
			fail(s, fault_of(s->tls), tls_why(s->tls));
	}
	if (!s->wire_over && s->wire.queued > WIRE_MAX)
		fail(s, TLS_FAULT_FLOOD, "more than 128 KiB of TLS's answers wait for him");
	settle(s);
}

static void on_wire_bytes(struct stream *wire, struct slice bytes)
{
	struct session *s = container_of(wire, struct session, wire);
	bool is_first = !s->heard;

	s->heard = true;
	if (s->wire_over)
		return; /* read to its end, or closing would be a reset */
	if (is_first && bytes.at[0] != HANDSHAKE_RECORD) {
		turn_away(s, s->http && bytes.at[0] >= 'A' && bytes.at[0] <= 'Z');
		fail(s, TLS_FAULT_NOT_TLS, "his first byte is none of TLS");
		return;
	}
	hear(s, bytes);
}

static void on_wire_end(struct stream *wire, int status)
{
	struct session *s = container_of(wire, struct session, wire);

	s->wire_gone = true;
	if (status != UV_EOF)
		fail(s, TLS_FAULT_LOST, uv_strerror(status));
	else if (!s->up)
		fail(s, TLS_FAULT_LEFT, "in the middle of his handshake");
	else
		end_wire(s, TLS_FAULT_LEFT, ""); /* hardly anybody says close_notify */
	settle(s);
}

static void on_wire_slow(struct stream *wire)
{
	stream_pause(&container_of(wire, struct session, wire)->plain);
}

static void on_wire_drained(struct stream *wire)
{
	struct session *s = container_of(wire, struct session, wire);

	if (s->up)
		stream_read(&s->plain);
}

/* ---- what the multiplexer says ---- */

static bool on_send(void *owner, struct slice bytes)
{
	struct session *s = owner;
	struct shared *b = shared_new(bytes);

	if (b != NULL)
		stream_write(&s->wire, b);
	shared_unref(b);
	return b != NULL;
}

static void on_plain_bytes(struct stream *plain, struct slice bytes)
{
	struct session *s = container_of(plain, struct session, plain);

	if (!s->wire_dead && !tls_write(s->tls, bytes))
		fail(s, fault_of(s->tls), tls_why(s->tls));
}

static void on_plain_end(struct stream *plain, int status UNUSED)
{
	struct session *s = container_of(plain, struct session, plain);

	if (s->plain_over) { /* now it takes nothing any more, either */
		settle(s);
		return;
	}
	s->plain_over = true;
	if (!s->up) {
		close_session(s);
		return;
	}
	if (!s->wire_dead)
		tls_finish(s->tls);
	stream_finish(&s->wire);
	if (s->deadline_ms == 0)
		set_deadline(s, SPEAKER_FLUSH_MS);
	settle(s);
}

static void on_plain_slow(struct stream *plain)
{
	stream_pause(&container_of(plain, struct session, plain)->wire);
}

static void on_plain_drained(struct stream *plain)
{
	stream_read(&container_of(plain, struct session, plain)->wire);
}

/* ---- life ---- */

static void on_closed(struct session *s)
{
	struct speaker *speaker = s->speaker;

	if (--s->open > 0)
		return;
	HASH_DELETE(by_id, speaker->by_id, s);
	list_remove(&s->clocked);
	tls_free(s->tls);
	free(s);
	speaker->count--;
	speaker_settle(speaker);
}

static void on_wire_closed(struct stream *wire)
{
	on_closed(container_of(wire, struct session, wire));
}

static void on_plain_closed(struct stream *plain)
{
	on_closed(container_of(plain, struct session, plain));
}

static const struct stream_ops wire_ops = {
	.on_bytes = on_wire_bytes,
	.on_slow = on_wire_slow,
	.on_drained = on_wire_drained,
	.on_end = on_wire_end,
	.on_closed = on_wire_closed,
};

static const struct stream_ops plain_ops = {
	.on_bytes = on_plain_bytes,
	.on_slow = on_plain_slow,
	.on_drained = on_plain_drained,
	.on_end = on_plain_end,
	.on_closed = on_plain_closed,
};

static bool open_streams(struct session *s, int wire, int plain)
{
	struct loop *loop = s->speaker->loop;

	if (stream_open_fd(&s->wire, loop, wire, &wire_ops) < 0) {
		close(wire);
		close(plain);
		return false;
	}
	s->open++;
	if (stream_open_fd(&s->plain, loop, plain, &plain_ops) < 0) {
		close(plain);
		close_session(s);
		return true;
	}
	s->open++;
	stream_read_max(&s->wire, READ_MAX);
	stream_read_max(&s->plain, READ_MAX);
	stream_limits(&s->wire, SESSION_HIGH, SESSION_LOW);
	stream_limits(&s->plain, SESSION_HIGH, SESSION_LOW);
	return true;
}

bool session_open(struct speaker *speaker, uint32_t id, bool http, uint64_t handshake_ms,
	struct slice early, int wire, int plain)
{
	struct session *s = calloc(1, sizeof *s);

	if (s != NULL)
		s->tls = tls_new(speaker->context, TLS_ACCEPTS, on_send, s);
	if (s == NULL || s->tls == NULL) {
		free(s);
		close(wire);
		close(plain);
		return false;
	}
	s->speaker = speaker;
	s->id = id;
	s->http = http;
	list_init(&s->clocked);
	if (http)
		tls_speak_http(s->tls);
	HASH_ADD(by_id, speaker->by_id, id, sizeof s->id, s);
	if (s->by_id.tbl == NULL || !open_streams(s, wire, plain)) {
		if (s->by_id.tbl != NULL) {
			HASH_DELETE(by_id, speaker->by_id, s);
		} else {
			close(wire);
			close(plain);
		}
		tls_free(s->tls);
		free(s);
		return false;
	}
	speaker->count++;
	set_deadline(s, handshake_ms);
	stream_read(&s->wire);
	if (early.len > 0)
		on_wire_bytes(&s->wire, early);
	return true;
}

void session_left(struct session *s)
{
	if (s->left)
		return;
	s->left = true;
	if (!s->up)
		close_session(s);
	else
		set_deadline(s, SPEAKER_FLUSH_MS);
	settle(s);
}

void session_tick(struct session *s)
{
	if (s->deadline_ms == 0 || now_ms(s) < s->deadline_ms) {
		settle(s);
		return;
	}
	if (s->up || s->wire_over) {
		close_session(s);
		return;
	}
	if (!s->heard)
		turn_away(s, false);
	fail(s, TLS_FAULT_TIMED_OUT, s->heard ? "he did not finish it" : "he said nothing");
}
