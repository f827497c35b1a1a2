/* What the server does at each message of the multiplexer. A row of messages.def without its handler
 * here does not build. */
#include <stdio.h>
#include <stdlib.h>

#include "common/jsontext.h"
#include "common/log.h"
#include "proto/banwire.h"
#include "server/game.h"
#include "server/muxlink.h"
#include "server/muxlinks.h"
#include "server/script.h"
#include "server/show.h"

#define UP(num, NAME, name, fields, meaning) \
	static bool on_##name(               \
		struct muxlink *from, const struct msg_##name *m, struct refusal *why);
#include "proto/messages.def"

bool handle_message(struct muxlink *from, const struct frame *f, struct refusal *why)
{
	switch (f->id) {
#define UP(num, NAME, name, fields, meaning)                                                      \
	case MSG_##NAME: {                                                                        \
		struct msg_##name m;                                                              \
		return msg_##name##_read(f->args, f->count, &m, why) && on_##name(from, &m, why); \
	}
#include "proto/messages.def"
	default:
		return true; /* the link skips and counts what is not in the table */
	}
}

enum { UNKNOWN_PER_SECOND = 1000 };

/* A few of these are what crosses on the way; very many are a fault of one of the daemons. */
static void count_unknown(struct muxlink *from, const struct clientkey *who)
{
	struct game *game = from->game;
	uint64_t second = loop_now_ms(game->loop) / 1000;
	char key[CLIENTKEY_TEXT_MAX];

	game->metrics.unknown_key++;
	if (second != game->unknown_second) {
		game->unknown_second = second;
		game->unknown_count = 0;
	}
	if (++game->unknown_count == UNKNOWN_PER_SECOND)
		log_warn("%s: over %d messages this second for keys that are no player's; the "
			 "last for %s",
			muxlink_label(from), UNKNOWN_PER_SECOND, clientkey_text(who, key));
}

/* Whom a message is about; counted if we know nobody by that key. */
static struct player *find(struct muxlink *from, const struct clientkey *who)
{
	struct player *p = player_find(from->game, from->number, who);

	if (p == NULL)
		count_unknown(from, who);
	return p;
}

/* ---- the multiplexer as a whole ---- */

static bool on_tick(
	struct muxlink *from UNUSED, const struct msg_tick *m UNUSED, struct refusal *why UNUSED)
{
	return true; /* for servers that block on reading; we have our own beat */
}

static bool on_mux_going_offline(struct muxlink *from, const struct msg_mux_going_offline *m UNUSED,
	struct refusal *why UNUSED)
{
	muxlinks_on_going_offline(from->game->muxlinks, from);
	return true;
}

static bool on_i_am_alive(
	struct muxlink *from, const struct msg_i_am_alive *m UNUSED, struct refusal *why UNUSED)
{
	muxlink_on_mark_answered(from);
	return true;
}

static bool on_accepting_localhost_only(struct muxlink *from,
	const struct msg_accepting_localhost_only *m UNUSED, struct refusal *why UNUSED)
{
	from->localhost_only = true;
	return true;
}

static bool on_accepting_all(
	struct muxlink *from, const struct msg_accepting_all *m UNUSED, struct refusal *why UNUSED)
{
	from->localhost_only = false;
	return true;
}

static bool on_done_sending_all_subclient_info(struct muxlink *from,
	const struct msg_done_sending_all_subclient_info *m UNUSED, struct refusal *why UNUSED)
{
	if (muxlink_state(from) == MUXLINK_LISTING)
		game_listing_ends(from);
	return true;
}

/* ---- coming and going ---- */

static bool is_same_user(const struct player *p, const struct msg_got_subclient *m)
{
	return slice_is(slice_text(p->protocol), m->protocol) && slice_is(slice_text(p->ip), m->ip);
}

/* There is no memory for him: his end, not that of all the others. */
static void refuse_player(struct muxlink *from, const struct msg_got_subclient *m)
{
	struct link *out = muxlink_out(from);
	char key[CLIENTKEY_TEXT_MAX];

	log_error("player %s: refused: out of memory", clientkey_text(&m->who, key));
	if (out != NULL)
		link_send_kill_subclient(out, &(struct msg_kill_subclient){.who = m->who});
}

