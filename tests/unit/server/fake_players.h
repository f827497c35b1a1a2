/* A game without a network for tests of scripts: players whose screens are buffers, a clock moved by
 * hand, a map written by the test. It defines what game.h declares, so it is for one file of a program. */
#ifndef TESTS_UNIT_SERVER_FAKE_PLAYERS_H
#define TESTS_UNIT_SERVER_FAKE_PLAYERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "server/cvar.h"
#include "server/audience.h"
#include "server/console.h"
#include "server/game.h"
#include "server/script_state.h"
#include "server/show.h"
#include "server/tell.h"
#include "tests/unit/support_has.h"

enum { FAKE_SAVED_MAX = 4044 };

static struct loop loop; /* never opened: only its clock is read */
static struct game game;
static struct script *script;
static struct buf to_all;
static char map_dir[] = "/tmp/holdfast-map-XXXXXX/mapname";
static int saves, kicks;

static void advance(uint64_t ms)
{
	loop.uv.time += ms;
}

/* ---- what game.h declares ----------------------------------------------------------------------- */

void player_send(struct player *p, struct slice text)
{
	assert_true(buf_add(&p->out, text));
}

void game_send_all(UNUSED struct game *g, struct slice text)
{
	assert_true(buf_add(&to_all, text));
}

bool player_save(struct player *p, json_t *saved, const char **why)
{
	static char text[80];
	size_t len = saved != NULL ? json_dumpb(saved, NULL, 0, JSON_COMPACT) : 0;
	if (len > FAKE_SAVED_MAX) {
		snprintf(text, sizeof text, "%zu bytes too large", len - FAKE_SAVED_MAX);
		*why = text;
		json_decref(saved);
		return false;
	}
	json_decref(p->saved);
	p->saved = saved;
	saves++;
	return true;
}

static bool set_text(char **field, const char *text, const char **why)
{
	if (text != NULL && strlen(text) > 64) {
		*why = "over 64 bytes";
		return false;
	}
	free(*field);
	*field = text != NULL ? strdup(text) : NULL;
	return true;
}

bool player_set_name(struct player *p, const char *name, const char **why)
{
	return set_text(&p->name, name, why);
}

bool player_set_role(struct player *p, const char *role, const char **why)
{
	return set_text(&p->role, role, why);
}

/* Fake accounts whose names begin with A are admins. */
bool player_login(struct player *p, const char *account, const char **why)
{
	return player_set_name(p, account, why) &&
	       player_set_role(p, account[0] == 'A' ? "admin" : NULL, why);
}

const struct command console_commands[] = {
	{"status", 0, 0, CONSOLE_LIVE, "", "how all is", NULL},
	{"exec", 1, 1, CONSOLE_ADMIN, "<file>", "runs a file", NULL},
};
const size_t console_command_rows = ARRAY_LEN(console_commands);

bool console_is_for(const struct player *p)
{
	return p->role != NULL && strcmp(p->role, "admin") == 0;
}

bool console_run_for(struct player *p, const char *line)
{
	if (!console_is_for(p) || strncmp(line, "status", 6) != 0)
		return false;
	assert_true(buf_addf(&p->out, "status of all\n"));
	return true;
}

static const char *const colours_words[] = {NULL, "none", "16", "256", "true"};

bool player_set_colours(struct player *p, const char *word, const char **why)
{
	for (uint8_t i = COLOURS_AUTO; i <= COLOURS_TRUE; i++) {
		const char *w = colours_words[i];
		if (w == word || (w != NULL && word != NULL && strcmp(w, word) == 0)) {
			p->colours = i;
			player_look_again(p);
			return true;
		}
	}
	*why = "no such word";
	return false;
}

const char *player_colours_word(const struct player *p)
{
	return colours_words[p->colours];
}

