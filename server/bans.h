/* What the multiplexers of this game have banned, all together, and how they hear of each other's bans. */
#ifndef SERVER_BANS_H
#define SERVER_BANS_H

#include "common/banlist.h"
#include "common/loop.h"

struct game;
struct muxlink;

/* The multiplexers keep the bans: they have them while no game is there. We ask each that comes, tell it
 * what the others have, and pass on what is new; so all of them have all bans, those that come later
 * too, and what was lifted while one was away is lifted there when it is back. */
struct bans {
	struct game *game; /* borrowed: we live inside it */
	struct banlist list;
	struct loop_task tell;
};

void bans_open(struct bans *b, struct game *game);
void bans_close(struct bans *b); /* no link is left */

/* From the console or a script: wanted as banlist_put takes it. False with *why (static): no multiplexer
 * is there that knows bans; there are too many. */
bool bans_make(struct bans *b, const struct ban *wanted, const char **why);

/* Over is what is over. */
void bans_clock(struct bans *b);

/* ---- muxlink tells ---- */

void bans_link_begins(struct bans *b, struct muxlink *m);
void bans_link_ends(struct bans *b, struct muxlink *m);

/* BAN IS, UNBAN IS; and DONE SENDING BANS: now it hears what it does not know. */
void bans_told(struct bans *b, struct muxlink *m, const struct ban *ban);
void bans_listed(struct bans *b, struct muxlink *m);

#endif