static bool on_got_subclient(
	struct muxlink *from, const struct msg_got_subclient *m, struct refusal *why)
{
	struct player *p = player_find(from->game, from->number, &m->who);
	bool listing = muxlink_state(from) == MUXLINK_LISTING;

	if (m->who.depth < 2) {
		snprintf(why->text, sizeof why->text,
			"%s (%d): argument 1 (who): a key of depth %u, at least 2 are needed",
			msg_name(MSG_GOT_SUBCLIENT), MSG_GOT_SUBCLIENT, m->who.depth);
		return false;
	}
	if (clientkey_is_list(&m->who)) {
		snprintf(why->text, sizeof why->text,
			"%s (%d): argument 1 (who): %u:%u is the key of a list",
			msg_name(MSG_GOT_SUBCLIENT), MSG_GOT_SUBCLIENT, m->who.number[0],
			m->who.number[1]);
		return false;
	}
	if (p != NULL && is_same_user(p, m)) {
		p->seen = true; /* we kept him over the loss of the link */
		p->listed = p->listed || listing;
		return true;
	}
	if (p != NULL)
		player_gone(p, "gone");
	p = player_new(from, &m->who, m->protocol, m->ip);
	if (p == NULL) {
		refuse_player(from, m);
		return true;
	}
	p->listed = listing;
	p->seen = true;
	return true;
}

static bool on_done_sending_subclient_info(struct muxlink *from,
	const struct msg_done_sending_subclient_info *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	/* Those of a listing are restored together, at its end. */
	if (p != NULL && p->state == PLAYER_ARRIVING && !p->listed)
		player_arrive(p);
	return true;
}

static bool on_lost_subclient(
	struct muxlink *from, const struct msg_lost_subclient *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	if (p != NULL)
		player_gone(p, "left");
	return true;
}

static bool on_killed_subclient(
	struct muxlink *from, const struct msg_killed_subclient *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	if (p != NULL)
		player_gone(p, "killed");
	return true;
}

/* A list of ours that the multiplexer does not have: what was sent to it has reached nobody. */
static void no_such_list(struct muxlink *from, const struct clientkey *list)
{
	uint64_t second = loop_now_ms(from->game->loop) / 1000;

	from->game->metrics.unknown_lists++;
	if (second == from->no_list_second)
		return;
	from->no_list_second = second;
	log_warn("%s: the multiplexer does not know our list %u", muxlink_label(from),
		list->number[0]);
}

static bool on_no_such_subclient(
	struct muxlink *from, const struct msg_no_such_subclient *m, struct refusal *why UNUSED)
{
	struct player *p = NULL;

	if (clientkey_is_list(&m->who))
		no_such_list(from, &m->who);
	else
		p = find(from, &m->who);
	if (p != NULL)
		player_gone(p, "gone");
	return true;
}

/* ---- what users do and are ---- */

static bool on_got_subclient_text(
	struct muxlink *from, const struct msg_got_subclient_text *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	if (p != NULL)
		player_input(p, m->data);
	return true;
}

static void set_text(char **field, struct slice text)
{
	char *copy = strndup((const char *)text.at, text.len);

	if (copy == NULL)
		return; /* a name less, no more */
	free(*field);
	*field = copy;
}

/* Part of his arrival or of a listing, which answers too what was asked on a link that is lost. */
static void on_looked_up(
	struct player *p, char **field, bool *asked, struct slice name, const char *which)
{
	bool was_asked = *asked;

	set_text(field, name);
	*asked = false; /* the script may ask again */
	if (was_asked && p->state == PLAYER_HERE)
		script_lookup(p->game->script, p, which);
}

static bool on_subclient_dns_is(
	struct muxlink *from, const struct msg_subclient_dns_is *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	if (p != NULL)
		on_looked_up(p, &p->dns, &p->asked_dns, m->name, "dns");
	return true;
}

static bool on_subclient_identd_is(
	struct muxlink *from, const struct msg_subclient_identd_is *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	if (p != NULL)
		on_looked_up(p, &p->ident, &p->asked_ident, m->name, "ident");
	return true;
}

