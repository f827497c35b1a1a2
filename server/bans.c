#include "server/bans.h"

#include "common/log.h"
#include "proto/banwire.h"
#include "server/game.h"
#include "server/muxlinks.h"

enum { BANS_MAX = 100000 };

static void tell_link(struct bans *b, struct muxlink *m, const struct ban_clock *now)
{
	struct link *out = muxlink_out(m);
	const struct ban *ban;

	while (out != NULL && (ban = banreader_next(&m->bans, &b->list)) != NULL)
		banwire_send_down(out, ban, now);
}

static void tell_task(struct loop_task *task)
{
	struct bans *b = container_of(task, struct bans, tell);
	struct ban_clock now = ban_clock_now();

	for (struct muxlink *m = NULL; (m = muxlinks_next(b->game->muxlinks, m)) != NULL;)
		tell_link(b, m, &now);
}

static void on_change(struct banlist *l, const struct ban *ban UNUSED)
{
	struct bans *b = container_of(l, struct bans, list);

	loop_at_turn_end(b->game->loop, &b->tell);
}

bool bans_make(struct bans *b, const struct ban *wanted, const char **why)
{
	struct ban_clock now = ban_clock_now();
	bool heard = false;

	for (struct muxlink *m = NULL; (m = muxlinks_next(b->game->muxlinks, m)) != NULL;)
		heard = heard || (muxlink_out(m) != NULL && muxlink_has(m, FEATURE_BANS));
	*why = "no multiplexer that keeps bans is connected; ask it itself: holdfastctl ban";
	return heard && banlist_put(&b->list, wanted, NULL, &now, why) != BAN_REFUSED;
}

void bans_clock(struct bans *b)
{
	struct ban_clock now = ban_clock_now();

	banlist_expire(&b->list, &now);
}

void bans_link_begins(struct bans *b UNUSED, struct muxlink *m)
{
	struct link *out = muxlink_out(m);

	if (out != NULL && muxlink_has(m, FEATURE_BANS))
		link_send_tell_me_your_bans(out, &(struct msg_tell_me_your_bans){0});
}

void bans_link_ends(struct bans *b, struct muxlink *m)
{
	banreader_stop(&m->bans, &b->list);
}

void bans_told(struct bans *b, struct muxlink *m, const struct ban *ban)
{
	struct ban_clock now = ban_clock_now();
	struct link *out = muxlink_out(m);
	char net[NET_TEXT_MAX];
	const char *why;

	switch (banlist_put(&b->list, ban, &m->bans, &now, &why)) {
	case BAN_REFUSED:
		log_warn("%s: its ban of %s does not reach the others: %s", muxlink_label(m),
			net_text(&ban->net, net), why);
		break;
	case BAN_OLD:
		if (out != NULL)
			banwire_send_down(out, banlist_get(&b->list, &ban->net), &now);
		break;
	case BAN_TAKEN:
	case BAN_SAME:
		break;
	}
}

void bans_listed(struct bans *b, struct muxlink *m)
{
	banreader_start(&m->bans, &b->list);
	loop_at_turn_end(b->game->loop, &b->tell);
}

void bans_open(struct bans *b, struct game *game)
{
	*b = (struct bans){.game = game};
	banlist_init(&b->list, BANS_MAX);
	b->list.on_change = on_change;
	loop_task_init(&b->tell, tell_task);
}

void bans_close(struct bans *b)
{
	loop_task_cancel(&b->tell);
	banlist_free(&b->list);
}
