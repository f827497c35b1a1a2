/* What a server list is told of this server: from the settings, the players, and what the map sets. */
#ifndef SERVER_REGISTER_LISTING_H
#define SERVER_REGISTER_LISTING_H

#include <jansson.h>

#include "common/address.h"

struct cvars;

enum {
	LISTING_OWN_MAX = 16,  /* fields of a map's own */
	LISTING_NAME_MAX = 32, /* bytes of such a field's name */
	LISTING_TEXT_MAX = 200 /* bytes of a text in one */
};

/* All zero is empty: the map has set nothing. */
struct listing {
	json_t *map; /* owned: what the map has set, by name; NULL = nothing */
};

/* Takes what a map sets: fields of fields.def that are a map's, and others of its own, which hold a text,
 * a number or a boolean; null takes one back. All of it or, with *why a sentence (valid until the next
 * call), nothing. */
bool listing_set(struct listing *r, const json_t *fields, const char **why);
void listing_clear(struct listing *r);

/* What changes by itself. All borrowed. */
struct listing_now {
	const struct cvars *cvars;
	const char *map;               /* its name: the game mode, if the map sets none */
	const char *const *players;    /* names, of those who have one */
	size_t named, count;           /* how many; and all players */
	const struct address *v4, *v6; /* as others see us; NULL or len 0: none */
	bool kag; /* as King Arthur's Gold has it: no fields of the map's own */
};

/* {"serverStatus":{...}}, keys sorted, compact. Owned by the caller; NULL when memory is out. */
char *listing_body(const struct listing *r, const struct listing_now *now);

/* A number that is another one when the body would be another one (but for collisions). */
uint64_t listing_hash(const struct listing *r, const struct listing_now *now);

#endif