/* The moment so many seconds ago; it may lie before this machine's clock began, and wraps then. */
static uint64_t seconds_ago(const struct game *game, uint32_t seconds)
{
	return loop_now_ms(game->loop) - (uint64_t)seconds * 1000;
}

static bool on_subclient_idletime_is(
	struct muxlink *from, const struct msg_subclient_idletime_is *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	if (p != NULL)
		p->input_ms = seconds_ago(from->game, m->seconds);
	return true;
}

static bool on_subclient_connecttime_is(struct muxlink *from,
	const struct msg_subclient_connecttime_is *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	if (p != NULL)
		p->connected_ms = seconds_ago(from->game, m->seconds);
	return true;
}

/* ---- what is kept for them ---- */

static bool on_subclient_saved_info_is(struct muxlink *from,
	const struct msg_subclient_saved_info_is *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	/* Of whom we know already we know better. */
	if (p != NULL && p->state == PLAYER_ARRIVING)
		player_restore(p, m->data);
	return true;
}

static bool on_there_is_no_subclient_saved_info(struct muxlink *from UNUSED,
	const struct msg_there_is_no_subclient_saved_info *m UNUSED, struct refusal *why UNUSED)
{
	return true;
}

static bool on_could_not_get_subclient_saved_info(struct muxlink *from UNUSED,
	const struct msg_could_not_get_subclient_saved_info *m UNUSED, struct refusal *why UNUSED)
{
	return true; /* as if nothing were kept */
}

static bool on_saved_subclient_info(struct muxlink *from UNUSED,
	const struct msg_saved_subclient_info *m UNUSED, struct refusal *why UNUSED)
{
	return true;
}

static bool on_could_not_save_subclient_info(struct muxlink *from,
	const struct msg_could_not_save_subclient_info *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	from->game->metrics.saves_refused++;
	if (p != NULL)
		log_error("%s: the multiplexer could not keep what was saved", player_label(p));
	return true;
}

static bool on_deleted_subclient_saved_info(struct muxlink *from UNUSED,
	const struct msg_deleted_subclient_saved_info *m UNUSED, struct refusal *why UNUSED)
{
	return true;
}

/* ---- extensions ---- */

static bool on_multiplexer_hello(struct muxlink *from UNUSED,
	const struct msg_multiplexer_hello *m UNUSED, struct refusal *why)
{
	snprintf(why->text, sizeof why->text, "%s (%d): only once, before the answer to %s",
		msg_name(MSG_MULTIPLEXER_HELLO), MSG_MULTIPLEXER_HELLO,
		msg_name(MSG_TELL_ME_YOUR_ACCEPT_MODE));
	return false;
}

/* JSON of a client's making. NULL: none. */
static json_t *read_json(struct slice text)
{
	return jsontext_read(text, JSON_DECODE_ANY, &jsontext_message, NULL);
}

static bool on_subclient_caps_are(
	struct muxlink *from, const struct msg_subclient_caps_are *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);
	json_t *caps = p != NULL ? read_json(m->caps) : NULL;

	if (json_is_object(caps)) {
		json_decref(p->caps);
		p->caps = json_incref(caps);
		player_look_again(p);
		if (p->state == PLAYER_HERE)
			script_event(from->game->script, p, slice_text("caps"), caps);
	}
	json_decref(caps);
	return true;
}

/* "Package.Name json": {"package": ..., "data": ...}, or "text" where it is no JSON. */
static json_t *read_gmcp(struct slice message)
{
	size_t name = 0;

	while (name < message.len && message.at[name] != ' ')
		name++;
	struct slice rest = slice_from(message, name + 1);
	json_t *all = json_pack("{s:s#}", "package", (const char *)message.at, (int)name);
	json_t *data = rest.len > 0 ? read_json(rest) : NULL;

	if (all == NULL || data != NULL)
		json_object_set_new(all, "data", data);
	else if (rest.len > 0)
		json_object_set_new(all, "text", json_stringn((const char *)rest.at, rest.len));
	return all;
}