void player_kick(struct player *p, const char *reason)
{
	assert_true(buf_addf(&p->out, "kicked: %s\n", reason));
	p->state = PLAYER_LEAVING;
	kicks++;
	script_leave(script, p, "kicked");
}

void player_lookup(struct player *p)
{
	assert_true(buf_addf(&p->out, "looked up\n"));
}

void player_tell(struct player *p, const char *channel, bool json, struct slice data)
{
	assert_true(buf_addf(&p->out, "%s%s: %.*s\n", channel, json ? " (json)" : "", (int)data.len,
		(const char *)data.at));
}

void game_tell_all(UNUSED struct game *g, const char *channel, UNUSED bool json, struct slice data)
{
	assert_true(buf_addf(&to_all, "%s: %.*s\n", channel, (int)data.len, (const char *)data.at));
}

void player_prompt(struct player *p, struct slice text)
{
	assert_true(buf_addf(&p->out, "prompt: %.*s\n", (int)text.len, (const char *)text.at));
}

static UNUSED char told_mssp[1000]; /* what game.mssp was given last, as JSON */

bool game_set_mssp(UNUSED struct game *g, json_t *table)
{
	size_t len = table != NULL ? json_dumpb(table, told_mssp, sizeof told_mssp - 1, 0) : 0;
	json_decref(table);
	told_mssp[size_min(len, sizeof told_mssp - 1)] = '\0';
	return len < sizeof told_mssp;
}

const char *player_label(const struct player *p)
{
	return p->ip;
}

struct audience *audience_new(UNUSED struct game *g)
{
	return NULL;
}

void audience_free(UNUSED struct audience *a)
{
}

bool audience_add(UNUSED struct audience *a, UNUSED struct player *p)
{
	return false;
}

void audience_remove(UNUSED struct audience *a, UNUSED struct player *p)
{
}

void audience_send(UNUSED struct audience *a, UNUSED struct slice text)
{
}

void audience_show(UNUSED struct audience *a, UNUSED const struct markup *m)
{
}

void audience_tell(UNUSED struct audience *a, UNUSED const char *channel, UNUSED bool json,
	UNUSED struct slice data)
{
}

void audience_look_changed(UNUSED struct player *p, UNUSED unsigned before)
{
}

bool game_accept(UNUSED struct game *g, UNUSED bool localhost_only)
{
	return false;
}

bool bans_make(UNUSED struct bans *b, UNUSED const struct ban *wanted, const char **why)
{
	*why = "there are no multiplexers";
	return false;
}

const char *game_accept_word(UNUSED const struct game *g)
{
	return "all";
}

char *player_key_text(const struct player *p, char out[static PLAYER_KEY_TEXT_MAX])
{
	return clientkey_text(&p->key, out);
}

/* ---- players ------------------------------------------------------------------------------------ */

static UNUSED struct player *arrive(uint32_t number)
{
	struct player *p = calloc(1, sizeof *p);
	assert_non_null(p);
	p->game = &game;
	p->key = clientkey_of(number, 199);
	p->state = PLAYER_HERE;
	p->ip = strdup("192.0.2.7");
	p->protocol = strdup("telnet-line");
	p->connected_ms = p->input_ms = loop.uv.time;
	assert_true(slots_put(&game.handles, p, &p->handle));
	list_add_last(&game.players, &p->node);
	game.looks[p->look]++;
	return p;
}

static UNUSED struct player *join(uint32_t number)
{
	struct player *p = arrive(number);
	script_join(script, p);
	return p;
}

static void drop(struct player *p)
{
	slots_drop(&game.handles, p->handle);
	list_remove(&p->node);
	game.looks[p->look]--;
	json_decref(p->caps);
	buf_free(&p->out);
	json_decref(p->saved);
	free(p->ip);
	free(p->protocol);
	free(p->name);
	free(p->role);
	free(p);
}

static UNUSED void part(struct player *p, const char *why)
{
	script_leave(script, p, why);
	drop(p);
}

