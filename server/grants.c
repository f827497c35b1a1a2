#include "server/grants.h"

#include <stdio.h>

#include <sqlite3.h>

static char why_text[400];

static bool fails(struct store *s, const char **why)
{
	snprintf(why_text, sizeof why_text, "grants: %s", sqlite3_errmsg(store_db(s)));
	*why = why_text;
	return false;
}

bool grants_open(struct store *s, const char **why)
{
	return sqlite3_exec(store_db(s),
		       "CREATE TABLE IF NOT EXISTS grants (map TEXT NOT NULL,"
		       " account TEXT NOT NULL COLLATE NOCASE, role TEXT NOT NULL,"
		       " PRIMARY KEY (map, account)) WITHOUT ROWID",
		       NULL, NULL, NULL) == SQLITE_OK ||
	       fails(s, why);
}

/* With up to three texts bound; NULL on failure. They are rare: none is kept prepared. */
static sqlite3_stmt *prepare(
	struct store *s, const char *sql, const char *first, const char *second, const char *third)
{
	const char *const texts[] = {first, second, third};
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(store_db(s), sql, -1, &statement, NULL) != SQLITE_OK)
		return NULL;
	for (int i = 0; i < 3; i++)
		if (texts[i] != NULL)
			sqlite3_bind_text(statement, i + 1, texts[i], -1, SQLITE_TRANSIENT);
	return statement;
}

static bool run(struct store *s, sqlite3_stmt *statement, const char **why)
{
	bool ok = statement != NULL && sqlite3_step(statement) == SQLITE_DONE;

	if (!ok)
		fails(s, why);
	sqlite3_finalize(statement);
	return ok;
}

bool grants_is_role(const char *role)
{
	size_t len = strlen(role);

	return len > 0 && len <= GRANT_ROLE_MAX && strcmp(role, "all") != 0 &&
	       strspn(role, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

bool grants_set(
	struct store *s, const char *map, const char *account, const char *role, const char **why)
{
	size_t len = strlen(account);

	*why = why_text;
	if (len == 0 || len > GRANT_ACCOUNT_MAX) {
		snprintf(why_text, sizeof why_text, "the name of an account has 1 to %d bytes",
			GRANT_ACCOUNT_MAX);
		return false;
	}
	if (!grants_is_role(role)) {
		snprintf(why_text, sizeof why_text,
			"'%.40s' is no role: 1 to %d of a-z, 0-9, - and _, and not the word all",
			role, GRANT_ROLE_MAX);
		return false;
	}
	return run(s,
		prepare(s,
			"INSERT INTO grants (map, account, role) VALUES (?1, ?2, ?3)"
			" ON CONFLICT DO UPDATE SET role = excluded.role, account = excluded.account",
			map, account, role),
		why);
}

bool grants_remove(struct store *s, const char *map, const char *account, const char **why)
{
	if (!run(s,
		    prepare(s, "DELETE FROM grants WHERE map = ?1 AND account = ?2", map, account,
			    NULL),
		    why))
		return false;
	if (sqlite3_changes(store_db(s)) > 0)
		return true;
	snprintf(why_text, sizeof why_text, "'%.64s' has no role in map %.64s", account, map);
	*why = why_text;
	return false;
}

bool grants_role(
	struct store *s, const char *map, const char *account, char out[static GRANT_ROLE_MAX + 1])
{
	sqlite3_stmt *statement = prepare(s,
		"SELECT role FROM grants WHERE map IN (?1, ?3) AND account = ?2"
		" ORDER BY map = ?3",
		map, account, GRANT_ALL);
	bool found = statement != NULL && sqlite3_step(statement) == SQLITE_ROW;

	if (found)
		snprintf(out, GRANT_ROLE_MAX + 1, "%s",
			(const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	return found;
}

json_t *grants_list(struct store *s)
{
	sqlite3_stmt *statement = prepare(
		s, "SELECT account, role, map FROM grants ORDER BY map, account", NULL, NULL, NULL);
	json_t *all = json_array();

	while (statement != NULL && sqlite3_step(statement) == SQLITE_ROW)
		json_array_append_new(all,
			json_pack("{s:s, s:s, s:s}", "account", sqlite3_column_text(statement, 0),
				"role", sqlite3_column_text(statement, 1), "map",
				sqlite3_column_text(statement, 2)));
	sqlite3_finalize(statement);
	return all;
}
