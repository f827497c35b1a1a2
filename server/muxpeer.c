#include "server/muxpeer.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "server/game.h"
#include "server/muxlinks.h"

enum {
	STRANGERS_MAX = 7, /* besides as many as may become links: have no key to prove, or have */
	UNPROVED_MAX = 32, /* that have not yet: the oldest gives way, so that nobody can fill it */
	SAME_AGAIN_MS = 60000 /* a refusal like the last one is not logged for so long */
};

/* ---- going ---- */

void muxpeer_close(struct muxpeer *p)
{
	list_remove(&p->node);
	p->owner = NULL;
	link_close(&p->link);
}

/* One that dials again and again for the same reason is one event. */
static void log_refusal(const struct muxpeer *p, const char *reason)
{
	struct muxlinks *all = p->all;
	uint64_t now = loop_now_ms(all->game->loop);
	char ip[ADDRESS_IP_MAX], text[sizeof all->last_refusal];

	address_ip(&p->from, ip);
	snprintf(text, sizeof text, "%s %s", ip, reason);
	if (strcmp(text, all->last_refusal) == 0 && now - all->last_refusal_ms < SAME_AGAIN_MS)
		return;
	memcpy(all->last_refusal, text, sizeof text);
	all->last_refusal_ms = now;
	if (p->from.sa.sa_family == AF_UNIX)
		log_warn("link: a connection is refused: %s", reason);
	else
		log_warn("link: a connection from %s is refused: %s", p->address, reason);
}

void muxpeer_refuse(struct muxpeer *p, const char *reason)
{
	log_refusal(p, reason);
	p->all->game->metrics.links_refused++;
	if (!p->greeted) {
		muxpeer_close(p);
		return;
	}
	list_remove(&p->node);
	list_add_last(&p->all->refused, &p->node);
	link_refuse(&p->link, reason);
}

/* It has not shown our key: three of those from one address, and that address waits. */
static void refuse_unproved(struct muxpeer *p, const char *reason)
{
	uint64_t now = loop_now_ms(p->all->game->loop);
	char ip[ADDRESS_IP_MAX];

	address_ip(&p->from, ip);
	if (strikes_add(&p->all->strikes, &p->from, now))
		log_warn("link: %s has failed %d times; it has to wait for %d s", ip, STRIKES_OUT,
			STRIKES_WAIT_MS / 1000);
	muxpeer_refuse(p, reason);
}

/* ---- until its proof ---- */

enum {
	OURS = FEATURE_LISTS | FEATURE_EVENTS | FEATURE_CAPS | FEATURE_PAUSE | FEATURE_HEARTBEAT |
	       FEATURE_HANDLED | FEATURE_FLOW | FEATURE_BANS
};

static unsigned greeted_count(const struct muxlinks *all)
{
	unsigned count = 0;

	LIST_EACH(node, &all->candidates)
	count += container_of(node, struct muxpeer, node)->greeted;
	return count;
}

/* Also link_ops.on_up: with a key nobody hears anything of us before he has shown his. */
static void greet(struct link *l)
{
	struct muxpeer *p = container_of(l, struct muxpeer, link);
	char features[FEATURES_TEXT_MAX];

	p->greeted = true;
	p->since_ms = loop_now_ms(p->all->game->loop);
	strikes_clear(&p->all->strikes, &p->from);
	if (greeted_count(p->all) > STRANGERS_MAX + p->all->count) {
		muxpeer_refuse(p, "too many at once");
		return;
	}
	link_send_server_hello(l, &(struct msg_server_hello){.version = PROTOCOL_VERSION,
					  .features = slice_text(features_text(OURS, features))});
	link_send_not_ready(l, &(struct msg_not_ready){0});
	link_send_tell_me_your_accept_mode(l, &(struct msg_tell_me_your_accept_mode){0});
	link_send_get_all_subclient_info(l, &(struct msg_get_all_subclient_info){0});
}

static bool candidate_refuses(struct muxpeer *p, const struct frame *f, struct refusal *why)
{
	struct msg_link_refused m;

	if (!msg_link_refused_read(f->args, f->count, &m, why))
		return false;
	muxlinks_on_refused(p->all, m.reason);
	return true;
}

static bool candidate_hello(struct muxpeer *p, const struct frame *f, struct refusal *why)
{
	struct msg_multiplexer_hello m;

	if (!msg_multiplexer_hello_read(f->args, f->count, &m, why))
		return false;
	if (m.version != PROTOCOL_VERSION) {
		snprintf(why->text, sizeof why->text,
			"the multiplexer speaks version %u of the protocol, the game server "
			"version %d",
			m.version, PROTOCOL_VERSION);
		return false;
	}
	if (p->said_hello) {
		snprintf(
			why->text, sizeof why->text, "%s (%u): said twice", msg_name(f->id), f->id);
		return false;
	}
	if (m.incarnation.len != INCARNATION_LEN) {
		snprintf(why->text, sizeof why->text,
			"%s (%d): argument 3 (incarnation): %zu bytes instead of %d",
			msg_name(f->id), f->id, m.incarnation.len, INCARNATION_LEN);
		return false;
	}
	p->said_hello = true;
	p->features = features_parse(m.features) & OURS;
	memcpy(p->incarnation, m.incarnation.at, INCARNATION_LEN);
	return true;
}

