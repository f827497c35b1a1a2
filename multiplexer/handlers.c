/* What the multiplexer does at each message of the server. A row of messages.def without its
 * handler here does not build. */
#include "multiplexer/mux.h"

#include <stdio.h>

#include "multiplexer/news.h"
#include "proto/banwire.h"

#define DOWN(num, NAME, name, fields, meaning) \
	static bool on_##name(struct mux *mux, const struct msg_##name *m, struct refusal *why);
#include "proto/messages.def"

bool handle_message(struct mux *mux, const struct frame *f, struct refusal *why)
{
	switch (f->id) {
#define DOWN(num, NAME, name, fields, meaning)                                  \
	case MSG_##NAME: {                                                      \
		struct msg_##name m;                                            \
		return msg_##name##_read(f->args, f->count, &m, why) &&         \
		       (chain_down(&mux->chain, f) || on_##name(mux, &m, why)); \
	}
#include "proto/messages.def"
	default:
		return true; /* the link skips and counts what is not in the table */
	}
}

static struct link *server(struct mux *mux)
{
	return &mux->server.peer->link;
}

/* The user whom a message is for. If there is none, the server is told so. */
static struct subclient *find(struct mux *mux, const struct clientkey *who)
{
	struct subclient *u = subclient_find(mux, who);

	if (u == NULL) {
		mux->metrics.stale_key++;
		link_send_no_such_subclient(
			server(mux), &(struct msg_no_such_subclient){.who = *who});
	}
	return u;
}

static bool refuse_state(struct mux *mux, struct refusal *why, const char *name, int id)
{
	snprintf(why->text, sizeof why->text, "%s (%d): not while the link is %s", name, id,
		link_state_word(mux->server.state));
	return false;
}

/* ---- the server as a whole ---- */

static bool on_terminate(
	struct mux *mux, const struct msg_terminate *m UNUSED, struct refusal *why UNUSED)
{
	chain_server_terminates(&mux->chain);
	mux_stop(mux, "the game server said TERMINATE");
	return true;
}

static bool on_not_ready(struct mux *mux, const struct msg_not_ready *m UNUSED, struct refusal *why)
{
	return serverlink_on_not_ready(&mux->server) ||
	       refuse_state(mux, why, "NOT READY", MSG_NOT_READY);
}

static bool on_ready(struct mux *mux, const struct msg_ready *m UNUSED, struct refusal *why)
{
	return serverlink_on_ready(&mux->server) || refuse_state(mux, why, "READY", MSG_READY);
}

static bool on_server_going_offline(
	struct mux *mux, const struct msg_server_going_offline *m UNUSED, struct refusal *why)
{
	return serverlink_on_going_offline(&mux->server) ||
	       refuse_state(mux, why, "GOING OFFLINE", MSG_SERVER_GOING_OFFLINE);
}

static bool on_are_you_alive(
	struct mux *mux, const struct msg_are_you_alive *m UNUSED, struct refusal *why UNUSED)
{
	chain_server_asks_alive(&mux->chain);
	return true;
}

/* ---- who may connect ---- */

static bool on_tell_me_your_accept_mode(struct mux *mux,
	const struct msg_tell_me_your_accept_mode *m UNUSED, struct refusal *why UNUSED)
{
	serverlink_tell_accept_mode(&mux->server);
	return true;
}

static bool on_accept_localhost_only(
	struct mux *mux, const struct msg_accept_localhost_only *m UNUSED, struct refusal *why)
{
	mux_accept(mux, true, "the game server");
	return on_tell_me_your_accept_mode(mux, NULL, why);
}

static bool on_accept_all(
	struct mux *mux, const struct msg_accept_all *m UNUSED, struct refusal *why)
{
	mux_accept(mux, false, "the game server");
	return on_tell_me_your_accept_mode(mux, NULL, why);
}

/* ---- one user ---- */

static bool on_kill_subclient(
	struct mux *mux, const struct msg_kill_subclient *m, struct refusal *why UNUSED)
{
	struct subclient *u = find(mux, &m->who);

	if (u != NULL) {
		u->kill_asked = true;
		if (u->state == SUBCLIENT_GONE)
			news_changed(&mux->server, u); /* he has left already */
		else
			subclient_end(u, CLOSING_KILLED, NULL);
	}
	return true;
}

static void send_to_all(struct mux *mux, struct shared *text)
{
	LIST_EACH(node, &mux->users)
	{
		struct subclient *u = container_of(node, struct subclient, node);

		if (u->known && u->state == SUBCLIENT_CONNECTED)
			subclient_send(u, text);
	}
}

/* Whether a key names a list that there is: every user (0:255), or one that the server has made. */
static bool is_list(const struct mux *mux, const struct clientkey *who)
{
	return clientkey_is_list(who) &&
	       (who->number[0] == 0 || lists_has(&mux->lists, who->number[0]));
}

