#include "server/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metric.h"
#include "common/render.h"
#include "server/game.h"
#include "server/muxlinks.h"
#include "server/script.h"

#define COMMAND(name, min, max, who, usage, help) static void cmd_##name(struct call *call);
#include "server/commands.def"

const struct command console_commands[] = {
#define COMMAND(name, min, max, who, usage, help) {#name, min, max, who, usage, help, cmd_##name},
#include "server/commands.def"
};
const size_t console_command_rows = ARRAY_LEN(console_commands);

static const struct metric metric_table[] = {
#define METRIC(KIND, name, help) {#name, METRIC_##KIND, offsetof(struct game_metrics, name), help},
#include "server/metrics.def"
};

/* ---- one line ---- */

static bool is_empty(const char *line)
{
	line += strspn(line, " \t\r");
	return line[0] == '\0' || line[0] == '#' || (line[0] == '/' && line[1] == '/');
}

void console_run(struct game *game, const char *line, struct buf *out)
{
	struct call call = {.owner = game, .caller = "console", .who = CONSOLE_ADMIN};
	const char *value;

	if (is_empty(line))
		return;
	if (command_split(&call, line)) {
		value = call.argc == 1 ? cvar_get(&game->cvars, call.argv[0]) : NULL;
		if (value != NULL)
			call_answer(&call, json_pack("{s:s}", call.argv[0], value));
		else
			command_run(console_commands, console_command_rows, &call);
	}
	if (call.error[0] != '\0')
		buf_addf(out, "%s\n", call.error);
	else
		render_json(out, call.answer);
	call_free(&call);
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
			command_run(console_commands, console_command_rows, &call);
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

/* ---- commands ---- */

static void cmd_help(struct call *call)
{
	call_answer(call, command_help(console_commands, console_command_rows, call->who));
}

static void cmd_cmdlist(struct call *call)
{
	cmd_help(call);
}

static void cmd_cvarlist(struct call *call)
{
	const struct game *game = call->owner;

	call_answer(call, cvar_list_json(&game->cvars, call->argc > 1 ? call->argv[1] : ""));
}

static void cmd_get(struct call *call)
{
	const struct game *game = call->owner;
	const char *value = cvar_get(&game->cvars, call->argv[1]);

	if (value == NULL)
		call_fail(call, "%s: no such cvar; cvarlist shows all", call->argv[1]);
	else
		call_answer(call, json_pack("{s:s}", call->argv[1], value));
}

static void cmd_set(struct call *call)
{
	struct game *game = call->owner;
	const char *name = call->argv[1], *text = call->argv[2], *why;

	if ((call->who & CONSOLE_AGAIN) != 0 && cvar_is_fixed(name)) {
		if (!cvar_reads_as(&game->cvars, name, text))
			log_warn("cvar %s: stays as it is until the next start", name);
		return;
	}
	if (!cvar_set(&game->cvars, name, text, (call->who & CONSOLE_ADMIN) == 0, &why))
		call_fail(call, "%s", why);
	else if ((call->who & CONSOLE_ADMIN) != 0)
		log_info("cvar %s: set to '%s' by %s", name, text, call->caller);
}

static void cmd_exec(struct call *call)
{
	const char *why;

	if (!run_file(call->owner, call->argv[1], call->who | CONSOLE_CONFIG, &why))
		call_fail(call, "%s", why);
}

static void cmd_status(struct call *call)
{
	const struct game *game = call->owner;

	call_answer(call,
		json_pack("{s:s, s:s, s:i, s:I, s:s, s:s*, s:o, s:I, s:s, s:s, s:I, s:I, s:I, s:o}",
			"program", "holdfast-server", "version", HOLDFAST_VERSION, "pid",
			(int)getpid(), "uptime_s",
			(json_int_t)((loop_now_ms(game->loop) - game->started_ms) / 1000), "link",
			muxlinks_state_word(game->muxlinks), "refused_by_multiplexer",
			muxlinks_refusal(game->muxlinks), "links", muxlinks_status(game->muxlinks),
			"players", (json_int_t)game->metrics.players_now, "accept",
			game_accept_word(game), "name", game->cvars.set.sv_name, "fps",
			(json_int_t)game->cvars.set.sv_fps, "frame", (json_int_t)game->frame,
			"frames_late", (json_int_t)game->metrics.frames_late, "script",
			script_status(game->script)));
}

static void cmd_metrics(struct call *call)
{
	const struct game *game = call->owner;

	call_answer(call, metrics_json(metric_table, ARRAY_LEN(metric_table), &game->metrics));
}

static void cmd_players(struct call *call)
{
	const struct game *game = call->owner;
	uint64_t now = loop_now_ms(game->loop);
	json_t *all = json_array();

	LIST_EACH(node, &game->players)
	{
		const struct player *p = container_of(node, struct player, node);
		char key[PLAYER_KEY_TEXT_MAX];

		if (p->state == PLAYER_HERE)
			json_array_append_new(all,
				json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:I, s:I}", "key",
					player_key_text(p, key), "name", p->name, "role", p->role,
					"address", p->ip, "protocol", p->protocol, "connected_s",
					(json_int_t)((now - p->connected_ms) / 1000), "idle_s",
					(json_int_t)((now - p->input_ms) / 1000)));
	}
	call_answer(call, all);
}

