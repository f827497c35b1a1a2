/* One multiplexer behind us: how its connections come and go. To it we are a game server. */
#include "multiplexer/chainlink.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

enum {
	CANDIDATES_MAX = 8,
	PROOF_MS = 5000,       /* for a candidate to answer */
	LEAVING_MAX_MS = 5000, /* for one that was told GOING OFFLINE to go */
	FIRST_WAIT_MS = 2000,  /* at our start: those who were behind us before dial again */
	REFUSED_LOG_MS = 60000,
	OURS = FEATURE_EVENTS | FEATURE_CAPS | FEATURE_PAUSE | FEATURE_HEARTBEAT | FEATURE_HANDLED |
	       FEATURE_FLOW | FEATURE_BANS /* no lists: we know who is on them */
};

/* ---- states: one door ---- */

#define TO(STATE)                      | (1u << CHAIN_##STATE)
#define STATE(NAME, word, moves, down) [CHAIN_##NAME] = {word, 0u moves},
static const struct {
	const char *word;
	unsigned moves;
} states[] = {
#include "multiplexer/chainstates.def"
};

const char *chainlink_word(const struct chainlink *c)
{
	return states[c->state].word;
}

static bool move(struct chainlink *c, enum chain_state to)
{
	if ((states[c->state].moves & (1u << to)) == 0)
		return false;
	log_debug("chain %s: %s -> %s", c->listener->name, states[c->state].word, states[to].word);
	c->state = to;
	c->since_ms = loop_now_ms(c->mux->loop);
	return true;
}

bool chainlink_is_live(const struct chainlink *c)
{
	return c->state == CHAIN_LISTING || c->state == CHAIN_HELD || c->state == CHAIN_OPEN ||
	       c->state == CHAIN_PAUSING;
}

bool chainlink_has(const struct chainlink *c, unsigned feature)
{
	return c->peer != NULL && (c->peer->features & feature) != 0;
}

/* ---- the end of a connection ---- */

static void become_link(struct chainpeer *p);

static void become_absent(struct chainlink *c)
{
	if (c->user_count > 0)
		log_warn("chain %s: its %u users are lost to the game", c->listener->name,
			c->user_count);
	chainuser_lose_all(c);
	buf_free(&c->down);
	buf_free(&c->held);
	c->held_old = 0;
	c->has_incarnation = c->owes = c->going = c->too_much = false;
	move(c, CHAIN_ABSENT);
	chain_progress(c->chain);
}

/* Nobody is at the other end any more; why was logged. */
static void become_lost(struct chainlink *c)
{
	struct chainpeer *p = c->peer;

	c->peer = NULL;
	link_close(&p->link);
	bans_chain_ends(&c->mux->bans, c);
	move(c, CHAIN_LOST);
	c->grace_until_ms = c->since_ms + c->mux->config.options.chain_grace;
	c->listing = CHAIN_LISTS_NOT;
	c->held_old = c->held.len;
	doubt_free(&c->places);
	if (c->going || c->too_much) {
		become_absent(c);
		return;
	}
	chain_progress(c->chain);
	/* It dialled again before we had read all that it said before. */
	LIST_EACH(node, &c->candidates)
	{
		p = container_of(node, struct chainpeer, node);
		if (p->proved && !p->refused) {
			become_link(p);
			return;
		}
	}
}

void chainlink_end(struct chainlink *c, const char *reason)
{
	if (c->peer == NULL)
		return;
	log_warn("chain %s: %s", c->listener->name, reason);
	become_lost(c);
}

void chainlink_leave(struct chainlink *c)
{
	if (!chainlink_is_live(c) || !move(c, CHAIN_LEAVING))
		return;
	link_send_server_going_offline(&c->peer->link, &(struct msg_server_going_offline){0});
	link_half_close(&c->peer->link);
}

/* ---- candidates ---- */

static void drop_candidate(struct chainpeer *p)
{
	list_remove(&p->node);
	p->c->candidate_count--;
	link_close(&p->link);
}

