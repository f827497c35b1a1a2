#include "server/maptest/maptest.h"

#include <dirent.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "server/maptest/api.h"
#include "server/script_state.h"

enum { MEMORY_MAX = 256 * 1024 * 1024, PATH_ROOM = 1024 };

struct runner {
	const struct maptest_config *config;
	struct stage_config stage; /* of every test */
	struct script *script;     /* owned: the state of the tests, which is no game's */
	const char *file;          /* whose tests are run: "play.lua" */
	int failed;
	struct trial trial;
};

static const char runner_key; /* of the registry */

/* ---- what is told ------------------------------------------------------------------------------- */

/* Each line of text behind a "# ", as TAP has it. */
static void tell(struct runner *r, const char *before, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		fprintf(r->config->out, "# %s%.*s\n", before, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void tell_log(struct runner *r)
{
	static char text[16 * 1024];
	int fd = r->config->log;
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	off_t from = end >= (off_t)sizeof text ? end - (off_t)sizeof text + 1 : 0;
	ssize_t n = end > 0 ? pread(fd, text, sizeof text - 1, from) : 0;

	text[n > 0 ? n : 0] = '\0';
	tell(r, "log: ", text);
}

static void forget_log(struct runner *r)
{
	if (r->config->log >= 0 && ftruncate(r->config->log, 0) == 0)
		lseek(r->config->log, 0, SEEK_SET);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* why: NULL if it is well. */
static void tell_result(struct runner *r, const char *name, const char *why, double since)
{
	r->failed += why != NULL;
	fprintf(r->config->out, "%s %u - %s: %s (%.3f s)\n", why != NULL ? "not ok" : "ok",
		r->trial.number, r->file, name, seconds_now() - since);
	if (why != NULL) {
		tell(r, "", why);
		tell_log(r);
	}
	fflush(r->config->out);
}

/* ---- one test ----------------------------------------------------------------------------------- */

/* (error): the same, with where it came from if that was called from elsewhere. */
static int add_place(lua_State *L)
{
	char place[300];
	const char *text = luaL_tolstring(L, 1, NULL);

	lua_pushliteral(L, "");
	script_describe(L, place, sizeof place);
	lua_pop(L, 1);
	const char *caller = strstr(place, ", from ");
	if (caller == NULL || strstr(caller + 1, ", from ") == NULL)
		place[0] = '\0'; /* the test itself, called from its file */
	lua_pushfstring(
		L, "%s%s%s", text, place[0] != '\0' ? "\n" : "", place[0] != '\0' ? place + 2 : "");
	return 1;
}

static struct runner *runner_of(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &runner_key);
	struct runner *r = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return r;
}

/* (name, function): runs it, now. */
static int l_test(lua_State *L)
{
	struct runner *r = runner_of(L);
	const char *name = luaL_checkstring(L, 1), *why = NULL;
	luaL_checktype(L, 2, LUA_TFUNCTION);
	double since = seconds_now();

	if (r->trial.stage.loop.read_room != NULL)
		return luaL_error(L, "a test within a test");
	r->trial.number++;
	r->trial.errors = 0;
	forget_log(r);
	lua_settop(L, 2);
	lua_pushcfunction(L, add_place);
	if (stage_open(&r->trial.stage, &r->stage, &why)) {
		lua_pushvalue(L, 2);
		maptest_push_test(L);
		if (lua_pcall(L, 1, 0, 3) != LUA_OK)
			why = lua_tostring(L, -1);
		else
			why = NULL;
	}
	tell_result(r, name, why, since);
	stage_close(&r->trial.stage);
	r->trial.stage = (struct stage){0};
	return 0;
}

/* print */
static int l_print(lua_State *L)
{
	int count = lua_gettop(L);

	fputs("# ", runner_of(L)->config->out);
	for (int i = 1; i <= count; i++)
		fprintf(runner_of(L)->config->out, "%s%s", i > 1 ? " " : "",
			luaL_tolstring(L, i, NULL));
	fputc('\n', runner_of(L)->config->out);
	return 0;
}

/* ---- all of them -------------------------------------------------------------------------------- */

/* (file): what is wrong with it itself is a failure as well. */
static int l_run_file(lua_State *L)
{
	struct runner *r = lua_touserdata(L, 1);
	char path[PATH_ROOM];

	snprintf(path, sizeof path, "tests/%s", r->file);
	lua_pushcfunction(L, add_place);
	int handler = lua_gettop(L);
	int status = script_load_file(L, r->script->dir, r->script->name, path);
	if (status == LUA_OK)
		status = lua_pcall(L, 0, 0, handler);
	if (status != LUA_OK) {
		r->trial.number++;
		tell_result(r, "the file itself", lua_tostring(L, -1), seconds_now());
	}
	return 0;
}

/* (runner): makes the globals. */
static int l_open(lua_State *L)
{
	struct runner *r = lua_touserdata(L, 1);

	lua_pushlightuserdata(L, r);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &runner_key);
	lua_pushglobaltable(L);
	script_open_base(L);
	script_open_string(L);
	script_open_table(L);
	script_open_os(L);
	script_open_require(L);
	script_open_json(L);
	maptest_open_api(L, &r->trial);
	lua_pushcfunction(L, l_test);
	lua_setfield(L, -2, "test");
	lua_pushcfunction(L, l_print);
	lua_setfield(L, -2, "print");
	return 0;
}

static bool call(struct runner *r, lua_CFunction f)
{
	lua_State *L = r->script->L;

	lua_pushcfunction(L, f);
	lua_pushlightuserdata(L, r);
	if (lua_pcall(L, 1, 0, 0) == LUA_OK)
		return true;
	tell(r, "", lua_tostring(L, -1));
	lua_pop(L, 1);
	return false;
}

static int is_test_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".lua") == 0;
}

