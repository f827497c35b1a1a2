#include "server/store.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

enum {
	VERSION = 1, /* of the table: PRAGMA user_version */
	PAGE = 4096,
	BUSY_MS = 50 /* somebody looks at the file with sqlite3: the game waits for no longer */
};

enum statement { GET, SET, DELETE, CLEAR, NEXT, BEGIN, COMMIT, ROLLBACK, STATEMENTS };

static const char *const texts[STATEMENTS] = {
	[GET] = "SELECT value FROM kept WHERE map = ?1 AND name = ?2 AND key = ?3",
	[SET] = "INSERT INTO kept (map, name, key, value) VALUES (?1, ?2, ?3, ?4)"
		" ON CONFLICT DO UPDATE SET value = excluded.value",
	[DELETE] = "DELETE FROM kept WHERE map = ?1 AND name = ?2 AND key = ?3",
	[CLEAR] = "DELETE FROM kept WHERE map = ?1 AND name = ?2",
	[NEXT] = "SELECT key, value FROM kept WHERE map = ?1 AND name = ?2 AND key > ?3"
		 " ORDER BY key LIMIT 1",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	char *path, *map;
	bool dirty;
};

static char why_text[600];

static bool fails(const struct store *s, const char **why)
{
	snprintf(why_text, sizeof why_text, "store %s: %s", s->path, sqlite3_errmsg(s->db));
	*why = why_text;
	return false;
}

/* ---- opening ---- */

static bool run(struct store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int version_of(struct store *s)
{
	sqlite3_stmt *statement;
	int version = -1;

	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(statement) == SQLITE_ROW)
		version = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return version;
}

static bool make_tables(struct store *s)
{
	/* Keys are blobs: compared as bytes, whatever they hold. */
	return run(s, "BEGIN IMMEDIATE;"
		      "CREATE TABLE kept (map TEXT NOT NULL, name TEXT NOT NULL, key BLOB NOT NULL,"
		      " value BLOB NOT NULL, PRIMARY KEY (map, name, key)) WITHOUT ROWID;"
		      "PRAGMA user_version = 1;"
		      "COMMIT");
}

static bool prepare(struct store *s)
{
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(s->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &s->statements[i], NULL) != SQLITE_OK)
			return false;
	return true;
}

static bool set_up(struct store *s, uint64_t max, const char **why)
{
	char limit[64];

	sqlite3_busy_timeout(s->db, BUSY_MS);
	snprintf(limit, sizeof limit, "PRAGMA max_page_count = %llu",
		(unsigned long long)(max / PAGE + 1));
	if (!run(s, "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;"
		    "PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF") ||
		!run(s, limit))
		return fails(s, why);
	int version = version_of(s);
	if (version > VERSION) {
		snprintf(why_text, sizeof why_text,
			"store %s: of a newer Holdfast (version %d, this one knows %d)", s->path,
			version, VERSION);
		*why = why_text;
		return false;
	}
	return (version == VERSION || make_tables(s)) && prepare(s) ? true : fails(s, why);
}

struct store *store_open(const char *path, const char *map, uint64_t max, const char **why)
{
	struct store *s = calloc(1, sizeof *s);

	*why = "store: out of memory";
	if (s == NULL)
		return NULL;
	s->path = strdup(path);
	s->map = strdup(map);
	if (s->path == NULL || s->map == NULL) {
		store_close(s);
		return NULL;
	}
	mode_t before = umask(077);
	int status = sqlite3_open_v2(path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	bool ok = status == SQLITE_OK ? set_up(s, max, why) : fails(s, why);
	umask(before);
	if (ok)
		return s;
	store_close(s);
	return NULL;
}

bool store_check(const char *path, const char **why)
{
	static char text[PATH_MAX + 100];
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	struct stat is;

	*why = text;
	if (strcmp(path, ":memory:") == 0)
		return true;
	snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path + 1) : 1,
		slash != NULL ? path : ".");
	bool is_there = stat(path, &is) == 0;
	if (is_there && !S_ISREG(is.st_mode)) {
		snprintf(text, sizeof text, "%s: is no file", path);
		return false;
	}
	/* The folder too: what was not yet taken into the file stands beside it. */
	const char *at = is_there && access(path, R_OK | W_OK) != 0 ? path : folder;
	if (access(at, at == folder ? W_OK | X_OK : W_OK | R_OK) == 0)
		return true;
	snprintf(text, sizeof text, "%s: %s", at, strerror(errno));
	return false;
}

