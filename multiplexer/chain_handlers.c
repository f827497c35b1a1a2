/* What we do at each message of a multiplexer behind us. A row of messages.def without its handler here
 * does not build. */
#include <stdio.h>

#include "common/log.h"
#include "multiplexer/chainlink.h"

#define UP(num, NAME, name, fields, meaning)                                   \
	static bool on_##name(struct chainlink *c, const struct msg_##name *m, \
		const struct frame *f, struct refusal *why);
#include "proto/messages.def"

bool chain_handle(struct chainlink *c, const struct frame *f, struct refusal *why)
{
	switch (f->id) {
#define UP(num, NAME, name, fields, meaning)                                                      \
	case MSG_##NAME: {                                                                        \
		struct msg_##name m;                                                              \
		return msg_##name##_read(f->args, f->count, &m, why) && on_##name(c, &m, f, why); \
	}
#include "proto/messages.def"
	default:
		return true; /* the link skips and counts what is not in the table */
	}
}

#define HANDLER(name)                                                                        \
	static bool on_##name(struct chainlink *c UNUSED, const struct msg_##name *m UNUSED, \
		const struct frame *f UNUSED, struct refusal *why UNUSED)

/* ---- the multiplexer as a whole ---- */

HANDLER(tick)
{
	return true;
}

/* Its users it has ended before; what they were told they were told by it. */
HANDLER(mux_going_offline)
{
	log_info("chain %s: goes offline", c->listener->name);
	c->going = true;
	return true;
}

HANDLER(i_am_alive)
{
	chainlink_on_alive(c);
	return true;
}

HANDLER(accepting_localhost_only)
{
	if (c->peer != NULL)
		c->peer->localhost_only = true;
	return true;
}

HANDLER(accepting_all)
{
	if (c->peer != NULL)
		c->peer->localhost_only = false;
	return true;
}

HANDLER(done_sending_all_subclient_info)
{
	chainlink_on_list_end(c);
	return true;
}

HANDLER(multiplexer_hello)
{
	snprintf(why->text, sizeof why->text, "%s (%d): only once, before the answer to %s",
		msg_name(MSG_MULTIPLEXER_HELLO), MSG_MULTIPLEXER_HELLO,
		msg_name(MSG_TELL_ME_YOUR_ACCEPT_MODE));
	return false;
}

/* We have said GOING OFFLINE, or it speaks for itself behind this. */
HANDLER(link_refused)
{
	char text[256];

	log_escape(text, sizeof text, m->reason);
	log_warn("chain %s: it refuses us: %s", c->listener->name, text);
	return true;
}

HANDLER(paused)
{
	if (c->pause_mark == 0)
		chainlink_on_paused(c);
	return true;
}

HANDLER(heartbeat)
{
	link_send_heartbeat_answer(
		&c->peer->link, &(struct msg_heartbeat_answer){.number = m->number});
	return true;
}

HANDLER(heartbeat_answer)
{
	return true; /* that it speaks is what counts */
}

/* Its own bans are its own: ours are made here, or by the server. */
HANDLER(ban_is)
{
	return true;
}

HANDLER(unban_is)
{
	return true;
}

HANDLER(done_sending_bans)
{
	return true;
}

HANDLER(could_not_ban)
{
	char net[96], reason[128];

	log_escape(net, sizeof net, m->net);
	log_escape(reason, sizeof reason, m->reason);
	log_warn("chain %s: %s is not banned there: %s", c->listener->name, net, reason);
	return true;
}

/* ---- coming ---- */

enum { DEEP_LOG_MS = 10000 };

/* His end, not that of all the others. */
static void refuse_user(struct chainlink *c, const struct msg_got_subclient *m, const char *reason)
{
	uint64_t now = loop_now_ms(c->mux->loop);
	char key[CLIENTKEY_TEXT_MAX], words[128];

	snprintf(words, sizeof words, "You cannot come in here: %s.\r\n", reason);
	link_send_send_subclient_text(&c->peer->link,
		&(struct msg_send_subclient_text){.who = m->who, .data = slice_text(words)});
	link_send_kill_subclient(&c->peer->link, &(struct msg_kill_subclient){.who = m->who});
	c->mux->metrics.chain_users_refused++;
	if (c->deep_ms != 0 && now - c->deep_ms < DEEP_LOG_MS)
		return;
	c->deep_ms = now;
	log_warn("chain %s: user %s: refused: %s", c->listener->name, clientkey_text(&m->who, key),
		reason);
}

HANDLER(got_subclient)
{
	const struct serverlink *s = &c->mux->server;

	if (m->who.depth < 2) {
		snprintf(why->text, sizeof why->text,
			"%s (%d): argument 1 (who): a key of depth %u, at least 2 are needed",
			msg_name(MSG_GOT_SUBCLIENT), MSG_GOT_SUBCLIENT, m->who.depth);
		return false;
	}
	if (c->peer == NULL)
		return true;
	if (c->listing == CHAIN_LISTS_NOT && !chainroute_flows(c))
		return chainroute_hold(c, f, why);
	if (m->who.depth >= CLIENTKEY_DEPTH_MAX) {
		refuse_user(c, m, "there are too many multiplexers behind each other");
		return true;
	}
	if (c->user_count >= CHAIN_USERS_MAX) {
		refuse_user(c, m, "there are too many users");
		return true;
	}
	if (!chainlink_has(c, FEATURE_BANS) && chain_is_banned(c->chain, m->ip)) {
		refuse_user(c, m, "you are banned");
		return true;
	}
	struct chainuser *u = chainuser_take(c, m);
	if (u == NULL) {
		refuse_user(c, m, "out of memory");
		return true;
	}
	bool show = !u->told && chainroute_flows(c);
	if (c->listing != CHAIN_LISTS_NOT) {
		u->seen = c->listing_number;
		u->in_block = true;
		show = c->listing == CHAIN_LISTS_ON ? serverlink_can_tell(s)
						    : !u->told && s->state == LINK_OPEN;
		u->shown = show;
	}
	if (show) {
		chainroute_up(c, u, f);
		chainuser_told(u);
	}
	return true;
}

