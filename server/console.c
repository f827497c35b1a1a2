#include "server/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/render.h"
#include "server/commands.h"
#include "server/game.h"
#include "server/script_command.h"
#include "server/show.h"

const struct command console_commands[] = {
#define COMMAND(name, min, max, who, usage, help) {#name, min, max, who, usage, help, cmd_##name},
#include "server/commands.def"
};
const size_t console_command_rows = ARRAY_LEN(console_commands);

/* ---- one line ---- */

static bool is_empty(const char *line)
{
	line += strspn(line, " \t\r");
	return line[0] == '\0' || line[0] == '#' || (line[0] == '/' && line[1] == '/');
}

void console_call(struct call *call)
{
	const struct game *game = call->owner;
	bool is_map = call->argc > 0 && game->script != NULL &&
		      command_find(console_commands, console_command_rows, call->argv[0]) == NULL &&
		      script_command(game->script, call);

	if (!is_map)
		command_run(console_commands, console_command_rows, call);
}

void console_outcome(json_t *answer, const char *error, struct buf *out)
{
	char plain[512];
	json_t *text = error != NULL ? json_string(error) : NULL;

	if (error == NULL) {
		render_json(out, answer);
	} else if (text != NULL) {
		render_json(out, text);
	} else { /* a word cut in the middle of a character */
		log_escape(plain, sizeof plain, slice_text(error));
		buf_addf(out, "%s\n", plain);
	}
	json_decref(text);
	json_decref(answer);
}

static void add_outcome(const struct call *call, struct buf *out)
{
	if (call->error[0] != '\0')
		console_outcome(NULL, call->error, out);
	else if (!call->held)
		console_outcome(json_incref(call->answer), NULL, out);
}

void console_run(struct game *game, const char *line, struct buf *out)
{
	console_run_from(game, line, NULL, out);
}

void console_run_from(
	struct game *game, const char *line, struct call_front *front, struct buf *out)
{
	struct call call = {
		.owner = game, .caller = "console", .who = CONSOLE_ADMIN, .front = front};
	const char *value;

	if (is_empty(line))
		return;
	if (command_split(&call, line)) {
		value = call.argc == 1 ? cvar_get(&game->cvars, call.argv[0]) : NULL;
		if (value != NULL)
			call_answer(&call, json_pack("{s:s}", call.argv[0], value));
		else
			console_call(&call);
	}
	add_outcome(&call, out);
	call_free(&call);
}

bool console_is_for(const struct player *p)
{
	return p->role != NULL && strcmp(p->role, "admin") == 0;
}

static bool is_for_game(const char *line)
{
	char name[40];
	const struct command *c;

	snprintf(name, sizeof name, "%.*s", (int)strcspn(line, " \t"), line);
	c = command_find(console_commands, console_command_rows, name);
	return c != NULL && (c->who & CONSOLE_GAME) != 0;
}

/* An admin in the game, who may have left before his command is done. */
struct game_front {
	struct call_front front;
	struct game *game; /* borrowed: outlives us */
	struct handle who;
};

static void show(struct game_front *f, struct buf *text)
{
	struct player *p = slots_find(&f->game->handles, f->who);

	if (p != NULL && p->state == PLAYER_HERE && text->len > 0)
		player_show(p, &(struct markup){.bytes = buf_bytes(text)});
	buf_free(text);
}

static void done_in_game(struct call_front *front, json_t *answer, const char *error)
{
	struct game_front *f = container_of(front, struct game_front, front);
	struct buf text = {0};

	console_outcome(answer, error, &text);
	show(f, &text);
	free(f);
}

bool console_run_for(struct player *p, const char *line)
{
	char caller[200];
	struct buf text = {0};

	if (!console_is_for(p) || !is_for_game(line))
		return false;
	struct game_front *f = calloc(1, sizeof *f);
	if (f == NULL)
		return false;
	*f = (struct game_front){.game = p->game, .who = p->handle};
	call_front_open(&f->front, done_in_game);
	snprintf(
		caller, sizeof caller, "%s %.60s", player_label(p), p->name != NULL ? p->name : "");
	struct call call = {
		.owner = p->game, .caller = caller, .who = CONSOLE_GAME, .front = &f->front};
	if (command_split(&call, line))
		command_run(console_commands, console_command_rows, &call);
	bool later = call.held;
	add_outcome(&call, &text);
	call_free(&call);
	if (!later) { /* otherwise done_in_game frees it, or has */
		show(f, &text);
		free(f);
	}
	buf_free(&text);
	return true;
}

/* ---- files ---- */

enum { EXEC_DEPTH_MAX = 8 };

/* Only a file: a pipe or a device would have the game wait for it, or never end. */
static FILE *open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *f = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		f = fdopen(fd, "r");
	else
		errno = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
	if (f == NULL)
		close(fd);
	return f;
}

static void run_of_file(struct call *call)
{
	const char *name = call->argc > 0 ? call->argv[0] : "";
	const struct command *c = command_find(console_commands, console_command_rows, name);

	if (c != NULL && (c->who & call->who) == 0)
		call_fail(call, "%s: not in a configuration file, on the console only", c->name);
	else
		command_run(console_commands, console_command_rows, call);
}

/* Runs each line that is not empty, up to the first that fails. */
static bool run_file(struct game *game, const char *file, unsigned who, const char **why)
{
	static char text[700];
	static unsigned depth;
	char line[COMMAND_LINE_MAX + 2];
	FILE *f = depth < EXEC_DEPTH_MAX ? open_file(file) : NULL;
	bool ok = f != NULL;

	*why = text;
	if (depth >= EXEC_DEPTH_MAX)
		snprintf(text, sizeof text, "%s: exec within exec, over %d deep", file,
			EXEC_DEPTH_MAX);
	else if (f == NULL)
		snprintf(text, sizeof text, "%s: %s", file, strerror(errno));
	depth++;
	for (unsigned n = 1; ok && fgets(line, sizeof line, f) != NULL; n++) {
		struct call call = {.owner = game, .caller = file, .who = who};

		line[strcspn(line, "\n")] = '\0';
		if (is_empty(line))
			continue;
		if (command_split(&call, line))
			run_of_file(&call);
		ok = call.error[0] == '\0';
		if (!ok)
			snprintf(text, sizeof text, "%s:%u: %s", file, n, call.error);
		call_free(&call);
	}
	if (ok && ferror(f)) {
		ok = false;
		snprintf(text, sizeof text, "%s: cannot be read", file);
	}
	depth--;
	if (f != NULL)
		fclose(f);
	return ok;
}

bool console_exec_file(struct game *game, const char *file, unsigned mode, const char **why)
{
	return run_file(game, file, CONSOLE_CONFIG | mode, why);
}

bool console_set(struct game *game, const char *assignment, unsigned mode, const char **why)
{
	static char text[400];
	struct call call = {
		.owner = game, .caller = "--set", .who = CONSOLE_CONFIG | mode, .argc = 3};
	const char *equals = strchr(assignment, '=');
	char name[80];

	*why = text;
	if (equals == NULL || equals == assignment ||
		(size_t)(equals - assignment) >= sizeof name) {
		snprintf(text, sizeof text, "--set %.80s: must be NAME=VALUE", assignment);
		return false;
	}
	snprintf(name, sizeof name, "%.*s", (int)(equals - assignment), assignment);
	call.argv[0] = "set";
	call.argv[1] = name;
	call.argv[2] = equals + 1;
	command_run(console_commands, console_command_rows, &call);
	snprintf(text, sizeof text, "--set %s", call.error);
	bool ok = call.error[0] == '\0';
	call_free(&call);
	return ok;
}
