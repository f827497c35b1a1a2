/* holdfast-multiplexer: keeps every player connected while the game server comes and goes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "common/arguments.h"
#include "common/lock.h"
#include "common/log.h"
#include "multiplexer/mux.h"
#include "multiplexer/tls_program.h"

enum { SPARE_DESCRIPTORS = 256 };

static struct {
	const char *config_file, *run_dir, *log_level;
	bool check, print, version, help;
} given = {.run_dir = HOLDFAST_RUN_DIR, .log_level = "info"};

static const struct argument arguments[] = {
	{"--config", "FILE",
		"settings and listeners (without: telnet on port 4000, the page on 4080, of this "
		"machine alone)",
		.text = &given.config_file},
	{"--run-dir", "DIR", "where the sockets and the lock are (" HOLDFAST_RUN_DIR ")",
		.text = &given.run_dir},
	{"--log-level", "LEVEL", "debug, info, warn or error (info)", .text = &given.log_level},
	{"--check-config", NULL, "reads the settings, says what is wrong with them, and ends",
		.flag = &given.check},
	{"--print-config", NULL, "prints the settings in force, and ends", .flag = &given.print},
	{"--version", NULL, "prints the version, and ends", .flag = &given.version},
	{"--help", NULL, "prints this, and ends", .flag = &given.help},
};

static void print_help(void)
{
	printf("usage: holdfast-multiplexer [arguments]\n"
	       "Owns the players' connections and keeps them while the game server restarts.\n");
	arguments_print(arguments, ARRAY_LEN(arguments));
	printf("SIGTERM and SIGINT end it after last words to all players (a second one at\n"
	       "once); SIGHUP reads the settings again.\n");
}

/* Reads the command line; ends the program when that was all, or when it is wrong. */
static void read_arguments(int argc, char **argv)
{
	enum log_level level;
	const char *why;
	int last = arguments_read(arguments, ARRAY_LEN(arguments), argc, argv, &why);

	if (last >= 0 && last < argc) {
		fprintf(stderr, "holdfast-multiplexer: %s: no argument expected; try --help\n",
			argv[last]);
		exit(EX_USAGE);
	}
	if (last < 0 || !log_level_parse(given.log_level, &level)) {
		fprintf(stderr, "holdfast-multiplexer: %s\n",
			last < 0 ? why : "--log-level: none of debug, info, warn, error");
		exit(EX_USAGE);
	}
	if (given.help)
		print_help();
	if (given.version)
		printf("holdfast-multiplexer %s\n", HOLDFAST_VERSION);
	if (given.help || given.version)
		exit(EX_OK);
	log_open("multiplexer", level);
}

/* As many descriptors as we may have; the user limit must leave some for other things. A
 * max_clients of the operator's that does not fit is refused; the built-in one is lowered. */
static void fit_descriptors(struct config *config)
{
	struct rlimit limit;
	const struct option *o = option_find(option_table, option_rows, "max_clients");
	char text[32], wanted[32];
	const char *why;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur == RLIM_INFINITY ||
		config->options.max_clients + (rlim_t)SPARE_DESCRIPTORS <= limit.rlim_cur)
		return;
	unsigned long fit =
		limit.rlim_cur > SPARE_DESCRIPTORS ? limit.rlim_cur - SPARE_DESCRIPTORS : 0;
	snprintf(text, sizeof text, "%lu", fit);
	option_text(o, &config->options, wanted, sizeof wanted);
	if (fit == 0 || strcmp(wanted, o->preset) != 0) {
		log_error(
			"max_clients %u needs %u descriptors, the limit is %lu: lower max_clients "
			"to %lu or raise the limit (ulimit -Hn, LimitNOFILE=)",
			config->options.max_clients,
			config->options.max_clients + SPARE_DESCRIPTORS,
			(unsigned long)limit.rlim_cur, fit);
		exit(EXIT_FAILURE);
	}
	option_set(o, &config->options, text, &why);
	log_warn("max_clients: lowered to %s, since only %lu descriptors are allowed here", text,
		(unsigned long)limit.rlim_cur);
}

/* A bad one is found before anything is opened, by the one who may read its key. */
static void check_certificates(const struct config *config)
{
	const char *why;

	if (config->certificates.count == 0 || tls_program_check(&config->certificates, &why))
		return;
	fprintf(stderr, "%s\n", why);
	exit(EX_CONFIG);
}

static void stop_cb(uv_signal_t *signal, int number)
{
	mux_stop(signal->data, number == SIGINT ? "SIGINT" : "SIGTERM");
}

static void reload_cb(uv_signal_t *signal, int number UNUSED)
{
	mux_reload(signal->data);
}

static const struct {
	int number;
	uv_signal_cb cb;
} signals[] = {{SIGTERM, stop_cb}, {SIGINT, stop_cb}, {SIGHUP, reload_cb}};

static int run(struct config *config)
{
	struct loop loop;
	struct mux mux;
	uv_signal_t handles[ARRAY_LEN(signals)];
	const char *why;
	int status = loop_open(&loop);

	if (status != 0) {
		log_error("cannot open an event loop: %s", uv_strerror(status));
		config_free(config);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		uv_signal_init(&loop.uv, &handles[i]);
		handles[i].data = &mux;
		uv_signal_start(&handles[i], signals[i].cb, signals[i].number);
	}
	bool ok = mux_open(&mux, &loop, config, given.config_file, given.run_dir, &why);
	if (ok)
		loop_run(&loop);
	else
		log_error("cannot start: %s", why);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		uv_close((uv_handle_t *)&handles[i], NULL);
	mux_close(&mux);
	loop_run(&loop);
	mux_free(&mux);
	if (loop_close(&loop) != 0)
		log_error("a handle was left open at the end: please report this");
	if (ok)
		log_info("ended");
	return ok ? EX_OK : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct config config;
	const char *why;

	read_arguments(argc, argv);
	if (!config_load(&config, given.config_file, &why)) {
		fprintf(stderr, "%s\n", why);
		return EX_CONFIG;
	}
	if (given.print)
		config_print(&config);
	else
		check_certificates(&config);
	if (given.check && !given.print)
		printf("%s: nothing is wrong\n",
			given.config_file != NULL ? given.config_file : "settings");
	if (given.print || given.check) {
		config_free(&config);
		return EX_OK;
	}
	fit_descriptors(&config);
	int lock = lock_take(given.run_dir, "multiplexer", &why);
	if (lock < 0) {
		log_error("cannot start: %s", why);
		config_free(&config);
		return EXIT_FAILURE;
	}
	log_info("holdfast-multiplexer %s starts, run directory %s", HOLDFAST_VERSION,
		given.run_dir);
	int status = run(&config);
	lock_release(lock);
	return status;
}
