/* The link to the game server, seen from the multiplexer: the connection and its states. What users do
 * travels over it by news.c.
 *
 * Neither end ever stops reading because it cannot write: what the server asks is answered into a
 * queue, and only what users type is held back when that queue is long. */
#include "multiplexer/serverlink_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "multiplexer/mux.h"
#include "multiplexer/news.h"

enum {
	DIAL_MS = 50,         /* again within 100 ms of the server's listening, for ever */
	DIAL_QUICK_MS = 4,    /* while players wait for it: a restart takes 10 ms of its own */
	QUICK_FOR_MS = 2000,  /* after the game was lost */
	DIAL_SLOW_MS = 1000,  /* in a crash loop: at most one handshake a second (row G05) */
	YOUNG_MS = 1000,      /* a connection that dies before is a short life ... */
	SHORT_LIVES_MAX = 10, /* ... and after so many in a row we slow down */
	SEARCH_MAX_MS = 5000,
	LEAVING_MAX_MS =
		5000, /* what a leaving server was sent before its goodbye is kept for it */
	/* What waits here for the link is lost when the server crashes, what is held for a user is
	 * not: so little may wait that the kernel just never runs dry. */
	QUEUE_HIGH = 64 * 1024,
	QUEUE_LOW = 16 * 1024,
	QUEUE_MAX = 64 * 1024 * 1024 /* answers that a server asked for and does not read */
};

/* ---- states: one door ---- */

#define TO(STATE)                       | (1u << LINK_##STATE)
#define STATE(NAME, word, moves, input) [LINK_##NAME] = {word, 0u moves},
static const struct {
	const char *word;
	unsigned moves;
} states[] = {
#include "multiplexer/linkstates.def"
};

const char *link_state_word(enum link_state state)
{
	return states[state].word;
}

bool serverlink_move(struct serverlink *s, enum link_state to)
{
	if ((states[s->state].moves & (1u << to)) == 0)
		return false;
	log_debug("server: link %s -> %s", states[s->state].word, states[to].word);
	s->state = to;
	s->since_ms = loop_now_ms(s->mux->loop);
	return true;
}

bool serverlink_can_tell(const struct serverlink *s)
{
	return s->state == LINK_HELD || s->state == LINK_OPEN;
}

struct link *serverlink_link(const struct serverlink *s)
{
	return &s->peer->link;
}

bool serverlink_is_full(const struct serverlink *s)
{
	return s->slow || link_queued(serverlink_link(s)) > QUEUE_HIGH;
}

/* ---- the connection ---- */

static void dial_cb(uv_timer_t *timer);

const char *serverlink_address(const struct serverlink *s)
{
	return s->peer != NULL ? s->peer->at : s->servers.each[s->servers.at].upstream.text;
}

static void wait_for_it(struct serverlink *s)
{
	servers_wait(&s->servers, loop_now_ms(s->mux->loop),
		s->mux->config.options.server_standby_after);
}

static void choose_next(struct serverlink *s)
{
	if (s->was_open)
		wait_for_it(s);
	else
		servers_next(&s->servers, loop_now_ms(s->mux->loop));
}

/* Over TCP a closed socket may lose what was written to it, so that who is refused is kept a while. */
static void part(struct serverlink *s, const char *refusal)
{
	struct serverlink_peer *peer = s->peer;

	s->peer = NULL;
	list_add_last(&s->leaving, &peer->node);
	if (refusal != NULL)
		link_refuse(&peer->link, refusal);
	else
		link_close(&peer->link);
}

/* The connection is over; dial again. refusal: what the server is told, NULL = nothing. */
static void become_down(struct serverlink *s, bool goodbye, const char *refusal)
{
	uint64_t now = loop_now_ms(s->mux->loop);
	bool connected = s->state != LINK_DIALING;

	if (connected && !goodbye && now - s->connected_ms < YOUNG_MS)
		s->short_lives++;
	else if (connected)
		s->short_lives = 0;
	s->mux->metrics.messages_unknown += serverlink_link(s)->unknown_in;
	part(s, refusal);
	if (s->was_open)
		s->left_ms = now;
	choose_next(s);
	serverlink_move(s, LINK_DOWN);
	news_forget_server(s);
	bans_forget_server(&s->mux->bans);
	s->slow = s->was_open = s->heard = s->refused_now = false;
	s->pulse = (struct pulse){0};
	s->features = 0;
	doubt_free(&s->doubt);
	chain_server_down(&s->mux->chain, goodbye);
	serverlink_dial_later(s);
}