/* ---- what is passed on ---- */

/* What belongs to a listing that goes to the server, or only to us. True: it was that. */
static bool in_listing(struct chainlink *c, struct chainuser *u, const struct frame *f)
{
	if (u == NULL || !u->in_block)
		return false;
	/* An arrival has no times and nothing saved (AgNet). */
	bool of_arrivals = f->id == MSG_SUBCLIENT_DNS_IS || f->id == MSG_SUBCLIENT_IDENTD_IS ||
			   f->id == MSG_SUBCLIENT_CAPS_ARE ||
			   f->id == MSG_DONE_SENDING_SUBCLIENT_INFO;

	if (u->shown && (c->listing == CHAIN_LISTS_ON || of_arrivals))
		chainroute_up(c, u, f);
	return true;
}

/* An answer does not wait for READY. */
static bool answer(struct chainlink *c, const struct clientkey *who, const struct frame *f)
{
	struct chainuser *u = chainuser_find(c, who);

	if (!in_listing(c, u, f) && u != NULL && u->told)
		chainroute_up(c, u, f);
	return true;
}

/* What happens as it happens: only while the server is READY, and in order. */
static bool news(struct chainlink *c, const struct clientkey *who, const struct frame *f,
	struct refusal *why)
{
	struct chainuser *u = chainuser_find(c, who);

	if (in_listing(c, u, f))
		return true;
	if (!chainroute_flows(c))
		return chainroute_hold(c, f, why);
	if (u != NULL && u->told)
		chainroute_up(c, u, f);
	return true;
}

/* Of an arrival that is held, these are part. */
static bool answer_or_news(struct chainlink *c, const struct clientkey *who, const struct frame *f,
	struct refusal *why)
{
	return chainuser_find(c, who) != NULL ? answer(c, who, f) : news(c, who, f, why);
}

/* clang-format off */
HANDLER(saved_subclient_info)               { return answer(c, &m->who, f); }
HANDLER(could_not_save_subclient_info)      { return answer(c, &m->who, f); }
HANDLER(deleted_subclient_saved_info)       { return answer(c, &m->who, f); }
HANDLER(subclient_dns_is)                   { return answer_or_news(c, &m->who, f, why); }
HANDLER(subclient_identd_is)                { return answer_or_news(c, &m->who, f, why); }
HANDLER(subclient_idletime_is)              { return answer(c, &m->who, f); }
HANDLER(subclient_connecttime_is)           { return answer(c, &m->who, f); }
HANDLER(subclient_saved_info_is)            { return answer(c, &m->who, f); }
HANDLER(there_is_no_subclient_saved_info)   { return answer(c, &m->who, f); }
HANDLER(could_not_get_subclient_saved_info) { return answer(c, &m->who, f); }
HANDLER(got_subclient_event)                { return news(c, &m->who, f, why); }
HANDLER(subclient_caps_are)                 { return news(c, &m->who, f, why); }
HANDLER(subclient_is_slow)                  { return news(c, &m->who, f, why); }
HANDLER(subclient_caught_up)                { return news(c, &m->who, f, why); }
/* clang-format on */

/* His leaving may have crossed the question: we have told it and forgotten him, but the server still
 * waits for its answer. */
HANDLER(no_such_subclient)
{
	const struct serverlink *s = &c->mux->server;
	struct clientkey key = m->who;

	if (chainuser_find(c, &m->who) != NULL)
		return answer(c, &m->who, f);
	if (serverlink_can_tell(s) && clientkey_grow(&key, c->listener->number))
		link_send_no_such_subclient(
			serverlink_link(s), &(struct msg_no_such_subclient){.who = key});
	return true;
}

HANDLER(done_sending_subclient_info)
{
	struct chainuser *u = chainuser_find(c, &m->who);
	bool in_block = u != NULL && u->in_block;
	bool ok = news(c, &m->who, f, why);

	if (in_block)
		u->in_block = u->shown = false;
	return ok;
}

/* HANDLED of the server, when it has come to this message, is ours to it. */
HANDLER(got_subclient_text)
{
	const struct serverlink *s = &c->mux->server;
	uint64_t before = serverlink_can_tell(s) ? serverlink_link(s)->messages_out : 0;
	bool ok = news(c, &m->who, f, why);

	if (!serverlink_can_tell(s) || serverlink_link(s)->messages_out == before || c->at == 0)
		return ok;
	if (serverlink_has(s, FEATURE_HANDLED) && chainlink_has(c, FEATURE_HANDLED))
		doubt_sent(&c->places, (uint32_t)serverlink_link(s)->messages_out, c->at, 1);
	return ok;
}

/* ---- going ---- */

static void forget(struct chainlink *c, const struct clientkey *who, const struct frame *f)
{
	struct chainuser *u = chainuser_find(c, who);

	if (u == NULL)
		return;
	if (u->told)
		chainroute_up(c, u, f);
	chainuser_free(u);
}

HANDLER(lost_subclient)
{
	if (!chainroute_flows(c))
		return chainroute_hold(c, f, why);
	forget(c, &m->who, f);
	return true;
}

/* The answer to KILL: it does not wait. */
HANDLER(killed_subclient)
{
	forget(c, &m->who, f);
	return true;
}
