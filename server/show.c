#include "server/show.h"

#include "common/log.h"
#include "server/audience.h"
#include "server/game.h"
#include "server/tell.h"

/* ---- what a player can be shown ----------------------------------------------------------------- */

static enum pen_colors colors_of_client(const json_t *caps)
{
	json_int_t colors = json_integer_value(json_object_get(caps, "colors"));

	if (json_is_true(json_object_get(caps, "reader")))
		return PEN_NONE; /* it would read them out */
	return colors > 256 ? PEN_TRUE : colors == 256 ? PEN_256 : colors >= 8 ? PEN_16 : PEN_NONE;
}

static unsigned look_of(const struct player *p)
{
	unsigned look = p->colours == COLOURS_AUTO ? (unsigned)colors_of_client(p->caps)
						   : (unsigned)p->colours - COLOURS_NONE;

	/* A client that says nothing of its charset mostly shows UTF-8, or at least our ASCII. */
	if (json_is_false(json_object_get(p->caps, "utf8")))
		look |= LOOK_ASCII;
	if (json_is_true(json_object_get(p->caps, "mxp")))
		look |= LOOK_MXP;
	return look;
}

void player_look_again(struct player *p)
{
	unsigned look = look_of(p), before = p->look;

	if (look == before)
		return;
	p->game->looks[before]--;
	p->game->looks[look]++;
	p->look = (uint8_t)look;
	audience_look_changed(p, before);
}

bool looks_agree(const uint32_t looks[static LOOK_COUNT], unsigned depends, unsigned *look)
{
	bool any = false;

	*look = 0;
	for (unsigned l = 0; l < LOOK_COUNT; l++) {
		if (looks[l] == 0)
			continue;
		if (any && ((l ^ *look) & depends) != 0)
			return false;
		*look = l;
		any = true;
	}
	return true;
}

/* ---- showing ------------------------------------------------------------------------------------ */

static void show(
	struct player *p, const struct markup *m, void (*send)(struct player *, struct slice))
{
	struct buf out = {0};
	struct slice shown;

	if (markup_render(m, p->look, &out, &shown))
		send(p, shown);
	else
		log_warn("%s: output is lost: out of memory", player_label(p));
	buf_free(&out);
}

void player_show(struct player *p, const struct markup *m)
{
	bool ends = m->bytes.len > 0 && m->bytes.at[m->bytes.len - 1] == '\n';

	if (m->line && !m->coded && !ends) { /* as nearly all of them: no copy for a line end */
		show(p, &(struct markup){.bytes = m->bytes}, player_send);
		player_send(p, slice_text("\n"));
	} else {
		show(p, m, player_send);
	}
}

void player_show_prompt(struct player *p, const struct markup *m)
{
	show(p, m, player_prompt);
}

/* Makes the list of all that is needed once they are not all shown the same. */
static struct audience *everybody(struct game *game)
{
	if (game->everybody != NULL)
		return game->everybody;
	game->everybody = audience_new(game);
	if (game->everybody == NULL)
		return NULL;
	LIST_EACH(node, &game->players)
	{
		struct player *p = container_of(node, struct player, node);

		if (p->state != PLAYER_LEAVING && !audience_add(game->everybody, p)) {
			audience_free(game->everybody);
			return game->everybody = NULL;
		}
	}
	return game->everybody;
}

static void show_each(struct game *game, const struct markup *m)
{
	LIST_EACH(node, &game->players)
	player_show(container_of(node, struct player, node), m);
}

void game_show_all(struct game *game, const struct markup *m)
{
	struct buf out = {0};
	struct slice shown;
	unsigned look;

	if (!looks_agree(game->looks, markup_depends(m), &look)) {
		if (everybody(game) != NULL)
			audience_show(game->everybody, m);
		else
			show_each(game, m);
		return;
	}
	if (markup_render(m, look, &out, &shown))
		game_send_all(game, shown);
	else
		log_warn("output for all is lost: out of memory");
	buf_free(&out);
}
