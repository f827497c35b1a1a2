/* The game server as a whole: the link to the multiplexer, players, frames, script, stop. */
#ifndef SERVER_GAME_H
#define SERVER_GAME_H

#include "common/list.h"
#include "common/loop.h"
#include "common/slots.h"
#include "server/cvar.h"
#include "server/player.h"

struct muxlink;
struct script;

struct game {
	struct loop *loop;       /* borrowed: outlives us */
	struct cvar_list cvars;
	struct list players;     /* struct player node, in order of arrival */
	struct slots handles;    /* what scripts hold */
	struct list dirty;       /* players with output or a save to send at the end of the turn */
	struct muxlink *muxlink; /* owned */
	struct script *script;   /* owned: NULL while no map runs */
	uint64_t frame;          /* frames since start */
	uint64_t started_ms;
	/* and what server/ adds */
};

/* What scripts and console do to players; all take effect at the end of this turn of the loop. */
void player_send(struct player *p, struct slice text);       /* \n becomes \r\n on the way out */
void game_send_all(struct game *game, struct slice text);    /* one message to 0:255 */
bool player_save(struct player *p, json_t *saved, const char **why); /* takes the reference; false and
	* nothing changed when the whole would not fit in MSG_PAYLOAD_MAX: *why says by how many bytes */
bool player_set_name(struct player *p, const char *name, const char **why); /* NULL: none */
bool player_set_role(struct player *p, const char *role, const char **why);
void player_kick(struct player *p, const char *reason); /* shows the reason, then KILL SUBCLIENT; the
	* script gets leave at once */
const char *player_label(const struct player *p); /* "player 5:199 (192.0.2.7)", until the next call */

#endif
