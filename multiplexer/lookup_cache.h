/* What DNS has said of addresses, for a while: so that who reconnects costs no question. */
#ifndef MULTIPLEXER_LOOKUP_CACHE_H
#define MULTIPLEXER_LOOKUP_CACHE_H

#include "common/address.h"

/* No clock of its own. All zero is empty. */
struct lookup_cache {
	struct lookup_entry *entries; /* owned: uthash head; the oldest is first */
};

/* True when a is known: *name is its name, or NULL when it is known to have none; valid until the
 * next call. */
bool lookup_cache_find(
	struct lookup_cache *c, const struct address *a, uint64_t now_ms, const char **name);

/* Keeps name (NULL: it has none) until then. The oldest entry makes room when there are max; nothing
 * is kept when memory is out. */
void lookup_cache_put(struct lookup_cache *c, const struct address *a, const char *name,
	uint64_t until_ms, unsigned max);

void lookup_cache_clear(struct lookup_cache *c);

#endif
