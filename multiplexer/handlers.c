/* What the multiplexer does at each message of the server. A row of messages.def without its
 * handler here does not build. */
#include "multiplexer/mux.h"

#include <stdio.h>

#define DOWN(num, NAME, name, fields, meaning) \
	static bool on_##name(struct mux *mux, const struct msg_##name *m, struct refusal *why);
#include "proto/messages.def"

bool handle_message(struct mux *mux, const struct frame *f, struct refusal *why)
{
	switch (f->id) {
#define DOWN(num, NAME, name, fields, meaning)                                                   \
	case MSG_##NAME: {                                                                       \
		struct msg_##name m;                                                             \
		return msg_##name##_read(f->args, f->count, &m, why) && on_##name(mux, &m, why); \
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
	link_send_i_am_alive(server(mux), &(struct msg_i_am_alive){0});
	return true;
}

/* ---- who may connect ---- */

static bool on_tell_me_your_accept_mode(struct mux *mux,
	const struct msg_tell_me_your_accept_mode *m UNUSED, struct refusal *why UNUSED)
{
	if (mux->localhost_only)
		link_send_accepting_localhost_only(
			server(mux), &(struct msg_accepting_localhost_only){0});
	else
		link_send_accepting_all(server(mux), &(struct msg_accepting_all){0});
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

static bool on_send_subclient_text(
	struct mux *mux, const struct msg_send_subclient_text *m, struct refusal *why UNUSED)
{
	bool to_all = clientkey_is_list(&m->who) && m->who.number[0] == 0;
	struct subclient *u = to_all ? NULL : find(mux, &m->who);

	if (!to_all && u == NULL)
		return true;
	struct shared *text = shared_new(m->data);
	if (to_all && text != NULL)
		send_to_all(mux, text);
	else if (text != NULL)
		subclient_send(u, text);
	else if (u != NULL)
		subclient_drop(u, CLOSING_NO_MEMORY);
	shared_unref(text);
	return true;
}

static bool on_save_subclient_info(
	struct mux *mux, const struct msg_save_subclient_info *m, struct refusal *why UNUSED)
{
	struct subclient *u = find(mux, &m->who);

	if (u == NULL)
		return true;
	if (subclient_save(u, m->data))
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
	if (find(mux, &m->who) != NULL)
		link_send_subclient_dns_is(
			server(mux), &(struct msg_subclient_dns_is){
					     .who = m->who, .name = slice_text("unsupported")});
	return true;
}

static bool on_get_subclient_identd(
	struct mux *mux, const struct msg_get_subclient_identd *m, struct refusal *why UNUSED)
{
	if (find(mux, &m->who) != NULL)
		link_send_subclient_identd_is(
			server(mux), &(struct msg_subclient_identd_is){
					     .who = m->who, .name = slice_text("unsupported")});
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
