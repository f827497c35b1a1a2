/* holdfast-server: runs the game; may end, crash or be replaced while the players stay connected. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/arguments.h"
#include "common/lock.h"
#include "common/log.h"
#include "server/console.h"
#include "server/game.h"
#include "server/script.h"

/* After `quit`: ended on purpose, do not start again. See etc/holdfast-server.service. */
enum { EXIT_QUIT = 3, SETS_MAX = 64 };

static struct {
	const char *config_file, *run_dir, *maps_dir, *log_level;
	const char *sets[SETS_MAX];
	int set_count;
	bool console, check, version, help;
} given = {.run_dir = HOLDFAST_RUN_DIR, .maps_dir = HOLDFAST_DATA_DIR "/maps", .log_level = "info"};

static void add_set(void *to UNUSED, const char *value)
{
	if (given.set_count < SETS_MAX)
		given.sets[given.set_count++] = value;
}

static const struct argument arguments[] = {
	{"--config", "FILE", "console commands to begin with (set sv_name \"...\")",
		.text = &given.config_file},
	{"--set", "NAME=VALUE", "sets a cvar, after the file; may be given several times",
		.add = add_set},
	{"--maps", "DIR", "where the maps are (" HOLDFAST_DATA_DIR "/maps)",
		.text = &given.maps_dir},
	{"--run-dir", "DIR", "where the sockets and the lock are (" HOLDFAST_RUN_DIR ")",
		.text = &given.run_dir},
	{"--console", NULL, "reads commands from standard input even if it is no terminal",
		.flag = &given.console},
	{"--log-level", "LEVEL", "debug, info, warn or error (info)", .text = &given.log_level},
	{"--check-config", NULL, "reads settings and map, says what is wrong with them, and ends",
		.flag = &given.check},
	{"--version", NULL, "prints the version, and ends", .flag = &given.version},
	{"--help", NULL, "prints this, and ends", .flag = &given.help},
};

static void print_help(void)
{
	printf("usage: holdfast-server [arguments]\n"
	       "Runs the game for the players whom holdfast-multiplexer keeps connected.\n");
	arguments_print(arguments, ARRAY_LEN(arguments));
	printf("SIGTERM and SIGINT end it in order (a second one at once); SIGHUP reads the settings\n"
	       "again. On a terminal, type help.\n");
}

/* Reads the command line; ends the program when that was all, or when it is wrong. */
static void read_arguments(int argc, char **argv)
{
	enum log_level level;
	const char *why;
	int last = arguments_read(arguments, ARRAY_LEN(arguments), argc, argv, &why);

	if (last >= 0 && last < argc) {
		fprintf(stderr, "holdfast-server: %s: no argument expected; try --help\n",
			argv[last]);
		exit(EX_USAGE);
	}
	if (last < 0 || !log_level_parse(given.log_level, &level)) {
		fprintf(stderr, "holdfast-server: %s\n",
			last < 0 ? why : "--log-level: none of debug, info, warn, error");
		exit(EX_USAGE);
	}
	if (given.help)
		print_help();
	if (given.version)
		printf("holdfast-server %s\n", HOLDFAST_VERSION);
	if (given.help || given.version)
		exit(EX_OK);
	log_open("server", level);
}

static bool apply_sets(struct game *game, const char **why)
{
	static char text[300];

	for (int i = 0; i < given.set_count; i++) {
		char name[64];
		const char *equals = strchr(given.sets[i], '=');

		if (equals == NULL || (size_t)(equals - given.sets[i]) >= sizeof name) {
			snprintf(text, sizeof text, "--set %.64s: must be NAME=VALUE",
				given.sets[i]);
			*why = text;
			return false;
		}
		snprintf(name, sizeof name, "%.*s", (int)(equals - given.sets[i]), given.sets[i]);
		if (!cvar_set(&game->cvars, name, equals + 1, true, why)) {
			snprintf(text, sizeof text, "--set %s", *why);
			*why = text;
			return false;
		}
	}
	return true;
}

