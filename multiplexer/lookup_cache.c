#include "multiplexer/lookup_cache.h"

#include <stdlib.h>

#include "common/hash.h"

struct key {
	uint8_t ip[ADDRESS_IP_BYTES];
};

struct lookup_entry {
	struct key key;
	uint64_t until_ms;
	UT_hash_handle hh;
	bool has_name;
	char name[]; /* empty unless has_name */
};

static void drop(struct lookup_cache *c, struct lookup_entry *e)
{
	HASH_DELETE(hh, c->entries, e);
	free(e);
}

static struct lookup_entry *find(const struct lookup_cache *c, const struct key *key)
{
	struct lookup_entry *e;

	HASH_FIND(hh, c->entries, key, sizeof *key, e);
	return e;
}

bool lookup_cache_find(
	struct lookup_cache *c, const struct address *a, uint64_t now_ms, const char **name)
{
	struct key key;
	struct lookup_entry *e = address_ip_bytes(a, key.ip) ? find(c, &key) : NULL;

	if (e != NULL && now_ms >= e->until_ms) {
		drop(c, e);
		e = NULL;
	}
	if (e == NULL)
		return false;
	*name = e->has_name ? e->name : NULL;
	return true;
}

void lookup_cache_put(struct lookup_cache *c, const struct address *a, const char *name,
	uint64_t until_ms, unsigned max)
{
	size_t len = name != NULL ? strlen(name) : 0;
	struct key key;

	if (!address_ip_bytes(a, key.ip))
		return;
	struct lookup_entry *e = find(c, &key);
	if (e != NULL)
		drop(c, e);
	while (c->entries != NULL && HASH_COUNT(c->entries) >= max)
		drop(c, c->entries);
	if (max == 0)
		return;
	e = calloc(1, sizeof *e + len + 1);
	if (e == NULL)
		return;
	e->key = key;
	e->until_ms = until_ms;
	e->has_name = name != NULL;
	memcpy(e->name, name != NULL ? name : "", len);
	HASH_ADD(hh, c->entries, key, sizeof key, e);
	if (e->hh.tbl == NULL)
		free(e);
}

void lookup_cache_clear(struct lookup_cache *c)
{
	while (c->entries != NULL)
		drop(c, c->entries);
}
