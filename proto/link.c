/* The link: a stream below, whole messages above.
 *
 *   stream on_bytes --> framer --> on_message, at most LINK_TURN_MESSAGES a turn
 *                          \--> pending, when the turn is full: reading pauses and goes on in the
 *                               next turn, whatever the outward side does
 *
 *   link_send_X --> block (messages side by side) --gather, at the turn's end--> one stream_write_part
 *
 * A block is only ever added to, so that the stream may hold on to its earlier bytes. */
#include "proto/link.h"

#include <stdio.h>
#include <stdlib.h>

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
	char reason[128];

	if (status == UV_EOF && l->framer.have >= 2)
		snprintf(reason, sizeof reason,
			"the peer ended in the middle of a message: %zu of %u bytes",
			l->framer.have, wire_get16(l->framer.part));
	else if (status == UV_EOF && l->framer.have == 1)
		snprintf(
			reason, sizeof reason, "the peer ended in the middle of a message: 1 byte");
	else
		snprintf(reason, sizeof reason, "%s",
			status == UV_EOF ? "the peer has ended" : uv_strerror(status));
	tell_end(l, status, reason, false);
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

static void on_bytes(struct stream *s, struct slice bytes)
{
	struct link *l = of_stream(s);

	if (l->ended || l->closing)
		return;
	/* A full turn pauses even when nothing is left: libuv reads many times in one turn. */
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

/* The end is told when nothing is left of what came before it: a write fails as soon as the peer has
 * died, however much of what it said lies unread. */
static void hear_last_words(struct link *l)
{
	struct slice bytes = slice_of(NULL, 0);

	if (l->end_status != UV_EOF && l->last_words < LAST_WORDS_MAX)
		bytes = stream_rest(&l->stream);
	if (bytes.len == 0 || !buf_add(&l->pending, bytes)) {
		tell_stream_end(l, l->end_status);
		return;
	}
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

static void on_end(struct stream *s, int status)
{
	struct link *l = of_stream(s);

	if (l->ended || l->closing)
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

/* ---- out ---- */

static void gather_task(struct loop_task *task)
{
	struct link *l = container_of(task, struct link, gather);

	if (l->block == NULL || l->block_used == l->block_sent)
		return;
	stream_write_part(&l->stream, l->block, l->block_sent, l->block_used - l->block_sent);
	l->block_sent = l->block_used;
}

/* Room for one more message of any length; NULL when memory is out. */
static uint8_t *room(struct link *l)
{
	if (l->block != NULL && l->block_sent == l->block_used && l->block->refs == 1)
		l->block_used = l->block_sent = 0; /* nobody else reads it: from the start again */
	if (l->block == NULL || l->block_used + MSG_MAX > BLOCK_ROOM) {
		gather_task(&l->gather);
		shared_unref(l->block);
		l->block = shared_room(BLOCK_ROOM);
		l->block_used = l->block_sent = 0;
	}
	return l->block != NULL ? l->block->bytes + l->block_used : NULL;
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
	return l->up && !l->closing && !l->half_closed;
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

void link_half_close(struct link *l)
{
	if (!l->up || l->closing || l->half_closed)
		return;
	gather_task(&l->gather);
	l->half_closed = true;
	stream_finish(&l->stream);
}

/* ---- life ---- */

static void on_slow(struct stream *s)
{
	struct link *l = of_stream(s);

	if (l->ops->on_slow != NULL && !l->closing)
		l->ops->on_slow(l, true);
}

static void on_drained(struct stream *s)
{
	struct link *l = of_stream(s);

	if (l->ops->on_slow != NULL && !l->closing)
		l->ops->on_slow(l, false);
}

static void on_connected(struct stream *s, int status)
{
	struct link *l = of_stream(s);

	if (status < 0) {
		tell_stream_end(l, status);
		return;
	}
	l->up = true;
	stream_read(s);
	l->ops->on_up(l);
}

static void on_closed(struct stream *s)
{
	struct link *l = of_stream(s);

	buf_free(&l->pending); /* not before: who closed it may still have been reading a message */
	l->ops->on_closed(l);
}

static const struct stream_ops stream_ops = {
	.on_connected = on_connected,
	.on_bytes = on_bytes,
	.on_slow = on_slow,
	.on_drained = on_drained,
	.on_end = on_end,
	.on_closed = on_closed,
};

static void begin(struct link *l, const struct link_ops *ops, unsigned accepts)
{
	memset(l, 0, sizeof *l);
	l->ops = ops;
	l->accepts = accepts;
	loop_task_init(&l->turn_over, turn_over_task);
	loop_task_init(&l->resume, resume_task);
	loop_task_init(&l->gather, gather_task);
}

int link_dial(struct link *l, struct loop *loop, const struct address *to,
	const struct link_ops *ops, unsigned accepts, const struct linkkey *key)
{
	if (key != NULL)
		return UV_ENOTSUP;
	begin(l, ops, accepts);
	int status = stream_dial(&l->stream, loop, to, &stream_ops);
	if (status == 0)
		stream_limits(&l->stream, LINK_HIGH, LINK_LOW);
	return status;
}

int link_accept(struct link *l, struct loop *loop, uv_stream_t *listening,
	const struct link_ops *ops, unsigned accepts, const struct linkkey *key)
{
	if (key != NULL)
		return UV_ENOTSUP;
	begin(l, ops, accepts);
	int status = stream_accept(&l->stream, loop, listening, &stream_ops);
	if (status != 0)
		return status;
	l->up = true;
	stream_limits(&l->stream, LINK_HIGH, LINK_LOW);
	stream_read(&l->stream);
	return 0;
}

void link_close(struct link *l)
{
	if (l->closing)
		return;
	l->closing = true;
	loop_task_cancel(&l->turn_over);
	loop_task_cancel(&l->resume);
	loop_task_cancel(&l->gather);
	shared_unref(l->block);
	l->block = NULL;
	l->block_used = l->block_sent = 0;
	stream_close(&l->stream);
}
