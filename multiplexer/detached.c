#include "multiplexer/detached.h"

#include <stdio.h>

#include "common/log.h"
#include "multiplexer/mux.h"
#include "multiplexer/news.h"

void detached_configure(struct mux *mux)
{
	const struct options *o = &mux->config.options;

	mux->sessions.keep = o->session_buffer;
	mux->sessions.pool = o->session_pool;
	mux->sessions.ttl_ms = o->session_ttl;
}

enum { RESUMES_A_MINUTE = 30 };

/* ---- the connection is lost ---- */

/* Newcomers who have typed nothing yet cannot take the place of players. */
static bool is_room(struct mux *mux, const struct subclient *u)
{
	uint32_t max = mux->config.options.sessions_max;

	if (mux->metrics.users_detached < (u->proven ? max : max / 2))
		return true;
	mux->metrics.sessions_unkept++;
	return false;
}

bool detached_begin(struct subclient *u)
{
	struct mux *mux = u->mux;

	if (u->state != SUBCLIENT_CONNECTED || u->layers.detached || u->layers.session == NULL ||
		mux->stopping || mux->sessions.ttl_ms == 0 || !is_room(mux, u))
		return false;
	u->layers.detached = true;
	u->detached_ms = loop_now_ms(mux->loop);
	u->eof_ms = 0;
	mux->metrics.users_detached++;
	mux->metrics.sessions_detached++;
	list_remove(&u->unflushed);
	tls_user_gone(u);
	stream_close(u->stream);
	subclient_unslow(u);
	subclient_watch(u);
	return true;
}

void detached_tick(struct subclient *u)
{
	if (loop_now_ms(u->mux->loop) - u->detached_ms >= u->mux->sessions.ttl_ms)
		subclient_drop(u, CLOSING_EXPIRED);
	else if (!u->proven)
		arrival_tick(u);
}

void detached_gone(struct subclient *u)
{
	list_remove(&u->claiming);
	if (u->layers.detached)
		u->mux->metrics.users_detached--;
	u->layers.detached = false;
}

/* ---- the next one ---- */

void detached_claim(struct subclient *u)
{
	struct mux *mux = u->mux;

	if (u->state != SUBCLIENT_ARRIVING)
		return;
	stream_pause(u->stream);
	if (list_is_empty(&u->claiming))
		list_add_last(&mux->claiming, &u->claiming);
	loop_at_turn_end(mux->loop, &mux->claims);
}

static void log_back(const struct subclient *u, const struct subclient *comer)
{
	char old[ADDRESS_IP_MAX], new[ADDRESS_IP_MAX], since[64] = "has another connection now";

	struct address before = subclient_from(u), now = subclient_from(comer);

	address_ip(&before, old);
	address_ip(&now, new);
	if (u->layers.detached)
		snprintf(since, sizeof since, "is back after %llu s",
			(unsigned long long)((loop_now_ms(u->mux->loop) - u->detached_ms) / 1000));
	bool moved = strcmp(old, new) != 0;
	log_info("%s: %s%s%s", subclient_label(u), since, moved ? ", from " : "", moved ? new : "");
}

static void take_over(struct subclient *u, struct subclient *comer)
{
	struct mux *mux = u->mux;
	bool was_detached = u->layers.detached;

	log_back(u, comer);
	mux->metrics.sessions_resumed++;
	if (was_detached)
		mux->metrics.users_detached--;
	u->layers.detached = false;
	subclient_unslow(u); /* it was the old connection */
	arrival_move(u, comer);
	subclient_swap_wires(u, comer);
	u->layers.now_ms = loop_now_ms(mux->loop);
	websocket_take_over(&u->layers, &comer->layers);
	subclient_go_on(u);
	/* The comer has the old connection now, which may be closed already. */
	if (was_detached)
		subclient_drop(comer, CLOSING_RESUMED);
	else
		subclient_end(comer, CLOSING_TAKEN_OVER, NULL);
}

/* What was begun by TLS is not gone on with by plain text, where others could have read the token. */
static bool is_as_secret(const struct subclient *u, const struct subclient *comer)
{
	return u->wire->tls_version[0] == '\0' || comer->wire->tls_version[0] != '\0';
}

/* Each time costs us what has to be sent again. */
static bool is_too_often(struct subclient *u)
{
	uint64_t now = loop_now_ms(u->mux->loop);

	if (now - u->resumes_ms >= 60 * 1000) {
		u->resumes_ms = now;
		u->resumes = 0;
	}
	if (u->resumes >= RESUMES_A_MINUTE)
		return true;
	u->resumes++;
	return false;
}

static void claim(struct subclient *comer)
{
	struct mux *mux = comer->mux;
	struct session *session = websocket_claim(&comer->layers);
	struct subclient *u =
		session != NULL ? container_of(session->owner, struct subclient, layers) : NULL;

	if (u != NULL && u->state == SUBCLIENT_CONNECTED && is_as_secret(u, comer)) {
		if (is_too_often(u))
			subclient_end(comer, CLOSING_TOO_FAST, NULL);
		else
			take_over(u, comer);
		return;
	}
	mux->metrics.sessions_refused++;
	comer->layers.now_ms = loop_now_ms(mux->loop);
	websocket_refuse(&comer->layers);
	subclient_go_on(comer);
}

void detached_claims(struct mux *mux)
{
	while (!list_is_empty(&mux->claiming)) {
		struct subclient *u = container_of(mux->claiming.next, struct subclient, claiming);

		list_remove(&u->claiming);
		if (u->state == SUBCLIENT_ARRIVING)
			claim(u);
	}
}
