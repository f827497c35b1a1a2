/* The users of a multiplexer behind us: who is there, and whom our server was told of. */
#include <stdio.h>
#include <stdlib.h>

#include "multiplexer/chainlink.h"

/* As keys are hashed: nothing behind the depth. */
static struct clientkey clean(const struct clientkey *key)
{
	struct clientkey k = {.depth = key->depth};

	memcpy(k.number, key->number, key->depth * sizeof k.number[0]);
	return k;
}

static struct chainuser *find_any(const struct chainlink *c, const struct clientkey *key)
{
	struct clientkey k = clean(key);
	struct chainuser *u;

	HASH_FIND(by_key, c->users, &k, sizeof k, u);
	return u;
}

struct chainuser *chainuser_find(const struct chainlink *c, const struct clientkey *key)
{
	struct chainuser *u = find_any(c, key);

	return u != NULL && !u->gone ? u : NULL;
}

struct chainuser *chain_find(const struct chain *chain, const struct clientkey *key)
{
	struct clientkey there = *key;

	if (key->depth < 3 || !clientkey_strip(&there))
		return NULL;
	LIST_EACH(node, &chain->links)
	{
		struct chainlink *c = chainlink_of(node);
		struct chainuser *u;

		if (c->listener->number != key->number[key->depth - 1])
			continue;
		u = chainuser_find(c, &there);
		return u != NULL && u->told ? u : NULL;
	}
	return NULL;
}

static void copy_text(char *out, size_t room, struct slice text)
{
	snprintf(out, room, "%.*s", (int)size_min(text.len, room - 1), (const char *)text.at);
}

struct chainuser *chainuser_take(struct chainlink *c, const struct msg_got_subclient *m)
{
	struct chainuser *u = find_any(c, &m->who);

	if (u != NULL) {
		u->gone = false;
		return u;
	}
	u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	u->c = c;
	u->key = clean(&m->who);
	u->since_ms = loop_now_ms(c->mux->loop);
	copy_text(u->protocol, sizeof u->protocol, m->protocol);
	copy_text(u->ip, sizeof u->ip, m->ip);
	list_init(&u->lists);
	HASH_ADD(by_key, c->users, key, sizeof u->key, u);
	if (u->by_key.tbl == NULL) {
		free(u);
		return NULL;
	}
	c->user_count++;
	c->untold++;
	c->mux->metrics.chain_users_now++;
	return u;
}

void chainuser_told(struct chainuser *u)
{
	if (u->told)
		return;
	u->told = true;
	u->c->untold--;
}

struct clientkey chainuser_key(const struct chainuser *u)
{
	struct clientkey key = u->key;

	clientkey_grow(&key, u->c->listener->number);
	return key;
}

void chainuser_free(struct chainuser *u)
{
	struct chainlink *c = u->c;

	lists_forget_chained(&c->mux->lists, u);
	HASH_DELETE(by_key, c->users, u);
	c->user_count--;
	c->untold -= !u->told;
	c->mux->metrics.chain_users_now--;
	free(u);
}

static void tell_gone(struct chainuser *u)
{
	struct link *server = serverlink_link(&u->c->mux->server);
	struct clientkey key = chainuser_key(u);

	if (u->kill_asked)
		link_send_killed_subclient(server, &(struct msg_killed_subclient){.who = key});
	else
		link_send_lost_subclient(server, &(struct msg_lost_subclient){.who = key});
}

void chainuser_lose(struct chainuser *u)
{
	const struct serverlink *s = &u->c->mux->server;

	if (u->told && s->state != LINK_OPEN && serverlink_can_tell(s)) {
		u->gone = true; /* departures flow while it is READY */
		lists_forget_chained(&u->c->mux->lists, u);
		return;
	}
	if (u->told && s->state == LINK_OPEN)
		tell_gone(u);
	chainuser_free(u);
}

void chainuser_lose_all(struct chainlink *c)
{
	struct chainuser *u, *next;

	HASH_ITER(by_key, c->users, u, next)
	chainuser_lose(u);
}

void chainuser_lose_unseen(struct chainlink *c)
{
	struct chainuser *u, *next;

	HASH_ITER(by_key, c->users, u, next)
	{
		if (u->seen != c->listing_number)
			chainuser_lose(u);
	}
}

void chainuser_sweep(struct chainlink *c)
{
	struct chainuser *u, *next;

	HASH_ITER(by_key, c->users, u, next)
	{
		if (u->gone)
			chainuser_lose(u);
	}
}

void chainuser_forget_server(struct chainlink *c)
{
	struct chainuser *u, *next;

	HASH_ITER(by_key, c->users, u, next)
	{
		if (u->gone) {
			chainuser_free(u);
			continue;
		}
		c->untold += u->told;
		u->told = u->kill_asked = u->shown = false;
	}
}
