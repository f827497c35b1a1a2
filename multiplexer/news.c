/* What users do, on its way to the server: told at once, or kept in the order in which it happened.
 *
 *   a user types ----> news_input ---OPEN, known, nothing older waits---> GOT SUBCLIENT TEXT
 *                          | else
 *                          v
 *                    u->held, and u stands in mux->waiting
 *                          |
 *   READY, drained ----> news_pump: the listing, then mux->waiting from its front:
 *                        arrival (20, 47), held input (24 ...), departure (21 or 23)
 *
 * Nobody gets more than his share: while anybody waits everybody does, and news_pump goes round, with
 * SHARE for each in a round (deficit round robin by bytes and lines). One who has left is told to his end at once,
 * so that later users' input comes behind it (row G09). */
#include "multiplexer/news.h"

#include <stdio.h>

#include "multiplexer/mux.h"

/* What is told of one user's held input before the next has his turn: bytes, and a line costs the game
 * as much as LINE_COST more of them. */
enum { SHARE = 1024, LINE_COST = 128 };

static void wait_in_order(struct serverlink *s, struct subclient *u)
{
	if (!u->known && u->state == SUBCLIENT_CONNECTED && subclient_awaits_lookup(u))
		return; /* news_looked_up */
	if (list_is_empty(&u->waiting))
		list_add_last(&s->mux->waiting, &u->waiting);
	if (s->state == LINK_OPEN)
		loop_at_turn_end(s->mux->loop, &s->mux->pump);
}

/* Something was added to what is held for him, or could not be. */
static void on_held(struct serverlink *s, struct subclient *u, bool ok)
{
	if (!ok) {
		subclient_drop(u, CLOSING_NO_MEMORY);
		return;
	}
	wait_in_order(s, u);
	queues_check(s->mux);
	/* Reads are at most 4 KiB: stop where one more would pass the limit. */
	if (held_len(&u->held) + 4096 > s->mux->config.options.held_input)
		subclient_stop(u);
}

static bool may_tell(struct serverlink *s, const struct subclient *u)
{
	return s->state == LINK_OPEN && u->known && held_len(&u->held) == 0 &&
	       list_is_empty(&s->mux->waiting) && !serverlink_is_full(s);
}

/* How much of it was told: all, unless memory is out and the link about to end. */
static size_t tell_text(struct serverlink *s, struct subclient *u, struct slice bytes)
{
	struct link *l = serverlink_link(s);
	struct msg_got_subclient_text m = {.who = subclient_key(u)};
	size_t told = 0;

	for (; told < bytes.len; told += m.data.len) {
		m.data = slice_of(bytes.at + told, size_min(bytes.len - told, MSG_PAYLOAD_MAX));
		if (!link_send_got_subclient_text(l, &m))
			break;
		uint32_t lines = doubt_lines(&u->told, m.data);
		if (serverlink_has(s, FEATURE_HANDLED))
			doubt_sent(&s->doubt, (uint32_t)l->messages_out, u->number, lines);
	}
	return told;
}

static void tell_event(struct serverlink *s, struct subclient *u, struct slice channel,
	uint32_t flags, struct slice data)
{
	if (serverlink_has(s, FEATURE_EVENTS))
		link_send_got_subclient_event(serverlink_link(s),
			&(struct msg_got_subclient_event){.who = subclient_key(u),
				.channel = channel,
				.flags = flags,
				.data = data});
}

void news_input(struct serverlink *s, struct subclient *u, struct slice bytes)
{
	if (may_tell(s, u))
		bytes = slice_from(bytes, tell_text(s, u, bytes));
	if (bytes.len > 0)
		on_held(s, u, held_add_text(&u->held, bytes));
}

void news_event(struct serverlink *s, struct subclient *u, struct slice channel, uint32_t flags,
	struct slice data)
{
	if (may_tell(s, u))
		tell_event(s, u, channel, flags, data);
	else if (u->stopped) /* a key of two bytes is held as twenty: text goes first */
		s->mux->metrics.events_dropped++;
	else
		on_held(s, u, held_add_event(&u->held, channel, flags, data));
}

static void tell_caps(struct serverlink *s, struct subclient *u)
{
	u->caps_due = false;
	if (serverlink_has(s, FEATURE_CAPS))
		link_send_subclient_caps_are(serverlink_link(s),
			&(struct msg_subclient_caps_are){
				.who = subclient_key(u), .caps = subclient_caps(u)});
}

