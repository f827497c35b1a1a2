/* Where game servers are: the addresses of the setting `server`, in order of preference. */
#ifndef MULTIPLEXER_UPSTREAM_H
#define MULTIPLEXER_UPSTREAM_H

#include "common/address.h"
#include "common/loop.h"

enum { UPSTREAMS_MAX = 8, UPSTREAM_TEXT_MAX = 300, UPSTREAM_ADDRESSES_MAX = 8 };

struct upstream {
	char text[UPSTREAM_TEXT_MAX]; /* as configured: unix:/PATH or tcp:HOST:PORT */
	bool is_tcp;                  /* needs a key */
	char host[256], port[8];      /* host is empty when it is an address, not a name */
	struct address addresses[UPSTREAM_ADDRESSES_MAX]; /* numeric, or what the name was last */
	unsigned address_count, turn; /* turn: which is dialled next, since not all may answer */
};

/* Reads one address. False with *why (static) what it should be. */
bool upstream_parse(const char *text, struct upstream *out, const char **why);

/* Reads several, separated by blanks; at least one. Returns how many, 0 with *why (static). */
size_t upstream_parse_all(
	const char *text, struct upstream out[static UPSTREAMS_MAX], const char **why);

/* A search for the address of an upstream, which may have to ask for its name without blocking. */
struct upstream_search;

/* done: address is valid during the call, NULL with why when there is none. It may be called before
 * this returns (then NULL is returned: there is nothing to drop). u must stay as long as the search. */
typedef void upstream_found(void *owner, const struct address *address, const char *why);
struct upstream_search *upstream_find(
	struct upstream *u, struct loop *loop, upstream_found *done, void *owner);

/* Forgets a search: done will not be called. NULL is allowed. */
void upstream_search_drop(struct upstream_search *search);

#endif
