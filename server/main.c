/* holdfast-server: runs the game; may end, crash or be replaced while the players stay connected. */
#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/arguments.h"
#include "common/lock.h"
#include "common/log.h"
#include "server/game.h"
#include "server/maptest/maptest.h"
#include "server/terminal.h"
#include "server/trial.h"
#include "server/watchdog.h"

/* After `quit`: ended on purpose, do not start again. See etc/holdfast-server.service. */
enum { EXIT_QUIT = 3, SETS_MAX = 64 };

static struct {
	const char *config_file, *run_dir, *maps_dir, *log_level, *run_tests;
	const char *sets[SETS_MAX];
	int set_count;
	bool console, check, version, help;
} given = {.run_dir = HOLDFAST_RUN_DIR, .maps_dir = HOLDFAST_DATA_DIR "/maps", .log_level = "info"};

static void add_set(void *to UNUSED, const char *value)
{
	if (given.set_count < SETS_MAX)
		given.sets[given.set_count] = value;
	given.set_count++;
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
	{"--run-tests", "DIR",
		"runs the tests of the map in this folder (DIR/tests/*.lua), and ends",
		.text = &given.run_tests},
	{"--version", NULL, "prints the version, and ends", .flag = &given.version},
	{"--help", NULL, "prints this, and ends", .flag = &given.help},
};

static void print_help(void)
{
	printf("usage: holdfast-server [arguments]\n"
	       "Runs the game for the players whom holdfast-multiplexer keeps connected.\n");
	arguments_print(arguments, ARRAY_LEN(arguments));
	printf("SIGTERM and SIGINT end it in order (a second one at once); SIGHUP reads the\n"
	       "settings again. On a terminal, type help.\n");
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
	if (given.set_count > SETS_MAX) {
		fprintf(stderr, "holdfast-server: --set: at most %d times; use --config\n",
			SETS_MAX);
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
	if (given.run_tests == NULL) /* or else log_open is told later where to */
		log_open("server", level);
}

static void stop_cb(uv_signal_t *signal, int number)
{
	game_stop(signal->data, STOP_SIGNAL, number == SIGINT ? "SIGINT" : "SIGTERM");
}

static void reload_cb(uv_signal_t *signal, int number UNUSED)
{
	game_reconfigure(signal->data);
}

static const struct {
	int number;
	uv_signal_cb cb;
} signals[] = {{SIGTERM, stop_cb}, {SIGINT, stop_cb}, {SIGHUP, reload_cb}};

/* From one program of a restart to the next nobody handles these two; a held signal is not lost.
 * Ctrl-C may be held by whoever started us, and stays his. */
static void hold_signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(how, &set, NULL);
}

/* Runs the game; returns how it stopped, or -1 if it could not start. */
static int play(struct loop *loop, struct game *game)
{
	static uv_signal_t handles[ARRAY_LEN(signals)]; /* closed after we return */
	struct terminal *terminal = NULL;
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		uv_signal_init(&loop->uv, &handles[i]);
		handles[i].data = game;
		uv_signal_start(&handles[i], signals[i].cb, signals[i].number);
	}
	hold_signals(SIG_UNBLOCK);
	bool ok = game_start(game, &why);
	if (ok && (given.console || isatty(STDIN_FILENO)))
		terminal = terminal_open(game, STDIN_FILENO, STDOUT_FILENO);
	if (ok) {
		struct watchdog *dog = watchdog_open(game, &why);

		if (dog == NULL)
			log_warn("watchdog: %s: sv_watchdog is without effect", why);
		loop_run(loop);
		watchdog_close(dog);
	} else {
		log_error("cannot start: %s", why);
	}
	hold_signals(SIG_BLOCK);
	/* One that came just before may turn a restart into an end. */
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		uv_close((uv_handle_t *)&handles[i], NULL);
	terminal_close(terminal);
	return ok ? (int)game->stop : -1;
}

static unsigned warnings;

static void warn(const char *text)
{
	warnings++;
	fprintf(stderr, "warning: %s\n", text);
}

/* A game that runs asks for the next program: what this one puts up with, that one does too. */
static bool check(const struct game *game, const char **why)
{
	if (!game_check(game, why))
		return false;
	if (game_check_all(game, warn, why))
		return true;
	if (getenv(TRIAL_VARIABLE) == NULL)
		return false;
	warn(*why);
	return true;
}

