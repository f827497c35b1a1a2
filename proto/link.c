/* The link: a stream below, whole messages above.
 *
 *   stream on_bytes --> framer --> on_message, at most LINK_TURN_MESSAGES a turn
 *                          \--> pending, when the turn is full: reading pauses and goes on in the
 *                               next turn, whatever the outward side does
 *
 *   link_send_X --> block (messages side by side) --gather, at the turn's end--> one stream_write_part
 *
 * With a key TLS lies between the stream and both: wire bytes are decrypted in on_bytes, and a block is
 * encrypted when it is handed on.
 *
 * A block is only ever added to, so that the stream may hold on to its earlier bytes. */
#include "proto/link.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/tls.h"
#include "proto/linkkey.h"
#include "proto/wire.h"

enum {
	BLOCK_ROOM = 64 * 1024,
	LAST_WORDS_MAX = 16 * 1024 * 1024 /* a peer may have ended its reading alone */
};

static struct link *of_stream(struct stream *s)
{
	return container_of(s, struct link, stream);
}

/* ---- the end ---- */

static void tell_end(struct link *l, int status, const char *reason, bool refused)
{
	if (l->ended || l->closing)
		return;
	l->ended = true;
	loop_task_cancel(&l->resume);
	stream_pause(&l->stream);
	l->ops->on_end(l, status, reason, refused);
}

static void tell_stream_end(struct link *l, int status)
{
	char reason[192];

	if (link_peer_closed(status) && l->framer.have >= 2)
		snprintf(reason, sizeof reason,
			"the peer ended in the middle of a message: %zu of %u bytes",
			l->framer.have, wire_get16(l->framer.part));
	else if (link_peer_closed(status) && l->framer.have == 1)
		snprintf(
			reason, sizeof reason, "the peer ended in the middle of a message: 1 byte");
	else if (status == UV_EPROTO && l->tls != NULL)
		snprintf(reason, sizeof reason, "%s", tls_why(l->tls));
	else if (status == UV_ECONNABORTED && l->tls != NULL)
		snprintf(reason, sizeof reason, "%s",
			l->up ? "the connection broke off: no end was said"
			      : "the peer ended during the TLS handshake");
	else
		snprintf(reason, sizeof reason, "%s",
			status == UV_EOF ? "the peer has ended" : uv_strerror(status));
	tell_end(l, status, reason, status == UV_EPROTO && l->tls != NULL);
}

/* ---- in ---- */

static bool handle(struct link *l, const struct frame *f, struct refusal *why)
{
	unsigned directions = msg_directions(f->id);

	l->messages_in++;
	if (directions == 0) {
		l->unknown_in++;
		return true;
	}
	if ((directions & l->accepts) == 0) {
		snprintf(why->text, sizeof why->text, "%s (%u): not a message for this side",
			msg_name(f->id), f->id);
		return false;
	}
	return l->ops->on_message(l, f, why);
}

/* Handles what this turn has room for; the rest is left in *bytes. False when the link has ended. */
static bool handle_turn(struct link *l, struct slice *bytes)
{
	loop_at_turn_end(l->stream.loop, &l->turn_over);
	for (; l->turn_messages < LINK_TURN_MESSAGES && !l->hold; l->turn_messages++) {
		struct refusal why;
		struct frame f;
		enum frame_result r = framer_next(&l->framer, bytes, &f, &why);

		if (r == FRAME_MORE)
			return true;
		if (r == FRAME_BAD || !handle(l, &f, &why)) {
			tell_end(l, UV_EPROTO, why.text, true);
			return false;
		}
		if (l->closing || l->ended)
			return false;
	}
	return true;
}

static bool turn_is_full(const struct link *l)
{
	return l->turn_messages == LINK_TURN_MESSAGES;
}

static void turn_over_task(struct loop_task *task)
{
	container_of(task, struct link, turn_over)->turn_messages = 0;
}

static void take(struct link *l, struct slice bytes)
{
	struct stream *s = &l->stream;

	/* A full turn pauses even when nothing is left: more may be read in this turn. */
	if (l->pending.len == 0 && (!handle_turn(l, &bytes) || !(turn_is_full(l) || l->hold)))
		return;
	if (!buf_add(&l->pending, bytes)) {
		tell_end(l, UV_ENOMEM, "out of memory", false);
		return;
	}
	stream_pause(s);
	if (!l->hold)
		loop_at_next_turn(s->loop, &l->resume);
}