void news_caps(struct serverlink *s, struct subclient *u)
{
	if (!u->known)
		return; /* part of his arrival, or of the listing */
	/* Behind PAUSED nothing may come, and who is told all of READY gets it then. */
	u->caps_due = true;
	wait_in_order(s, u);
}

void news_flow(struct serverlink *s, struct subclient *u)
{
	if (u->known && u->flow.slow != u->told_slow)
		wait_in_order(s, u);
}

/* Only where it has changed since the server was told. */
static void tell_flow(struct serverlink *s, struct subclient *u)
{
	struct clientkey key = subclient_key(u);

	if (u->flow.slow == u->told_slow || !serverlink_has(s, FEATURE_FLOW))
		return;
	u->told_slow = u->flow.slow;
	if (u->flow.slow)
		link_send_subclient_is_slow(
			serverlink_link(s), &(struct msg_subclient_is_slow){.who = key,
						    .bytes = (uint32_t)u->stream->queued});
	else
		link_send_subclient_caught_up(
			serverlink_link(s), &(struct msg_subclient_caught_up){.who = key});
}

static void tell_killed(struct serverlink *s, struct subclient *u)
{
	struct msg_killed_subclient m = {.who = subclient_key(u)};

	link_send_killed_subclient(serverlink_link(s), &m);
	subclient_forget(u);
}

static void tell_looked_up(struct serverlink *s, struct subclient *u, enum lookup_kind kind)
{
	struct clientkey key = subclient_key(u);
	struct slice name = subclient_looked_up(u, kind);

	if (kind == LOOKUP_DNS)
		link_send_subclient_dns_is(serverlink_link(s),
			&(struct msg_subclient_dns_is){.who = key, .name = name});
	else
		link_send_subclient_identd_is(serverlink_link(s),
			&(struct msg_subclient_identd_is){.who = key, .name = name});
}

void news_asked(struct serverlink *s, struct subclient *u, enum lookup_kind kind)
{
	if (lookup_start(&s->mux->lookups, &u->lookups[kind], &u->at))
		tell_looked_up(s, u, kind);
	else
		u->asked[kind]++;
}

static void answer(struct serverlink *s, struct subclient *u, enum lookup_kind kind)
{
	if (!serverlink_can_tell(s))
		u->asked[kind] = 0; /* it has said that it leaves */
	for (; u->asked[kind] > 0; u->asked[kind]--)
		tell_looked_up(s, u, kind);
}

void news_looked_up(struct serverlink *s, struct subclient *u, enum lookup_kind kind)
{
	answer(s, u, kind);
	if (!u->known)
		wait_in_order(s, u); /* he came, and may be told of now */
}

void news_unanswered(struct serverlink *s, struct subclient *u)
{
	for (size_t kind = 0; kind < LOOKUP_KINDS; kind++)
		for (; u->asked[kind] > 0 && serverlink_can_tell(s); u->asked[kind]--)
			link_send_no_such_subclient(serverlink_link(s),
				&(struct msg_no_such_subclient){.who = subclient_key(u)});
}

void news_settle(struct serverlink *s)
{
	LIST_EACH(node, &s->mux->users)
	for (size_t kind = 0; kind < LOOKUP_KINDS; kind++)
		answer(s, container_of(node, struct subclient, node), (enum lookup_kind)kind);
}

void news_changed(struct serverlink *s, struct subclient *u)
{
	if (u->state != SUBCLIENT_GONE)
		wait_in_order(s, u); /* he came */
	else if (u->kill_asked && serverlink_can_tell(s))
		tell_killed(s, u); /* an answer: it does not wait for READY */
	else if (u->known && serverlink_can_tell(s))
		wait_in_order(s, u); /* he left: told behind what he typed before */
	else if (held_len(&u->held) > 0 && mux_keep_departed(s->mux, u))
		wait_in_order(s, u); /* what he typed is not lost because no game is there */
	else
		subclient_forget(u);
}

static void tell_got(struct serverlink *s, struct subclient *u, struct clientkey key)
{
	char ip[ADDRESS_IP_MAX];
	const char *word = subclient_protocol(u);
	struct address from = subclient_from(u);

	address_ip(&from, ip);
	if (u->at.user.sa.sa_family != AF_INET && u->at.user.sa.sa_family != AF_INET6)
		snprintf(ip, sizeof ip, "127.0.0.1"); /* AF_UNIX: somebody on this machine */
	link_send_got_subclient(serverlink_link(s),
		&(struct msg_got_subclient){
			.who = key, .protocol = slice_text(word), .ip = slice_text(ip)});
	u->known = u->ever_told = true;
}

