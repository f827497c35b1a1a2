/* holdfastctl: looks at the two daemons, tells them what to do, or runs both. */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/arguments.h"
#include "common/ctl/cert.h"
#include "common/ctl/client.h"
#include "common/ctl/key.h"
#include "common/ctl/run.h"
#include "common/ctl/shell.h"
#include "common/log.h"
#include "common/render.h"

enum { EXIT_USAGE = 64, ANSWER_MS = 10000, RESTART_MS = 2000, AGAIN_MS = 50 };

struct ctl {
	const char *self; /* how we were called */
	const char *run_dir;
	bool json, help, version;
};

enum target { TO_MULTIPLEXER, TO_SERVER, TO_BOTH, TO_RUN, TO_KEY, TO_CERT, TO_HELP };

/* keeps: the word itself is the daemon's command; otherwise the words after it are. */
static const struct word {
	const char *name;
	enum target target;
	bool keeps;
	const char *usage, *help;
} words[] = {
	{"status", TO_BOTH, true, "", "shows how both daemons are"},
	{"users", TO_MULTIPLEXER, true, "", "lists everybody who is connected"},
	{"kick", TO_MULTIPLEXER, true, "KEY [REASON]",
		"disconnects a user, who is told the reason; users lists the keys"},
	{"accept", TO_MULTIPLEXER, true, "[localhost|all|show]",
		"shows or changes from where new users are let in; drops nobody"},
	{"ban", TO_MULTIPLEXER, true, "NETWORK|KEY [TIME] [force] [keep] [REASON]",
		"lets nobody in from there any more and disconnects who is; TIME: 15m, 12h, 7d"},
	{"unban", TO_MULTIPLEXER, true, "NETWORK", "lets them in again"},
	{"bans", TO_MULTIPLEXER, true, "", "lists the bans"},
	{"restart", TO_SERVER, true, "[TIME] [REASON]",
		"restarts the game, in TIME (60, 90s, 5m); players stay and are told. Or: cancel"},
	{"shutdown", TO_MULTIPLEXER, true, "[REASON]",
		"ends both daemons; every user is disconnected"},
	{"token", TO_SERVER, true, "new NAME [read|write] | list | revoke NAME",
		"makes a token of the HTTP API, which is shown once; lists them; takes one back"},
	{"takeover", TO_MULTIPLEXER, true, "",
		"gives the place of a game server that hangs to the next one of `server`"},
	{"key", TO_KEY, false, "new FILE", "makes the key of a link between two machines"},
	{"cert", TO_CERT, false, "self-signed [--name NAME]... DIR",
		"makes a certificate to begin with, for players who connect by TLS"},
	{"multiplexer", TO_MULTIPLEXER, false, "[WORD...]",
		"gives the multiplexer any command: try multiplexer help; without one: its console"},
	{"server", TO_SERVER, false, "[WORD...]",
		"gives the server any command: try server help; without one: its console"},
	{"run", TO_RUN, false, "[ARGUMENT...]",
		"runs both daemons in this terminal: see run --help"},
	{"help", TO_HELP, false, "", "shows this"},
};

static const char *const daemon_names[] = {
	[TO_MULTIPLEXER] = "multiplexer",
	[TO_SERVER] = "server",
};

/* ---- asking ------------------------------------------------------------------------------------ */

static json_t *ask_once(const struct ctl *ctl, enum target target, int argc,
	const char *const *argv, uint64_t timeout_ms, const char **why)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s.sock", ctl->run_dir, daemon_names[target]);
	return client_ask(path, argc, argv, timeout_ms, why);
}

/* Nobody has had the question: it may be asked again. */
static bool had_nobody(const char *why)
{
	return strncmp(why, "Nothing answers", 15) == 0;
}

static bool multiplexer_answers(const struct ctl *ctl)
{
	const char *why;
	json_t *reply = ask_once(
		ctl, TO_MULTIPLEXER, 2, (const char *const[]){"accept", "show"}, RESTART_MS, &why);
	bool does = reply != NULL;

	json_decref(reply);
	return does;
}

static json_t *nobody_answers(
	const struct ctl *ctl, enum target target, bool is_away, bool is_status)
{
	bool usual = strcmp(ctl->run_dir, HOLDFAST_RUN_DIR) == 0;
	const char *option = usual ? "" : " --run-dir ", *dir = usual ? "" : ctl->run_dir;
	json_t *text;

	if (is_away && is_status)
		text = json_string("the game is restarting or away; players wait");
	else if (is_away)
		text = json_sprintf("the game is restarting or away; players wait: see \"%s%s%s "
				    "status\"",
			ctl->self, option, dir);
	else
		text = json_sprintf("no %s answers at %s/%s.sock: is it running? Start both with "
				    "\"%s%s%s run\", or name its run directory with --run-dir.",
			daemon_names[target], ctl->run_dir, daemon_names[target], ctl->self, option,
			dir);
	return json_pack("{s:b, s:o}", "ok", 0, "error", text);
}

