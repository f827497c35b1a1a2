#include "server/list/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "common/jsontext.h"

enum { BUSY_MS = 200, VERSION = 1, CURRENT_MAX = 100000 };

#define COLUMNS                                                                       \
	"r.id, r.game_id, g.name, r.address4, r.address6, r.port, r.registered_from," \
	" r.updated_from, r.first_seen, r.last_update, r.this_start, r.gone,"         \
	" r.connectable, r.status FROM records r JOIN games g ON g.id = r.game_id"

enum statement {
	FIND,
	GET,
	INSERT,
	UPDATE,
	DROP,
	COUNT,
	CURRENT,
	EXPIRE,
	ADD_GAME,
	GAME,
	BEGIN,
	COMMIT,
	ROLLBACK,
	STATEMENTS
};

static const char *const texts[STATEMENTS] = {
	[FIND] = "SELECT " COLUMNS
		 " WHERE g.name = ?1 AND r.port = ?2 AND (r.address4 = ?3 OR r.address6 = ?3)",
	[GET] = "SELECT " COLUMNS " WHERE r.id = ?1",
	[INSERT] =
		"INSERT INTO records (game_id, address4, address6, port, registered_from,"
		" updated_from, first_seen, last_update, this_start, gone, connectable, status, players)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	[UPDATE] =
		"UPDATE records SET game_id = ?1, address4 = ?2, address6 = ?3, port = ?4,"
		" registered_from = ?5, updated_from = ?6, first_seen = ?7, last_update = ?8,"
		" this_start = ?9, gone = ?10, connectable = ?11, status = ?12, players = ?13 WHERE id = ?14",
	[DROP] = "DELETE FROM records WHERE id = ?1",
	[COUNT] = "SELECT count(*) FROM records WHERE registered_from = ?1 AND last_update >= ?2",
	[CURRENT] = "SELECT " COLUMNS
		    " WHERE (?1 IS NULL OR g.name = ?1) AND r.last_update >= ?2 AND NOT r.gone"
		    " ORDER BY r.players DESC, r.id LIMIT ?3",
	[EXPIRE] = "DELETE FROM records WHERE last_update < ?1",
	[ADD_GAME] = "INSERT INTO games (name) VALUES (?1) ON CONFLICT DO NOTHING",
	[GAME] = "SELECT id FROM games WHERE name = ?1",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

static const char tables[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE games (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE records (id INTEGER PRIMARY KEY AUTOINCREMENT, game_id INTEGER NOT NULL,"
	" address4 TEXT, address6 TEXT, port INTEGER NOT NULL, registered_from TEXT NOT NULL,"
	" updated_from TEXT NOT NULL, first_seen INTEGER NOT NULL, last_update INTEGER NOT NULL,"
	" this_start INTEGER NOT NULL, gone INTEGER NOT NULL, connectable INTEGER NOT NULL,"
	" status TEXT NOT NULL,"
	" players INTEGER NOT NULL,"
	" UNIQUE (game_id, address4, port), UNIQUE (game_id, address6, port));"
	"CREATE INDEX records_last_update ON records (last_update);"
	"CREATE INDEX records_registered_from ON records (registered_from);"
	"PRAGMA user_version = 1;"
	"COMMIT";

struct records {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	char *path;
};

static char why_text[600];

static bool fails(const struct records *rs, const char **why)
{
	snprintf(why_text, sizeof why_text, "%s: %s", rs->path, sqlite3_errmsg(rs->db));
	*why = why_text;
	return false;
}

/* ---- opening ---- */

static bool run(struct records *rs, const char *sql)
{
	return sqlite3_exec(rs->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int version_of(struct records *rs)
{
	sqlite3_stmt *s;
	int version = -1;

	if (sqlite3_prepare_v2(rs->db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW)
		version = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return version;
}

static bool set_up(struct records *rs, const char **why)
{
	sqlite3_busy_timeout(rs->db, BUSY_MS);
	if (!run(rs, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		     "PRAGMA trusted_schema = OFF"))
		return fails(rs, why);
	int version = version_of(rs);
	if (version > VERSION) {
		snprintf(why_text, sizeof why_text,
			"%s: of a newer Holdfast (version %d, this one knows %d)", rs->path,
			version, VERSION);
		*why = why_text;
		return false;
	}
	if (version != VERSION && !run(rs, tables))
		return fails(rs, why);
	for (int i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(rs->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &rs->statements[i], NULL) != SQLITE_OK)
			return fails(rs, why);
	return true;
}

struct records *records_open(const char *path, const char **why)
{
	struct records *rs = calloc(1, sizeof *rs);

	*why = "out of memory";
	if (rs == NULL)
		return NULL;
	rs->path = strdup(path);
	mode_t before = umask(077);
	bool ok = rs->path != NULL;
	if (ok && sqlite3_open_v2(path, &rs->db,
			  SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			  NULL) != SQLITE_OK)
		ok = fails(rs, why);
	else if (ok)
		ok = set_up(rs, why);
	umask(before);
	if (ok)
		return rs;
	records_close(rs);
	return NULL;
}

void records_close(struct records *rs)
{
	if (rs == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(rs->statements[i]);
	sqlite3_close(rs->db);
	free(rs->path);
	free(rs);
}

/* ---- statements ---- */

static sqlite3_stmt *take(struct records *rs, enum statement which)
{
	sqlite3_stmt *s = rs->statements[which];

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return s;
}

/* One that answers nothing. */
static bool carry_out(struct records *rs, sqlite3_stmt *s, const char **why)
{
	bool ok = sqlite3_step(s) == SQLITE_DONE;

	if (!ok)
		fails(rs, why);
	sqlite3_reset(s);
	return ok;
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_TRANSIENT);
}

static void copy_text(sqlite3_stmt *s, int column, char *out, size_t room)
{
	const unsigned char *text = sqlite3_column_text(s, column);

	snprintf(out, room, "%s", text != NULL ? (const char *)text : "");
}

/* More than is taken from anybody. */
static const struct jsontext_most status_most = {
	.bytes = 1024 * 1024, .values = 64 * 1024, .depth = 64};

static bool read_row(sqlite3_stmt *s, struct record *r)
{
	const char *status = (const char *)sqlite3_column_text(s, 13);

	*r = (struct record){.id = sqlite3_column_int64(s, 0),
		.game_id = sqlite3_column_int64(s, 1),
		.port = (unsigned)sqlite3_column_int(s, 5),
		.first_seen = sqlite3_column_int64(s, 8),
		.last_update = sqlite3_column_int64(s, 9),
		.this_start = sqlite3_column_int64(s, 10),
		.gone = sqlite3_column_int(s, 11) != 0,
		.connectable = sqlite3_column_int(s, 12) != 0,
		.status = status != NULL ? jsontext_read(slice_text(status), 0, &status_most, NULL)
					 : NULL};
	copy_text(s, 2, r->game, sizeof r->game);
	copy_text(s, 3, r->address[FAMILY_V4], sizeof r->address[FAMILY_V4]);
	copy_text(s, 4, r->address[FAMILY_V6], sizeof r->address[FAMILY_V6]);
	copy_text(s, 6, r->registered_from, sizeof r->registered_from);
	copy_text(s, 7, r->updated_from, sizeof r->updated_from);
	return r->status != NULL;
}

static bool read_one(struct records *rs, sqlite3_stmt *s, struct record *out, const char **why)
{
	int step = sqlite3_step(s);
	bool found = step == SQLITE_ROW && read_row(s, out);

	*why = NULL;
	if (step == SQLITE_ROW && !found)
		*why = "out of memory";
	else if (step != SQLITE_ROW && step != SQLITE_DONE)
		fails(rs, why);
	sqlite3_reset(s);
	return found;
}

/* ---- what is asked ---- */

bool records_find(struct records *rs, const char *game, const char *ip, unsigned port,
	struct record *out, const char **why)
{
	sqlite3_stmt *s = take(rs, FIND);

	bind_text(s, 1, game);
	sqlite3_bind_int(s, 2, (int)port);
	bind_text(s, 3, ip);
	return read_one(rs, s, out, why);
}

bool records_get(struct records *rs, int64_t id, struct record *out, const char **why)
{
	sqlite3_stmt *s = take(rs, GET);

	sqlite3_bind_int64(s, 1, id);
	return read_one(rs, s, out, why);
}

static bool game_id(struct records *rs, struct record *r, const char **why)
{
	sqlite3_stmt *s = take(rs, ADD_GAME);

	bind_text(s, 1, r->game);
	if (!carry_out(rs, s, why))
		return false;
	s = take(rs, GAME);
	bind_text(s, 1, r->game);
	bool ok = sqlite3_step(s) == SQLITE_ROW;
	if (ok)
		r->game_id = sqlite3_column_int64(s, 0);
	else
		fails(rs, why);
	sqlite3_reset(s);
	return ok;
}

static void bind_address(sqlite3_stmt *s, int at, const char *ip)
{
	if (ip[0] != '\0')
		bind_text(s, at, ip); /* none is NULL, which is equal to no other */
}

bool records_put(struct records *rs, struct record *r, const char **why)
{
	char *status = json_dumps(r->status, JSON_COMPACT);

	*why = "out of memory";
	if (status == NULL || !game_id(rs, r, why)) {
		free(status);
		return false;
	}
	sqlite3_stmt *s = take(rs, r->id == 0 ? INSERT : UPDATE);
	sqlite3_bind_int64(s, 1, r->game_id);
	bind_address(s, 2, r->address[FAMILY_V4]);
	bind_address(s, 3, r->address[FAMILY_V6]);
	sqlite3_bind_int(s, 4, (int)r->port);
	bind_text(s, 5, r->registered_from);
	bind_text(s, 6, r->updated_from);
	sqlite3_bind_int64(s, 7, r->first_seen);
	sqlite3_bind_int64(s, 8, r->last_update);
	sqlite3_bind_int64(s, 9, r->this_start);
	sqlite3_bind_int(s, 10, r->gone);
	sqlite3_bind_int(s, 11, r->connectable);
	bind_text(s, 12, status);
	sqlite3_bind_int64(s, 13, json_integer_value(json_object_get(r->status, "currentPlayers")));
	if (r->id != 0)
		sqlite3_bind_int64(s, 14, r->id);
	free(status);
	if (!carry_out(rs, s, why))
		return false;
	if (r->id == 0)
		r->id = sqlite3_last_insert_rowid(rs->db);
	return true;
}

bool records_drop(struct records *rs, int64_t id, const char **why)
{
	sqlite3_stmt *s = take(rs, DROP);

	sqlite3_bind_int64(s, 1, id);
	return carry_out(rs, s, why);
}

int64_t records_count_from(struct records *rs, const char *ip, int64_t since)
{
	sqlite3_stmt *s = take(rs, COUNT);

	bind_text(s, 1, ip);
	sqlite3_bind_int64(s, 2, since);
	int64_t count = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return count;
}

bool records_current(struct records *rs, const char *game, int64_t now, records_each *each,
	void *owner, const char **why)
{
	sqlite3_stmt *s = take(rs, CURRENT);
	int step = SQLITE_DONE;

	if (game != NULL)
		bind_text(s, 1, game);
	sqlite3_bind_int64(s, 2, now - RECORD_CURRENT_S);
	sqlite3_bind_int(s, 3, CURRENT_MAX);
	for (bool on = true; on && (step = sqlite3_step(s)) == SQLITE_ROW;) {
		struct record r;

		on = read_row(s, &r) && each(owner, &r);
		record_free(&r);
	}
	bool ok = step == SQLITE_DONE || step == SQLITE_ROW;
	if (!ok)
		fails(rs, why);
	sqlite3_reset(s);
	return ok;
}

void records_expire(struct records *rs, int64_t now)
{
	sqlite3_stmt *s = take(rs, EXPIRE);
	const char *why;

	sqlite3_bind_int64(s, 1, now - RECORD_KEPT_S);
	carry_out(rs, s, &why);
}

bool records_begin(struct records *rs, const char **why)
{
	return carry_out(rs, take(rs, BEGIN), why);
}

bool records_commit(struct records *rs, const char **why)
{
	return carry_out(rs, take(rs, COMMIT), why);
}

void records_rollback(struct records *rs)
{
	const char *why;

	carry_out(rs, take(rs, ROLLBACK), &why);
}