static void on_up(struct link *l)
{
	struct serverlink_peer *peer = container_of(l, struct serverlink_peer, link);
	struct serverlink *s = &peer->mux->server;

	serverlink_move(s, LINK_HELD);
	stream_limits(&l->stream, QUEUE_HIGH, QUEUE_LOW);
	s->connected_ms = s->since_ms;
	s->pulse = (struct pulse){0};
	s->unproved = false;
	servers_answered(&s->servers);
	s->mux->metrics.server_connects++;
	if (s->refusal[0] != '\0')
		return; /* and will be again; not a line each second */
	if (s->servers.count > 1)
		log_info("server: connected to %s", peer->at);
	else
		log_info("server: connected");
}

/* From now on this server may change what is saved. What another one that comes back has in mind of
 * our users is old then: it knows by our incarnation. */
static void begin_reign(struct serverlink *s)
{
	uint8_t *reign = s->mux->incarnation;
	const char *at = s->peer->at;

	if (s->reign[0] != '\0' && strcmp(s->reign, at) != 0)
		for (size_t i = 0; i < INCARNATION_REIGN && ++reign[i] == 0; i++)
			continue;
	snprintf(s->reign, sizeof s->reign, "%s", at);
}

static bool on_message(struct link *l, const struct frame *f, struct refusal *why)
{
	struct serverlink_peer *peer = container_of(l, struct serverlink_peer, link);
	struct serverlink *s = &peer->mux->server;

	unsigned needed = features_of_message(f->id);
	if ((needed & s->features) != needed) {
		l->unknown_in++; /* as plain AgNet would: not agreed on is not known */
		return true;
	}
	if (!s->heard)
		begin_reign(s);
	bool ok = handle_message(peer->mux, f, why);
	s->heard = true;
	if (!ok)
		return false;
	if (s->peer == peer && link_queued(l) > QUEUE_MAX) {
		snprintf(why->text, sizeof why->text,
			"it asks but does not read: %zu bytes of answers wait", link_queued(l));
		return false;
	}
	return true;
}

static void on_slow(struct link *l, bool slow)
{
	struct serverlink_peer *peer = container_of(l, struct serverlink_peer, link);
	struct serverlink *s = &peer->mux->server;

	if (s->peer != peer)
		return;
	s->slow = slow;
	if (!slow)
		loop_at_turn_end(s->mux->loop, &s->mux->pump);
}

static void say_nobody(struct serverlink *s, const char *reason)
{
	struct standby *server = servers_at(&s->servers);

	if (!server->said_nobody)
		log_info("server: nobody at %s yet (%s); trying until there is",
			server->upstream.text, reason);
	server->said_nobody = true;
}

/* refused, or too late: somebody is there, but has not proved that he has the key. */
static void on_dial_failed(struct serverlink *s, int status, const char *reason, bool refused)
{
	struct standby *server = servers_at(&s->servers);

	s->unproved = refused || (status == UV_ETIMEDOUT && s->peer->link.stream.connected) ||
		      status == UV_ECONNABORTED;
	if (!s->unproved)
		say_nobody(s, reason);
	else if (!server->said_unproved)
		log_warn("server: no link with %s: %s; trying on, once a second", s->peer->at,
			reason);
	server->said_unproved = s->unproved;
	become_down(s, false, NULL);
}

static void on_lost(struct serverlink *s, const char *reason, bool refused)
{
	struct mux_metrics *m = &s->mux->metrics;

	if (!refused && !s->heard) { /* dialled while one was ending, most likely */
		log_info("server: was gone before it said anything; dialling again");
		become_down(s, false, NULL);
		return;
	}
	if (!refused || strcmp(reason, s->refusal) != 0 || !s->wrong_version)
		log_warn("server: %s: %s; every user stays", refused ? "cut off" : "lost", reason);
	if (refused)
		m->server_refused++;
	else
		m->server_crashes++;
	bool was_open = s->was_open;
	bool knows = serverlink_has(s, FEATURE_HANDLED) && !s->doubt.overflow;
	news_count_doubt(s);
	become_down(s, false, refused ? reason : NULL);
	if (!was_open)
		return;
	enum outage_say say = outage_gone(&s->mux->outage, SAY_CRASH, loop_now_ms(s->mux->loop));
	/* Within an outage that was told already, only who has lost something is told again. */
	if (knows)
		mux_tell_doubt(s->mux, say == SAY_CRASH);
	else
		mux_tell_all(s->mux, say);
}