bool store_use(struct store *s, const char *map)
{
	char *copy = strdup(map);

	if (copy == NULL)
		return false;
	/* No statement may go on with the name it was bound to. */
	sqlite3_reset(s->statements[GET]);
	sqlite3_reset(s->statements[NEXT]);
	free(s->map);
	s->map = copy;
	return true;
}

struct sqlite3 *store_db(struct store *s)
{
	return s->db;
}

void store_close(struct store *s)
{
	const char *why;

	if (s == NULL)
		return;
	if (s->dirty)
		store_commit(s, &why);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	free(s->path);
	free(s->map);
	free(s);
}

/* ---- one statement ---- */

static void bind_slice(sqlite3_stmt *statement, int at, struct slice bytes)
{
	/* An empty blob is not NULL. */
	sqlite3_bind_blob(statement, at, bytes.len > 0 ? (const void *)bytes.at : "",
		(int)bytes.len, SQLITE_STATIC);
}

/* Ready to be stepped; what the one before returned is not valid any more. */
static sqlite3_stmt *begin(struct store *s, enum statement which, const char *name)
{
	sqlite3_stmt *statement = s->statements[which];

	sqlite3_reset(s->statements[GET]);
	sqlite3_reset(s->statements[NEXT]);
	sqlite3_reset(statement);
	if (name != NULL) {
		sqlite3_bind_text(statement, 1, s->map, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
	}
	return statement;
}

/* Runs one that answers nothing. */
static bool finish(struct store *s, sqlite3_stmt *statement, const char **why)
{
	bool ok = sqlite3_step(statement) == SQLITE_DONE || fails(s, why);

	sqlite3_reset(statement);
	return ok;
}

static struct slice column(sqlite3_stmt *statement, int at)
{
	const void *bytes = sqlite3_column_blob(statement, at);

	return slice_of(bytes, (size_t)sqlite3_column_bytes(statement, at));
}

/* ---- what is kept ---- */

bool store_get(struct store *s, const char *name, struct slice key, struct slice *value)
{
	sqlite3_stmt *statement = begin(s, GET, name);

	bind_slice(statement, 3, key);
	if (sqlite3_step(statement) != SQLITE_ROW)
		return false;
	*value = column(statement, 0);
	return true;
}

bool store_next(struct store *s, const char *name, struct slice after, struct slice *key,
	struct slice *value)
{
	sqlite3_stmt *statement = begin(s, NEXT, name);

	bind_slice(statement, 3, after);
	if (sqlite3_step(statement) != SQLITE_ROW)
		return false;
	*key = column(statement, 0);
	*value = column(statement, 1);
	return true;
}

static bool begin_change(struct store *s, const char **why)
{
	if (!s->dirty && !finish(s, begin(s, BEGIN, NULL), why))
		return false;
	s->dirty = true;
	return true;
}

static bool has_length(const char *what, size_t len, size_t max, const char **why)
{
	if (len > 0 && len <= max)
		return true;
	snprintf(why_text, sizeof why_text, "store: a %s of %zu bytes; 1 to %zu are allowed", what,
		len, max);
	*why = why_text;
	return false;
}

bool store_set(
	struct store *s, const char *name, struct slice key, struct slice value, const char **why)
{
	if (!has_length("name", strlen(name), STORE_NAME_MAX, why) ||
		!has_length("key", key.len, STORE_KEY_MAX, why) ||
		(value.at != NULL && !has_length("value", value.len, STORE_VALUE_MAX, why)) ||
		!begin_change(s, why))
		return false;
	sqlite3_stmt *statement = begin(s, value.at != NULL ? SET : DELETE, name);
	bind_slice(statement, 3, key);
	if (value.at != NULL)
		bind_slice(statement, 4, value);
	return finish(s, statement, why);
}

bool store_clear(struct store *s, const char *name, const char **why)
{
	return has_length("name", strlen(name), STORE_NAME_MAX, why) && begin_change(s, why) &&
	       finish(s, begin(s, CLEAR, name), why);
}

bool store_commit(struct store *s, const char **why)
{
	const char *ignored;

	if (!s->dirty)
		return true;
	s->dirty = false;
	if (finish(s, begin(s, COMMIT, NULL), why))
		return true;
	if (sqlite3_get_autocommit(s->db) == 0)
		finish(s, begin(s, ROLLBACK, NULL), &ignored);
	return false;
}

void store_rollback(struct store *s)
{
	const char *ignored;

	if (s->dirty)
		finish(s, begin(s, ROLLBACK, NULL), &ignored);
	s->dirty = false;
}
