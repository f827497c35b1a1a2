#include "multiplexer/chain.h"

#include <stdio.h>

#include "common/log.h"
#include "multiplexer/chainlink.h"

/* What our server does, done to every multiplexer behind us. */
#define EACH(c, chain)                   \
	LIST_EACH(node, &(chain)->links) \
	for (struct chainlink *c = chainlink_of(node); c != NULL; c = NULL)

bool chain_open(struct chain *chain, struct mux *mux)
{
	*chain = (struct chain){.mux = mux};
	list_init(&chain->links);
	for (size_t i = 0; i < mux->config.listener_count; i++) {
		const struct listener_config *l = &mux->config.listeners[i];

		if (l->kind->is_chain && chainlink_new(chain, l) == NULL)
			return false;
	}
	return true;
}

static struct chainlink *find(const struct chain *chain, const struct listener_config *listener)
{
	EACH(c, chain)
	{
		if (c->listener == listener)
			return c;
	}
	return NULL;
}

void chain_accept(
	struct chain *chain, const struct listener_config *listener, uv_stream_t *listening)
{
	chainlink_accept(find(chain, listener), listening);
}

void chain_stop(struct chain *chain)
{
	chain->stopping = true;
	EACH(c, chain)
	{
		chainlink_leave(c);
		c->owes = false;
	}
}

bool chain_is_through(const struct chain *chain)
{
	EACH(c, chain)
	{
		if (c->peer != NULL)
			return false;
	}
	return true;
}

void chain_close(struct chain *chain)
{
	EACH(c, chain)
	chainlink_close(c);
}

void chain_free(struct chain *chain)
{
	LIST_EACH(node, &chain->links)
	chainlink_free(chainlink_of(node));
}

void chain_clock(struct chain *chain)
{
	uint64_t now = loop_now_ms(chain->mux->loop);
	bool second = now - chain->second_ms >= 1000;

	if (second)
		chain->second_ms = now;
	EACH(c, chain)
	chainlink_clock(c, second);
}

/* ---- what the server says ---- */

void chain_server_ready(struct chain *chain)
{
	bool no_handled = !serverlink_has(&chain->mux->server, FEATURE_HANDLED);
	bool other = no_handled != chain->no_handled;

	chain->no_handled = no_handled;
	chain->pausing = false;
	EACH(c, chain)
	{
		chainuser_sweep(c);
		/* What it was promised of the server is not so: it may dial again, and hear what is. */
		if (other && c->peer != NULL && c->peer->said_hello)
			chainlink_leave(c);
		else
			chainlink_try_ready(c);
	}
}

void chain_server_not_ready(struct chain *chain)
{
	EACH(c, chain)
	chainlink_not_ready(c);
}

void chain_server_pauses(struct chain *chain)
{
	chain->pausing = true;
	EACH(c, chain)
	chainlink_pause(c);
	chain_progress(chain);
}

void chain_server_asks_alive(struct chain *chain)
{
	chain->alive_asked++;
	EACH(c, chain)
	chainlink_ask_alive(c);
	chain_progress(chain);
}

void chain_server_goes_offline(struct chain *chain)
{
	EACH(c, chain)
	chainlink_leave(c);
}

void chain_server_terminates(struct chain *chain)
{
	EACH(c, chain)
	{
		if (chainlink_is_live(c))
			link_send_terminate(&c->peer->link, &(struct msg_terminate){0});
	}
}

void chain_server_down(struct chain *chain, bool goodbye)
{
	chain->pausing = chain->listing = false;
	chain->alive_answered = chain->alive_asked;
	EACH(c, chain)
	{
		bool crashed = !goodbye && c->was_open && chainlink_is_live(c);

		chainuser_forget_server(c);
		doubt_free(&c->places);
		c->owes = c->was_open = false;
		if (c->listing == CHAIN_LISTS_ON)
			c->listing = CHAIN_LISTS_TO_US;
		if (crashed) {
			/* Its input that we have yet is in doubt, and it will say so: so it is lost. */
			buf_free(&c->held);
			c->held_old = 0;
			chainlink_end(c,
				"is cut off, since the game is: it is to count what is in doubt");
		} else if (c->peer != NULL) {
			link_hold(&c->peer->link, false);
		}
	}
}

void chain_accept_mode(struct chain *chain)
{
	bool localhost = chain->mux->localhost_only;

	EACH(c, chain)
	{
		if (!chainlink_is_live(c))
			continue;
		if (localhost)
			link_send_accept_localhost_only(
				&c->peer->link, &(struct msg_accept_localhost_only){0});
		else
			link_send_accept_all(&c->peer->link, &(struct msg_accept_all){0});
		c->told_localhost = localhost;
	}
}

/* ---- what the server waits for ---- */

static void answer_pause(struct chain *chain)
{
	if (!chain->pausing || chain->mux->server.state != LINK_HELD)
		return;
	EACH(c, chain)
	{
		if (c->state == CHAIN_PAUSING)
			return;
	}
	chain->pausing = false;
	serverlink_say_paused(&chain->mux->server);
}