/* All files of the folder; false if there are none. */
static bool run_files(struct runner *r)
{
	char path[PATH_ROOM + 10];
	struct dirent **entries;

	snprintf(path, sizeof path, "%s/tests", r->script->dir);
	int count = scandir(path, &entries, is_test_file, alphasort);
	for (int i = 0; i < count; i++) {
		r->file = entries[i]->d_name;
		if (!call(r, l_run_file))
			r->failed++;
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (count <= 0)
		tell(r, path, ": there are no tests");
	return count > 0;
}

/* maps/NAME is the map NAME of the folder maps. */
static bool split(const char *dir, char *maps, char *name)
{
	char *whole = realpath(dir, NULL), *slash = whole != NULL ? strrchr(whole, '/') : NULL;
	bool ok = slash != NULL && slash != whole && slash - whole < PATH_ROOM &&
		  strlen(slash + 1) <= MAP_NAME_MAX;

	if (ok) {
		snprintf(maps, PATH_ROOM, "%.*s", (int)(slash - whole), whole);
		snprintf(name, MAP_NAME_MAX + 1, "%s", slash + 1);
	}
	free(whole);
	return ok;
}

int maptest_run(const struct maptest_config *config)
{
	struct runner r = {.config = config};
	char maps[PATH_ROOM], name[MAP_NAME_MAX + 1];
	double since = seconds_now();

	if (!split(config->dir, maps, name)) {
		tell(&r, config->dir, ": there is no such map");
		return -1;
	}
	r.stage =
		(struct stage_config){maps, name, config->sets, config->set_count, config->program};
	r.script = script_new(NULL, config->dir, MEMORY_MAX);
	if (r.script == NULL)
		return -1;
	bool ran = call(&r, l_open) && run_files(&r);
	script_close(r.script);
	fprintf(config->out, "1..%u\n", r.trial.number);
	if (r.failed > 0)
		fprintf(config->out, "# %d of %u failed (%.1f s)\n", r.failed, r.trial.number,
			seconds_now() - since);
	return ran ? r.failed : -1;
}