/* One that is not wanted dials again once a second, for as long as it likes: logged now and then. */
static void log_refusal(struct chainlink *c, const char *what, const char *reason)
{
	uint64_t now = loop_now_ms(c->mux->loop);

	c->refusals++;
	if (c->refusal_ms != 0 && now - c->refusal_ms < REFUSED_LOG_MS)
		return;
	log_warn("chain %s: a connection %s: %s (%u since this was said last)", c->listener->name,
		what, reason, c->refusals);
	c->refusal_ms = now;
	c->refusals = 0;
}

static void refuse_candidate(struct chainpeer *p, const char *reason)
{
	struct chainlink *c = p->c;

	c->mux->metrics.chain_refused++;
	log_refusal(c, "is refused", reason);
	p->refused = true;
	c->candidate_count--;
	link_refuse(&p->link, reason);
}

static void greet(struct chainpeer *p)
{
	char text[FEATURES_TEXT_MAX];
	struct chain *chain = p->c->chain;
	unsigned features = chain->no_handled ? OURS & ~FEATURE_HANDLED : OURS;

	p->greeted = true;
	strikes_clear(&p->c->chain->strikes, &p->from);
	link_send_server_hello(
		&p->link, &(struct msg_server_hello){.version = PROTOCOL_VERSION,
				  .features = slice_text(features_text(features, text))});
	link_send_not_ready(&p->link, &(struct msg_not_ready){0});
	if (chain->mux->localhost_only)
		link_send_accept_localhost_only(&p->link, &(struct msg_accept_localhost_only){0});
	else
		link_send_tell_me_your_accept_mode(
			&p->link, &(struct msg_tell_me_your_accept_mode){0});
}

static bool is_same_run(const struct chainlink *c, const struct chainpeer *p)
{
	return c->has_incarnation && p->said_hello &&
	       memcmp(c->incarnation, p->incarnation, INCARNATION_LEN) == 0;
}

static void become_link(struct chainpeer *p)
{
	struct chainlink *c = p->c;

	list_remove(&p->node);
	c->candidate_count--;
	if (!is_same_run(c, p)) { /* another run has other users, even with the same keys */
		chainuser_lose_all(c);
		buf_free(&c->down);
		buf_free(&c->held);
		c->held_old = 0;
	}
	c->has_incarnation = p->said_hello;
	memcpy(c->incarnation, p->incarnation, INCARNATION_LEN);
	c->peer = p;
	c->going = c->was_open = false;
	c->asked = c->answered = c->pause_mark = 0;
	c->alive_done = c->chain->alive_asked;
	c->bytes_in = c->silent_ms = 0;
	move(c, CHAIN_LISTING);
	c->mux->metrics.chain_connects++;
	log_info("chain %s: a multiplexer is connected", c->listener->name);
	if (c->mux->localhost_only)
		c->told_localhost = true;
	else if (c->told_localhost && !c->mux->localhost_only) {
		link_send_accept_all(&p->link, &(struct msg_accept_all){0});
		c->told_localhost = false;
	}
	chainlink_list(c);
	if (chainlink_has(c, FEATURE_BANS))
		bans_chain_begins(&c->mux->bans, c);
}

/* It has answered: it speaks the protocol. Whether it gets the place of the link. */
static void on_proof(struct chainpeer *p)
{
	struct chainlink *c = p->c;

	p->proved = true;
	if (c->chain->stopping) {
		drop_candidate(p);
	} else if (c->peer == NULL) {
		become_link(p);
	} else if (!is_same_run(c, p)) {
		refuse_candidate(p, "another multiplexer is connected to this listener already");
	} else if (c->state != CHAIN_LEAVING) {
		chainlink_end(c, "has dialled again; its old connection is given up");
	} /* else it has its turn when the old connection is read to its end */
}

static bool candidate_hello(struct chainpeer *p, const struct frame *f, struct refusal *why)
{
	struct msg_multiplexer_hello m;

	if (!msg_multiplexer_hello_read(f->args, f->count, &m, why))
		return false;
	if (p->said_hello || m.incarnation.len != INCARNATION_LEN) {
		snprintf(why->text, sizeof why->text, "%s (%u): %s", msg_name(f->id), f->id,
			p->said_hello ? "said twice" : "an incarnation that is not 16 bytes long");
		return false;
	}
	p->said_hello = true;
	p->features = features_parse(m.features) &
		      (p->c->chain->no_handled ? OURS & ~FEATURE_HANDLED : OURS);
	memcpy(p->incarnation, m.incarnation.at, INCARNATION_LEN);
	return true;
}

