/* The players outlive the link: the multiplexer that lost it dials again, and its next listing tells
 * who is still there. */
#include "server/muxlink.h"

#include <stdio.h>

#include "common/log.h"
#include "server/game.h"
#include "server/muxlinks.h"
#include "server/muxpeer.h"

enum {
	QUEUE_MAX =
		128 * 1024 * 1024 /* answers that it asks for and does not read; over all text */
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

const char *muxlink_label(const struct muxlink *m)
{
	static char text[24];

	if (m->game->cvars.set.sv_multiplexers <= 1)
		return "link";
	snprintf(text, sizeof text, "link %u", m->number);
	return text;
}

static bool move(struct muxlink *m, enum muxlink_state to)
{
	if ((states[m->state].moves & (1u << to)) == 0)
		return false;
	log_debug("%s: %s -> %s", muxlink_label(m), states[m->state].word, states[to].word);
	m->state = to;
	return true;
}

enum muxlink_state muxlink_state(const struct muxlink *m)
{
	return m != NULL ? m->state : MUXLINK_ALONE;
}

struct link *muxlink_out(struct muxlink *m)
{
	return m != NULL && m->peer != NULL && m->state != MUXLINK_LEAVING ? &m->peer->link : NULL;
}

bool muxlink_has(const struct muxlink *m, unsigned feature)
{
	return m != NULL && m->peer != NULL && (m->peer->features & feature) != 0;
}

/* ---- from its proof to its end ---- */

void muxlink_take(struct muxlink *m, struct muxpeer *p, bool is_old)
{
	char features[FEATURES_TEXT_MAX];
	bool is_same = memcmp(m->incarnation, p->incarnation, INCARNATION_LEN) == 0;

	p->owner = m;
	m->peer = p;
	move(m, MUXLINK_LISTING);
	m->game->metrics.links_taken++;
	m->game->metrics.links_now++;
	m->heartbeat_open = false;
	m->listing_ms = m->away_ms = 0;
	m->handled = 0;
	memcpy(m->incarnation, p->incarnation, INCARNATION_LEN);
	m->taken = true;
	log_info("%s: the multiplexer is connected", muxlink_label(m));
	log_debug("%s: we both have %s", muxlink_label(m), features_text(p->features, features));
	/* Another run has other users, even if one of their keys should be the same. */
	if (!is_old)
		game_forget_players(m, "this is another multiplexer than before; its players are "
				       "others too");
	else if (!is_same)
		game_forget_players(m, "another game server had its players meanwhile; what that "
				       "one saved is what counts");
	bans_link_begins(&m->game->bans, m);
	game_listing_begins(m);
}

void muxlink_on_going_offline(struct muxlink *m)
{
	m->taken = false; /* nobody can come back to it */
	game_forget_players(m, "its multiplexer goes offline");
}

bool muxlink_message(struct muxlink *m, const struct frame *f, struct refusal *why)
{
	struct link *l = &m->peer->link;
	unsigned needed = features_of_message(f->id);

	if (!muxlink_has(m, needed) && needed != 0) {
		l->unknown_in++; /* as plain AgNet would: not agreed on is not known */
		return true;
	}
	loop_at_turn_end(m->game->loop, &m->tell_handled);
	if (!handle_message(m, f, why))
		return false;
	if (m->peer == NULL || l != &m->peer->link)
		return true;
	if (frames_are_held_up(&m->game->frames, m->game->loop))
		link_yield(l);
	if (link_queued(l) > QUEUE_MAX) {
		snprintf(why->text, sizeof why->text,
			"it asks but does not read: %zu bytes wait for it", link_queued(l));
		return false;
	}
	return true;
}

void muxlink_end(struct muxlink *m, const char *how, const char *reason, bool at_fault)
{
	struct muxpeer *p = m->peer;

	if (m->state == MUXLINK_LEAVING && !at_fault)
		log_info("%s: the multiplexer has closed the link", muxlink_label(m));
	else if (!m->taken || (m->game->stop == STOP_MULTIPLEXER && !at_fault))
		log_info("%s: the multiplexer has gone offline", muxlink_label(m));
	else
		log_warn("%s: %s: %s; the players stay", muxlink_label(m), how, reason);
	m->peer = NULL;
	bans_link_ends(&m->game->bans, m);
	m->game->metrics.links_now--;
	move(m, MUXLINK_ALONE);
	muxpeer_close(p);
	muxlinks_settle(m->game->muxlinks);
}

/* ---- the clock ---- */

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
static void watch_listing(struct muxlink *m, uint64_t passed_ms)
{
	if (m->state != MUXLINK_LISTING)
		return;
	m->listing_ms += passed_ms;
	if (m->listing_ms >= m->game->cvars.set.sv_link_timeout)
		muxlink_end(m, "given up", "the multiplexer does not end its listing", true);
}

/* A multiplexer that has stood still for so long is taken for dead: another may become the link. The
 * players are not lost by that; it dials again when it wakes. */
static void watch_heartbeat(struct muxlink *m, uint64_t passed_ms)
{
	struct link *out = muxlink_out(m);

	if (out == NULL || !muxlink_has(m, FEATURE_HEARTBEAT))
		return;
	m->heartbeat_ms += passed_ms;
	if (m->heartbeat_open && m->heartbeat_ms >= m->game->cvars.set.sv_link_timeout) {
		muxlink_end(m, "given up", "the multiplexer has not answered for too long", true);
	} else if (!m->heartbeat_open) {
		m->heartbeat_open = true;
		m->heartbeat_ms = 0;
		link_send_heartbeat(out, &(struct msg_heartbeat){.number = ++m->heartbeat});
	}
}

/* Counted only while there are others, to whom its players would be ghosts; and who knows: if all are
 * away, it may be us who cannot be reached. */
static void watch_absence(struct muxlink *m, uint64_t passed_ms)
{
	if (m->state != MUXLINK_ALONE || !m->taken || !muxlinks_has_other(m->game->muxlinks, m))
		return;
	m->away_ms += passed_ms;
	if (m->away_ms >= m->game->cvars.set.sv_link_grace)
		game_forget_players(m, "its multiplexer has been away for too long; its players "
				       "are taken for gone");
}

void muxlink_clock(struct muxlink *m, uint64_t passed_ms)
{
	watch_absence(m, passed_ms);
	watch_listing(m, passed_ms);
	watch_heartbeat(m, passed_ms);
}

/* ---- what the game wants ---- */

void muxlink_ready(struct muxlink *m)
{
	struct link *out = muxlink_out(m);

	if (out == NULL || !move(m, MUXLINK_READY))
		return;
	link_send_ready(out, &(struct msg_ready){0});
	log_info("%s: ready", muxlink_label(m));
}

void muxlink_mark(struct muxlink *m)
{
	struct link *out = muxlink_out(m);

	if (out == NULL || !move(m, MUXLINK_MARKED))
		return;
	if (muxlink_has(m, FEATURE_PAUSE)) {
		link_send_pause(out, &(struct msg_pause){0});
	} else {
		link_send_not_ready(out, &(struct msg_not_ready){0});
		link_send_are_you_alive(out, &(struct msg_are_you_alive){0});
	}
}

void muxlink_on_mark_answered(struct muxlink *m)
{
	if (move(m, MUXLINK_QUIET))
		muxlinks_settle(m->game->muxlinks);
}

void muxlink_leave(struct muxlink *m)
{
	struct link *out = muxlink_out(m);

	if (out == NULL)
		return;
	link_send_server_going_offline(out, &(struct msg_server_going_offline){0});
	link_half_close(out);
	stream_flush(&out->stream); /* now: there may be no next turn */
	move(m, MUXLINK_LEAVING);
}

/* ---- life ---- */

void muxlink_init(struct muxlink *m, struct game *game, uint32_t number)
{
	*m = (struct muxlink){.game = game, .number = number, .state = MUXLINK_ALONE};
	banreader_init(&m->bans);
	loop_task_init(&m->tell_handled, tell_handled_task);
}

void muxlink_close(struct muxlink *m)
{
	struct muxpeer *p = m->peer;

	loop_task_cancel(&m->tell_handled);
	bans_link_ends(&m->game->bans, m);
	m->peer = NULL;
	m->state = MUXLINK_ALONE;
	if (p == NULL)
		return;
	m->game->metrics.links_now--;
	muxpeer_close(p);
}
