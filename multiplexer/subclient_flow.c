/* How fast a user is read, and what becomes of one who does not read himself. */
#include "multiplexer/subclient_parts.h"

#include "multiplexer/detached.h"
#include "multiplexer/mux.h"
#include "multiplexer/news.h"

enum { FINISHED_WAIT_MS = 1000 /* after our end, how long the client may take for his */ };

size_t subclient_kept(struct subclient *u)
{
	size_t stream = stream_kept(u->stream);
	size_t plain = compress_waits(&u->layers, u->stream->bytes_out);

	return plain > stream ? plain : stream;
}

void subclient_look_at_output(struct subclient *u)
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
	const struct flow_state now = {.sent = u->stream->bytes_out,
		.queued = u->stream->queued,
		.kept = subclient_kept(u)};
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

void subclient_set_reading(struct subclient *u)
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

void subclient_go_on_at_his_pace(struct subclient *u)
{
	struct bucket_limits l = input_limits(u);
	uint32_t room = bucket_room(&u->bucket, &l, loop_now_ms(u->mux->loop));

	if (room > 0)
		stream_read_max(u->stream, room < SUBCLIENT_READ_MAX ? room : SUBCLIENT_READ_MAX);
	if (u->paced == (room == 0))
		return;
	u->paced = room == 0;
	if (u->paced) {
		u->mux->metrics.reads_paced++;
		subclient_watch(u);
		mux_pace(u->mux);
	}
	subclient_set_reading(u);
}

void subclient_pace(struct subclient *u)
{
	if (u->state == SUBCLIENT_CONNECTED && u->paced)
		subclient_go_on_at_his_pace(u);
}

void subclient_take(struct subclient *u, uint32_t lines, size_t bytes)
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
	subclient_look_at_output(u);
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

void subclient_unslow(struct subclient *u)
{
	bool was_slow = u->flow.slow;

	u->flow = (struct flow){0};
	if (!was_slow)
		return;
	u->mux->metrics.users_slow--;
	news_flow(&u->mux->server, u);
}

void subclient_stop(struct subclient *u)
{
	if (u->stopped)
		return;
	u->stopped = true;
	u->mux->metrics.reads_stopped++;
	subclient_set_reading(u);
}

void subclient_resume(struct subclient *u)
{
	if (!u->stopped ||
		held_len(&u->held) + SUBCLIENT_READ_MAX > u->mux->config.options.held_input)
		return;
	u->stopped = false;
	subclient_set_reading(u);
}