static bool on_got_subclient_event(
	struct muxlink *from, const struct msg_got_subclient_event *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);
	struct slice whole;
	json_t *data = NULL;
	enum event_result r;

	if (p == NULL || p->state != PLAYER_HERE)
		return true;
	r = event_add(&p->event, m, &whole);
	if (r == EVENT_LOST)
		log_warn("%s: an event of his client is dropped: it is over %d bytes, or memory is "
			 "out",
			player_label(p), EVENT_MAX);
	if (r != EVENT_WHOLE)
		return true;
	if ((m->flags & EVENT_IS_JSON) != 0)
		data = read_json(whole);
	else if (slice_is(m->channel, slice_text("gmcp")))
		data = read_gmcp(whole);
	else
		data = json_stringn((const char *)whole.at, whole.len);
	event_end(&p->event);
	if (data != NULL)
		script_event(from->game->script, p, m->channel, data);
	json_decref(data);
	return true;
}

static bool on_paused(
	struct muxlink *from, const struct msg_paused *m UNUSED, struct refusal *why UNUSED)
{
	muxlink_on_mark_answered(from);
	return true;
}

/* Nothing to do but to say so: it ends the link itself, and the players stay. */
static bool on_link_refused(
	struct muxlink *from, const struct msg_link_refused *m, struct refusal *why UNUSED)
{
	muxlinks_on_refused(from->game->muxlinks, m->reason);
	return true;
}

static bool on_heartbeat(
	struct muxlink *from, const struct msg_heartbeat *m, struct refusal *why UNUSED)
{
	struct link *out = muxlink_out(from);

	if (out != NULL)
		link_send_heartbeat_answer(
			out, &(struct msg_heartbeat_answer){.number = m->number});
	return true;
}

static bool on_heartbeat_answer(
	struct muxlink *from, const struct msg_heartbeat_answer *m, struct refusal *why UNUSED)
{
	muxlink_on_heartbeat_answer(from, m->number);
	return true;
}

static bool on_subclient_is_slow(
	struct muxlink *from, const struct msg_subclient_is_slow *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	if (p != NULL)
		player_slow(p, m->bytes > 0 ? m->bytes : 1);
	return true;
}

static bool on_subclient_caught_up(
	struct muxlink *from, const struct msg_subclient_caught_up *m, struct refusal *why UNUSED)
{
	struct player *p = find(from, &m->who);

	if (p != NULL)
		player_slow(p, 0);
	return true;
}

/* ---- bans ---- */

/* A network that we do not understand is that multiplexer's alone. */
static void not_understood(struct muxlink *from, struct slice net, const char *why)
{
	char text[96];

	log_escape(text, sizeof text, net);
	log_warn("%s: its ban of %s does not reach the others: %s", muxlink_label(from), text, why);
}

static bool on_ban_is(struct muxlink *from, const struct msg_ban_is *m, struct refusal *why UNUSED)
{
	struct ban ban;
	const char *reason;

	if (banwire_ban(m->net, m->seconds, m->made, m->about, &ban, &reason))
		bans_told(&from->game->bans, from, &ban);
	else
		not_understood(from, m->net, reason);
	return true;
}

static bool on_unban_is(
	struct muxlink *from, const struct msg_unban_is *m, struct refusal *why UNUSED)
{
	struct ban ban;
	const char *reason;

	if (banwire_unban(m->net, m->seconds, m->made, m->by, &ban, &reason))
		bans_told(&from->game->bans, from, &ban);
	else
		not_understood(from, m->net, reason);
	return true;
}

static bool on_done_sending_bans(struct muxlink *from, const struct msg_done_sending_bans *m UNUSED,
	struct refusal *why UNUSED)
{
	bans_listed(&from->game->bans, from);
	return true;
}

static bool on_could_not_ban(
	struct muxlink *from, const struct msg_could_not_ban *m, struct refusal *why UNUSED)
{
	char net[96], reason[128];

	log_escape(net, sizeof net, m->net);
	log_escape(reason, sizeof reason, m->reason);
	log_warn("%s: the multiplexer does not ban %s: %s", muxlink_label(from), net, reason);
	return true;
}
