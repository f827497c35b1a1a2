/* Messages on their way through us: up with a key that has grown, down with one that is stripped. */
#include <stdio.h>

#include "common/log.h"
#include "multiplexer/chainlink.h"
#include "proto/wire.h"

size_t chainroute_rekey(const struct frame *f, const struct clientkey *key, uint8_t *out)
{
	uint8_t bytes[CLIENTKEY_WIRE_MAX];
	size_t len = clientkey_write(key, bytes);
	struct slice rest = slice_from(f->args, 2 + (size_t)wire_get16(f->args.at));
	size_t whole = MSG_HEADER + 2 + len + rest.len;

	if (len == 0 || whole > MSG_MAX)
		return 0;
	wire_put16(out, (uint16_t)whole);
	out[2] = f->id;
	out[3] = f->count;
	wire_put16(out + MSG_HEADER, (uint16_t)len);
	memcpy(out + MSG_HEADER + 2, bytes, len);
	if (rest.len > 0)
		memcpy(out + MSG_HEADER + 2 + len, rest.at, rest.len);
	return whole;
}

/* ---- up ---- */

bool chainroute_flows(const struct chainlink *c)
{
	const struct serverlink *s = &c->mux->server;

	if (c->held.len > 0 && !c->flushing)
		return false; /* behind what came before */
	return s->state == LINK_OPEN ||
	       (s->state == LINK_HELD && c->chain->pausing && c->state == CHAIN_PAUSING);
}

/* An event that fitted until its key grew goes on in two pieces. */
static void pass_event_in_pieces(
	struct link *server, const struct clientkey *key, const struct frame *f)
{
	struct msg_got_subclient_event m;
	struct refusal why;

	if (!msg_got_subclient_event_read(f->args, f->count, &m, &why) || m.data.len < 2)
		return;
	struct slice data = m.data;
	uint32_t flags = m.flags;
	m.who = *key;
	m.data.len = data.len / 2;
	m.flags = flags | EVENT_MORE_FOLLOWS;
	link_send_got_subclient_event(server, &m);
	m.data = slice_from(data, data.len / 2);
	m.flags = flags;
	link_send_got_subclient_event(server, &m);
}

void chainroute_up(struct chainlink *c, struct chainuser *u, const struct frame *f)
{
	struct serverlink *s = &c->mux->server;
	unsigned needed = features_of_message(f->id);
	struct clientkey key = chainuser_key(u);
	uint8_t message[MSG_MAX];

	if (!serverlink_can_tell(s) || (needed & s->features) != needed)
		return;
	size_t len = chainroute_rekey(f, &key, message);
	if (len > 0)
		link_pass(serverlink_link(s), slice_of(message, len));
	else if (f->id == MSG_GOT_SUBCLIENT_EVENT)
		pass_event_in_pieces(serverlink_link(s), &key, f);
	/* It holds its users' input then, as it does for a server that is slow. */
	if (serverlink_is_full(s) && c->peer != NULL) {
		link_hold(&c->peer->link, true);
		if (!s->slow)
			loop_at_next_turn(c->mux->loop, &c->mux->pump);
	}
}

/* An entry: its how-manieth message it was, then the message without its length, which is in front. */
struct held_header {
	uint32_t at;
	uint32_t len; /* of args */
	uint8_t id, count, unused[2];
};

bool chainroute_hold(struct chainlink *c, const struct frame *f, struct refusal *why)
{
	struct held_header header = {
		.at = c->at, .len = (uint32_t)f->args.len, .id = f->id, .count = f->count};
	size_t before = c->held.len;

	if (c->held.len < CHAIN_HELD_MAX && buf_add(&c->held, slice_of(&header, sizeof header)) &&
		buf_add(&c->held, f->args))
		return true;
	c->held.len = before;
	snprintf(why->text, sizeof why->text,
		"it goes on though the game waits: %zu bytes are held", before);
	return false;
}

void chainroute_flush_up(struct chainlink *c)
{
	struct refusal why;

	c->flushing = true;
	while (c->held.len > 0 && c->peer != NULL) {
		struct held_header header;

		memcpy(&header, buf_bytes(&c->held).at, sizeof header);
		size_t len = sizeof header + header.len;
		struct frame f = {.id = header.id,
			.count = header.count,
			.args = slice_of(buf_bytes(&c->held).at + sizeof header, header.len)};
		c->at = c->held_old > 0 ? 0 : header.at;
		chain_handle(c, &f, &why); /* it was well formed when it was taken */
		buf_eat(&c->held, size_min(len, c->held.len));
		c->held_old -= size_min(len, c->held_old);
	}
	c->flushing = false;
}

