/* The link to the multiplexer, seen from the server.
 *
 *   link.sock --accept--> candidate --13 or 14--> the link --> handlers.c
 *                             |                      |
 *      (anything else, silence: closed)       LISTING, READY, MARKED, LEAVING: muxstates.def
 *
 * The players outlive the link: the multiplexer that lost it dials again, and its next listing tells
 * who is still there. */
#include "server/muxlink.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/list.h"
#include "common/log.h"
#include "server/game.h"

enum {
	CANDIDATES_MAX = 8,
	PROOF_MS = 5000,
	CLOCK_MS = 500,
	QUEUE_MAX =
		128 * 1024 * 1024 /* answers that it asks for and does not read; over all text */
};

struct peer {
	struct link link;
	struct muxlink *m; /* borrowed: lives until its last peer is closed */
	struct list node;  /* of m->candidates; alone when it is the link, or closing */
	uint64_t since_ms;
	bool said_hello;
	unsigned features; /* agreed on; 0 = plain AgNet */
	uint8_t incarnation[INCARNATION_LEN];
};

struct muxlink {
	struct game *game; /* borrowed: outlives us */
	uv_pipe_t listening;
	uv_timer_t clock;
	struct list candidates;
	unsigned candidate_count;
	struct peer *live; /* owned: NULL while ALONE */
	uint8_t incarnation
		[INCARNATION_LEN]; /* of the multiplexer whose users we know; 0 = none said */
	uint32_t heartbeat;        /* number of the last one asked */
	bool heartbeat_open;       /* it has not been answered ... */
	uint64_t heartbeat_ms;     /* ... for so long, by our own waking time */
	uint64_t listing_ms;       /* how long the listing takes already, likewise */
	uint32_t handled;          /* messages of the link, as we said last */
	struct loop_task tell_handled;
	enum muxlink_state state;
	char refusal[256]; /* what muxlink_refusal tells; empty = none */
	char path[108];
	unsigned open; /* handles and peers whose closing has not come back */
	bool closing;
};

/* ---- states: one door ---- */

#define TO(STATE)                | (1u << MUXLINK_##STATE)
#define STATE(NAME, word, moves) [MUXLINK_##NAME] = {word, 0u moves},
static const struct {
	const char *word;
	unsigned moves;
} states[] = {
#include "server/muxstates.def"
};

const char *muxlink_state_word(enum muxlink_state state)
{
	return states[state].word;
}

static bool move(struct muxlink *m, enum muxlink_state to)
{
	if ((states[m->state].moves & (1u << to)) == 0)
		return false;
	log_debug("link: %s -> %s", states[m->state].word, states[to].word);
	m->state = to;
	return true;
}

enum muxlink_state muxlink_state(const struct muxlink *m)
{
	return m != NULL ? m->state : MUXLINK_ALONE;
}

struct link *muxlink_out(struct muxlink *m)
{
	return m != NULL && m->live != NULL && m->state != MUXLINK_LEAVING ? &m->live->link : NULL;
}

static void one_closed(struct muxlink *m)
{
	if (--m->open == 0)
		free(m);
}

/* ---- candidates and the link ---- */

static void drop_candidate(struct peer *p)
{
	list_remove(&p->node);
	p->m->candidate_count--;
	link_close(&p->link);
}

/* He is told why: a multiplexer that meant well dials again, but slowly. */
static void refuse_candidate(struct peer *p, const char *reason)
{
	log_warn("link: a connection is refused: %s", reason);
	p->m->game->metrics.links_refused++;
	link_send_link_refused(&p->link, &(struct msg_link_refused){.reason = slice_text(reason)});
	link_half_close(&p->link);
	stream_flush(&p->link.stream);
	drop_candidate(p);
}

enum {
	OURS = FEATURE_LISTS | FEATURE_EVENTS | FEATURE_CAPS | FEATURE_PAUSE | FEATURE_HEARTBEAT |
	       FEATURE_HANDLED
};

static void greet(struct peer *p)
{
	char features[FEATURES_TEXT_MAX];

	link_send_server_hello(
		&p->link, &(struct msg_server_hello){.version = PROTOCOL_VERSION,
				  .features = slice_text(features_text(OURS, features))});
	link_send_not_ready(&p->link, &(struct msg_not_ready){0});
	link_send_tell_me_your_accept_mode(&p->link, &(struct msg_tell_me_your_accept_mode){0});
	link_send_get_all_subclient_info(&p->link, &(struct msg_get_all_subclient_info){0});
}