/* ---- TLS, in ---- */

static void peer_ended(struct link *l, int status);

/* The alert that tells the peer is sent at once: the owner is about to close. */
static void tls_broke(struct link *l)
{
	stream_flush(&l->stream);
	l->end_status = UV_EPROTO;
	if (l->pending.len == 0 && !l->hold)
		tell_stream_end(l, l->end_status);
}

static void become_up(struct link *l)
{
	uv_timer_stop(&l->clock);
	l->up = true;
	l->ops->on_up(l);
}

/* Decrypts; what comes out is taken, or kept in pending when keep. */
static void take_wire(struct link *l, struct slice wire, bool keep)
{
	uint8_t room[TLS_RECORD_MAX];
	enum tls_result r;
	size_t got;

	do {
		r = tls_read(l->tls, &wire, room, sizeof room, &got);
		if (!l->up && tls_is_up(l->tls))
			become_up(l);
		if (l->ended || l->closing)
			return;
		if (r == TLS_BYTES && !keep)
			take(l, slice_of(room, got));
		else if (r == TLS_BYTES && !buf_add(&l->pending, slice_of(room, got)))
			tell_end(l, UV_ENOMEM, "out of memory", false);
		if (l->ended || l->closing)
			return;
	} while (r == TLS_BYTES);
	if (r == TLS_FAULT)
		tls_broke(l);
	else if (r == TLS_ENDED && !keep)
		peer_ended(l, UV_EOF);
}

static void on_bytes(struct stream *s, struct slice bytes)
{
	struct link *l = of_stream(s);

	if (l->ended || l->closing) /* or link_refuse reads to the end, to throw it away */
		return;
	if (l->tls != NULL)
		take_wire(l, bytes, false);
	else
		take(l, bytes);
}

/* The end is told when nothing is left of what came before it: a write fails as soon as the peer has
 * died, however much of what it said lies unread. */
static void hear_last_words(struct link *l)
{
	struct slice bytes = slice_of(NULL, 0);

	if (l->end_status != UV_EOF && l->last_words < LAST_WORDS_MAX)
		bytes = stream_rest(&l->stream);
	if (bytes.len > 0 && l->tls != NULL && l->end_status != UV_EPROTO)
		take_wire(l, bytes, true);
	else if (bytes.len == 0 || l->tls != NULL || !buf_add(&l->pending, bytes))
		tell_stream_end(l, l->end_status);
	if (l->ended || l->closing)
		return;
	l->last_words += (uint32_t)bytes.len;
	loop_at_next_turn(l->stream.loop, &l->resume);
}

static void resume_task(struct loop_task *task)
{
	struct link *l = container_of(task, struct link, resume);
	struct slice bytes = buf_bytes(&l->pending);

	if (l->hold || !handle_turn(l, &bytes))
		return;
	buf_eat(&l->pending, l->pending.len - bytes.len);
	if (l->hold)
		return; /* who takes that back asks for us again */
	if (l->pending.len > 0)
		loop_at_next_turn(l->stream.loop, &l->resume);
	else if (l->end_status != 0)
		hear_last_words(l);
	else
		stream_read(&l->stream);
}

static void peer_ended(struct link *l, int status)
{
	if (l->ended || l->closing || l->end_status != 0)
		return;
	l->end_status = status;
	if (l->pending.len == 0 && !l->hold)
		hear_last_words(l);
}

void link_hold(struct link *l, bool hold)
{
	if (l->hold == hold || l->closing || l->ended)
		return;
	l->hold = hold;
	if (hold)
		stream_pause(&l->stream);
	else
		loop_at_next_turn(l->stream.loop, &l->resume);
}

static void on_end(struct stream *s, int status)
{
	struct link *l = of_stream(s);

	if (l->refusing)
		link_close(l);
	/* Anybody on the way can end a TCP connection; of TLS the peer alone, and it has not. */
	else if (l->tls != NULL && status == UV_EOF)
		peer_ended(l, UV_ECONNABORTED);
	else
		peer_ended(l, status);
}

/* ---- out ---- */

/* Of TLS alone; told later, since the owner may be saying something just now. */
static void cannot_write(struct link *l)
{
	if (l->end_status == 0)
		l->end_status = UV_ENOMEM;
	if (!l->ended && !l->closing)
		loop_at_next_turn(l->stream.loop, &l->resume);
}

