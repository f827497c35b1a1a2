#include "server/api/tokens.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sqlite3.h>

#include "server/store.h"

enum { SECRET_BYTES = 32, HASH_BYTES = 32 };

static const char prefix[] = "hf_"; /* so that who finds one in a file knows what it is */
static char why_text[300];

static bool fail(const char **why, const char *text)
{
	snprintf(why_text, sizeof why_text, "%s", text);
	*why = why_text;
	return false;
}

static sqlite3_stmt *prepare(struct store *s, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	sqlite3_prepare_v2(store_db(s), sql, -1, &statement, NULL);
	return statement; /* NULL: every call of SQLite with it says so */
}

/* Ends the statement. */
static bool run(struct store *s, sqlite3_stmt *statement, const char **why)
{
	bool ok = sqlite3_step(statement) == SQLITE_DONE;

	if (!ok)
		fail(why, sqlite3_errmsg(store_db(s)));
	sqlite3_finalize(statement);
	return ok;
}

bool tokens_open(struct store *s, const char **why)
{
	return run(s,
		prepare(s,
			"CREATE TABLE IF NOT EXISTS tokens (name TEXT PRIMARY KEY, scope TEXT NOT NULL,"
			" hash BLOB NOT NULL, made INTEGER NOT NULL) WITHOUT ROWID"),
		why);
}

static enum token_scope scope_of(const char *word)
{
	return strcmp(word, "write") == 0  ? TOKEN_WRITE
	       : strcmp(word, "read") == 0 ? TOKEN_READ
					   : TOKEN_NONE;
}

static bool hash(struct slice text, uint8_t out[static HASH_BYTES])
{
	return EVP_Digest(text.at, text.len, out, NULL, EVP_sha256(), NULL) == 1;
}

/* 32 random bytes as base64url. */
static bool make_text(char out[static TOKEN_TEXT_MAX])
{
	uint8_t secret[SECRET_BYTES];
	char base64[64];

	if (RAND_bytes(secret, sizeof secret) != 1)
		return false;
	EVP_EncodeBlock((unsigned char *)base64, secret, sizeof secret);
	OPENSSL_cleanse(secret, sizeof secret);
	base64[43] = '\0'; /* what follows is one '=' */
	for (char *at = base64; *at != '\0'; at++)
		*at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
	snprintf(out, TOKEN_TEXT_MAX, "%s%.43s", prefix, base64);
	OPENSSL_cleanse(base64, sizeof base64);
	return true;
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= TOKEN_NAME_MAX &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
		       len;
}

bool tokens_new(struct store *s, const char *name, const char *scope,
	char out[static TOKEN_TEXT_MAX], const char **why)
{
	uint8_t hashed[HASH_BYTES];

	if (!is_name(name))
		return fail(why, "the name of a token is 1 to 40 letters, digits, - and _");
	if (scope_of(scope) == TOKEN_NONE)
		return fail(why, "a token is good for read, or for write, which is both");
	if (!make_text(out) || !hash(slice_text(out), hashed))
		return fail(why, "no random numbers are to be had");
	sqlite3_stmt *statement = prepare(s, "INSERT INTO tokens (name, scope, hash, made)"
					     " VALUES (?1, ?2, ?3, ?4)");
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(statement, 2, scope, -1, SQLITE_TRANSIENT);
	sqlite3_bind_blob(statement, 3, hashed, sizeof hashed, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement, 4, time(NULL));
	if (run(s, statement, why))
		return true;
	if (sqlite3_errcode(store_db(s)) == SQLITE_CONSTRAINT)
		fail(why, "there is a token of that name already: revoke it first");
	return false;
}

json_t *tokens_list(struct store *s)
{
	sqlite3_stmt *rows = prepare(s, "SELECT name, scope, datetime(made, 'unixepoch') || ' UTC'"
					" FROM tokens ORDER BY name");
	json_t *all = json_array();

	while (sqlite3_step(rows) == SQLITE_ROW)
		json_array_append_new(
			all, json_pack("{s:s, s:s, s:s}", "name", sqlite3_column_text(rows, 0),
				     "scope", sqlite3_column_text(rows, 1), "made",
				     sqlite3_column_text(rows, 2)));
	sqlite3_finalize(rows);
	return all;
}

bool tokens_revoke(struct store *s, const char *name, const char **why)
{
	sqlite3_stmt *statement = prepare(s, "DELETE FROM tokens WHERE name = ?1");

	sqlite3_bind_text(statement, 1, name, -1, SQLITE_TRANSIENT);
	if (!run(s, statement, why))
		return false;
	return sqlite3_changes(store_db(s)) > 0 || fail(why, "there is no token of that name");
}

enum token_scope tokens_check(
	struct store *s, struct slice text, char name[static TOKEN_NAME_MAX + 1])
{
	enum token_scope found = TOKEN_NONE;
	uint8_t shown[HASH_BYTES];

	name[0] = '\0';
	if (text.len > 2 * TOKEN_TEXT_MAX || !hash(text, shown))
		return TOKEN_NONE;
	sqlite3_stmt *rows = prepare(s, "SELECT name, scope, hash FROM tokens");
	while (sqlite3_step(rows) == SQLITE_ROW) { /* all of them, whichever it is */
		if (sqlite3_column_bytes(rows, 2) != HASH_BYTES ||
			CRYPTO_memcmp(sqlite3_column_blob(rows, 2), shown, HASH_BYTES) != 0)
			continue;
		found = scope_of((const char *)sqlite3_column_text(rows, 1));
		snprintf(name, TOKEN_NAME_MAX + 1, "%s", sqlite3_column_text(rows, 0));
	}
	sqlite3_finalize(rows);
	return found;
}