static void answer_alive(struct chain *chain)
{
	uint32_t done = chain->alive_asked;

	EACH(c, chain)
	{
		if (chainlink_is_live(c) && (int32_t)(done - c->alive_done) > 0)
			done = c->alive_done;
	}
	for (; (int32_t)(done - chain->alive_answered) > 0; chain->alive_answered++)
		link_send_i_am_alive(
			serverlink_link(&chain->mux->server), &(struct msg_i_am_alive){0});
}

void chain_progress(struct chain *chain)
{
	struct mux *mux = chain->mux;

	if (!serverlink_can_tell(&mux->server))
		return;
	answer_pause(chain);
	answer_alive(chain);
	if (chain->listing)
		loop_at_turn_end(mux->loop, &mux->pump);
}

bool chain_list(struct chain *chain)
{
	bool through = true;

	if (!chain->listing) {
		chain->listing = true;
		EACH(c, chain)
		{
			c->owes = c->state != CHAIN_ABSENT;
			chainlink_list(c);
		}
	}
	EACH(c, chain)
	through = through && !c->owes;
	chain->listing = !through;
	return through;
}

/* ---- bans ---- */

/* An address as 20 GOT SUBCLIENT has it. False: it is none, as of a local user. */
static bool read_ip(struct slice text, struct address *out)
{
	char ip[ADDRESS_IP_MAX];
	const char *why;
	struct net net;

	if (text.len >= sizeof ip)
		return false;
	snprintf(ip, sizeof ip, "%.*s", (int)text.len, (const char *)text.at);
	if (!net_parse(ip, &net, &why) || net.bits != 128)
		return false;
	*out = (struct address){.in6.sin6_family = AF_INET6, .len = sizeof out->in6};
	memcpy(&out->in6.sin6_addr, net.ip, sizeof net.ip);
	return true;
}

void chain_throw_out(struct chain *chain, const struct ban *ban, const char *words)
{
	char text[BAN_WORDS_MAX + 8];

	snprintf(text, sizeof text, "\r\n%s\r\n", words);
	EACH(c, chain)
	{
		struct chainuser *u, *next;
		struct address a;

		if (chainlink_has(c, FEATURE_BANS))
			continue;
		HASH_ITER(by_key, c->users, u, next)
		{
			struct clientkey k = chainuser_key(u);

			if (read_ip(slice_text(u->ip), &a) && net_has(&ban->net, &a))
				chain_kick(chain, &k, text);
		}
	}
}

const char *chain_address(const struct chain *chain, const struct clientkey *key)
{
	const struct chainuser *u = chain_find(chain, key);

	return u != NULL ? u->ip : NULL;
}

bool chain_is_banned(const struct chain *chain, struct slice ip)
{
	struct address a;

	return read_ip(ip, &a) && bans_find(&chain->mux->bans, &a) != NULL;
}

/* ---- for admins ---- */

bool chain_kick(struct chain *chain, const struct clientkey *key, const char *reason)
{
	struct chainuser *u = chain_find(chain, key);
	uint8_t message[MSG_MAX];
	size_t len;

	if (u == NULL)
		return false;
	len = msg_send_subclient_text_write(
		&(struct msg_send_subclient_text){.who = u->key, .data = slice_text(reason)},
		message);
	if (len > 0)
		chainroute_down(u->c, slice_of(message, len));
	len = msg_kill_subclient_write(&(struct msg_kill_subclient){.who = u->key}, message);
	chainroute_down(u->c, slice_of(message, len));
	return true;
}

void chain_status(const struct chain *chain, const struct listener_config *listener, json_t *object)
{
	const struct chainlink *c = find(chain, listener);
	uint64_t now = loop_now_ms(chain->mux->loop);

	if (c == NULL)
		return;
	json_object_set_new(object, "users", json_integer(c->user_count));
	json_object_set_new(object, "link", json_string(chainlink_word(c)));
	json_object_set_new(
		object, "for_s", json_integer((json_int_t)((now - c->since_ms) / 1000)));
	if (c->peer != NULL)
		json_object_set_new(object, "accept",
			json_string(c->peer->localhost_only ? "localhost" : "all"));
	json_object_set_new(object, "waits_for_it",
		json_integer((json_int_t)(c->down.len +
					  (c->peer != NULL ? link_queued(&c->peer->link) : 0))));
}

static json_t *user_json(const struct chainuser *u)
{
	struct clientkey k = chainuser_key(u);
	uint64_t now = loop_now_ms(u->c->mux->loop);
	char key[CLIENTKEY_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:b}", "key", clientkey_text(&k, key),
		"address", u->ip, "listener", u->c->listener->name, "kind", u->protocol, "known_s",
		(json_int_t)((now - u->since_ms) / 1000), "state",
		u->c->peer != NULL ? "chained" : "away", "game_knows", u->told);
}

void chain_users(const struct chain *chain, json_t *all)
{
	EACH(c, chain)
	{
		struct chainuser *u, *next;

		HASH_ITER(by_key, c->users, u, next)
		json_array_append_new(all, user_json(u));
	}
}
