#include "server/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/line.h"
#include "common/log.h"
#include "common/metric.h"
#include "common/render.h"
#include "server/game.h"
#include "server/muxlink.h"
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

/* Calls line_cb for each line that is not empty; it sets call->error when it fails. */
static bool each_line(const char *file, void (*line_cb)(struct call *call), struct game *game,
	unsigned who, const char **why)
{
	static char text[700];
	static unsigned depth;
	char line[COMMAND_LINE_MAX + 2];
	FILE *f = depth < EXEC_DEPTH_MAX ? fopen(file, "re") : NULL;
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
			line_cb(&call);
		ok = call.error[0] == '\0';
		if (!ok)
			snprintf(text, sizeof text, "%s:%u: %s", file, n, call.error);
		call_free(&call);
	}
	depth--;
	if (f != NULL)
		fclose(f);
	return ok;
}

static void run_line(struct call *call)
{
	command_run(console_commands, console_command_rows, call);
}

bool console_exec_file(struct game *game, const char *file, bool starting, const char **why)
{
	return each_line(
		file, run_line, game, CONSOLE_CONFIG | (starting ? 0 : CONSOLE_ADMIN), why);
}

/* The same on cvars that nobody uses. */
bool console_check_file(const char *file, const char **why)
{
	struct game scratch = {0};

	if (file == NULL)
		return true;
	cvar_open(&scratch.cvars);
	bool ok = each_line(file, run_line, &scratch, CONSOLE_CONFIG, why);
	cvar_close(&scratch.cvars);
	return ok;
}

/* ---- the terminal ---- */

struct console {
	struct game *game; /* borrowed: outlives us */
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tty_t tty;
		uv_pipe_t pipe;
	} uv;
	struct line line;
};

static void room_cb(uv_handle_t *handle, size_t wanted UNUSED, uv_buf_t *buf)
{
	struct console *c = handle->data;

	*buf = uv_buf_init((char *)c->game->loop->read_room, LOOP_READ_ROOM);
}

static void say(struct buf *out)
{
	struct slice text = buf_bytes(out);

	if (text.len > 0)
		fwrite(text.at, 1, text.len, stdout);
	fflush(stdout);
	buf_free(out);
}

static void read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct console *c = stream->data;
	struct slice bytes = slice_of(buf->base, n > 0 ? (size_t)n : 0);

	if (n < 0) {
		uv_read_stop(stream);
		log_info("console: closed; the game goes on");
		return;
	}
	while (line_feed(&c->line, &bytes) == LINE_READY) {
		struct buf out = {0};

		buf_add_byte(&c->line.text, '\0');
		console_run(c->game, (const char *)buf_bytes(&c->line.text).at, &out);
		line_next(&c->line);
		say(&out);
	}
}

static void closed_cb(uv_handle_t *handle)
{
	struct console *c = handle->data;

	line_free(&c->line);
	free(c);
}

struct console *console_open(struct game *game, int fd)
{
	struct console *c = calloc(1, sizeof *c);
	int status;

	if (c == NULL)
		return NULL;
	c->game = game;
	c->line.max = COMMAND_LINE_MAX;
	if (isatty(fd)) {
		status = uv_tty_init(&game->loop->uv, &c->uv.tty, fd, 0);
	} else {
		uv_pipe_init(&game->loop->uv, &c->uv.pipe, 0);
		status = uv_pipe_open(&c->uv.pipe, fd);
	}
	c->uv.handle.data = c;
	if (status == 0)
		status = uv_read_start(&c->uv.stream, room_cb, read_cb);
	if (status == 0)
		return c;
	log_warn("console: cannot read it: %s", uv_strerror(status));
	if (c->uv.handle.loop != NULL)
		uv_close(&c->uv.handle, closed_cb);
	else
		free(c);
	return NULL;
}

void console_close(struct console *c)
{
	if (c != NULL && !uv_is_closing(&c->uv.handle))
		uv_close(&c->uv.handle, closed_cb);
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
	bool starting = (call->who & CONSOLE_ADMIN) == 0;
	const char *why;

	if (!cvar_set(&game->cvars, call->argv[1], call->argv[2], starting, &why))
		call_fail(call, "%s", why);
	else if (!starting)
		log_info("cvar %s: set to '%s' by %s", call->argv[1], call->argv[2], call->caller);
}

static void cmd_exec(struct call *call)
{
	const char *why;

	if (!console_exec_file(call->owner, call->argv[1], (call->who & CONSOLE_ADMIN) == 0, &why))
		call_fail(call, "%s", why);
}

static void cmd_status(struct call *call)
{
	const struct game *game = call->owner;

	call_answer(call,
		json_pack("{s:s, s:s, s:i, s:I, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:o}", "program",
			"holdfast-server", "version", HOLDFAST_VERSION, "pid", (int)getpid(),
			"uptime_s",
			(json_int_t)((loop_now_ms(game->loop) - game->started_ms) / 1000), "link",
			muxlink_state_word(muxlink_state(game->muxlink)), "players",
			(json_int_t)game->metrics.players_now, "accept",
			game->localhost_only ? "localhost" : "all", "name", game->cvars.set.sv_name,
			"fps", (json_int_t)game->cvars.set.sv_fps, "frame", (json_int_t)game->frame,
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
		char key[CLIENTKEY_TEXT_MAX];

		if (p->state == PLAYER_HERE)
			json_array_append_new(all,
				json_pack("{s:s, s:s?, s:s?, s:s, s:s, s:I, s:I}", "key",
					clientkey_text(&p->key, key), "name", p->name, "role",
					p->role, "address", p->ip, "protocol", p->protocol,
					"connected_s", (json_int_t)((now - p->connected_ms) / 1000),
					"idle_s", (json_int_t)((now - p->input_ms) / 1000)));
	}
	call_answer(call, all);
}

/* By key, or by name as the script set it, whatever the case of its letters. */
static struct player *find_player(struct game *game, const char *word)
{
	struct clientkey key;

	if (clientkey_parse(word, &key) && player_find(game, &key) != NULL)
		return player_find(game, &key);
	LIST_EACH(node, &game->players)
	{
		struct player *p = container_of(node, struct player, node);

		if (p->name != NULL && strcasecmp(p->name, word) == 0)
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

static void stop(struct call *call, enum game_stop kind)
{
	char reason[400], text[600];

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

	if (log_level_parse(call->argv[1], &level))
		log_open("server", level);
	else
		call_fail(
			call, "loglevel: '%s' is none of debug, info, warn, error", call->argv[1]);
}