/* Another run of the multiplexer has other users, even if one of their keys should be the same. */
static void compare_incarnations(struct muxlink *m, const struct peer *p)
{
	static const uint8_t none[INCARNATION_LEN];

	if (memcmp(m->incarnation, none, sizeof none) != 0 &&
		memcmp(m->incarnation, p->incarnation, sizeof none) != 0)
		game_forget_players(m->game);
	memcpy(m->incarnation, p->incarnation, sizeof none);
}

static void become_link(struct peer *p)
{
	struct muxlink *m = p->m;
	char features[FEATURES_TEXT_MAX];

	list_remove(&p->node);
	m->candidate_count--;
	m->live = p;
	move(m, MUXLINK_LISTING);
	m->game->metrics.links_taken++;
	m->refusal[0] = '\0';
	m->heartbeat_open = false;
	m->listing_ms = 0;
	m->handled = 0;
	log_info("link: the multiplexer is connected");
	log_debug("link: we both have %s", features_text(p->features, features));
	compare_incarnations(m, p);
	game_listing_begins(m->game);
}

void muxlink_on_refused(struct muxlink *m, struct slice reason)
{
	char text[sizeof m->refusal];

	log_escape(text, sizeof text, reason);
	if (strcmp(text, m->refusal) != 0)
		log_warn("link: a multiplexer refuses us: %s", text);
	memcpy(m->refusal, text, sizeof m->refusal);
}

const char *muxlink_refusal(const struct muxlink *m)
{
	return m != NULL && m->refusal[0] != '\0' ? m->refusal : NULL;
}

static bool candidate_refuses(struct peer *p, const struct frame *f, struct refusal *why)
{
	struct msg_link_refused m;

	if (!msg_link_refused_read(f->args, f->count, &m, why))
		return false;
	muxlink_on_refused(p->m, m.reason);
	return true;
}

static bool candidate_hello(struct peer *p, const struct frame *f, struct refusal *why)
{
	struct msg_multiplexer_hello m;

	if (!msg_multiplexer_hello_read(f->args, f->count, &m, why))
		return false;
	if (p->said_hello) {
		snprintf(
			why->text, sizeof why->text, "%s (%u): said twice", msg_name(f->id), f->id);
		return false;
	}
	if (m.incarnation.len != INCARNATION_LEN) {
		snprintf(why->text, sizeof why->text,
			"%s (%d): argument 3 (incarnation): %zu bytes instead of %d",
			msg_name(f->id), f->id, m.incarnation.len, INCARNATION_LEN);
		return false;
	}
	p->said_hello = true;
	p->features = features_parse(m.features) & OURS;
	memcpy(p->incarnation, m.incarnation.at, INCARNATION_LEN);
	return true;
}

/* Its clock may strike between its hello and its proof. */
static bool candidate_heartbeat(struct peer *p, const struct frame *f, struct refusal *why)
{
	struct msg_heartbeat m;

	if (!msg_heartbeat_read(f->args, f->count, &m, why))
		return false;
	link_send_heartbeat_answer(&p->link, &(struct msg_heartbeat_answer){.number = m.number});
	return true;
}

/* Until it has proved itself a candidate may only tick and answer. */
static bool candidate_message(struct peer *p, const struct frame *f, struct refusal *why)
{
	bool answers = f->id == MSG_ACCEPTING_ALL || f->id == MSG_ACCEPTING_LOCALHOST_ONLY;

	if (f->id == MSG_TICK)
		return true;
	if (f->id == MSG_LINK_REFUSED)
		return candidate_refuses(p, f, why);
	if (f->id == MSG_MULTIPLEXER_HELLO)
		return candidate_hello(p, f, why);
	if (f->id == MSG_HEARTBEAT && (p->features & FEATURE_HEARTBEAT) != 0)
		return candidate_heartbeat(p, f, why);
	if (!answers) {
		snprintf(why->text, sizeof why->text, "%s (%u): before the answer to %s",
			msg_name(f->id), f->id, msg_name(MSG_TELL_ME_YOUR_ACCEPT_MODE));
		return false;
	}
	if (p->m->live != NULL || p->m->state != MUXLINK_ALONE || p->m->closing) {
		snprintf(why->text, sizeof why->text,
			"a second multiplexer; the first one keeps the link");
		return false;
	}
	become_link(p);
	return handle_message(p->m->game, f, why);
}