static bool configure(struct game *game, const char **why)
{
	if (given.config_file != NULL && !console_exec_file(game, given.config_file, true, why))
		return false;
	return apply_sets(game, why);
}

/* For --check-config. */
static bool check(struct game *game, const char **why)
{
	char dir[1024];

	if (!game_map_dir(game, game->cvars.set.sv_map, dir, sizeof dir)) {
		*why = "sv_map: there is no such map in the folder of --maps";
		return false;
	}
	return script_check(dir, why);
}

static void stop_cb(uv_signal_t *signal, int number)
{
	game_stop(signal->data, STOP_SIGNAL, number == SIGINT ? "SIGINT" : "SIGTERM");
}

static void reload_cb(uv_signal_t *signal, int number UNUSED)
{
	struct game *game = signal->data;
	const char *why;

	if (given.config_file == NULL)
		log_info("settings: there is no file to read again");
	else if (console_exec_file(game, given.config_file, false, &why))
		log_info("settings: %s read again", given.config_file);
	else
		log_error("settings: %s", why);
}

static const struct {
	int number;
	uv_signal_cb cb;
} signals[] = {{SIGTERM, stop_cb}, {SIGINT, stop_cb}, {SIGHUP, reload_cb}};

/* Runs the game; returns how it stopped, or -1 if it could not start. */
static int play(struct loop *loop, struct game *game)
{
	uv_signal_t handles[ARRAY_LEN(signals)];
	struct console *console = NULL;
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		uv_signal_init(&loop->uv, &handles[i]);
		handles[i].data = game;
		uv_signal_start(&handles[i], signals[i].cb, signals[i].number);
	}
	bool ok = game_start(game, &why);
	if (ok && (given.console || isatty(STDIN_FILENO)))
		console = console_open(game, STDIN_FILENO);
	if (ok)
		loop_run(loop);
	else
		log_error("cannot start: %s", why);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		uv_close((uv_handle_t *)&handles[i], NULL);
	console_close(console);
	return ok ? (int)game->stop : -1;
}

static int run(const char *program)
{
	struct loop loop;
	struct game game;
	const char *why = NULL;
	int stop = -1, status = loop_open(&loop);

	if (status != 0) {
		log_error("cannot open an event loop: %s", uv_strerror(status));
		return EXIT_FAILURE;
	}
	game_open(&game, &loop,
		&(struct game_config){.run_dir = given.run_dir,
			.maps_dir = given.maps_dir,
			.config_file = given.config_file,
			.program = program});
	bool configured = configure(&game, &why) && (!given.check || check(&game, &why));
	if (!configured)
		fprintf(stderr, "%s\n", why);
	else if (!given.check && lock_take(given.run_dir, "server", &why) < 0)
		log_error("cannot start: %s", why);
	else if (!given.check)
		stop = play(&loop, &game);
	game_close(&game);
	loop_run(&loop);
	game_free(&game);
	if (loop_close(&loop) != 0)
		log_error("a handle was left open at the end: please report this");
	if (!configured)
		return EX_CONFIG;
	if (given.check)
		return EX_OK;
	return stop < 0               ? EXIT_FAILURE
	       : stop == STOP_RESTART ? -1
	       : stop == STOP_QUIT    ? EXIT_QUIT
				      : EX_OK;
}

/* The path of our program, read at the start: when a new build replaces the file, the same path is
 * the new one, while /proc/self/exe goes on naming the old one, as deleted. */
static const char *own_path(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	path[n > 0 ? n : 0] = '\0';
	return path;
}

int main(int argc, char **argv)
{
	const char *program = own_path();

	read_arguments(argc, argv);
	log_info("holdfast-server %s starts", HOLDFAST_VERSION);
	int status = run(program);
	if (status >= 0) {
		log_info("ended");
		return status;
	}
	log_info("starting %s anew", program);
	fcntl(STDIN_FILENO, F_SETFD, 0); /* libuv has a terminal closed on exec: keep the console */
	execv(program, argv);
	log_error("%s: cannot be executed: %s", program, strerror(errno));
	return EXIT_FAILURE;
}