static void tell_arrival(struct serverlink *s, struct subclient *u)
{
	struct clientkey key = subclient_key(u);

	tell_got(s, u, key);
	for (size_t kind = 0; kind < LOOKUP_KINDS; kind++)
		if (u->lookups[kind].mode == LOOKUP_AUTO)
			tell_looked_up(s, u, (enum lookup_kind)kind);
	if (u->state == SUBCLIENT_CONNECTED)
		tell_caps(s, u);
	link_send_done_sending_subclient_info(
		serverlink_link(s), &(struct msg_done_sending_subclient_info){.who = key});
}

static void tell_listed(struct serverlink *s, struct subclient *u)
{
	struct link *l = serverlink_link(s);
	struct clientkey key = subclient_key(u);
	uint64_t now = loop_now_ms(s->mux->loop);

	tell_got(s, u, key);
	/* What is known by now: a listing waits for nobody. */
	for (size_t kind = 0; kind < LOOKUP_KINDS; kind++)
		tell_looked_up(s, u, (enum lookup_kind)kind);
	link_send_subclient_idletime_is(
		l, &(struct msg_subclient_idletime_is){
			   .who = key, .seconds = (uint32_t)((now - u->input_ms) / 1000)});
	link_send_subclient_connecttime_is(
		l, &(struct msg_subclient_connecttime_is){
			   .who = key, .seconds = (uint32_t)((now - u->connected_ms) / 1000)});
	if (u->saved != NULL)
		link_send_subclient_saved_info_is(
			l, &(struct msg_subclient_saved_info_is){
				   .who = key, .data = slice_of(u->saved->bytes, u->saved->len)});
	else
		link_send_there_is_no_subclient_saved_info(
			l, &(struct msg_there_is_no_subclient_saved_info){.who = key});
	if (u->state == SUBCLIENT_CONNECTED)
		tell_caps(s, u);
	link_send_done_sending_subclient_info(
		l, &(struct msg_done_sending_subclient_info){.who = key});
}

/* What a crashed server may not have handled: its successor can ask him, or not believe him. */
static void tell_doubt(struct serverlink *s, struct subclient *u)
{
	char json[32];

	snprintf(json, sizeof json, "{\"lines\":%u}", u->doubt);
	u->doubt = 0;
	tell_event(s, u, slice_text("doubt"), EVENT_IS_JSON, slice_text(json));
}

void news_count_doubt(struct serverlink *s)
{
	const struct doubt_entry *entry;

	while ((entry = doubt_take(&s->doubt)) != NULL) {
		struct subclient *u = roster_find(&s->mux->roster, entry->user);

		if (u != NULL)
			u->doubt += entry->lines;
	}
	if (!s->was_open)
		return; /* half lines are still in what is saved */
	LIST_EACH(node, &s->mux->users)
	{
		struct subclient *u = container_of(node, struct subclient, node);

		/* However much of his line it had handled: it had not the end of it. */
		if (u->told.in_line && serverlink_has(s, FEATURE_HANDLED))
			u->doubt++;
		u->told = (struct doubt_text){0};
	}
}

static bool ends_line(uint8_t byte)
{
	return byte == '\n' || byte == '\r';
}

/* How much of text is worth credit: to the end of a line if one ends within. *cost is what it costs. */
static size_t part_of(struct slice text, int64_t credit, int64_t *cost)
{
	size_t part = 0, n = 0;
	int64_t sum = 0;

	for (*cost = 0; n < text.len && sum < credit; n++) {
		bool end = ends_line(text.at[n]);

		sum += 1 + (end ? LINE_COST : 0);
		if (end || n + 1 == text.len) {
			part = n + 1;
			*cost = sum;
		}
	}
	if (part > 0)
		return part;
	*cost = sum;
	return n;
}

/* Tells of his held input what he has credit for. An event and a line's end may cost more than
 * is left; that much less he has in the next round. */