/* Until it has proved itself a candidate may only tick, beat and answer. */
static bool candidate_message(struct chainpeer *p, const struct frame *f, struct refusal *why)
{
	struct msg_heartbeat beat;
	struct msg_link_refused refused;
	char text[200];

	switch (f->id) {
	case MSG_TICK:
		return true;
	case MSG_MULTIPLEXER_HELLO:
		return candidate_hello(p, f, why);
	case MSG_HEARTBEAT:
		return msg_heartbeat_read(f->args, f->count, &beat, why) &&
		       link_send_heartbeat_answer(
			       &p->link, &(struct msg_heartbeat_answer){.number = beat.number});
	case MSG_ACCEPTING_ALL:
	case MSG_ACCEPTING_LOCALHOST_ONLY:
		p->localhost_only = f->id == MSG_ACCEPTING_LOCALHOST_ONLY;
		if (!p->proved)
			on_proof(p);
		return true;
	case MSG_LINK_REFUSED: /* it has another server, and we stand by */
		if (!msg_link_refused_read(f->args, f->count, &refused, why))
			return false;
		log_escape(text, sizeof text, refused.reason);
		log_debug("chain %s: it refuses us: %s", p->c->listener->name, text);
		return true;
	default:
		snprintf(why->text, sizeof why->text, "%s (%u): before the answer to %s",
			msg_name(f->id), f->id, msg_name(MSG_TELL_ME_YOUR_ACCEPT_MODE));
		return false;
	}
}

/* ---- the connection's callbacks ---- */

static struct chainpeer *peer_of(struct link *l)
{
	return container_of(l, struct chainpeer, link);
}

static void on_up(struct link *l)
{
	greet(peer_of(l));
}

static bool on_message(struct link *l, const struct frame *f, struct refusal *why)
{
	struct chainpeer *p = peer_of(l);
	struct chainlink *c = p->c;

	if (c->peer != p)
		return candidate_message(p, f, why);
	unsigned needed = features_of_message(f->id);
	if ((needed & p->features) != needed)
		return true; /* as plain AgNet would: not agreed on is not known */
	c->at = (uint32_t)l->messages_in;
	return chain_handle(c, f, why);
}

/* It has not shown our key: three of those from one address, and that address waits (row F09). */
static void strike(struct chainpeer *p)
{
	char ip[ADDRESS_IP_MAX];

	address_ip(&p->from, ip);
	if (strikes_add(&p->c->chain->strikes, &p->from, loop_now_ms(p->c->mux->loop)))
		log_warn("chain %s: %s has failed %d times; it has to wait for %d s",
			p->c->listener->name, ip, STRIKES_OUT, STRIKES_WAIT_MS / 1000);
}

static void on_end(struct link *l, int status, const char *reason, bool refused)
{
	struct chainpeer *p = peer_of(l);
	struct chainlink *c = p->c;
	char text[256];

	if (c->peer != p) {
		if (!p->greeted)
			strike(p);
		if (refused || !link_peer_closed(status))
			log_refusal(c, refused ? "is cut off" : "failed", reason);
		drop_candidate(p);
	} else if (refused) {
		snprintf(text, sizeof text, "cut off: %s", reason);
		c->mux->metrics.chain_cut_off++;
		chainlink_end(c, text);
	} else if (link_peer_closed(status) && (c->state == CHAIN_LEAVING || c->going)) {
		log_info("chain %s: has left", c->listener->name);
		become_lost(c);
	} else {
		snprintf(text, sizeof text, "lost: %s; its users are kept for a while", reason);
		c->mux->metrics.chain_losses++;
		chainlink_end(c, text);
	}
}

static void on_closed(struct link *l)
{
	struct chainpeer *p = peer_of(l);

	list_remove(&p->node);
	free(p);
}

static const struct link_ops link_ops = {
	.on_up = on_up,
	.on_message = on_message,
	.on_end = on_end,
	.on_closed = on_closed,
};

