/* What scripts keep for ever: texts by name and key, in an SQLite file that outlives every crash. */
#ifndef SERVER_STORE_H
#define SERVER_STORE_H

#include "common/defs.h"

struct sqlite3;
struct store;

enum {
	STORE_NAME_MAX = 64,          /* bytes of a name: 1 or more */
	STORE_KEY_MAX = 255,          /* bytes of a key: 1 or more */
	STORE_VALUE_MAX = 1024 * 1024 /* bytes of a value */
};

/* Opens or makes the file (mode 0600). max is how large it may grow, bytes. What is kept belongs to
 * map: another map does not see it. NULL with *why a sentence that names the file, valid until the
 * next call: no place for it, no database, made by a newer Holdfast.
 *
 * A commit is on its way to the disk when store_commit returns, and is there after a crash of this
 * process, kill -9 included; only a crash of the whole machine may take the last ones with it (write
 * ahead log, synchronous=NORMAL), and never leaves half of one. */
struct store *store_open(const char *path, const char *map, uint64_t max, const char **why);

/* Whether there is a place for the file, or the file, where it can be written. Makes nothing. False with
 * *why a sentence that names the place. */
bool store_check(const char *path, const char **why);

/* From now on it is another map's things that are seen and changed. False, and nothing changed, when memory
 * is out. */
bool store_use(struct store *s, const char *map);

/* For what is kept in the same file, in tables of its own. Borrowed. */
struct sqlite3 *store_db(struct store *s);

/* Commits, closes. NULL is allowed. */
void store_close(struct store *s);

/* The value, valid until the next call of any store_ function; false if there is none. */
bool store_get(struct store *s, const char *name, struct slice key, struct slice *value);

/* Keeps value, or nothing more when its at is NULL; visible at once, kept with the next store_commit.
 * False with *why a sentence, and nothing changed: too long, the file is full, the disk fails. */
bool store_set(
	struct store *s, const char *name, struct slice key, struct slice value, const char **why);

/* Nothing is kept under any key of name any more. False as store_set. */
bool store_clear(struct store *s, const char *name, const char **why);

/* The smallest key above after (above nothing: the first), and its value; false when there is none.
 * Valid as store_get's. Keys are compared as bytes. */
bool store_next(struct store *s, const char *name, struct slice after, struct slice *key,
	struct slice *value);

/* All changes since the last one, at once. False with *why: none of them is kept, and what was
 * there before them is there again. */
bool store_commit(struct store *s, const char **why);

/* What was changed since the last commit is as it was. */
void store_rollback(struct store *s);

#endif
