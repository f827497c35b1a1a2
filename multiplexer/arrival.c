#include "multiplexer/arrival.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "multiplexer/admission.h"
#include "multiplexer/mux.h"
#include "multiplexer/news.h"
#include "multiplexer/opener.h"
#include "multiplexer/proxy.h"

enum {
	REFUSED_MAX = 64, /* refused connections that are still being told why */
	OUTSIDE_MAX =
		192, /* connections that are no users: of the 256 descriptors put aside, besides
	                    * the places of users that are free */
	PROXY_MS = 3000,
	SECURING_LEAST = 32,  /* TLS handshakes at once: so many always, ... */
	SECURING_MOST = 1000, /* ... and so many if max_clients leaves descriptors for them */
	GRACE_MS = 2000       /* who speaks TLS watches the deadline; should it hang, we do */
};

/* He is told why and never becomes a user; when too many are being told, he is not. */
static void refuse(struct subclient *u, enum closing why, const char *words)
{
	if (u->mux->refused_now < REFUSED_MAX) {
		u->mux->refused_now++;
		u->refused = true;
		subclient_end(u, why, words);
	} else {
		subclient_drop(u, why);
	}
}

/* ---- the last step: a user ---- */

static const enum closing closing_of[] = {
	[ADMISSION_TOO_MANY] = CLOSING_TOO_MANY,
	[ADMISSION_TOO_MANY_UNPROVEN] = CLOSING_TOO_MANY_SILENT,
	[ADMISSION_TOO_FAST] = CLOSING_TOO_FAST,
	[ADMISSION_CROWDED] = CLOSING_CROWDED,
};

/* A proxy's own connections (its health checks) are not held against its address. */
static bool is_exempt(const struct subclient *u)
{
	return u->arrival.proxy && !u->proxied;
}

static enum admission_verdict ask(struct subclient *u)
{
	struct mux *mux = u->mux;
	struct address from = subclient_from(u);
	enum admission_verdict verdict;
	uint32_t chance = 0;

	if (is_exempt(u))
		return ADMISSION_YES;
	uv_random(NULL, NULL, &chance, sizeof chance, 0, NULL);
	verdict = admission_ask(mux->admission, &from, loop_now_ms(mux->loop), chance);
	u->admitted = verdict == ADMISSION_YES;
	return verdict;
}

static void add_user(struct mux *mux, struct subclient *u)
{
	u->state = SUBCLIENT_CONNECTED;
	stream_count_in(u->stream, &mux->queues.pool.bytes);
	held_count_in(&u->held, &mux->queues.pool.bytes);
	list_add_last(&mux->users, &u->node);
	mux->outside--;
	mux->metrics.users_now++;
	listener_count(u->listener, 1);
	mux->metrics.users_accepted++;
}

static void become_user(struct subclient *u)
{
	struct mux *mux = u->mux;

	add_user(mux, u);
	log_info("%s: connected on listener %s", subclient_label(u),
		listener_config(u->listener)->name);
	subclient_watch(u); /* until he has typed something */
	stream_read(u->stream);
	u->layers.now_ms = loop_now_ms(mux->loop);
	layers_start(&u->layers);
	if (mux->server.state != LINK_OPEN)
		subclient_notice(u, mux_notice(mux, SAY_AWAY));
	if (u->state != SUBCLIENT_CONNECTED)
		return; /* saying it was too much for his connection */
	subclient_start_lookups(u);
	news_changed(&mux->server, u);
}

static void enter(struct subclient *u)
{
	struct mux *mux = u->mux;
	unsigned max = mux->config.options.max_clients;
	enum admission_verdict verdict = ask(u);
	char words[64];

	buf_free(&u->arrival.header);
	u->arrival.deadline_ms = 0;
	if (verdict != ADMISSION_YES) {
		refuse(u, closing_of[verdict], NULL);
	} else if (mux->metrics.users_now >= max) {
		snprintf(words, sizeof words, "Server is full (%u).", max);
		refuse(u, CLOSING_FULL, words);
	} else if (pool_is_full(&mux->queues.pool)) {
		refuse(u, CLOSING_BUSY, NULL);
	} else {
		become_user(u);
	}
}

