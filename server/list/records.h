/* All records of the list, in a file of SQLite's. */
#ifndef SERVER_LIST_RECORDS_H
#define SERVER_LIST_RECORDS_H

#include "server/list/record.h"

struct records;

/* Opens or makes the file; ":memory:" for none. NULL with *why a sentence. */
struct records *records_open(const char *path, const char **why);
void records_close(struct records *rs); /* NULL is allowed */

/* The record that has this address and port. False: there is none, or (with *why) it could not be read. *out
 * is the caller's to free (record_free). */
bool records_find(struct records *rs, const char *game, const char *ip, unsigned port,
	struct record *out, const char **why);
bool records_get(struct records *rs, int64_t id, struct record *out, const char **why);

/* Writes one: a new one when its id is 0, which is set then. False with *why. */
bool records_put(struct records *rs, struct record *r, const char **why);
bool records_drop(struct records *rs, int64_t id, const char **why);

/* How many were registered from this address and were updated since. */
int64_t records_count_from(struct records *rs, const char *ip, int64_t since);

/* Calls each for every record that is current, of one game or (NULL) of all, the fullest first; until it
 * returns false. r is valid during the call. */
typedef bool records_each(void *owner, const struct record *r);
bool records_current(struct records *rs, const char *game, int64_t now, records_each *each,
	void *owner, const char **why);

/* Forgets those that were not updated for RECORD_KEPT_S. */
void records_expire(struct records *rs, int64_t now);

/* Several changes as one. */
bool records_begin(struct records *rs, const char **why);
bool records_commit(struct records *rs, const char **why);
void records_rollback(struct records *rs);

#endif