void chainlink_accept(struct chainlink *c, uv_stream_t *listening)
{
	struct address from = {.un.sun_family = AF_UNIX, .len = sizeof from.un};
	const struct linkkey *key = c->listener->key;
	struct chainpeer *p;

	stream_waiting_from(listening, &from);
	if (strikes_is_out(&c->chain->strikes, &from, loop_now_ms(c->mux->loop))) {
		stream_refuse(listening);
		return;
	}
	p = calloc(1, sizeof *p);
	if (p == NULL) {
		log_warn("chain %s: no memory for a connection", c->listener->name);
		stream_refuse(listening);
		return;
	}
	p->c = c;
	p->from = from;
	list_init(&p->node);
	int status = link_accept(&p->link, c->mux->loop, listening, &link_ops, MSG_UP, key);
	if (status != 0) {
		log_warn("chain %s: a connection failed: %s", c->listener->name,
			uv_strerror(status));
		free(p);
		return;
	}
	p->since_ms = loop_now_ms(c->mux->loop);
	list_add_last(&c->candidates, &p->node);
	c->candidate_count++;
	if (c->candidate_count > CANDIDATES_MAX)
		refuse_candidate(p, "too many connections at once");
	else if (key == NULL)
		greet(p);
}

/* ---- what the server does, done to it ---- */

void chainlink_list(struct chainlink *c)
{
	if (!chainlink_is_live(c) || c->listing != CHAIN_LISTS_NOT)
		return;
	/* What the server saved while it was away comes first, or the next server gets what was before. */
	c->listing = c->owes && c->down.len == 0 ? CHAIN_LISTS_ON : CHAIN_LISTS_TO_US;
	c->listing_number++;
	link_send_get_all_subclient_info(&c->peer->link, &(struct msg_get_all_subclient_info){0});
}

void chainlink_on_list_end(struct chainlink *c)
{
	bool passed_on = c->listing == CHAIN_LISTS_ON;

	if (c->listing == CHAIN_LISTS_NOT)
		return; /* nobody asked */
	c->listing = CHAIN_LISTS_NOT;
	chainuser_lose_unseen(c);
	if (passed_on)
		c->owes = false;
	if (c->state == CHAIN_LISTING) {
		log_info("chain %s: has %u users", c->listener->name, c->user_count);
		move(c, CHAIN_HELD);
		chainroute_flush_down(c);
	}
	if (c->owes)
		chainlink_list(c);
	chain_progress(c->chain);
	chainlink_try_ready(c);
}

void chainlink_try_ready(struct chainlink *c)
{
	if (c->state != CHAIN_HELD || c->mux->server.state != LINK_OPEN ||
		c->listing != CHAIN_LISTS_NOT || c->chain->stopping)
		return;
	if (c->untold > 0) { /* they come as arrivals */
		chainlink_list(c);
		return;
	}
	chainroute_flush_up(c);
	if (c->state != CHAIN_HELD)
		return;
	c->was_open = true;
	move(c, CHAIN_OPEN);
	link_send_ready(&c->peer->link, &(struct msg_ready){0});
}

void chainlink_not_ready(struct chainlink *c)
{
	if (c->state != CHAIN_OPEN || !move(c, CHAIN_HELD))
		return;
	link_send_not_ready(&c->peer->link, &(struct msg_not_ready){0});
}

void chainlink_ask_alive(struct chainlink *c)
{
	if (!chainlink_is_live(c))
		return;
	c->asked++;
	link_send_are_you_alive(&c->peer->link, &(struct msg_are_you_alive){0});
}

void chainlink_pause(struct chainlink *c)
{
	if (c->state != CHAIN_OPEN || !move(c, CHAIN_PAUSING))
		return;
	if (chainlink_has(c, FEATURE_PAUSE)) {
		link_send_pause(&c->peer->link, &(struct msg_pause){0});
		return;
	}
	link_send_not_ready(&c->peer->link, &(struct msg_not_ready){0});
	chainlink_ask_alive(c);
	c->pause_mark = c->asked;
}

void chainlink_on_paused(struct chainlink *c)
{
	if (c->state != CHAIN_PAUSING)
		return;
	move(c, CHAIN_HELD);
	chain_progress(c->chain);
	chainlink_try_ready(c); /* the server may have thought better of it */
}

