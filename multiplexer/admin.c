/* The commands of the admin socket. */
#include <stdio.h>
#include <unistd.h>

#include "common/bancall.h"
#include "common/complete.h"
#include "common/log.h"
#include "common/metric.h"
#include "multiplexer/lookup_dns.h"
#include "multiplexer/lookup_name.h"
#include "multiplexer/mux.h"

enum { ADMIN = 1 };

#define COMMAND(name, min, max, who, usage, help) static void cmd_##name(struct call *call);
#include "multiplexer/commands.def"

const struct command mux_commands[] = {
#define COMMAND(name, min, max, who, usage, help) {#name, min, max, who, usage, help, cmd_##name},
#include "multiplexer/commands.def"
};
const size_t mux_command_rows = ARRAY_LEN(mux_commands);

static const struct metric metric_table[] = {
#define METRIC(KIND, name, help) {#name, METRIC_##KIND, offsetof(struct mux_metrics, name), help},
#include "multiplexer/metrics.def"
};

static void cmd_help(struct call *call)
{
	json_t *rows = command_help(mux_commands, mux_command_rows, call->who);

	command_answer_help(call, rows);
}

static void add_keys(const struct mux *mux, const char *beginning, json_t *all)
{
	char key[CLIENTKEY_TEXT_MAX];

	LIST_EACH(node, &mux->users)
	{
		struct clientkey k = subclient_key(container_of(node, struct subclient, node));

		complete_add(all, clientkey_text(&k, key), beginning);
	}
}

static void add_kind(void *owner, const char *kind, const char *beginning, json_t *all)
{
	const struct mux *mux = owner;

	if (strcmp(kind, "command") == 0)
		for (size_t i = 0; i < mux_command_rows; i++)
			complete_add(all, mux_commands[i].name, beginning);
	else if (strcmp(kind, "key") == 0)
		add_keys(mux, beginning, all);
}

static void cmd_complete(struct call *call)
{
	json_t *rows = command_help(mux_commands, mux_command_rows, call->who);

	call_answer(call, complete_line(call, rows, add_kind, call->owner));
	json_decref(rows);
}

static double seconds(const struct mux *mux, uint64_t since_ms)
{
	return (double)((loop_now_ms(mux->loop) - since_ms) / 1000);
}