void chain_server_handled(struct chain *chain, uint32_t messages)
{
	LIST_EACH(node, &chain->links)
	{
		struct chainlink *c = chainlink_of(node);
		const struct doubt_entry *first;
		uint32_t theirs = 0;

		while ((first = doubt_first(&c->places)) != NULL &&
			(int32_t)(messages - first->message) >= 0) {
			theirs = first->user;
			doubt_take(&c->places);
		}
		if (theirs != 0 && chainlink_is_live(c) && chainlink_has(c, FEATURE_HANDLED))
			link_send_handled(
				&c->peer->link, &(struct msg_handled){.messages = theirs});
	}
}

void chain_pump(struct chain *chain)
{
	struct serverlink *s = &chain->mux->server;
	bool left = false;

	if (!serverlink_can_tell(s))
		return;
	LIST_EACH(node, &chain->links)
	{
		struct chainlink *c = chainlink_of(node);

		if (c->peer == NULL || !c->peer->link.hold)
			continue;
		left = serverlink_is_full(s);
		link_hold(&c->peer->link, left);
	}
	if (left && !s->slow) /* when slow, its on_slow(false) asks for us */
		loop_at_next_turn(chain->mux->loop, &chain->mux->pump);
}

/* ---- down ---- */

static bool send_down(struct chainlink *c, struct slice message)
{
	unsigned needed = features_of_message(message.at[2]);

	if ((needed & c->peer->features) != needed)
		return true; /* to it, it would be nothing */
	link_pass(&c->peer->link, message);
	return link_queued(&c->peer->link) <= CHAIN_QUEUE_MAX;
}

void chainroute_down(struct chainlink *c, struct slice message)
{
	if (c->state == CHAIN_HELD || c->state == CHAIN_OPEN || c->state == CHAIN_PAUSING) {
		if (!send_down(c, message)) {
			c->mux->metrics.chain_cut_off++;
			chainlink_end(c, "cut off: it does not read, and too much waits for it");
		}
		return;
	}
	if (c->state == CHAIN_ABSENT || c->too_much)
		return;
	/* The clock ends it: who sends to a list is in the middle of it. */
	c->too_much = c->down.len + message.len > CHAIN_DOWN_MAX || !buf_add(&c->down, message);
}

void chainroute_flush_down(struct chainlink *c)
{
	while (c->down.len > 0 && c->peer != NULL) {
		struct slice all = buf_bytes(&c->down);
		size_t len = wire_get16(all.at);

		send_down(c, slice_of(all.at, len));
		buf_eat(&c->down, len);
	}
}

/* Whether a message is about one user, or those on a list: whether its first field is KEY(who). */
static bool is_about_users(unsigned id)
{
	unsigned n = 0;
	bool about = false;

	switch (id) {
#define KEY(f)   about |= n++ == 0 && strcmp(#f, "who") == 0;
#define TEXT(f)  n++;
#define BYTES(f) n++;
#define UINT(f)  n++;
#define DOWN(num, NAME, name, fields, meaning) \
	case MSG_##NAME:                       \
		fields break;
#include "proto/messages.def"
	default:
		break;
	}
	return about && n > 0;
}

static void send_to_user(struct chainuser *u, const void *frame)
{
	const struct frame *f = frame;
	uint8_t message[MSG_MAX];
	size_t len = chainroute_rekey(f, &u->key, message);

	if (len > 0 && u->told && !u->gone)
		chainroute_down(u->c, slice_of(message, len));
}

/* 0:255 is a list there as it is here. */
static void send_to_all(struct chain *chain, const struct frame *f, const struct clientkey *key)
{
	uint8_t message[MSG_MAX];
	size_t len = chainroute_rekey(f, key, message);

	LIST_EACH(node, &chain->links)
	{
		struct chainlink *c = chainlink_of(node);

		if (c->user_count > 0)
			chainroute_down(c, slice_of(message, len));
	}
}

bool chain_down(struct chain *chain, const struct frame *f)
{
	struct mux *mux = chain->mux;
	struct clientkey key;
	const char *why;

	if (list_is_empty(&chain->links) || f->count == 0 || !is_about_users(f->id) ||
		!clientkey_read(slice_of(f->args.at + 2, wire_get16(f->args.at)), &key, &why))
		return false;
	if (clientkey_is_list(&key)) {
		if (key.number[0] == 0)
			send_to_all(chain, f, &key);
		else
			lists_each_chained(&mux->lists, key.number[0], send_to_user, f);
		return false;
	}
	if (key.depth < 3)
		return false;
	struct chainuser *u = chain_find(chain, &key);
	if (u == NULL) {
		mux->metrics.stale_key++;
		link_send_no_such_subclient(
			serverlink_link(&mux->server), &(struct msg_no_such_subclient){.who = key});
		return true;
	}
	u->kill_asked = u->kill_asked || f->id == MSG_KILL_SUBCLIENT;
	send_to_user(u, f);
	return true;
}
