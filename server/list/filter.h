/* Which servers are asked for: the filters, the start and the limit of a query. */
#ifndef SERVER_LIST_FILTER_H
#define SERVER_LIST_FILTER_H

#include <jansson.h>

#include "common/defs.h"

enum { FILTERS_MAX = 16, FILTER_LIMIT_MAX = 1000, FILTER_LIMIT = 100 };

struct filter {
	json_t *rows; /* owned: [{"field", "op", "value"}], checked; NULL = all */
	size_t start, limit;
};

/* Reads one part of the query (filters, start or limit; others are passed over). False with *why a static
 * sentence. f is all zero but for limit at first. */
bool filter_read(struct filter *f, struct slice key, struct slice value, const char **why);
void filter_free(struct filter *f);

/* Whether a server (record_json) passes all rows. A field that it does not have passes none. eq compares
 * texts, numbers and booleans; gt and ge numbers, and texts by their bytes. */
bool filter_passes(const struct filter *f, const json_t *server);

#endif