static void tell_checked(void)
{
	printf("%s: nothing %sis wrong\n",
		given.config_file != NULL ? given.config_file : "settings",
		warnings > 0 ? "else " : "");
}

static int run(const char *program, char *const *argv)
{
	struct loop loop;
	struct game game;
	const char *why = NULL;
	int stop = -1, lock = -1, status = loop_open(&loop);

	if (status != 0) {
		log_error("cannot open an event loop: %s", uv_strerror(status));
		return EXIT_FAILURE;
	}
	game_open(&game, &loop,
		&(struct game_config){.run_dir = given.run_dir,
			.maps_dir = given.maps_dir,
			.config_file = given.config_file,
			.sets = given.sets,
			.set_count = given.set_count,
			.program = program,
			.argv = argv});
	bool configured = game_configure(&game, &why) && (!given.check || check(&game, &why));
	if (!configured)
		fprintf(stderr, "%s\n", why);
	else if (!given.check && (lock = lock_take(given.run_dir, "server", &why)) < 0)
		log_error("cannot start: %s", why);
	else if (!given.check)
		stop = play(&loop, &game);
	game_close(&game);
	loop_run(&loop);
	game_free(&game);
	if (loop_close(&loop) != 0)
		log_error("a handle was left open at the end: please report this");
	if (stop !=
		STOP_RESTART) /* the next program has the same pid; ours is closed by its start */
		lock_release(lock);
	if (!configured)
		return EX_CONFIG;
	if (given.check) {
		tell_checked();
		return EX_OK;
	}
	return stop < 0               ? EXIT_FAILURE
	       : stop == STOP_RESTART ? -1
	       : stop == STOP_QUIT    ? EXIT_QUIT
				      : EX_OK;
}

static bool is_our_program(const char *path)
{
	struct stat ours, its;

	return stat("/proc/self/exe", &ours) == 0 && stat(path, &its) == 0 &&
	       ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
}

/* The path of our program, found at the start: later, when a new build has replaced the file, the same
 * path is the new one, while /proc/self/exe names the old one, as "... (deleted)". The path that
 * was typed comes first: it may be a link that will point to the new build. */
static const char *own_path(const char *typed)
{
	static const char deleted[] = " (deleted)";
	static char path[PATH_MAX];
	char here[PATH_MAX];

	if (typed[0] != '/' && getcwd(here, sizeof here) != NULL)
		snprintf(path, sizeof path, "%.2000s/%.2000s", here, typed);
	else
		snprintf(path, sizeof path, "%s", typed);
	if (strchr(typed, '/') != NULL && is_our_program(path))
		return path;
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	size_t len = n > 0 ? (size_t)n : 0, end = sizeof deleted - 1;
	path[len] = '\0';
	if (!is_our_program(path) && len > end && strcmp(path + len - end, deleted) == 0)
		path[len - end] = '\0'; /* replaced while we were being started */
	return path;
}

/* What is logged meanwhile goes to a file, and is shown for a test that fails. */
static int run_tests(const char *program)
{
	FILE *log = tmpfile();
	int failed;

	hold_signals(SIG_UNBLOCK);
	if (log != NULL)
		dup2(fileno(log), STDERR_FILENO);
	log_open("server", LOG_INFO);
	failed = maptest_run(&(struct maptest_config){.dir = given.run_tests,
		.sets = given.sets,
		.set_count = given.set_count,
		.program = program,
		.out = stdout,
		.log = log != NULL ? STDERR_FILENO : -1});
	if (log != NULL)
		fclose(log);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const char *program = own_path(argc > 0 ? argv[0] : "");

	hold_signals(SIG_BLOCK);
	read_arguments(argc, argv);
	if (given.run_tests != NULL)
		return run_tests(program);
	signal(SIGTTIN,
		SIG_IGN); /* a terminal that is not ours to read costs the console, no more */
	if (!given.check)
		log_info("holdfast-server %s starts", HOLDFAST_VERSION);
	int status = run(program, argv);
	if (status >= 0) {
		if (!given.check)
			log_info("ended");
		return status;
	}
	log_info("starting %s anew", program);
	/* Ours are all closed by themselves; a lookup that a silent name server holds up has others. */
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	execv(program, argv);
	log_error("%s: cannot be executed: %s", program, strerror(errno));
	return EXIT_FAILURE;
}