void chainlink_on_alive(struct chainlink *c)
{
	if (c->answered == c->asked)
		return; /* nobody asked */
	c->answered++;
	if (c->pause_mark != 0 && c->answered == c->pause_mark) {
		c->pause_mark = 0;
		chainlink_on_paused(c);
	} else {
		c->alive_done++;
		chain_progress(c->chain);
	}
}

/* ---- the clock ---- */

/* One that lives ticks, or answers our heartbeats; one that is told to wait need not. Counted in beats of
 * our own clock, so that a time in which we stood still ourselves is no silence. */
static void watch_silence(struct chainlink *c)
{
	struct link *l = &c->peer->link;
	bool must_speak = chainlink_has(c, FEATURE_HEARTBEAT) || c->asked != c->answered;
	char text[128];

	if (l->hold || !must_speak || l->stream.bytes_in != c->bytes_in) {
		c->bytes_in = l->stream.bytes_in;
		c->silent_ms = 0;
	} else {
		c->silent_ms += 1000;
	}
	if (c->silent_ms >= c->mux->config.options.chain_timeout) {
		snprintf(text, sizeof text,
			"has said nothing for %llu s; its users are kept for a while",
			(unsigned long long)(c->silent_ms / 1000));
		c->mux->metrics.chain_losses++;
		chainlink_end(c, text);
	} else if (chainlink_has(c, FEATURE_HEARTBEAT)) {
		link_send_heartbeat(l, &(struct msg_heartbeat){.number = ++c->heartbeat});
	}
}

void chainlink_clock(struct chainlink *c, bool second)
{
	uint64_t now = loop_now_ms(c->mux->loop);

	LIST_EACH(node, &c->candidates)
	{
		struct chainpeer *p = container_of(node, struct chainpeer, node);

		if (now - p->since_ms < PROOF_MS || p->proved || p->refused)
			continue;
		log_refusal(c, "is closed", "it has not answered for 5 s");
		drop_candidate(p);
	}
	if (second && chainlink_is_live(c))
		watch_silence(c);
	if (c->too_much && c->peer != NULL) {
		c->mux->metrics.chain_cut_off++;
		chainlink_end(c, "cut off: too much waits for its users");
	} else if (c->too_much) {
		log_warn("chain %s: too much waits for its users", c->listener->name);
		become_absent(c);
	} else if (c->state == CHAIN_LEAVING && now - c->since_ms >= LEAVING_MAX_MS) {
		chainlink_end(c, "has not gone for 5 s though the game has; cut off");
	} else if (c->state == CHAIN_LOST && now >= c->grace_until_ms) {
		become_absent(c);
	}
}

/* ---- life ---- */

struct chainlink *chainlink_new(struct chain *chain, const struct listener_config *listener)
{
	struct chainlink *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->chain = chain;
	c->mux = chain->mux;
	c->listener = listener;
	list_init(&c->candidates);
	banreader_init(&c->bans);
	/* As if it had just been lost: if the server's listing waited for nobody, users who stayed
	 * while we were started again would come to it as strangers. */
	c->state = CHAIN_LOST;
	c->since_ms = loop_now_ms(chain->mux->loop);
	c->grace_until_ms = c->since_ms + FIRST_WAIT_MS;
	list_add_last(&chain->links, &c->node);
	return c;
}

void chainlink_close(struct chainlink *c)
{
	LIST_EACH(node, &c->candidates)
	link_close(&container_of(node, struct chainpeer, node)->link);
	if (c->peer != NULL)
		link_close(&c->peer->link);
	c->peer = NULL;
	bans_chain_ends(&c->mux->bans, c);
	c->listing = CHAIN_LISTS_NOT;
	c->state = CHAIN_ABSENT; /* the one move that is none: nobody looks any more */
}

void chainlink_free(struct chainlink *c)
{
	struct chainuser *u, *next;

	HASH_ITER(by_key, c->users, u, next)
	chainuser_free(u);
	buf_free(&c->held);
	buf_free(&c->down);
	doubt_free(&c->places);
	list_remove(&c->node);
	free(c);
}