static void tell_held(struct serverlink *s, struct subclient *u)
{
	bool left = u->state == SUBCLIENT_GONE;
	int64_t credit = left ? INT64_MAX : u->credit + SHARE;
	struct held_entry entry;

	while (credit > 0 && held_first(&u->held, &entry)) {
		int64_t cost = (int64_t)entry.data.len + LINE_COST;

		if (entry.is_event) {
			tell_event(s, u, entry.channel, entry.flags, entry.data);
			held_eat(&u->held);
		} else {
			size_t part = part_of(entry.data, credit, &cost);
			size_t n = tell_text(s, u, slice_of(entry.data.at, part));
			if (n == entry.data.len)
				held_eat(&u->held);
			else if (n > 0)
				held_eat_text(&u->held, n);
			if (n < part)
				break;
		}
		credit -= cost;
	}
	u->credit = held_len(&u->held) > 0 && credit < 0 ? (int32_t)credit : 0;
}

/* All that the server has to hear of one user, and of his input his share. He is out of mux->waiting
 * afterwards, or at its end. */
static void tell_waiting(struct serverlink *s, struct subclient *u)
{
	list_remove(&u->waiting);
	if (!u->known)
		tell_arrival(s, u);
	if (u->caps_due && u->state == SUBCLIENT_CONNECTED)
		tell_caps(s, u);
	if (u->state == SUBCLIENT_CONNECTED)
		tell_flow(s, u);
	if (u->doubt > 0 && u->known)
		tell_doubt(s, u);
	tell_held(s, u);
	if (held_len(&u->held) > 0)
		wait_in_order(s, u);
	if (u->state == SUBCLIENT_GONE && held_len(&u->held) == 0) {
		link_send_lost_subclient(
			serverlink_link(s), &(struct msg_lost_subclient){.who = subclient_key(u)});
		subclient_forget(u);
	} else {
		subclient_resume(u);
	}
}

/* Those who have left, but whose input has still to be told: with what was saved about them, since
 * without it their input would be a stranger's. */
static void list_departed(struct serverlink *s)
{
	LIST_EACH(node, &s->mux->waiting)
	{
		struct subclient *u = container_of(node, struct subclient, waiting);

		if (u->state == SUBCLIENT_GONE && u->ever_told && held_len(&u->held) > 0)
			tell_listed(s, u);
	}
}

static void pump_listing(struct serverlink *s)
{
	struct list *users = &s->mux->users;

	while (s->listings > 0 && !serverlink_is_full(s)) {
		if (s->listed == NULL) {
			list_departed(s);
			s->listed = users->next;
		}
		for (; s->listed != users && !serverlink_is_full(s); s->listed = s->listed->next) {
			struct subclient *u = container_of(s->listed, struct subclient, node);

			if (u->state == SUBCLIENT_CONNECTED && u->ever_told)
				tell_listed(s, u);
		}
		if (s->listed != users)
			return;
		if (!chain_list(&s->mux->chain))
			return; /* it asks for the pump */
		s->listed = NULL;
		s->listings--;
		link_send_done_sending_all_subclient_info(
			serverlink_link(s), &(struct msg_done_sending_all_subclient_info){0});
	}
}

void news_pump(struct serverlink *s)
{
	struct list *waiting = &s->mux->waiting;

	if (!serverlink_can_tell(s))
		return;
	pump_listing(s);
	while (s->state == LINK_OPEN && s->listings == 0 && !list_is_empty(waiting) &&
		!serverlink_is_full(s))
		tell_waiting(s, container_of(waiting->next, struct subclient, waiting));
	bool left = (s->listings > 0 && !s->mux->chain.listing) ||
		    (s->state == LINK_OPEN && !list_is_empty(waiting));
	if (left && !s->slow) /* when slow, on_slow(false) goes on */
		loop_at_next_turn(s->mux->loop, &s->mux->pump);
}

void news_forget_server(struct serverlink *s)
{
	struct mux *mux = s->mux;

	LIST_EACH(node, &mux->waiting)
	{
		struct subclient *u = container_of(node, struct subclient, waiting);

		if (u->state != SUBCLIENT_GONE)
			list_remove(node);
		else if (held_len(&u->held) == 0)
			subclient_forget(u);
		else if (mux_keep_departed(mux, u))
			u->known = u->kill_asked = false; /* he stays in front of the others */
		else
			subclient_forget(u);
	}
	LIST_EACH(node, &mux->users)
	{
		struct subclient *u = container_of(node, struct subclient, node);

		u->known = u->kill_asked = u->told_slow = false;
		memset(u->asked, 0, sizeof u->asked);
		if (u->state == SUBCLIENT_CONNECTED && !subclient_awaits_lookup(u))
			list_add_last(&mux->waiting, &u->waiting);
	}
	lists_clear(&mux->lists);
	events_forget(&mux->events);
	s->listings = 0;
	s->listed = NULL;
}
