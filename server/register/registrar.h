/* Keeps this server in a server list: asks who it is, calls, is called back, and says how it stands. */
#ifndef SERVER_REGISTER_REGISTRAR_H
#define SERVER_REGISTER_REGISTRAR_H

#include <jansson.h>

#include "common/defs.h"

struct game;
struct registrar;

/* Begins by itself as soon as the settings say so (section 1 of the cvars); reads them again whenever
 * they change. NULL when memory is out. */
struct registrar *registrar_open(struct game *game);

/* The server ends for good: the list is told, if it has us. After a second at most, or at once if there
 * is nothing to tell, game_unlisted is called, from a later turn of the loop. Asking again changes
 * nothing. */
void registrar_leave(struct registrar *r);
bool registrar_is_leaving(const struct registrar *r); /* and is not done. NULL is not */

void registrar_close(struct registrar *r); /* at once; freed in a later turn. NULL is allowed */

/* In words, for people. New reference. */
json_t *registrar_status(const struct registrar *r);

#endif
