/* What the game server says about itself and the link, from its hello to its goodbye: the state follows. */
#include "multiplexer/serverlink_parts.h"

#include <stdio.h>

#include "common/log.h"
#include "multiplexer/mux.h"
#include "multiplexer/news.h"

bool serverlink_has(const struct serverlink *s, unsigned feature)
{
	return (s->features & feature) != 0;
}

bool serverlink_on_hello(struct serverlink *s, unsigned features)
{
	enum {
		OURS = FEATURE_LISTS | FEATURE_EVENTS | FEATURE_CAPS | FEATURE_PAUSE |
		       FEATURE_HEARTBEAT | FEATURE_HANDLED | FEATURE_FLOW | FEATURE_BANS
	};
	char text[FEATURES_TEXT_MAX];

	if (s->heard || s->state != LINK_HELD)
		return false;
	s->features = features & OURS;
	features_text(s->features, text);
	log_debug("server: hello; we both have %s", text);
	link_send_multiplexer_hello(serverlink_link(s),
		&(struct msg_multiplexer_hello){.version = PROTOCOL_VERSION,
			.features = slice_text(text),
			.incarnation = slice_of(s->mux->incarnation, INCARNATION_LEN)});
	return true;
}

void serverlink_tell_accept_mode(struct serverlink *s)
{
	struct link *l = serverlink_link(s);

	if (s->mux->localhost_only)
		link_send_accepting_localhost_only(l, &(struct msg_accepting_localhost_only){0});
	else
		link_send_accepting_all(l, &(struct msg_accepting_all){0});
}

void serverlink_on_refused(struct serverlink *s, struct slice reason)
{
	char text[REFUSAL_MAX];

	log_escape(text, sizeof text, reason);
	if (strcmp(text, s->refusal) != 0)
		log_warn("server: refuses us: %s; dialling on, once a second", text);
	memcpy(s->refusal, text, sizeof s->refusal);
	s->refused_now = true;
	s->wrong_version = false;
}

void serverlink_on_wrong_version(struct serverlink *s, const char *text)
{
	if (strcmp(text, s->refusal) == 0)
		s->wrong_version = true; /* said before */
	else
		s->wrong_version = false;
	snprintf(s->refusal, sizeof s->refusal, "%s", text);
}

void serverlink_on_heartbeat_answer(struct serverlink *s, uint32_t number)
{
	pulse_answered(&s->pulse, number);
}

bool serverlink_on_ready(struct serverlink *s)
{
	struct mux *mux = s->mux;

	if (s->state == LINK_OPEN)
		return true;
	if (!serverlink_move(s, LINK_OPEN))
		return false;
	s->was_open = true;
	s->refusal[0] = '\0';
	servers_at(&s->servers)->there = false; /* not one more any longer */
	mux->metrics.server_ready++;
	log_info("server: ready");
	mux_tell_all(mux, outage_back(&mux->outage, mux->config.options.notice_back_after,
				  loop_now_ms(mux->loop)));
	chain_server_ready(&mux->chain);
	loop_at_turn_end(mux->loop, &mux->pump);
	return true;
}

/* From here on input is held. */
static void tell_leaving(struct serverlink *s)
{
	if (s->was_open)
		mux_tell_all(s->mux,
			outage_gone(&s->mux->outage, SAY_RESTART, loop_now_ms(s->mux->loop)));
}

static bool hold_input(struct serverlink *s)
{
	if (s->state == LINK_HELD)
		return true;
	if (!serverlink_move(s, LINK_HELD))
		return false;
	log_info("server: not ready; input is held");
	tell_leaving(s);
	return true;
}

bool serverlink_on_not_ready(struct serverlink *s)
{
	if (!hold_input(s))
		return false;
	chain_server_not_ready(&s->mux->chain);
	return true;
}

bool serverlink_on_pause(struct serverlink *s)
{
	if (!hold_input(s))
		return false;
	news_settle(s);
	chain_server_pauses(&s->mux->chain);
	return true;
}

void serverlink_say_paused(struct serverlink *s)
{
	link_send_paused(serverlink_link(s), &(struct msg_paused){0});
}

bool serverlink_on_going_offline(struct serverlink *s)
{
	if (!serverlink_move(s, LINK_LEAVING))
		return false;
	log_info("server: is going offline");
	tell_leaving(s);
	chain_server_goes_offline(&s->mux->chain);
	link_half_close(serverlink_link(s));
	serverlink_dial_later(s);
	return true;
}