/* Shows text to the users of a list, or to one user; borrows it. */
static void show(struct mux *mux, const struct clientkey *who, struct slice data)
{
	bool to_list = is_list(mux, who);
	struct subclient *u = to_list ? NULL : find(mux, who);

	if (!to_list && u == NULL)
		return;
	struct shared *text = shared_new(data);
	if (text == NULL && u != NULL)
		subclient_drop(u, CLOSING_NO_MEMORY);
	else if (text != NULL && u != NULL)
		subclient_send(u, text);
	else if (text != NULL && who->number[0] == 0)
		send_to_all(mux, text);
	else if (text != NULL)
		lists_send(&mux->lists, who->number[0], text);
	shared_unref(text);
}

static bool on_send_subclient_text(
	struct mux *mux, const struct msg_send_subclient_text *m, struct refusal *why UNUSED)
{
	show(mux, &m->who, m->data);
	return true;
}

static bool on_save_subclient_info(
	struct mux *mux, const struct msg_save_subclient_info *m, struct refusal *why UNUSED)
{
	struct subclient *u = find(mux, &m->who);

	if (u == NULL)
		return true;
	bool ok = subclient_save(u, m->data);
	/* It may hold secrets: nothing is left of it where the message stood. */
	explicit_bzero((uint8_t *)(uintptr_t)m->data.at, m->data.len);
	if (ok)
		link_send_saved_subclient_info(
			server(mux), &(struct msg_saved_subclient_info){.who = m->who});
	else
		link_send_could_not_save_subclient_info(
			server(mux), &(struct msg_could_not_save_subclient_info){.who = m->who});
	return true;
}

static bool on_delete_subclient_saved_info(struct mux *mux,
	const struct msg_delete_subclient_saved_info *m, struct refusal *why UNUSED)
{
	struct subclient *u = find(mux, &m->who);

	if (u != NULL) {
		subclient_unsave(u);
		link_send_deleted_subclient_saved_info(
			server(mux), &(struct msg_deleted_subclient_saved_info){.who = m->who});
	}
	return true;
}

static bool on_get_subclient_dns(
	struct mux *mux, const struct msg_get_subclient_dns *m, struct refusal *why UNUSED)
{
	struct subclient *u = find(mux, &m->who);

	if (u != NULL)
		news_asked(&mux->server, u, LOOKUP_DNS);
	return true;
}

static bool on_get_subclient_identd(
	struct mux *mux, const struct msg_get_subclient_identd *m, struct refusal *why UNUSED)
{
	struct subclient *u = find(mux, &m->who);

	if (u != NULL)
		news_asked(&mux->server, u, LOOKUP_IDENT);
	return true;
}

static uint32_t seconds_since(struct mux *mux, uint64_t ms)
{
	return (uint32_t)((loop_now_ms(mux->loop) - ms) / 1000);
}

static bool on_get_subclient_idletime(
	struct mux *mux, const struct msg_get_subclient_idletime *m, struct refusal *why UNUSED)
{
	struct subclient *u = find(mux, &m->who);

	if (u != NULL)
		link_send_subclient_idletime_is(
			server(mux), &(struct msg_subclient_idletime_is){.who = m->who,
					     .seconds = seconds_since(mux, u->input_ms)});
	return true;
}

static bool on_get_subclient_connecttime(
	struct mux *mux, const struct msg_get_subclient_connecttime *m, struct refusal *why UNUSED)
{
	struct subclient *u = find(mux, &m->who);

	if (u != NULL)
		link_send_subclient_connecttime_is(
			server(mux), &(struct msg_subclient_connecttime_is){.who = m->who,
					     .seconds = seconds_since(mux, u->connected_ms)});
	return true;
}

static bool on_get_subclient_saved_info(
	struct mux *mux, const struct msg_get_subclient_saved_info *m, struct refusal *why UNUSED)
{
	struct subclient *u = find(mux, &m->who);

	if (u == NULL)
		return true;
	if (u->saved != NULL)
		link_send_subclient_saved_info_is(
			server(mux), &(struct msg_subclient_saved_info_is){.who = m->who,
					     .data = slice_of(u->saved->bytes, u->saved->len)});
	else
		link_send_there_is_no_subclient_saved_info(
			server(mux), &(struct msg_there_is_no_subclient_saved_info){.who = m->who});
	return true;
}

static bool on_get_all_subclient_info(struct mux *mux,
	const struct msg_get_all_subclient_info *m UNUSED, struct refusal *why UNUSED)
{
	mux->server.listings++;
	loop_at_turn_end(mux->loop, &mux->pump);
	return true;
}

/* ---- extensions ---- */

static bool on_server_hello(struct mux *mux, const struct msg_server_hello *m, struct refusal *why)
{
	if (m->version != PROTOCOL_VERSION) {
		snprintf(why->text, sizeof why->text,
			"the game server speaks version %u of the protocol, the multiplexer version %d",
			m->version, PROTOCOL_VERSION);
		serverlink_on_wrong_version(&mux->server, why->text);
		return false;
	}
	return serverlink_on_hello(&mux->server, features_parse(m->features)) ||
	       refuse_state(mux, why, "SERVER HELLO after other messages", MSG_SERVER_HELLO);
}