/* Its clock may strike between its hello and its proof. */
static bool candidate_heartbeat(struct muxpeer *p, const struct frame *f, struct refusal *why)
{
	struct msg_heartbeat m;

	if (!msg_heartbeat_read(f->args, f->count, &m, why))
		return false;
	link_send_heartbeat_answer(&p->link, &(struct msg_heartbeat_answer){.number = m.number});
	return true;
}

static bool candidate_proves(struct muxpeer *p, const struct frame *f, struct refusal *why)
{
	const char *no;
	struct muxlink *place = muxlinks_admit(p->all, p, &no);

	if (place == NULL) {
		snprintf(why->text, sizeof why->text, "%s", no);
		return false;
	}
	list_remove(&p->node);
	return handle_message(place, f, why);
}

/* Until it has proved itself a candidate may only tick and answer. */
static bool candidate_message(struct muxpeer *p, const struct frame *f, struct refusal *why)
{
	if (f->id == MSG_TICK)
		return true;
	if (f->id == MSG_LINK_REFUSED)
		return candidate_refuses(p, f, why);
	if (f->id == MSG_MULTIPLEXER_HELLO)
		return candidate_hello(p, f, why);
	if (f->id == MSG_HEARTBEAT && (p->features & FEATURE_HEARTBEAT) != 0)
		return candidate_heartbeat(p, f, why);
	if (f->id == MSG_ACCEPTING_ALL || f->id == MSG_ACCEPTING_LOCALHOST_ONLY)
		return candidate_proves(p, f, why);
	snprintf(why->text, sizeof why->text, "%s (%u): before the answer to %s", msg_name(f->id),
		f->id, msg_name(MSG_TELL_ME_YOUR_ACCEPT_MODE));
	return false;
}

static bool on_message(struct link *l, const struct frame *f, struct refusal *why)
{
	struct muxpeer *p = container_of(l, struct muxpeer, link);

	return p->owner != NULL ? muxlink_message(p->owner, f, why) : candidate_message(p, f, why);
}

/* ---- life ---- */

static void on_end(struct link *l, int status, const char *reason, bool refused)
{
	struct muxpeer *p = container_of(l, struct muxpeer, link);

	if (p->owner != NULL)
		muxlink_end(p->owner, refused ? "cut off" : "lost", reason,
			refused || !link_peer_closed(status));
	else if (!p->greeted)
		refuse_unproved(p, reason);
	else if (refused || !link_peer_closed(status) || l->framer.have > 0)
		muxpeer_refuse(p, reason);
	else
		muxpeer_close(p);
}

static void on_closed(struct link *l)
{
	struct muxpeer *p = container_of(l, struct muxpeer, link);
	struct muxlinks *all = p->all;

	list_remove(&p->node); /* of all->refused: it has heard why, and closed itself */
	free(p);
	muxlinks_closed_one(all);
}

static const struct link_ops link_ops = {
	.on_up = greet,
	.on_message = on_message,
	.on_end = on_end,
	.on_closed = on_closed,
};

static void make_room(struct muxlinks *all)
{
	struct muxpeer *oldest = NULL;
	unsigned unproved = 0;

	LIST_EACH(node, &all->candidates)
	{
		struct muxpeer *p = container_of(node, struct muxpeer, node);

		if (!p->greeted && unproved++ == 0)
			oldest = p;
	}
	if (unproved >= UNPROVED_MAX)
		refuse_unproved(oldest, "too many at once who have not shown their key");
}

void muxpeer_accept(struct muxlinks *all, uv_stream_t *listening, const struct linkkey *key)
{
	uint64_t now = loop_now_ms(all->game->loop);
	struct address from = {.un.sun_family = AF_UNIX, .len = sizeof from.un};
	struct muxpeer *p;
	int status;

	stream_waiting_from(listening, &from);
	if (strikes_is_out(&all->strikes, &from, now)) {
		all->game->metrics.links_refused++;
		stream_refuse(listening);
		return;
	}
	p = calloc(1, sizeof *p);
	if (p == NULL) {
		log_warn("link: a connection failed: out of memory");
		stream_refuse(listening);
		return;
	}
	p->all = all;
	p->from = from;
	p->since_ms = now;
	address_text(&from, p->address);
	list_init(&p->node);
	status = link_accept(&p->link, all->game->loop, listening, &link_ops, MSG_UP, key);
	if (status != 0) {
		log_warn("link: a connection failed: %s", uv_strerror(status));
		free(p);
		return;
	}
	all->open++;
	make_room(all);
	list_add_last(&all->candidates, &p->node);
	if (key == NULL)
		greet(&p->link);
}
