/* holdfast-list: a list of game servers that a community can run. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/arguments.h"
#include "common/log.h"
#include "server/api/ports.h"
#include "server/list/service.h"

static struct {
	const char *ports, *records, *servers_each, *calls, *log_level;
	bool version, help;
} given = {.ports = "127.0.0.1:8090,[::1]:8090",
	.records = HOLDFAST_STATE_DIR "-list/list.db",
	.servers_each = "20",
	.calls = "5",
	.log_level = "info"};

static const struct argument arguments[] = {
	{"--listen", "PORTS",
		"where it listens: PORT, ADDRESS:PORT, [ADDRESS]:PORT, or +PORT for both"
		" families, with commas between (127.0.0.1:8090,[::1]:8090)",
		.text = &given.ports},
	{"--records", "FILE", "where it keeps what it knows (" HOLDFAST_STATE_DIR "-list/list.db)",
		.text = &given.records},
	{"--servers-each", "N", "servers of one address; 0: any number (20)",
		.text = &given.servers_each},
	{"--calls", "N", "calls a second of one address, other machines' (5)",
		.text = &given.calls},
	{"--log-level", "LEVEL", "debug, info, warn or error (info)", .text = &given.log_level},
	{"--version", NULL, "prints the version, and ends", .flag = &given.version},
	{"--help", NULL, "prints this, and ends", .flag = &given.help},
};

static void print_help(void)
{
	printf("usage: holdfast-list [arguments]\n"
	       "Keeps a list of game servers, which register with it, and shows it to players.\n");
	arguments_print(arguments, ARRAY_LEN(arguments));
	printf("SIGTERM and SIGINT end it.\n");
}

static struct loop loop;
static struct service *service;
static uv_signal_t signals[2];

static void signal_cb(uv_signal_t *handle UNUSED, int number)
{
	log_info("%s; ending", number == SIGINT ? "SIGINT" : "SIGTERM");
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		uv_close((uv_handle_t *)&signals[i], NULL);
	service_close(service);
}

static void watch_signals(void)
{
	static const int numbers[] = {SIGTERM, SIGINT};

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		uv_signal_init(&loop.uv, &signals[i]);
		uv_signal_start(&signals[i], signal_cb, numbers[i]);
	}
}

static bool read_count(const char *name, const char *text, unsigned most, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*out = (unsigned)n;
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && n <= most)
		return true;
	fprintf(stderr, "holdfast-list: %s: '%s' is not a whole number up to %u\n", name, text,
		most);
	return false;
}

static bool start(void)
{
	struct service_config config = {.records = given.records};
	int sockets[PORTS_MAX];
	struct ports ports;
	const char *why;

	if (!read_count("--servers-each", given.servers_each, 1000000, &config.servers_each) ||
		!read_count("--calls", given.calls, 1000000, &config.calls_a_second))
		return false;
	if (!ports_parse(given.ports, &ports, &why) || !ports_listen(&ports, sockets, &why)) {
		fprintf(stderr, "holdfast-list: --listen: %s\n", why);
		return false;
	}
	service = service_open(&loop, &config, sockets, ports.count, &why);
	if (service == NULL) {
		fprintf(stderr, "holdfast-list: %s\n", why);
		return false;
	}
	for (unsigned i = 0; i < ports.count; i++)
		log_info("listens at %s", ports.at[i].text);
	return true;
}

int main(int argc, char **argv)
{
	enum log_level level;
	const char *why;
	int last = arguments_read(arguments, ARRAY_LEN(arguments), argc, argv, &why);

	if (last >= 0 && last < argc) {
		fprintf(stderr, "holdfast-list: %s: no argument expected; try --help\n",
			argv[last]);
		return EX_USAGE;
	}
	if (last >= 0 && !log_level_parse(given.log_level, &level))
		why = "--log-level: must be debug, info, warn or error";
	else if (last >= 0)
		why = NULL;
	if (why != NULL) {
		fprintf(stderr, "holdfast-list: %s\n", why);
		return EX_USAGE;
	}
	if (given.help || given.version) {
		if (given.help)
			print_help();
		else
			printf("holdfast-list %s\n", HOLDFAST_VERSION);
		return EX_OK;
	}
	log_open("list", level);
	int status = loop_open(&loop);
	if (status != 0 || !start())
		return EX_UNAVAILABLE;
	watch_signals();
	loop_run(&loop);
	if (loop_close(&loop) != 0)
		log_error("a handle was left open at the end: please report this");
	log_info("ended");
	return EX_OK;
}