/* By key, or by name as the script set it, whatever the case of its letters. */
static struct player *find_player(struct game *game, const char *word)
{
	struct player *by_key = player_find_text(game, word);

	if (by_key != NULL)
		return by_key;
	LIST_EACH(node, &game->players)
	{
		struct player *p = container_of(node, struct player, node);

		if (p->state == PLAYER_HERE && p->name != NULL && strcasecmp(p->name, word) == 0)
			return p;
	}
	return NULL;
}

static void cmd_kick(struct call *call)
{
	struct player *p = find_player(call->owner, call->argv[1]);
	char reason[512], words[600];

	if (p == NULL || p->state != PLAYER_HERE) {
		call_fail(call, "no such player: %s; `players` lists them", call->argv[1]);
		return;
	}
	call_words(call, 2, reason, sizeof reason);
	snprintf(words, sizeof words, "You were disconnected by an admin%s%s",
		reason[0] != '\0' ? ": " : ".", reason);
	player_kick(p, words);
}

/* The multiplexer's answer comes later; until then the mode shown is the old one. */
static void cmd_accept(struct call *call)
{
	struct game *game = call->owner;
	bool local = call->argc > 1 && strcmp(call->argv[1], "localhost") == 0;

	if (call->argc == 1 || strcmp(call->argv[1], "show") == 0) {
		call_answer(call, json_pack("{s:s}", "accept", game_accept_word(game)));
	} else if (!local && strcmp(call->argv[1], "all") != 0) {
		call_fail(call, "accept: '%s' is none of localhost, all, show", call->argv[1]);
	} else if (!game_accept(game, local)) {
		call_fail(call,
			"accept: the multiplexer is not connected; ask it itself: holdfastctl "
			"accept %s",
			call->argv[1]);
	} else {
		log_info("accept: %s asked for by %s", call->argv[1], call->caller);
	}
}

static void stop(struct call *call, enum game_stop kind)
{
	const struct game *game = call->owner;
	char reason[400], text[600];

	if (game->stop != STOP_NOT && kind == STOP_RESTART) {
		call_fail(call, "the server is stopping already");
		return;
	}
	call_words(call, 1, reason, sizeof reason);
	snprintf(text, sizeof text, "%s by %s%s%s", call->argv[0], call->caller,
		reason[0] != '\0' ? ": " : "", reason);
	game_stop(call->owner, kind, text);
}

static void cmd_restart(struct call *call)
{
	const char *why;

	if (game_check(call->owner, &why))
		stop(call, STOP_RESTART);
	else
		call_fail(call, "not restarted, since it would not come up again: %s", why);
}

static void cmd_quit(struct call *call)
{
	stop(call, STOP_QUIT);
}

static void cmd_loglevel(struct call *call)
{
	enum log_level level;

	if (!log_level_parse(call->argv[1], &level))
		call_fail(
			call, "loglevel: '%s' is none of debug, info, warn, error", call->argv[1]);
	else if ((call->who & CONSOLE_TRYING) == 0)
		log_open("server", level);
}
