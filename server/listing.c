/* Who is here, as a multiplexer lists them when it connects; and who is let in. */
#include "common/log.h"
#include "server/audience.h"
#include "server/game.h"
#include "server/muxlinks.h"
#include "server/tell.h"

void game_forget_players(struct muxlink *from, const char *because)
{
	bool told = false;

	/* Scripts may kick others meanwhile, which frees nobody at once: KILLED comes later. */
	LIST_EACH(node, &from->game->players)
	{
		struct player *p = container_of(node, struct player, node);

		if (p->link != from->number)
			continue;
		if (!told)
			log_warn("%s: %s", muxlink_label(from), because);
		told = true;
		player_gone(p, "gone");
	}
}

void game_listing_begins(struct muxlink *from)
{
	LIST_EACH(node, &from->game->players)
	{
		struct player *p = container_of(node, struct player, node);

		if (p->link != from->number)
			continue;
		p->seen = false;
		event_end(&p->event); /* its other pieces will not come */
		/* What was said of him last may have gone lost with the link before this. */
		p->save_due = p->save_due || (p->state == PLAYER_HERE && player_has_saved(p));
	}
}

/* He was here before the link was lost. */
static void settle_old(struct player *p)
{
	struct link *out = player_out(p);

	if (!p->seen)
		player_gone(p, "gone");
	else if (p->state == PLAYER_LEAVING && out != NULL) /* the KILL may have, too */
		link_send_kill_subclient(out, &(struct msg_kill_subclient){.who = p->key});
	else
		player_slow(p, 0); /* if he is, it will be said again */
}

void game_listing_ends(struct muxlink *from)
{
	struct game *game = from->game;

	LIST_EACH(node, &game->players)
	{
		struct player *p = container_of(node, struct player, node);

		if (p->link != from->number)
			continue;
		if (p->state == PLAYER_ARRIVING && p->seen)
			player_arrive(p);
		else
			settle_old(p);
	}
	LIST_EACH(node, &game->players)
	{
		struct player *p = container_of(node, struct player, node);

		if (p->save_due)
			player_touch(p);
	}
	from->listed = true;
	audience_tell_all(from);
	game_tell_mssp(from);
	game->flush.run(&game->flush); /* what is kept is on its way before READY */
	map_listed(game);
	muxlink_ready(from);
}

bool game_accept(struct game *game, bool localhost_only)
{
	bool any = false;

	for (struct muxlink *m = NULL; (m = muxlinks_next(game->muxlinks, m)) != NULL;) {
		struct link *out = muxlink_out(m);

		if (out == NULL)
			continue;
		any = true;
		if (localhost_only)
			link_send_accept_localhost_only(
				out, &(struct msg_accept_localhost_only){0});
		else
			link_send_accept_all(out, &(struct msg_accept_all){0});
	}
	return any;
}

const char *game_accept_word(const struct game *game)
{
	bool local = false, everywhere = false;

	for (struct muxlink *m = NULL; (m = muxlinks_next(game->muxlinks, m)) != NULL;) {
		/* Of those that are away only if no other is there. */
		if (!m->taken || (m->peer == NULL && muxlinks_has_other(game->muxlinks, m)))
			continue;
		local = local || m->localhost_only;
		everywhere = everywhere || !m->localhost_only;
	}
	return local && everywhere ? "mixed" : local ? "localhost" : "all";
}
