/* password.hash and password.check: yescrypt takes a tenth of a second and 16 MiB, so it is done in
 * libuv's threads while the handler waits. */
#include <crypt.h>
#include <stdlib.h>

#include "common/log.h"
#include "server/script_await.h"
#include "server/script_state.h"

enum {
	TEXT_MAX = 512, /* bytes: of libcrypt, too */
	HASH_MAX = 384,
	JOBS_MAX = 256 /* that wait, of all maps */
};

struct job {
	uv_work_t work;
	struct script_await await;
	bool is_check;
	char text[TEXT_MAX + 1];
	char hash[HASH_MAX +
		  1]; /* check: what to compare with; hash: the result, "" if it failed */
	bool same;
};

static unsigned jobs;

/* ---- in a thread -------------------------------------------------------------------------------- */

/* In as many steps whatever differs. */
static bool is_same(const char *a, const char *b)
{
	size_t len = strlen(a);
	unsigned char differs = strlen(b) != len;

	for (size_t i = 0; !differs && i < len; i++)
		differs |= (unsigned char)(a[i] ^ b[i]);
	return !differs;
}

static void work_cb(uv_work_t *work)
{
	struct job *job = work->data;
	void *room = NULL;
	int size = 0;
	char *salt = job->is_check ? job->hash : crypt_gensalt_ra("$y$", 0, NULL, 0);
	const char *result = salt != NULL ? crypt_ra(job->text, salt, &room, &size) : NULL;

	if (job->is_check)
		job->same = result != NULL && is_same(result, job->hash);
	else if (result != NULL && strlen(result) <= HASH_MAX)
		memcpy(job->hash, result, strlen(result) + 1);
	if (!job->is_check)
		free(salt);
	if (room != NULL)
		explicit_bzero(room, (size_t)size);
	free(room);
	explicit_bzero(job->text, sizeof job->text);
}

/* ---- on the loop -------------------------------------------------------------------------------- */

static int push_result(lua_State *L, const void *data)
{
	const struct job *job = data;

	if (job->is_check)
		lua_pushboolean(L, job->same);
	else
		lua_pushstring(L, job->hash);
	return 1;
}

static void free_job(struct job *job)
{
	explicit_bzero(job, sizeof *job);
	free(job);
	jobs--;
}

static void done_cb(uv_work_t *work, UNUSED int status)
{
	struct job *job = work->data;

	if (!job->is_check && job->hash[0] == '\0')
		log_error("password.hash: libcrypt has failed");
	script_answer(&job->await, push_result, job);
	free_job(job);
}

/* The job begins, and the handler waits. */
static int begin(lua_State *L, const char *function, const char *text, const char *hash)
{
	struct game *game = script_of(L)->game;

	if (jobs >= JOBS_MAX)
		return luaL_error(L, "%s: %d wait already; try again later", function, JOBS_MAX);
	struct job *job = calloc(1, sizeof *job);
	if (job == NULL || !script_await_begin(L, &job->await)) {
		free(job);
		return luaL_error(L, "not enough memory");
	}
	jobs++;
	job->work.data = job;
	job->is_check = hash != NULL;
	memcpy(job->text, text, strlen(text));
	if (hash != NULL)
		memcpy(job->hash, hash, strlen(hash));
	uv_queue_work(&game->loop->uv, &job->work, work_cb, done_cb);
	return script_await(L);
}

static const char *check_text(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);

	luaL_argcheck(L, len <= TEXT_MAX && strlen(text) == len, 1,
		"a password has at most 512 bytes, and no NUL");
	return text;
}

/* (text): what to keep instead of it. */
static int l_hash(lua_State *L)
{
	const char *text = check_text(L);

	script_await_check(L, "password.hash");
	return begin(L, "password.hash", text, NULL);
}

/* (text, hash): whether it is the one. What is no hash fits nothing. */
static int l_check(lua_State *L)
{
	const char *text = check_text(L), *hash = luaL_checkstring(L, 2);

	script_await_check(L, "password.check");
	if (hash[0] == '$' && strlen(hash) <= HASH_MAX)
		return begin(L, "password.check", text, hash);
	lua_pushboolean(L, false);
	return 1;
}

void script_open_password(lua_State *L)
{
	static const luaL_Reg functions[] = {{"hash", l_hash}, {"check", l_check}, {NULL, NULL}};

	luaL_newlib(L, functions);
	lua_setfield(L, -2, "password");
}
