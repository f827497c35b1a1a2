#include "server/muxpeer.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "server/game.h"
#include "server/muxlinks.h"

enum { CANDIDATES_MAX = 8 };

/* ---- going ---- */

void muxpeer_close(struct muxpeer *p)
{
	if (!list_is_empty(&p->node)) {
		list_remove(&p->node);
		p->all->candidate_count--;
	}
	p->owner = NULL;
	link_close(&p->link);
}

/* It is told why: a multiplexer that meant well dials again, but slowly. */
void muxpeer_refuse(struct muxpeer *p, const char *reason)
{
	log_warn("link: a connection is refused: %s", reason);
	p->all->game->metrics.links_refused++;
	if (p->greeted) {
		link_send_link_refused(
			&p->link, &(struct msg_link_refused){.reason = slice_text(reason)});
		link_half_close(&p->link);
		stream_flush(&p->link.stream);
	}
	muxpeer_close(p);
}

/* ---- until its proof ---- */

enum {
	OURS = FEATURE_LISTS | FEATURE_EVENTS | FEATURE_CAPS | FEATURE_PAUSE | FEATURE_HEARTBEAT |
	       FEATURE_HANDLED
};

/* Also link_ops.on_up: with a key nobody hears anything of us before he has shown his. */
static void greet(struct link *l)
{
	struct muxpeer *p = container_of(l, struct muxpeer, link);
	char features[FEATURES_TEXT_MAX];

	p->greeted = true;
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
	p->all->candidate_count--;
	muxlink_take(place, p);
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
			refused || status != UV_EOF);
	else if (refused || status != UV_EOF || l->framer.have > 0)
		muxpeer_refuse(p, reason);
	else
		muxpeer_close(p);
}

static void on_closed(struct link *l)
{
	struct muxpeer *p = container_of(l, struct muxpeer, link);
	struct muxlinks *all = p->all;

	free(p);
	muxlinks_closed_one(all);
}

static const struct link_ops link_ops = {
	.on_up = greet,
	.on_message = on_message,
	.on_end = on_end,
	.on_closed = on_closed,
};

/* For status: "unix", or an address with its port. */
static void note_address(struct muxpeer *p)
{
	struct address from;
	uv_os_fd_t fd;

	snprintf(p->address, sizeof p->address, "unix");
	if (uv_fileno(&p->link.stream.uv.handle, &fd) == 0 && address_of_peer(fd, &from) &&
		from.sa.sa_family != AF_UNIX)
		address_text(&from, p->address);
}

void muxpeer_accept(struct muxlinks *all, uv_stream_t *listening, const struct linkkey *key)
{
	struct muxpeer *p = calloc(1, sizeof *p);
	int status;

	if (p == NULL) {
		log_warn("link: a connection failed: out of memory");
		stream_refuse(listening);
		return;
	}
	p->all = all;
	list_init(&p->node);
	status = link_accept(&p->link, all->game->loop, listening, &link_ops, MSG_UP, key);
	if (status != 0) {
		log_warn("link: a connection failed: %s", uv_strerror(status));
		free(p);
		return;
	}
	all->open++;
	p->since_ms = loop_now_ms(all->game->loop);
	note_address(p);
	list_add_last(&all->candidates, &p->node);
	all->candidate_count++;
	p->greeted = key == NULL;
	if (all->candidate_count > CANDIDATES_MAX)
		muxpeer_refuse(p, "too many at once");
	else if (key == NULL)
		greet(&p->link);
}