static UNUSED void type(struct player *p, const char *line)
{
	p->input_ms = loop.uv.time;
	script_input(script, p, slice_text(line));
}

/* What he was shown since the last time; valid until the next call. */
static UNUSED const char *shown(struct player *p)
{
	static char text[16 * 1024];
	snprintf(text, sizeof text, "%.*s", (int)p->out.len,
		p->out.len > 0 ? (const char *)buf_bytes(&p->out).at : "");
	buf_eat(&p->out, p->out.len);
	return text;
}

/* ---- the log ------------------------------------------------------------------------------------ */

static int log_fd = -1, real_stderr = -1;

/* What was logged since the last time; valid until the next call. */
static UNUSED const char *logged(void)
{
	static char text[64 * 1024];
	off_t end = lseek(log_fd, 0, SEEK_END);
	assert_true(end >= 0 && (size_t)end < sizeof text);
	ssize_t n = pread(log_fd, text, sizeof text - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(ftruncate(log_fd, 0), 0);
	return text;
}

/* What all were shown since. */
static UNUSED const char *all_text(void)
{
	static char text[4096];
	snprintf(text, sizeof text, "%.*s", (int)to_all.len,
		to_all.len > 0 ? (const char *)buf_bytes(&to_all).at : "");
	buf_eat(&to_all, to_all.len);
	return text;
}

/* ---- the map ------------------------------------------------------------------------------------ */

static void write_file(const char *name, const char *text)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", map_dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* Runs this as init.lua of a fresh map. */
static UNUSED void open_map(const char *text)
{
	const char *why = NULL;
	write_file("init.lua", text);
	script = script_open(&game, map_dir, &why);
	if (script == NULL)
		fail_msg("script_open: %s", why);
}

/* The same for one that cannot be opened: why. */
static UNUSED const char *refused_map(const char *text)
{
	const char *why = NULL;
	write_file("init.lua", text);
	assert_null(script_open(&game, map_dir, &why));
	assert_non_null(why);
	return why;
}

/* A frame, ms after the last. */
static UNUSED void frame(uint64_t ms)
{
	advance(ms);
	script_frame(script, (double)ms / 1000, ++game.frame);
	(void)script_collect(script, UINT64_MAX);
}

static int set_up(UNUSED void **state)
{
	loop.uv.time = 1000000;
	game.loop = &loop;
	cvar_open(&game.cvars);
	game.cvars.set.sv_script_time = 0;
	list_init(&game.players);
	list_init(&game.dirty);
	list_init(&game.map.hooks);
	game.frame = 0;
	saves = kicks = 0;
	char *slash = strrchr(map_dir, '/');
	*slash = '\0';
	memcpy(slash - 6, "XXXXXX", 6);
	assert_non_null(mkdtemp(map_dir));
	*slash = '/';
	assert_int_equal(mkdir(map_dir, 0700), 0);

	FILE *file = tmpfile();
	assert_non_null(file);
	log_fd = dup(fileno(file));
	fclose(file);
	fcntl(log_fd, F_SETFL, fcntl(log_fd, F_GETFL) | O_APPEND);
	real_stderr = dup(STDERR_FILENO);
	dup2(log_fd, STDERR_FILENO);
	return 0;
}

static int tear_down(UNUSED void **state)
{
	const char *rest = logged(); /* and what cmocka had to say */
	dup2(real_stderr, STDERR_FILENO);
	fputs(rest, stderr);
	close(real_stderr);
	close(log_fd);
	script_close(script);
	script = NULL;
	while (!list_is_empty(&game.players))
		drop(container_of(game.players.next, struct player, node));
	slots_free(&game.handles);
	buf_free(&to_all);
	cvar_close(&game.cvars);
	char command[300];
	snprintf(command, sizeof command, "rm -r %s", map_dir);
	*strrchr(command, '/') = '\0';
	return system(command);
}

#define SCRIPT_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
