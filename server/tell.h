/* What the game tells a player's client outside the text: GMCP, MSDP, hidden input, prompts. */
#ifndef SERVER_TELL_H
#define SERVER_TELL_H

#include <jansson.h>

#include "server/player.h"

struct muxlink;

enum { TELL_MAX = 64 * 1024 }; /* bytes that one tell may have; longer than a message: in pieces */

/* Behind what he was sent before. Nothing happens when his multiplexer does not know such things, when
 * he cannot be reached, or when there is no data. json: data is JSON. */
void player_tell(struct player *p, const char *channel, bool json, struct slice data);

/* The same for a list of one multiplexer, and for everybody. */
void muxlink_tell(struct muxlink *to, const struct clientkey *list, const char *channel, bool json,
	struct slice data);
void game_tell_all(struct game *game, const char *channel, bool json, struct slice data);

/* Shows text, which is a prompt: no line end is added, and his client can tell where it ends. */
void player_prompt(struct player *p, struct slice text);

/* What crawlers of MUD lists shall be told (MSSP), by every multiplexer, also while the game is away.
 * Takes the object over; NULL: the game's name, and what the multiplexer knows by itself. False, and nothing
 * changed: it is longer than TELL_MAX. */
bool game_set_mssp(struct game *game, json_t *table);

void game_tell_mssp_to_all(struct game *game);

/* A new link: its multiplexer is told. */
void game_tell_mssp(struct muxlink *to);

#endif