static bool on_tls_send(void *owner, struct slice wire)
{
	struct link *l = owner;
	struct shared *b = shared_new(wire);

	if (b == NULL)
		return false;
	stream_write(&l->stream, b);
	shared_unref(b);
	return true;
}

static void gather(struct link *l)
{
	if (l->block == NULL || l->block_used == l->block_sent)
		return;
	uint32_t len = l->block_used - l->block_sent;
	if (l->tls == NULL)
		stream_write_part(&l->stream, l->block, l->block_sent, len);
	else if (!tls_write(l->tls, slice_of(l->block->bytes + l->block_sent, len)))
		cannot_write(l);
	l->block_sent = l->block_used;
}

static void gather_task(struct loop_task *task)
{
	struct link *l = container_of(task, struct link, gather);

	gather(l);
	/* Something could not be said: what would be said later must not stand in its place. */
	if (l->no_memory)
		tell_end(l, UV_ENOMEM, "out of memory", false);
}

/* Room for one more message of any length; NULL when memory is out. */
static uint8_t *room(struct link *l)
{
	if (l->block != NULL && l->block_sent == l->block_used && l->block->refs == 1)
		l->block_used = l->block_sent = 0; /* nobody else reads it: from the start again */
	if (l->block == NULL || l->block_used + MSG_MAX > BLOCK_ROOM) {
		gather(l);
		shared_unref(l->block);
		l->block = shared_room(BLOCK_ROOM);
		l->block_used = l->block_sent = 0;
	}
	if (l->block == NULL) {
		l->no_memory = true;
		loop_at_turn_end(l->stream.loop, &l->gather);
		return NULL;
	}
	return l->block->bytes + l->block_used;
}

static bool sent(struct link *l, size_t len)
{
	if (len == 0)
		return false;
	l->block_used += (uint32_t)len;
	l->messages_out++;
	loop_at_turn_end(l->stream.loop, &l->gather);
	return true;
}

static bool can_send(const struct link *l)
{
	return l->up && !l->closing && !l->half_closed && !l->no_memory;
}

#define MSG(num, NAME, name, fields, meaning)                              \
	bool link_send_##name(struct link *l, const struct msg_##name *m)  \
	{                                                                  \
		uint8_t *out = can_send(l) ? room(l) : NULL;               \
                                                                           \
		return out != NULL && sent(l, msg_##name##_write(m, out)); \
	}
#include "proto/messages.def"

bool link_pass(struct link *l, struct slice message)
{
	uint8_t *out = message.len <= MSG_MAX && can_send(l) ? room(l) : NULL;

	if (out == NULL)
		return false;
	memcpy(out, message.at, message.len);
	return sent(l, message.len);
}

size_t link_queued(const struct link *l)
{
	return l->stream.queued + (l->block_used - l->block_sent);
}

void link_yield(struct link *l)
{
	/* The message that is being handled is counted behind it. */
	l->turn_messages = LINK_TURN_MESSAGES - 1;
}

void link_half_close(struct link *l)
{
	if (!l->up || l->closing || l->half_closed)
		return;
	gather(l);
	l->half_closed = true;
	if (l->tls != NULL)
		tls_finish(l->tls);
	stream_finish(&l->stream);
}

/* ---- life ---- */

static void on_slow(struct stream *s)
{
	struct link *l = of_stream(s);

	if (l->ops->on_slow != NULL && !l->closing && !l->refusing)
		l->ops->on_slow(l, true);
}

static void on_drained(struct stream *s)
{
	struct link *l = of_stream(s);

	if (l->ops->on_slow != NULL && !l->closing && !l->refusing)
		l->ops->on_slow(l, false);
}

/* A machine that has vanished is found out in half a minute, whether something was sent to it or not.
 * Best effort: without them it takes longer. */
static void set_tcp_options(struct link *l)
{
	const int on = 1, idle_s = 60, every_s = 10, times = 6, unread_ms = 30 * 1000;
	/* About what an AF_UNIX socket holds: what lies in the kernel is lost when the peer dies. */
	const int room = 64 * 1024;
	int fd = stream_fd(&l->stream);

	if (!l->stream.is_tcp)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unread_ms, sizeof unread_ms);
}