static json_t *listeners_json(const struct mux *mux)
{
	json_t *all = json_array();

	for (size_t i = 0; i < mux->config.listener_count; i++) {
		const struct listener_config *c = &mux->config.listeners[i];
		char address[ADDRESS_TEXT_MAX];

		if (mux->listeners[i] == NULL)
			continue;
		address_text(&c->address, address);
		json_t *one = json_pack("{s:s, s:s, s:b, s:s, s:i, s:i}", "listener", c->name,
			"kind", c->kind->name, "tls", c->tls, "address", address, "number",
			(int)c->number, "users", (int)listener_users(mux->listeners[i]));
		chain_status(&mux->chain, c, one);
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *lookups_json(const struct lookups *ls)
{
	return json_pack("{s:s, s:I, s:I}", "resolver",
		ls->dns != NULL ? dns_resolvers(ls->dns) : "off", "dns_pending",
		(json_int_t)(ls->dns != NULL ? dns_in_flight(ls->dns) : 0), "ident_pending",
		(json_int_t)idents_in_flight(&ls->idents));
}

/* The other addresses of `server`; NULL when there are none. */
static json_t *others_json(const struct serverlink *s)
{
	json_t *all = s->servers.count > 1 ? json_array() : NULL;

	for (size_t i = 0; i < s->servers.count; i++)
		if (all != NULL &&
			strcmp(s->servers.each[i].upstream.text, serverlink_address(s)) != 0)
			json_array_append_new(all,
				json_pack("{s:s, s:b}", "address", s->servers.each[i].upstream.text,
					"there", s->servers.each[i].there));
	return all;
}

static void cmd_status(struct call *call)
{
	const struct mux *mux = call->owner;
	const struct serverlink *s = &mux->server;
	call_answer(call,
		json_pack(
			"{s:s, s:s, s:i, s:I, s:b, s:I, s:s, s:{s:s, s:s, s:I, s:b, s:s*, s:I, s:I, s:o*}, s:o*, s:o, s:o}",
			"program", "holdfast-multiplexer", "version", HOLDFAST_VERSION, "pid",
			(int)getpid(), "uptime_s", (json_int_t)seconds(mux, mux->started_ms),
			"ending", mux->stopping, "users", (json_int_t)mux->metrics.users_now,
			"accept", mux->localhost_only ? "localhost" : "all", "server", "link",
			link_state_word(s->state), "address", serverlink_address(s), "for_s",
			(json_int_t)seconds(mux, s->since_ms), "hung", s->pulse.hung, "refuses",
			s->refusal[0] != '\0' ? s->refusal : NULL, "crashes",
			(json_int_t)mux->metrics.server_crashes, "restarts",
			(json_int_t)mux->metrics.server_goodbyes, "others", others_json(s), "tls",
			tls_helper_json(&mux->tls), "lookups", lookups_json(&mux->lookups),
			"listeners", listeners_json(mux)));
}

/* NULL: nobody has asked, there was no answer, or there is nothing to ask where he connected. */
static const char *looked_up(const struct subclient *u, enum lookup_kind kind)
{
	const struct lookup *l = &u->lookups[kind];
	const char *word = lookup_word(&u->mux->lookups, l, &u->at);

	if (l->state == LOOKUP_PENDING)
		return "pending";
	return l->state == LOOKUP_KNOWN && strcmp(word, LOOKUP_UNSUPPORTED) != 0 ? word : NULL;
}

static json_t *user_json(const struct mux *mux, const struct subclient *u)
{
	static const char *const states[] = {
		[SUBCLIENT_CONNECTED] = "connected",
		[SUBCLIENT_CLOSING] = "closing",
		[SUBCLIENT_GONE] = "gone",
	};
	const struct listener_config *l = listener_config(u->listener);
	struct clientkey k = subclient_key(u);
	char key[CLIENTKEY_TEXT_MAX], ip[ADDRESS_IP_MAX];
	struct address from = subclient_from(u);

	address_ip(&from, ip);
	json_t *detached =
		u->layers.detached ? json_integer((json_int_t)seconds(mux, u->detached_ms)) : NULL;

	return json_pack(
		"{s:s, s:s, s:s?, s:s?, s:s, s:s, s:I, s:I, s:s, s:o?, s:b, s:I, s:I, s:I}", "key",
		clientkey_text(&k, key), "address", ip, "dns", looked_up(u, LOOKUP_DNS),
		"ident_unverified", looked_up(u, LOOKUP_IDENT), "listener", l->name, "kind",
		subclient_protocol(u), "connected_s", (json_int_t)seconds(mux, u->connected_ms),
		"idle_s", (json_int_t)seconds(mux, u->input_ms), "state",
		detached != NULL ? "detached" : states[u->state], "detached_s", detached,
		"game_knows", u->known, "held", (json_int_t)held_len(&u->held), "queued",
		(json_int_t)u->stream->queued, "saved",
		(json_int_t)(u->saved != NULL ? u->saved->len : 0));
}

static void cmd_users(struct call *call)
{
	const struct mux *mux = call->owner;
	json_t *all = json_array();

	LIST_EACH(node, &mux->users)
	json_array_append_new(all, user_json(mux, container_of(node, struct subclient, node)));
	chain_users(&mux->chain, all);
	call_answer(call, all);
}

static void cmd_metrics(struct call *call)
{
	const struct mux *mux = call->owner;
	struct mux_metrics now = mux->metrics;

	now.bans_now = mux->bans.list.bans;
	now.admission_addresses = admission_entries(mux->admission);
	now.admission_unproven = admission_unproven(mux->admission);
	now.queue_bytes = mux->queues.pool.bytes;
	now.session_bytes = mux->sessions.bytes;
	now.sessions_gaps = mux->sessions.gaps;
	now.saved_count = mux->secrets.count;
	now.saved_bytes = mux->secrets.bytes;
	now.saved_memory = mux->secrets.slabs * SECRET_SLAB;
	now.queue_bytes_most = mux->queues.pool.most;
	/* The link counts for itself; what it counted is added when it ends. */
	if (mux->server.peer != NULL)
		now.messages_unknown += mux->server.peer->link.unknown_in;
	now.tls_certificate_days = tls_helper_days(&mux->tls);
	now.telnet_bodies_dropped = mux->house.bodies_dropped;
	now.mssp_answers = mux->house.mssp_answers;
	now.users_compressed = mux->house.compressed;
	now.bytes_plain = mux->house.plain_bytes;
	now.bytes_compressed = mux->house.compressed_bytes;
	call_answer(call, metrics_json(metric_table, ARRAY_LEN(metric_table), &now));
}

static void cmd_queues(struct call *call)
{
	call_answer(call, queues_json(call->owner));
}

/* Any connected user, also one whom the server does not know yet. */
static struct subclient *find_user(struct mux *mux, const char *text)
{
	struct clientkey key;

	if (!clientkey_parse(text, &key) || key.depth != 2)
		return NULL;
	struct subclient *u = roster_find(&mux->roster, key.number[0]);
	if (u == NULL || u->state != SUBCLIENT_CONNECTED ||
		listener_config(u->listener)->number != key.number[1])
		return NULL;
	return u;
}

static void cmd_kick(struct call *call)
{
	struct mux *mux = call->owner;
	struct subclient *u = find_user(mux, call->argv[1]);
	struct clientkey chained;
	char reason[512], words[600];

	if (clientkey_parse(call->argv[1], &chained) && chain_find(&mux->chain, &chained) != NULL) {
		call_words(call, 2, reason, sizeof reason);
		snprintf(words, sizeof words, "\r\n[You were disconnected by an admin%s%s]\r\n",
			reason[0] != '\0' ? ": " : ".", reason);
		log_info("user %s: kicked by %s: %s", call->argv[1], call->caller, reason);
		chain_kick(&mux->chain, &chained, words);
		return;
	}
	if (u == NULL) {
		call_fail(call, "no such user: %s; `users` lists the keys", call->argv[1]);
		return;
	}
	call_words(call, 2, reason, sizeof reason);
	snprintf(words, sizeof words, "[You were disconnected by an admin%s%s]",
		reason[0] != '\0' ? ": " : ".", reason);
	log_info("%s: kicked by %s: %s", subclient_label(u), call->caller, reason);
	subclient_end(u, CLOSING_KICKED, words);
}

static void cmd_accept(struct call *call)
{
	struct mux *mux = call->owner;
	const char *word = call->argc > 1 ? call->argv[1] : "show";
	bool localhost = strcmp(word, "localhost") == 0;

	if (localhost || strcmp(word, "all") == 0) {
		mux_accept(mux, localhost, call->caller);
		/* A plain AgNet server learns it when it asks; one with a hello shows it to its admins. */
		if (mux->server.features != 0 && serverlink_can_tell(&mux->server))
			serverlink_tell_accept_mode(&mux->server);
	} else if (strcmp(word, "show") != 0) {
		call_fail(call, "accept: '%s' is none of localhost, all, show", word);
		return;
	}
	call_answer(call, json_pack("{s:s}", "accept", mux->localhost_only ? "localhost" : "all"));
}

/* Where a user comes from, also one of a multiplexer behind us; NULL: there is no such user. */
static const char *address_of_user(
	struct mux *mux, const char *text, char ip[static ADDRESS_IP_MAX])
{
	const struct subclient *u = find_user(mux, text);
	struct clientkey key;

	if (u != NULL) {
		struct address from = subclient_from(u);

		address_ip(&from, ip);
		return ip;
	}
	return clientkey_parse(text, &key) ? chain_address(&mux->chain, &key) : NULL;
}

/* Whether it is a network, or looks like one that is misspelt; if not, the call has failed: it is the
 * key of somebody who has left, or a name, of which only the game knows. */
static bool is_like_net(struct call *call, const char *text)
{
	struct clientkey key;
	struct net net;
	const char *why;

	if (net_parse(text, &net, &why))
		return true;
	if (clientkey_parse(text, &key))
		call_fail(call, "no such user: %.60s; `users` lists the keys", text);
	else if (strpbrk(text, "./:") == NULL)
		call_fail(call, "ban: %s; for a name: holdfastctl server ban NAME", why);
	return call->error[0] == '\0';
}

static void cmd_ban(struct call *call)
{
	struct mux *mux = call->owner;
	char ip[ADDRESS_IP_MAX];
	const char *of_user = address_of_user(mux, call->argv[1], ip), *why;
	struct ban ban;

	if (of_user == NULL && !is_like_net(call, call->argv[1]))
		return;
	if (!bancall_ban(call, of_user != NULL ? of_user : call->argv[1], &ban))
		return;
	if (bans_make(&mux->bans, &ban, &why))
		call_answer(call,
			ban_json(banlist_get(&mux->bans.list, &ban.net), bans_now(&mux->bans)));
	else
		call_fail(call, "ban: %s", why);
}

static void cmd_unban(struct call *call)
{
	struct mux *mux = call->owner;
	const struct ban *there;
	struct ban ban;
	const char *why;

	if (!bancall_unban(call, &ban))
		return;
	there = banlist_get(&mux->bans.list, &ban.net);
	if (there == NULL || !ban_is_on(there, bans_now(&mux->bans)))
		call_fail(call, "unban: %s is not banned; `bans` lists what is", call->argv[1]);
	else if (!bans_make(&mux->bans, &ban, &why))
		call_fail(call, "unban: %s", why);
}

static void cmd_bans(struct call *call)
{
	struct mux *mux = call->owner;

	call_answer(call, banlist_json(&mux->bans.list, bans_now(&mux->bans)));
}

static void cmd_reload(struct call *call)
{
	log_info("reload asked by %s", call->caller);
	mux_reload(call->owner);
}

static void cmd_takeover(struct call *call)
{
	struct mux *mux = call->owner;
	const char *why;

	if (serverlink_takeover(&mux->server, call->caller, &why))
		call_answer(call, json_pack("{s:s}", "dialling", serverlink_address(&mux->server)));
	else
		call_fail(call, "takeover: %s", why);
}

static void cmd_loglevel(struct call *call)
{
	enum log_level level;

	if (log_level_parse(call->argv[1], &level))
		log_open("multiplexer", level);
	else
		call_fail(
			call, "loglevel: '%s' is none of debug, info, warn, error", call->argv[1]);
}

static void cmd_shutdown(struct call *call)
{
	char reason[512], text[700];

	call_words(call, 1, reason, sizeof reason);
	snprintf(text, sizeof text, "shutdown by %s%s%s", call->caller,
		reason[0] != '\0' ? ": " : "", reason);
	mux_stop(call->owner, text);
}