/* The reply of one daemon, or a made-up one of the same form that says why there is none. A game is
 * away for a moment in every restart. */
static json_t *ask(const struct ctl *ctl, enum target target, int argc, const char *const *argv)
{
	const char *why;
	json_t *reply = ask_once(ctl, target, argc, argv, ANSWER_MS, &why);
	bool is_absent = reply == NULL && had_nobody(why);
	bool is_away = is_absent && target == TO_SERVER && multiplexer_answers(ctl);

	for (int ms = 0; is_away && is_absent && ms < RESTART_MS; ms += AGAIN_MS) {
		nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000L}, NULL);
		reply = ask_once(ctl, target, argc, argv, ANSWER_MS, &why);
		is_absent = reply == NULL && had_nobody(why);
	}
	if (reply != NULL)
		return reply;
	if (is_absent)
		return nobody_answers(ctl, target, is_away, strcmp(argv[0], "status") == 0);
	return json_pack("{s:b, s:s}", "ok", 0, "error", why);
}

static bool is_ok(const json_t *reply)
{
	return json_is_true(json_object_get(reply, "ok"));
}

/* To standard output, or an error to standard error. */
static void show(const char *heading, const json_t *reply)
{
	struct buf text = {0};

	if (!is_ok(reply)) {
		const json_t *error = json_object_get(reply, "error");

		render_json(&text, error);
		fflush(stdout);
		fprintf(stderr, "holdfastctl: %.*s", (int)text.len,
			(const char *)buf_bytes(&text).at);
		buf_free(&text);
		return;
	}
	if (heading != NULL)
		printf("%s:\n", heading);
	render_json(&text, json_object_get(reply, "answer"));
	fwrite(buf_bytes(&text).at, 1, text.len, stdout);
	buf_free(&text);
}

