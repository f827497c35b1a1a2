#include "server/tell.h"

#include <stdlib.h>

#include "server/game.h"
#include "server/muxlinks.h"

/* Of one message; the deepest key and the longest channel leave room for more than this. */
enum { PIECE = 4000 };

/* Where to tell of things outside the text; NULL while nobody there understands them. */
static struct link *out_of(struct muxlink *m)
{
	return muxlink_has(m, FEATURE_EVENTS) ? muxlink_out(m) : NULL;
}

static void send_event(struct link *out, const struct clientkey *who, const char *channel,
	uint32_t flags, struct slice data)
{
	struct msg_send_subclient_event m = {.who = *who, .channel = slice_text(channel)};

	while (data.len > 0) {
		m.data = slice_of(data.at, size_min(data.len, PIECE));
		data = slice_from(data, m.data.len);
		m.flags = flags | (data.len > 0 ? EVENT_MORE_FOLLOWS : 0);
		link_send_send_subclient_event(out, &m);
	}
}

void player_tell(struct player *p, const char *channel, bool json, struct slice data)
{
	struct link *out = out_of(muxlinks_find(p->game->muxlinks, p->link));

	if (p->state != PLAYER_HERE || out == NULL || data.len > TELL_MAX)
		return;
	player_flush(p);
	send_event(out, &p->key, channel, json ? EVENT_IS_JSON : 0, data);
}

static const struct clientkey everyone = {.depth = 2, .number = {0, CLIENTKEY_LIST}};

void muxlink_tell(struct muxlink *to, const struct clientkey *list, const char *channel, bool json,
	struct slice data)
{
	struct link *out = out_of(to);

	if (out == NULL || data.len > TELL_MAX)
		return;
	game_flush(to->game);
	send_event(out, list, channel, json ? EVENT_IS_JSON : 0, data);
}

void game_tell_all(struct game *game, const char *channel, bool json, struct slice data)
{
	for (struct muxlink *m = NULL; (m = muxlinks_next(game->muxlinks, m)) != NULL;)
		if (muxlink_state(m) != MUXLINK_LISTING)
			muxlink_tell(m, &everyone, channel, json, data);
}

void player_prompt(struct player *p, struct slice text)
{
	if (out_of(muxlinks_find(p->game->muxlinks, p->link)) != NULL && text.len <= TELL_MAX)
		player_tell(p, "prompt", false, text);
	else
		player_send(p, text);
}

void game_tell_mssp(struct muxlink *to)
{
	struct link *out = out_of(to);
	struct game *game = to->game;
	char text[256] = "";

	if (out == NULL)
		return;
	/* A map that says nothing takes back what another said before it. */
	json_t *name = json_pack("{s:s}", "NAME", game->cvars.set.sv_name);
	size_t len = game->mssp == NULL ? json_dumpb(name, text, sizeof text, JSON_COMPACT) : 0;
	json_decref(name);
	if (game->mssp != NULL)
		send_event(out, &everyone, "mssp", EVENT_IS_JSON, slice_text(game->mssp));
	else if (len > 0 && len <= sizeof text)
		send_event(out, &everyone, "mssp", EVENT_IS_JSON, slice_of(text, len));
}

void game_tell_mssp_to_all(struct game *game)
{
	for (struct muxlink *m = NULL; (m = muxlinks_next(game->muxlinks, m)) != NULL;)
		if (muxlink_state(m) != MUXLINK_LISTING)
			game_tell_mssp(m);
}

bool game_set_mssp(struct game *game, json_t *table)
{
	char *text = table != NULL ? json_dumps(table, JSON_COMPACT) : NULL;
	bool ok = table == NULL || (text != NULL && strlen(text) <= TELL_MAX);

	json_decref(table);
	if (!ok) {
		free(text);
		return false;
	}
	free(game->mssp);
	game->mssp = text;
	game_tell_mssp_to_all(game);
	return true;
}