static bool on_message(struct link *l, const struct frame *f, struct refusal *why)
{
	struct peer *p = container_of(l, struct peer, link);

	if (p->m->live != p)
		return candidate_message(p, f, why);
	unsigned needed = features_of_message(f->id);
	if ((needed & p->features) != needed) {
		l->unknown_in++; /* as plain AgNet would: not agreed on is not known */
		return true;
	}
	loop_at_turn_end(p->m->game->loop, &p->m->tell_handled);
	if (!handle_message(p->m->game, f, why))
		return false;
	if (p->m->live == p && link_queued(l) > QUEUE_MAX) {
		snprintf(why->text, sizeof why->text,
			"it asks but does not read: %zu bytes wait for it", link_queued(l));
		return false;
	}
	return true;
}

/* The link is over; how is a word for the log. at_fault: not an ordinary end. */
static void end_live(struct muxlink *m, const char *how, const char *reason, bool at_fault)
{
	bool marked = m->state == MUXLINK_MARKED, left = m->state == MUXLINK_LEAVING;
	struct link *l = &m->live->link;

	if (left && !at_fault)
		log_info("link: the multiplexer has read everything");
	else
		log_warn("link: %s: %s; the players stay", how, reason);
	m->live = NULL;
	move(m, MUXLINK_ALONE);
	link_close(l);
	if (marked)
		game_marked(m->game); /* there will be no answer any more */
	else if (left)
		game_left(m->game);
}

static void on_end(struct link *l, int status, const char *reason, bool refused)
{
	struct peer *p = container_of(l, struct peer, link);
	struct muxlink *m = p->m;

	if (m->live != p) {
		if (refused || status != UV_EOF || l->framer.have > 0)
			refuse_candidate(p, reason);
		else
			drop_candidate(p);
		return;
	}
	end_live(m, refused ? "cut off" : "lost", reason, refused || status != UV_EOF);
}

static void on_closed(struct link *l)
{
	struct peer *p = container_of(l, struct peer, link);
	struct muxlink *m = p->m;

	free(p);
	one_closed(m);
}

static const struct link_ops link_ops = {
	.on_message = on_message,
	.on_end = on_end,
	.on_closed = on_closed,
};

static void connection_cb(uv_stream_t *stream, int status)
{
	struct muxlink *m = stream->data;
	struct peer *p = status == 0 ? calloc(1, sizeof *p) : NULL;

	if (p == NULL) {
		log_warn("link: a connection failed: %s",
			status < 0 ? uv_strerror(status) : "out of memory");
		if (status == 0)
			stream_refuse(stream);
		return;
	}
	p->m = m;
	list_init(&p->node);
	status = link_accept(&p->link, m->game->loop, stream, &link_ops, MSG_UP, NULL);
	if (status != 0) {
		log_warn("link: a connection failed: %s", uv_strerror(status));
		free(p);
		return;
	}
	m->open++;
	p->since_ms = loop_now_ms(m->game->loop);
	list_add_last(&m->candidates, &p->node);
	m->candidate_count++;
	if (m->candidate_count > CANDIDATES_MAX)
		refuse_candidate(p, "too many at once");
	else
		greet(p);
}

bool muxlink_has(const struct muxlink *m, unsigned feature)
{
	return m != NULL && m->live != NULL && (m->live->features & feature) != 0;
}

void muxlink_on_heartbeat_answer(struct muxlink *m, uint32_t number)
{
	if (number == m->heartbeat)
		m->heartbeat_open = false;
}

/* What was handled in this turn, behind the answers to it: after a crash everything else is in doubt. */
static void tell_handled_task(struct loop_task *task)
{
	struct muxlink *m = container_of(task, struct muxlink, tell_handled);
	struct link *out = muxlink_out(m);

	if (!list_is_empty(&m->game->dirty)) {
		loop_at_turn_end(m->game->loop, task); /* the answers go first */
		return;
	}
	if (out == NULL || !muxlink_has(m, FEATURE_HANDLED) ||
		m->handled == (uint32_t)out->messages_in)
		return;
	m->handled = (uint32_t)out->messages_in;
	link_send_handled(out, &(struct msg_handled){.messages = m->handled});
}

/* A listing that never ends would keep the game waiting, and the place of the link taken. */
static void watch_listing(struct muxlink *m)
{
	if (m->state != MUXLINK_LISTING)
		return;
	m->listing_ms += CLOCK_MS;
	if (m->listing_ms >= m->game->cvars.set.sv_link_timeout)
		end_live(m, "given up", "the multiplexer does not end its listing", true);
}

/* A multiplexer that has stood still for so long is taken for dead: another may become the link. The
 * players are not lost by that; it dials again when it wakes. */
