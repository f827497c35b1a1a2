/* Roles that admins granted to accounts of maps: beside what scripts keep, so that none can grant. */
#ifndef SERVER_GRANTS_H
#define SERVER_GRANTS_H

#include <jansson.h>

#include "server/store.h"

enum {
	GRANT_ROLE_MAX = 32,   /* bytes of a role: a-z, 0-9, - and _ */
	GRANT_ACCOUNT_MAX = 64 /* bytes of an account's name */
};

/* An account is a name that a map's script takes passwords for; so it belongs to its map, and has at
 * most one role there. Names are compared without regard to the case of a to z. GRANT_ALL as the map:
 * in every map, where nothing else was granted. */
#define GRANT_ALL "all"

/* Makes room for grants in the file. All of these: false with *why a sentence, valid until the next. */
bool grants_open(struct store *s, const char **why);

/* On the disk when it returns; so is whatever scripts had changed: call game_commit_store before. */
bool grants_set(
	struct store *s, const char *map, const char *account, const char *role, const char **why);
bool grants_remove(struct store *s, const char *map, const char *account, const char **why);

/* False: it has none. */
bool grants_role(
	struct store *s, const char *map, const char *account, char out[static GRANT_ROLE_MAX + 1]);

/* An array of {account, role, map}. New reference. */
json_t *grants_list(struct store *s);

bool grants_is_role(const char *role); /* could be one */

#endif
