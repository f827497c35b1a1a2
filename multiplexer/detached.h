/* Users of the play page without a connection: kept for a while, and given the next one that shows their
 * token. The game sees nothing of it. */
#ifndef MULTIPLEXER_DETACHED_H
#define MULTIPLEXER_DETACHED_H

#include "common/defs.h"

struct mux;
struct subclient;

/*   CONNECTED --(lost, silent, too slow, closed by anything but 1000)--> detached
 *      ^   <--(a connection shows his token within session_ttl)------------/   \--(else)--> GONE
 *      \--- (another connection shows it: the old one is closed by 4001)
 *
 * A detached one is CONNECTED in every other respect: listed, counted, kicked, told to a new game
 * server; his output goes into his session alone. */

/* The limits that the options give. */
void detached_configure(struct mux *mux);

/* Takes u's connection away from him if he may come back by another one; false: he may not, or too many
 * are waited for already, and nothing has changed. */
bool detached_begin(struct subclient *u);

/* The clock, for one who is detached: ends him when his time is over. */
void detached_tick(struct subclient *u);

/* u is GONE. */
void detached_gone(struct subclient *u);

/* u is ARRIVING and has shown a token: whose it is is found out at the end of the turn. He is not read
 * until then. */
void detached_claim(struct subclient *u);

/* Of all who have shown one. */
void detached_claims(struct mux *mux);

#endif