static void on_left(struct serverlink *s)
{
	s->mux->metrics.server_goodbyes++;
	log_info("server: has left; every user stays");
	become_down(s, true, NULL);
}

/* It said why when it did; here nothing is logged, since it goes on like this. */
static void on_refused_end(struct serverlink *s)
{
	s->mux->metrics.server_refuses++;
	become_down(s, false, NULL);
}

static void on_end(struct link *l, int status, const char *reason, bool refused)
{
	struct serverlink_peer *peer = container_of(l, struct serverlink_peer, link);
	struct serverlink *s = &peer->mux->server;

	if (s->peer != peer)
		return;
	if (s->state == LINK_DIALING)
		on_dial_failed(s, status, reason, refused);
	else if (s->stopping)
		become_down(s, true, NULL);
	else if (s->refused_now && !s->was_open)
		on_refused_end(s);
	else if (s->state != LINK_LEAVING || refused)
		on_lost(s, reason, refused);
	else if (status != UV_EOF || link_queued(l) == 0)
		on_left(s);
	/* else it has ended its side, but may still read what we sent before its goodbye: dial_cb */
}

static void on_closed(struct link *l)
{
	struct serverlink_peer *peer = container_of(l, struct serverlink_peer, link);

	list_remove(&peer->node);
	free(peer);
}

static const struct link_ops link_ops = {
	.on_up = on_up,
	.on_message = on_message,
	.on_slow = on_slow,
	.on_end = on_end,
	.on_closed = on_closed,
};

static void cannot_dial(struct serverlink *s, const char *why)
{
	say_nobody(s, why);
	choose_next(s);
	serverlink_dial_later(s);
}

static void on_found(void *owner, const struct address *address, const char *why)
{
	struct serverlink *s = owner;
	const struct upstream *u = &servers_at(&s->servers)->upstream;
	struct serverlink_peer *peer = calloc(1, sizeof *peer);

	s->search = NULL;
	if (address == NULL || peer == NULL) {
		free(peer);
		cannot_dial(s, address == NULL ? why : "out of memory");
		return;
	}
	peer->mux = s->mux;
	list_init(&peer->node);
	snprintf(peer->at, sizeof peer->at, "%s", u->text);
	int status = link_dial(&peer->link, s->mux->loop, address, &link_ops, MSG_DOWN,
		u->is_tcp ? s->mux->config.key : NULL);
	if (status != 0) {
		free(peer);
		cannot_dial(s, uv_strerror(status));
		return;
	}
	uv_timer_stop(&s->dial);
	s->peer = peer;
	serverlink_move(s, LINK_DIALING);
}

/* A name that is asked for and not answered in time is as good as nobody there. */
static void dial(struct serverlink *s)
{
	if (s->search != NULL) {
		upstream_search_drop(s->search);
		s->search = NULL;
		cannot_dial(s, "its name is not answered for");
		return;
	}
	uv_timer_start(&s->dial, dial_cb, SEARCH_MAX_MS, 0);
	s->search = upstream_find(&servers_at(&s->servers)->upstream, s->mux->loop, on_found, s);
}

static void dial_cb(uv_timer_t *timer)
{
	struct serverlink *s = timer->data;

	if (s->state == LINK_DOWN && !s->stopping) {
		dial(s);
	} else if (s->state == LINK_LEAVING) {
		uint64_t ms = loop_now_ms(s->mux->loop) - s->since_ms;

		if (serverlink_link(s)->ended &&
			(link_queued(serverlink_link(s)) == 0 || ms > LEAVING_MAX_MS))
			on_left(s);
		else
			serverlink_dial_later(s);
	}
}

void serverlink_dial_later(struct serverlink *s)
{
	bool slowly = s->short_lives > SHORT_LIVES_MAX || s->refusal[0] != '\0' || s->unproved;
	bool quickly = loop_now_ms(s->mux->loop) - s->left_ms < QUICK_FOR_MS;
	uint64_t ms = slowly ? DIAL_SLOW_MS : quickly ? DIAL_QUICK_MS : DIAL_MS;

	uv_timer_start(&s->dial, dial_cb, ms, 0);
}

/* ---- the clock ---- */

