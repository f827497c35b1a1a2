/* How a user ends: dropped at once, ended with last words, or waited for. */
#include "multiplexer/subclient_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "multiplexer/detached.h"
#include "multiplexer/mux.h"
#include "multiplexer/news.h"

static const struct {
	const char *log, *last_words;
	enum log_level level;
} closings[] = {
#define CLOSING(NAME, name, LEVEL, log, last_words) {log, last_words, LOG_##LEVEL},
#include "multiplexer/closings.def"
};

static void count_closing(struct mux_metrics *m, enum closing why)
{
	switch (why) {
#define CLOSING(NAME, name, LEVEL, log, last_words) \
	case CLOSING_##NAME:                        \
		m->closed_##name++;                 \
		break;
#include "multiplexer/closings.def"
	}
}

void subclient_free_record(struct subclient *u)
{
	roster_remove(&u->mux->roster, u);
	held_free(&u->held);
	tls_user_free(u->wire);
	free(u->wire);
	free(u);
}

/* One who never was a user can come as often as he likes. */
static void log_closing(const struct subclient *u, enum closing why, const char *detail)
{
	struct mux *mux = u->mux;
	struct address from = subclient_from(u);
	enum log_level level = closings[why].level;

	if (level > LOG_DEBUG && list_is_empty(&u->node) &&
		!logquota_take(&mux->refusals, &from, loop_now_ms(mux->loop)))
		return;
	log_line(level, "%s: closed: %s%s", subclient_label(u), closings[why].log, detail);
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
	if (!list_is_empty(&u->node)) {
		mux->metrics.users_now--;
		listener_count(u->listener, -1);
	}
	list_remove(&u->node);
	list_remove(&u->ticking);
	list_remove(&u->watched);
	list_remove(&u->unflushed);
	lists_forget(&mux->lists, u);
	mux->metrics.replies_dropped += u->layers.dropped_replies;
	if (u->flow.slow)
		mux->metrics.users_slow--;
	u->flow = (struct flow){0};
	subclient_forget_lookups(u);
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

bool subclient_detach(struct subclient *u, enum closing why)
{
	char detail[96] = "";

	detail_of(u, why, detail, sizeof detail);
	if (!detached_begin(u))
		return false;
	u->why = NULL; /* there is use for him */
	log_info("%s: waited for: %s%s", subclient_label(u), closings[why].log, detail);
	return true;
}

void subclient_drop(struct subclient *u, enum closing why)
{
	char detail[160] = "";
	bool is_connections = may_come_back(why);

	if (u->state == SUBCLIENT_GONE ||
		(is_connections && (u->layers.detached || subclient_detach(u, why))))
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
	subclient_forget_lookups(u);
	/* Reading goes on, into nothing: a close with unread input would be a reset, and a reset
	 * takes the last words away from the client. */
	stream_read_max(u->stream, SUBCLIENT_READ_MAX);
	stream_read(u->stream);
	stream_finish(u->stream);
}

void subclient_ended(struct subclient *u, int status)
{
	if (status != UV_EOF) { /* who had ended his side before has not lost his connection */
		subclient_drop(u, u->eof_ms != 0 ? CLOSING_LEFT : CLOSING_LOST);
	} else if (u->state == SUBCLIENT_KNOCKING) {
		subclient_drop(u, CLOSING_LEFT); /* what he did not say now he never will */
	} else if (subclient_detach(u, CLOSING_LOST)) {
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

void subclient_forget(struct subclient *u)
{
	struct mux *mux = u->mux;

	list_remove(&u->waiting);
	held_free(&u->held);
	subclient_unsave(u);
	subclient_forget_lookups(u);
	lists_forget(&mux->lists, u);
	roster_remove(&mux->roster, u);
	if (u->departed)
		mux->departed--;
	u->departed = false;
	u->known = u->kill_asked = false;
	if (u->buried)
		subclient_free_record(u);
}

void subclient_bury_one(struct subclient *u)
{
	list_remove(&u->grave);
	layers_close(&u->layers);
	u->buried = true;
	if (list_is_empty(&u->waiting))
		subclient_free_record(u);
}

void subclient_bury(struct mux *mux)
{
	while (!list_is_empty(&mux->graves))
		subclient_bury_one(container_of(mux->graves.next, struct subclient, grave));
}