/* ---- a handshake ---- */

static void end_visit(struct subclient *u)
{
	struct address from = subclient_from(u);

	if (u->visiting)
		admission_visited(u->mux->admission, &from);
	u->visiting = false;
}

void arrival_handshaken(struct subclient *u)
{
	if (u->state != SUBCLIENT_ARRIVING)
		return;
	end_visit(u);
	enter(u);
}

/* The layers watch its deadline: they know what can be said of it. */
static void begin_handshake(struct subclient *u)
{
	struct mux *mux = u->mux;
	struct address from = subclient_from(u);

	u->visiting =
		!is_exempt(u) && admission_visit(mux->admission, &from, loop_now_ms(mux->loop));
	if (!u->visiting && !is_exempt(u)) {
		refuse(u, CLOSING_TOO_MANY, NULL);
		return;
	}
	u->state = SUBCLIENT_ARRIVING;
	subclient_second(u); /* tells the layers the time */
	subclient_watch(u);
	stream_read(u->stream);
}

/* ---- the address is known ---- */

static void knock(struct subclient *u)
{
	struct address from = subclient_from(u);
	struct ban *ban = bans_find(&u->mux->bans, &from);
	char words[BAN_WORDS_MAX];

	if (ban != NULL) { /* one who came by a proxy: others were seen at the door */
		ban->hits++;
		refuse(u, CLOSING_BANNED, ban_words(ban, words));
	} else if (u->mux->localhost_only && !address_is_local(&from))
		refuse(u, CLOSING_NOT_LOCAL, NULL);
	else if (listener_config(u->listener)->kind->handshake)
		begin_handshake(u);
	else
		enter(u);
}

/* ---- TLS ---- */

/* A browser keeps its connections for a while when it has the page: they are the first to go when more
 * come than there is room for. */
static void drop_an_idle_visitor(struct mux *mux)
{
	LIST_EACH(node, &mux->ticking)
	{
		struct subclient *u = container_of(node, struct subclient, ticking);

		if (u->state == SUBCLIENT_ARRIVING && u->layers.idle && u->stream->queued == 0) {
			subclient_drop(u, CLOSING_VISIT);
			return;
		}
	}
}

static bool has_room(const struct mux *mux)
{
	size_t most = mux->config.options.max_clients;
	size_t taken = mux->metrics.users_now + mux->securing;

	return mux->outside < OUTSIDE_MAX + (taken < most ? most - taken : 0);
}

/* So many may be in their handshake: not more than there are descriptors for. */
static unsigned securing_max(const struct mux *mux)
{
	unsigned users = (unsigned)mux->metrics.users_now, max = mux->config.options.max_clients;
	unsigned left = users < max ? max - users : 0;

	return left < SECURING_LEAST ? SECURING_LEAST : left > SECURING_MOST ? SECURING_MOST : left;
}

static void secure(struct subclient *u, struct slice early)
{
	struct mux *mux = u->mux;
	struct address from = subclient_from(u);

	u->visiting =
		!is_exempt(u) && admission_visit(mux->admission, &from, loop_now_ms(mux->loop));
	if (!u->visiting && !is_exempt(u)) {
		subclient_drop(u, CLOSING_TOO_MANY);
		return;
	}
	if (mux->securing >= securing_max(mux))
		tls_user_drop_oldest(&mux->tls);
	stream_pause(u->stream);
	u->state = SUBCLIENT_SECURING;
	u->arrival.deadline_ms = loop_now_ms(mux->loop) + mux->config.options.tls_handshake_time;
	u->arrival.securing = true;
	mux->outside--;
	mux->securing++;
	subclient_watch(u);
	if (!tls_user_begin(u, early))
		subclient_drop(u, CLOSING_NO_MEMORY);
}

static void no_longer_securing(struct subclient *u)
{
	if (!u->arrival.securing)
		return;
	u->arrival.securing = false;
	u->mux->securing--;
	u->mux->outside++;
}