static void show_reply(const struct ctl *ctl, const json_t *reply)
{
	if (ctl->json) {
		json_dumpf(reply, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		show(NULL, reply);
	}
}

static int show_one(const struct ctl *ctl, enum target target, int argc, const char *const *argv)
{
	json_t *reply = ask(ctl, target, argc, argv);
	int code = is_ok(reply) ? 0 : 1;

	show_reply(ctl, reply);
	json_decref(reply);
	return code;
}

/* ---- one command after the other --------------------------------------------------------------- */

struct console {
	const struct ctl *ctl;
	enum target target;
};

static json_t *ask_for_console(void *owner, int argc, const char *const *argv)
{
	const struct console *c = owner;

	return ask(c->ctl, c->target, argc, argv);
}

static void show_on_console(void *owner, const json_t *reply)
{
	const struct console *c = owner;

	show_reply(c->ctl, reply);
}

static int console(const struct ctl *ctl, enum target target)
{
	struct console c = {ctl, target};

	return shell_run(&(struct shell){.name = daemon_names[target],
		.ends = target == TO_SERVER ? "quit" : "shutdown",
		.owner = &c,
		.ask = ask_for_console,
		.show = show_on_console});
}

/* Both are shown even if one is down: then most of all. */
static int show_both(const struct ctl *ctl, int argc, const char *const *argv)
{
	json_t *multiplexer = ask(ctl, TO_MULTIPLEXER, argc, argv);
	json_t *server = ask(ctl, TO_SERVER, argc, argv);
	int code = is_ok(multiplexer) && is_ok(server) ? 0 : 1;

	if (ctl->json) {
		json_t *both =
			json_pack("{s:O, s:O}", "multiplexer", multiplexer, "server", server);

		json_dumpf(both, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(both);
	} else {
		show("multiplexer", multiplexer);
		if (is_ok(multiplexer) && is_ok(server))
			putchar('\n');
		show("server", server);
	}
	json_decref(multiplexer);
	json_decref(server);
	return code;
}

/* ---- run --------------------------------------------------------------------------------------- */

/* The daemon that lies beside us. */
static void beside(char out[static PATH_MAX], const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = '\0';
	if (n <= 0 || snprintf(out, PATH_MAX, "%s/%s", dirname(self), name) >= PATH_MAX)
		snprintf(out, PATH_MAX, "./%s", name);
}

static int run(const struct ctl *ctl, int argc, char **argv)
{
	static char multiplexer[PATH_MAX], server[PATH_MAX], list[PATH_MAX];
	struct run_config config = {.self = ctl->self, .run_dir = ctl->run_dir};
	bool help = false;
	const struct argument table[] = {
		{"--multiplexer", "PATH", "the multiplexer's program (default: beside holdfastctl)",
			.text = &config.multiplexer},
		{"--server", "PATH", "the server's program (default: beside holdfastctl)",
			.text = &config.server},
		{"--config-multiplexer", "FILE", "the multiplexer's configuration",
			.text = &config.config_multiplexer},
		{"--config-server", "FILE", "the server's configuration",
			.text = &config.config_server},
		{"--maps", "DIR", "where the server finds its maps", .text = &config.maps},
		{"--list", "PATH", "the list's program (default: beside holdfastctl)",
			.text = &config.list},
		{"--list-at", "PORTS", "starts a list of servers too, which listens there",
			.text = &config.list_at},
		{"--help", NULL, "shows this", .flag = &help},
	};
	const char *why;
	int next = arguments_read(table, ARRAY_LEN(table), argc, argv, &why);

	if (next < 0 || next < argc) {
		fprintf(stderr, "holdfastctl run: %s%s\n", next < 0 ? why : argv[next],
			next < 0 ? "" : ": run takes no such word; try run --help");
		return EXIT_USAGE;
	}
	if (help) {
		printf("Usage: holdfastctl [--run-dir DIR] run [ARGUMENT...]\n"
		       "Runs both daemons in this terminal and starts the game again when it dies.\n"
		       "Ctrl-C ends both; a second one kills them.\n\n");
		arguments_print(table, ARRAY_LEN(table));
		return 0;
	}
	beside(multiplexer, "holdfast-multiplexer");
	beside(server, "holdfast-server");
	beside(list, "holdfast-list");
	if (config.multiplexer == NULL)
		config.multiplexer = multiplexer;
	if (config.server == NULL)
		config.server = server;
	if (config.list == NULL)
		config.list = list;
	log_open("run", LOG_INFO);
	return run_daemons(&config);
}

/* ---- the command line -------------------------------------------------------------------------- */

static void print_help(const struct argument *table, size_t rows)
{
	printf("Usage: holdfastctl [ARGUMENT...] COMMAND [WORD...]\n"
	       "Looks at the daemons of Holdfast and tells them what to do.\n\nArguments:\n");
	arguments_print(table, rows);
	printf("\nCommands:\n");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		char form[80];

		snprintf(form, sizeof form, "%s%s%s", words[i].name,
			words[i].usage[0] != '\0' ? " " : "", words[i].usage);
		arguments_print_row(form, words[i].help);
	}
	printf("\nExit codes: 0 done, 1 refused or no answer, 64 the command line is wrong.\n");
}

static const struct word *find_word(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	return NULL;
}

static int command(const struct ctl *ctl, const struct word *word, int argc, char **argv)
{
	const char *const *first = (const char *const *)(uintptr_t)argv;

	switch (word->target) {
	case TO_RUN:
		return run(ctl, argc, argv);
	case TO_KEY:
		return key_command(argc, argv);
	case TO_CERT:
		return cert_command(argc, argv);
	case TO_BOTH:
		if (argc > 1) {
			fprintf(stderr, "holdfastctl: %s takes no words\n", word->name);
			return EXIT_USAGE;
		}
		return show_both(ctl, argc, first);
	default:
		if (word->keeps)
			return show_one(ctl, word->target, argc, first);
		if (argc < 2 && shell_has_input())
			return console(ctl, word->target);
		if (argc < 2) {
			fprintf(stderr, "holdfastctl: %s needs a command; try: %s help\n",
				word->name, word->name);
			return EXIT_USAGE;
		}
		return show_one(ctl, word->target, argc - 1, first + 1);
	}
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.self = argv[0], .run_dir = HOLDFAST_RUN_DIR};
	const struct argument table[] = {
		{"--run-dir", "DIR",
			"where the daemons' sockets are (default: " HOLDFAST_RUN_DIR ")",
			.text = &ctl.run_dir},
		{"--json", NULL, "answers as JSON, one line", .flag = &ctl.json},
		{"--version", NULL, "shows the version", .flag = &ctl.version},
		{"--help", NULL, "shows this", .flag = &ctl.help},
	};
	const struct word *word;
	const char *why;
	int next = arguments_read(table, ARRAY_LEN(table), argc, argv, &why);

	if (next < 0) {
		fprintf(stderr, "holdfastctl: %s\n", why);
		return EXIT_USAGE;
	}
	if (ctl.version) {
		printf("holdfastctl %s\n", HOLDFAST_VERSION);
		return 0;
	}
	if (ctl.help || (next < argc && strcmp(argv[next], "help") == 0)) {
		print_help(table, ARRAY_LEN(table));
		return 0;
	}
	word = next < argc ? find_word(argv[next]) : NULL;
	if (word == NULL) {
		if (next < argc)
			fprintf(stderr, "holdfastctl: no such command: %s; try --help\n",
				argv[next]);
		else
			fprintf(stderr, "holdfastctl: no command was given; try --help\n");
		return EXIT_USAGE;
	}
	return command(&ctl, word, argc - next, argv + next);
}