static void tick_cb(uv_timer_t *timer)
{
	struct serverlink *s = timer->data;

	if (serverlink_can_tell(s))
		link_send_tick(serverlink_link(s), &(struct msg_tick){0});
}

static void watch_progress(struct serverlink *s)
{
	if (!pulse_beat(&s->pulse, serverlink_link(s), serverlink_has(s, FEATURE_HEARTBEAT),
		    s->mux->config.options.hang_after))
		return;
	bool hung = s->pulse.hung;
	if (hung) {
		s->mux->metrics.server_hangs++;
		log_warn("server: has stood still for %llu s; every user stays",
			(unsigned long long)(s->pulse.still_ms / 1000));
	} else {
		log_info("server: moves again");
	}
	if (s->was_open)
		mux_tell_all(s->mux, outage_hang(&s->mux->outage, hung));
}

void serverlink_tick(struct serverlink *s)
{
	if (!serverlink_can_tell(s))
		return;
	if (s->was_open && !s->pulse.hung)
		servers_tell_others(&s->servers, serverlink_address(s), loop_now_ms(s->mux->loop),
			s->mux->config.options.server_probe);
	if (s->heard) {
		watch_progress(s);
	} else if (loop_now_ms(s->mux->loop) - s->connected_ms >=
		   s->mux->config.options.hello_timeout) {
		log_warn("server: has said nothing since it was connected; dialling again");
		become_down(s, false, NULL);
	}
}

/* ---- life ---- */

static void forget_servers(struct serverlink *s)
{
	upstream_search_drop(s->search);
	if (s->search != NULL)
		serverlink_dial_later(s);
	s->search = NULL;
	servers_drop(&s->servers);
}

bool serverlink_configure(struct serverlink *s, const char **why)
{
	forget_servers(s);
	return servers_configure(&s->servers, s->mux, s->mux->config.options.server,
		s->peer != NULL ? s->peer->at : NULL, why);
}

bool serverlink_open(struct serverlink *s, struct mux *mux, const char **why)
{
	*s = (struct serverlink){.mux = mux, .state = LINK_DOWN};
	list_init(&s->leaving);
	s->dial.data = s->tick.data = s;
	uv_timer_init(&mux->loop->uv, &s->dial);
	uv_timer_init(&mux->loop->uv, &s->tick);
	uv_timer_start(&s->dial, dial_cb, 0, 0);
	uv_timer_start(&s->tick, tick_cb, mux->config.options.tick, mux->config.options.tick);
	wait_for_it(s);
	return serverlink_configure(s, why);
}

bool serverlink_takeover(struct serverlink *s, const char *by, const char **why)
{
	*why = "there is no other address in `server`";
	if (s->servers.count < 2)
		return false;
	*why = "the game server answers: shut it down, or wait until it hangs";
	if (serverlink_can_tell(s) && !s->pulse.hung)
		return false;
	*why = "the multiplexer is ending";
	if (s->stopping)
		return false;
	size_t next = servers_after(&s->servers);
	log_info("server: %s gives the place of %s to %s", by, serverlink_address(s),
		s->servers.each[next].upstream.text);
	if (serverlink_can_tell(s))
		on_lost(s, "it hung, and its place was given away", false);
	else if (s->peer != NULL)
		become_down(s, true, NULL);
	forget_servers(s);
	s->servers.at = next;
	wait_for_it(s);
	uv_timer_start(&s->dial, dial_cb, 0, 0);
	return true;
}

void serverlink_stop(struct serverlink *s)
{
	s->stopping = true;
	if (serverlink_can_tell(s)) {
		link_send_mux_going_offline(serverlink_link(s), &(struct msg_mux_going_offline){0});
		link_half_close(serverlink_link(s));
	} else if (s->peer != NULL && s->state == LINK_DIALING) {
		become_down(s, true, NULL);
	}
	forget_servers(s);
}

bool serverlink_is_down(const struct serverlink *s)
{
	return s->state == LINK_DOWN;
}

void serverlink_close(struct serverlink *s)
{
	s->stopping = true;
	if (s->peer != NULL)
		become_down(s, true, NULL);
	forget_servers(s);
	LIST_EACH(node, &s->leaving)
	link_close(&container_of(node, struct serverlink_peer, node)->link);
	if (!uv_is_closing((uv_handle_t *)&s->dial)) {
		uv_close((uv_handle_t *)&s->dial, NULL);
		uv_close((uv_handle_t *)&s->tick, NULL);
	}
}