void arrival_secured(struct subclient *u)
{
	end_visit(u);
	no_longer_securing(u);
	if (!has_room(u->mux))
		drop_an_idle_visitor(u->mux);
	u->state = SUBCLIENT_KNOCKING;
	if (!has_room(u->mux) && listener_config(u->listener)->kind->handshake)
		refuse(u, CLOSING_BUSY, NULL);
	else
		knock(u);
}

/* Where he comes from is known. early: what he has said behind a PROXY header. */
static void address_known(struct subclient *u, struct slice early)
{
	struct address from = subclient_from(u);
	struct ban *ban = bans_find(&u->mux->bans, &from);

	if (!listener_config(u->listener)->tls) {
		knock(u);
	} else if (ban != NULL) { /* no handshake for him */
		ban->hits++;
		subclient_drop(u, CLOSING_BANNED);
	} else {
		secure(u, early);
	}
}

/* ---- a proxy tells it ---- */

static void take_header(struct subclient *u, const struct proxy_header *h)
{
	if (!h->has_addresses)
		return;
	u->proxied = true;
	u->at.user = endpoint_of(&h->source);
	u->at.local = endpoint_of(&h->target);
	snprintf(u->wire->tls_version, sizeof u->wire->tls_version, "%s", h->tls);
	/* His identd would be asked about a connection that is the proxy's. */
	u->lookups[LOOKUP_IDENT].mode = LOOKUP_OFF;
}

struct slice arrival_bytes(struct subclient *u, struct slice bytes)
{
	struct buf *all = &u->arrival.header;
	struct slice none = slice_of(NULL, 0);
	struct address from;
	struct proxy_header h;
	size_t before = all->len;
	const char *why;

	if (!u->arrival.proxy)
		return bytes;
	/* Never more than is looked at; the rest of the bytes is the user's. */
	if (!buf_add(all, slice_of(bytes.at, size_min(bytes.len, PROXY_V2_MAX - before)))) {
		subclient_drop(u, CLOSING_NO_MEMORY);
		return none;
	}
	switch (proxy_parse(buf_bytes(all), &h, &why)) {
	case PROXY_MORE:
		return none;
	case PROXY_BAD:
		from = subclient_from(u);
		if (logquota_take(&u->mux->refusals, &from, loop_now_ms(u->mux->loop)))
			log_warn("%s: %s, though he comes from an address in proxies",
				subclient_label(u), why);
		subclient_drop(u, CLOSING_NO_PROXY);
		return none;
	case PROXY_DONE:
		break;
	}
	take_header(u, &h);
	address_known(u, slice_from(bytes, h.len - before));
	/* A header ends in the bytes that completed it. */
	bool is_in = u->state == SUBCLIENT_CONNECTED || u->state == SUBCLIENT_ARRIVING;
	return is_in ? slice_from(bytes, h.len - before) : none;
}

/* ---- somebody with another protocol ---- */

bool arrival_is_stranger(struct subclient *u, struct slice bytes)
{
	const struct opener *o;
	struct shared *answer;

	if (!listener_config(u->listener)->kind->is_telnet)
		return false;
	o = opener_find(bytes);
	if (o == NULL)
		return false;
	u->why = o->name;
	/* As it is, and alone: what the layers or a notice would add is for telnet clients. */
	answer = shared_new(slice_text(o->answer));
	if (answer != NULL)
		stream_write(u->stream, answer);
	shared_unref(answer);
	subclient_end(u, CLOSING_STRANGER, NULL);
	return true;
}

/* ---- the door ---- */

/* One who is banned goes before anything is kept of him (row A15): what he may read of it fits into what
 * the kernel has for him, and is not waited for. Behind a proxy that says who it is he is seen later. */