static void watch_heartbeat(struct muxlink *m)
{
	struct link *out = muxlink_out(m);

	if (out == NULL || !muxlink_has(m, FEATURE_HEARTBEAT))
		return;
	/* Counted in beats of our own clock, so that a time in which we stood still does not count. */
	m->heartbeat_ms += CLOCK_MS;
	if (m->heartbeat_open && m->heartbeat_ms >= m->game->cvars.set.sv_link_timeout) {
		end_live(m, "given up", "the multiplexer has not answered for too long", true);
	} else if (!m->heartbeat_open) {
		m->heartbeat_open = true;
		m->heartbeat_ms = 0;
		link_send_heartbeat(out, &(struct msg_heartbeat){.number = ++m->heartbeat});
	}
}

static void clock_cb(uv_timer_t *timer)
{
	struct muxlink *m = timer->data;
	uint64_t now = loop_now_ms(m->game->loop);

	LIST_EACH(node, &m->candidates)
	{
		struct peer *p = container_of(node, struct peer, node);

		if (now - p->since_ms >= PROOF_MS)
			refuse_candidate(p, "it has not answered for 5 s");
	}
	watch_listing(m);
	watch_heartbeat(m);
}

/* ---- what the game wants ---- */

void muxlink_ready(struct muxlink *m)
{
	struct link *out = muxlink_out(m);

	if (out == NULL || !move(m, MUXLINK_READY))
		return;
	link_send_ready(out, &(struct msg_ready){0});
	log_info("link: ready");
}

void muxlink_mark(struct muxlink *m)
{
	struct link *out = muxlink_out(m);

	if (out == NULL || !move(m, MUXLINK_MARKED)) {
		game_marked(m->game);
		return;
	}
	if (muxlink_has(m, FEATURE_PAUSE)) {
		link_send_pause(out, &(struct msg_pause){0});
	} else {
		link_send_not_ready(out, &(struct msg_not_ready){0});
		link_send_are_you_alive(out, &(struct msg_are_you_alive){0});
	}
}

void muxlink_leave(struct muxlink *m)
{
	struct link *out = muxlink_out(m);

	if (out != NULL) {
		link_send_server_going_offline(out, &(struct msg_server_going_offline){0});
		link_half_close(out);
		stream_flush(&out->stream); /* now: there may be no next turn */
	}
	if (out == NULL || !move(m, MUXLINK_LEAVING))
		game_left(m->game);
}

/* ---- life ---- */

static void closed_cb(uv_handle_t *handle)
{
	one_closed(handle->data);
}

struct muxlink *muxlink_open(struct game *game, const char *path, const char **why)
{
	struct address at;
	char text[ADDRESS_TEXT_MAX + 8];
	struct muxlink *m;
	int fd, status;

	snprintf(text, sizeof text, "unix:%s", path);
	if (!address_parse(text, &at, why) || (fd = address_listen(&at, 0600, why)) < 0)
		return NULL;
	m = calloc(1, sizeof *m);
	if (m == NULL) {
		close(fd);
		*why = "out of memory";
		return NULL;
	}
	m->game = game;
	m->open = 2;
	m->state = MUXLINK_ALONE;
	snprintf(m->path, sizeof m->path, "%s", path);
	list_init(&m->candidates);
	loop_task_init(&m->tell_handled, tell_handled_task);
	uv_timer_init(&game->loop->uv, &m->clock);
	uv_pipe_init(&game->loop->uv, &m->listening, 0);
	m->clock.data = m->listening.data = m;
	uv_timer_start(&m->clock, clock_cb, CLOCK_MS, CLOCK_MS);
	status = uv_pipe_open(&m->listening, fd);
	if (status < 0)
		close(fd);
	else
		status = uv_listen((uv_stream_t *)&m->listening, 64, connection_cb);
	if (status == 0)
		return m;
	*why = uv_strerror(status);
	muxlink_close(m);
	return NULL;
}

void muxlink_close(struct muxlink *m)
{
	if (m == NULL || m->closing)
		return;
	m->closing = true;
	loop_task_cancel(&m->tell_handled);
	unlink(m->path);
	LIST_EACH(node, &m->candidates)
	drop_candidate(container_of(node, struct peer, node));
	if (m->live != NULL)
		link_close(&m->live->link);
	m->live = NULL;
	m->state = MUXLINK_ALONE;
	uv_close((uv_handle_t *)&m->clock, closed_cb);
	uv_close((uv_handle_t *)&m->listening, closed_cb);
}
