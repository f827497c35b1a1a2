/* Tokens of the HTTP API: who shows one may ask; only their hashes are kept, in the store. */
#ifndef SERVER_API_TOKENS_H
#define SERVER_API_TOKENS_H

#include <jansson.h>

#include "common/defs.h"

struct store;

enum { TOKEN_TEXT_MAX = 48, TOKEN_NAME_MAX = 40 };

/* What a token is good for: a request that changes nothing, or any. */
enum token_scope { TOKEN_NONE, TOKEN_READ, TOKEN_WRITE };

bool tokens_open(struct store *s, const char **why);

/* Makes one: its text, which is shown this once, into out. A name is 1 to 40 letters, digits, - and _.
 * False with *why: a bad name, one that is taken, no such scope ("read", "write"). */
bool tokens_new(struct store *s, const char *name, const char *scope,
	char out[static TOKEN_TEXT_MAX], const char **why);

/* [{"name": ..., "scope": ..., "made": "2026-11-21 15:00:00 UTC"}]. New reference. */
json_t *tokens_list(struct store *s);

/* False with *why: there is none of that name. From now on it is good for nothing. */
bool tokens_revoke(struct store *s, const char *name, const char **why);

/* What the text that somebody shows is good for; its name then is in name. How long that takes says
 * nothing about any token. */
enum token_scope tokens_check(
	struct store *s, struct slice text, char name[static TOKEN_NAME_MAX + 1]);

#endif