static void on_connected(struct stream *s, int status)
{
	struct link *l = of_stream(s);

	if (status < 0) {
		tell_stream_end(l, status);
		return;
	}
	set_tcp_options(l);
	stream_read(s);
	if (l->tls != NULL)
		take_wire(l, slice_of(NULL, 0), false); /* who dials speaks first */
	else
		become_up(l);
}

static void one_closed(struct link *l)
{
	if (--l->handles > 0)
		return;
	buf_free(&l->pending); /* not before: who closed it may still have been reading a message */
	tls_free(l->tls);
	l->tls = NULL;
	l->ops->on_closed(l);
}

static void on_closed(struct stream *s)
{
	one_closed(of_stream(s));
}

static void on_clock_closed(uv_handle_t *clock)
{
	one_closed(clock->data);
}

static void clock_cb(uv_timer_t *clock)
{
	struct link *l = clock->data;

	if (l->refusing)
		link_close(l);
	else if (l->stream.connected)
		tell_end(l, UV_ETIMEDOUT, "no TLS handshake within 5 s", false);
	else
		tell_end(l, UV_ETIMEDOUT, "no connection within 5 s", false);
}

static const struct stream_ops stream_ops = {
	.on_connected = on_connected,
	.on_bytes = on_bytes,
	.on_slow = on_slow,
	.on_drained = on_drained,
	.on_end = on_end,
	.on_closed = on_closed,
};

static bool begin(struct link *l, const struct link_ops *ops, unsigned accepts,
	const struct linkkey *key, enum tls_role role)
{
	memset(l, 0, sizeof *l);
	l->ops = ops;
	l->accepts = accepts;
	loop_task_init(&l->turn_over, turn_over_task);
	loop_task_init(&l->resume, resume_task);
	loop_task_init(&l->gather, gather_task);
	if (key != NULL)
		l->tls = tls_new(key->tls, role, on_tls_send, l);
	return key == NULL || l->tls != NULL;
}

/* There is a stream. status: whether there is. */
static int begun(struct link *l, struct loop *loop, int status)
{
	if (status != 0) {
		tls_free(l->tls);
		return status;
	}
	l->handles = 2;
	l->clock.data = l;
	uv_timer_init(&loop->uv, &l->clock);
	if (l->tls != NULL)
		uv_timer_start(&l->clock, clock_cb, LINK_HANDSHAKE_MS, 0);
	stream_limits(&l->stream, LINK_HIGH, LINK_LOW);
	return 0;
}

int link_dial(struct link *l, struct loop *loop, const struct address *to,
	const struct link_ops *ops, unsigned accepts, const struct linkkey *key)
{
	if (!begin(l, ops, accepts, key, TLS_DIALS))
		return UV_ENOMEM;
	return begun(l, loop, stream_dial(&l->stream, loop, to, &stream_ops));
}

int link_accept(struct link *l, struct loop *loop, uv_stream_t *listening,
	const struct link_ops *ops, unsigned accepts, const struct linkkey *key)
{
	if (!begin(l, ops, accepts, key, TLS_ACCEPTS)) {
		stream_refuse(listening);
		return UV_ENOMEM;
	}
	int status = begun(l, loop, stream_accept(&l->stream, loop, listening, &stream_ops));
	if (status != 0)
		return status;
	l->up = l->tls == NULL;
	set_tcp_options(l);
	stream_read(&l->stream);
	return 0;
}

static void drop_tasks(struct link *l)
{
	loop_task_cancel(&l->turn_over);
	loop_task_cancel(&l->resume);
	loop_task_cancel(&l->gather);
}

void link_refuse(struct link *l, const char *reason)
{
	if (l->closing || l->refusing)
		return;
	link_send_link_refused(l, &(struct msg_link_refused){.reason = slice_text(reason)});
	link_half_close(l);
	stream_flush(&l->stream);
	l->refusing = l->ended = true;
	l->hold = false;
	drop_tasks(l);
	if (!l->up || l->stream.ended) {
		link_close(l);
		return;
	}
	uv_timer_start(&l->clock, clock_cb, LINK_REFUSE_MS, 0);
	stream_read(&l->stream);
}

void link_close(struct link *l)
{
	if (l->closing)
		return;
	l->closing = true;
	drop_tasks(l);
	shared_unref(l->block);
	l->block = NULL;
	l->block_used = l->block_sent = 0;
	uv_close((uv_handle_t *)&l->clock, on_clock_closed);
	stream_close(&l->stream);
}