static bool turn_away(struct mux *mux, const struct listener_config *config, uv_stream_t *listening)
{
	struct address from;
	struct ban *ban = NULL;
	char answer[BANS_ANSWER_MAX], ip[ADDRESS_IP_MAX];

	if (mux->bans.list.bans > 0 && stream_waiting_from(listening, &from) &&
		!nets_have(&config->proxies, &from))
		ban = bans_find(&mux->bans, &from);
	if (ban == NULL)
		return false;
	ban->hits++;
	mux->metrics.closed_banned++;
	if (config->tls)
		stream_refuse(listening); /* he could not read it */
	else
		stream_refuse_with(
			listening, answer, bans_answer(ban, config->kind->handshake, answer));
	if (logquota_take(&mux->refusals, &from, loop_now_ms(mux->loop))) {
		address_ip(&from, ip);
		log_info("listener %s: %s: refused: banned", config->name, ip);
	}
	return true;
}

void arrival_accept(struct mux *mux, struct listener *listener, uv_stream_t *listening)
{
	const struct listener_config *config = listener_config(listener);
	struct subclient *u = NULL;
	struct address from;

	mux->metrics.connections++;
	if (turn_away(mux, config, listening))
		return;
	if (!has_room(mux))
		drop_an_idle_visitor(mux);
	if (has_room(mux))
		u = subclient_new(mux, listener, listening);
	if (u == NULL) {
		if (stream_waiting_from(listening, &from) &&
			logquota_take(&mux->refusals, &from, loop_now_ms(mux->loop)))
			log_warn("listener %s: no room for one more connection", config->name);
		mux->metrics.connections_dropped++;
		stream_refuse(listening); /* or no other would be accepted */
		return;
	}
	mux->outside++;
	if (layers_want_ticks(&u->layers))
		list_add_last(&mux->ticking, &u->ticking);
	from = subclient_from(u);
	if (from.len == 0) {
		subclient_drop(u, CLOSING_LOST); /* gone again before we looked */
	} else if (nets_have(&config->proxies, &from)) {
		u->arrival.proxy = true;
		u->arrival.deadline_ms = u->connected_ms + PROXY_MS;
		subclient_watch(u);
		stream_read(u->stream);
	} else {
		address_known(u, slice_of(NULL, 0));
	}
}

void arrival_tick(struct subclient *u)
{
	struct mux *mux = u->mux;
	uint64_t now = loop_now_ms(mux->loop);

	if (u->state != SUBCLIENT_CONNECTED) {
		if (u->state == SUBCLIENT_KNOCKING && now >= u->arrival.deadline_ms)
			refuse(u, CLOSING_TIMED_OUT, NULL);
		if (u->state == SUBCLIENT_SECURING && now >= u->arrival.deadline_ms + GRACE_MS)
			subclient_drop(u, CLOSING_TIMED_OUT);
		return;
	}
	/* While the game is away nobody can be expected to say anything. */
	if (mux->server.state != LINK_OPEN || u->arrival.deadline_ms == 0)
		u->arrival.deadline_ms = now + mux->config.options.first_line;
	else if (mux->config.options.first_line > 0 && now >= u->arrival.deadline_ms)
		subclient_end(u, CLOSING_TIMED_OUT, NULL);
}

void arrival_proven(struct subclient *u)
{
	struct address from = subclient_from(u);

	u->proven = true;
	if (u->admitted)
		admission_proven(u->mux->admission, &from);
}

void arrival_move(struct subclient *u, struct subclient *comer)
{
	struct address from = subclient_from(u), to = subclient_from(comer);

	end_visit(comer);
	if (u->admitted)
		admission_move(u->mux->admission, &from, &to, u->proven, loop_now_ms(u->mux->loop));
	subclient_move(u, &comer->at, comer->proxied);
}

void arrival_gone(struct subclient *u)
{
	struct mux *mux = u->mux;
	struct address from = subclient_from(u);

	buf_free(&u->arrival.header);
	end_visit(u);
	if (u->admitted)
		admission_gone(mux->admission, &from, u->proven);
	u->admitted = false;
	no_longer_securing(u);
	if (list_is_empty(&u->node))
		mux->outside--;
	if (u->refused)
		mux->refused_now--;
	u->refused = false;
}