/* The number of a list that a server may make: n:255, n 1..65535. */
static bool list_number(const struct clientkey *k, int id, uint32_t *number, struct refusal *why)
{
	*number = k->number[0];
	if (clientkey_is_list(k) && *number != 0)
		return true;
	snprintf(why->text, sizeof why->text,
		"%s (%d): argument 1 (list): not n:255 with n 1..65535", msg_name((unsigned)id),
		id);
	return false;
}

static bool on_make_list(struct mux *mux, const struct msg_make_list *m, struct refusal *why)
{
	uint32_t number;

	if (!list_number(&m->list, MSG_MAKE_LIST, &number, why))
		return false;
	if (lists_make(&mux->lists, number))
		return true;
	snprintf(why->text, sizeof why->text, "out of memory for one more list");
	return false;
}

static bool on_drop_list(struct mux *mux, const struct msg_drop_list *m, struct refusal *why)
{
	uint32_t number;

	if (!list_number(&m->list, MSG_DROP_LIST, &number, why))
		return false;
	lists_drop(&mux->lists, number);
	return true;
}

static bool on_add_to_list(struct mux *mux, const struct msg_add_to_list *m, struct refusal *why)
{
	uint32_t number;

	if (!list_number(&m->list, MSG_ADD_TO_LIST, &number, why))
		return false;
	struct chainuser *chained = chain_find(&mux->chain, &m->who);
	struct subclient *u = chained == NULL ? find(mux, &m->who) : NULL;
	if (chained != NULL ? lists_add_chained(&mux->lists, number, chained)
			    : u == NULL || lists_add(&mux->lists, number, u))
		return true;
	link_send_no_such_subclient(server(mux), &(struct msg_no_such_subclient){.who = m->list});
	return true;
}

static bool on_remove_from_list(
	struct mux *mux, const struct msg_remove_from_list *m, struct refusal *why)
{
	uint32_t number;

	if (!list_number(&m->list, MSG_REMOVE_FROM_LIST, &number, why))
		return false;
	struct chainuser *chained = chain_find(&mux->chain, &m->who);
	struct subclient *u = chained == NULL ? find(mux, &m->who) : NULL;
	if (chained != NULL)
		lists_remove_chained(&mux->lists, number, chained);
	else if (u != NULL)
		lists_remove(&mux->lists, number, u);
	return true;
}

static bool on_send_subclient_event(
	struct mux *mux, const struct msg_send_subclient_event *m, struct refusal *why UNUSED)
{
	bool to_list = is_list(mux, &m->who);
	struct subclient *u = to_list ? NULL : find(mux, &m->who);

	if (to_list || u != NULL)
		events_take(&mux->events, mux, u, m);
	return true;
}

static bool on_pause(struct mux *mux, const struct msg_pause *m UNUSED, struct refusal *why)
{
	return serverlink_on_pause(&mux->server) || refuse_state(mux, why, "PAUSE", MSG_PAUSE);
}

static bool on_link_refused(
	struct mux *mux, const struct msg_link_refused *m, struct refusal *why UNUSED)
{
	serverlink_on_refused(&mux->server, m->reason);
	return true;
}

static bool on_heartbeat(struct mux *mux, const struct msg_heartbeat *m, struct refusal *why UNUSED)
{
	link_send_heartbeat_answer(
		server(mux), &(struct msg_heartbeat_answer){.number = m->number});
	return true;
}

static bool on_heartbeat_answer(
	struct mux *mux, const struct msg_heartbeat_answer *m, struct refusal *why UNUSED)
{
	serverlink_on_heartbeat_answer(&mux->server, m->number);
	return true;
}

static bool on_handled(struct mux *mux, const struct msg_handled *m, struct refusal *why UNUSED)
{
	doubt_handled(&mux->server.doubt, m->messages);
	chain_server_handled(&mux->chain, m->messages);
	return true;
}

/* ---- bans ---- */

/* A server that is of another mind about what a network is goes on without that ban. */
static bool refuse_ban(struct mux *mux, struct slice net, const char *why)
{
	link_send_could_not_ban(
		server(mux), &(struct msg_could_not_ban){.net = net, .reason = slice_text(why)});
	return true;
}

static bool on_ban(struct mux *mux, const struct msg_ban *m, struct refusal *why UNUSED)
{
	struct ban ban;
	const char *reason;

	if (!banwire_ban(m->net, m->seconds, m->made, m->about, &ban, &reason))
		return refuse_ban(mux, m->net, reason);
	bans_told(&mux->bans, &ban);
	return true;
}

static bool on_unban(struct mux *mux, const struct msg_unban *m, struct refusal *why UNUSED)
{
	struct ban ban;
	const char *reason;

	if (!banwire_unban(m->net, m->seconds, m->made, m->by, &ban, &reason))
		return refuse_ban(mux, m->net, reason);
	bans_told(&mux->bans, &ban);
	return true;
}

static bool on_tell_me_your_bans(
	struct mux *mux, const struct msg_tell_me_your_bans *m UNUSED, struct refusal *why UNUSED)
{
	bans_asked(&mux->bans);
	return true;
}
