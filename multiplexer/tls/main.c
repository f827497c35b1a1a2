/* holdfast-tls: speaks TLS for the multiplexer, which starts it and never sees a private key. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "common/arguments.h"
#include "common/log.h"
#include "multiplexer/tls/speaker.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

enum { CHANNEL_FD = 3, SPARE_DESCRIPTORS = 64, PER_SESSION = 2 };

static struct {
	const char *run_dir, *log_level;
	bool check, version, help;
} given = {.log_level = "info"};

static const struct argument arguments[] = {
	{"--run-dir", "DIR", "the multiplexer's: only to be told apart", .text = &given.run_dir},
	{"--log-level", "LEVEL", "debug, info, warn or error (info)", .text = &given.log_level},
	{"--check", NULL, "reads certificates (NAME CHAIN KEY ...), says what is wrong, and ends",
		.flag = &given.check},
	{"--version", NULL, "prints the version, and ends", .flag = &given.version},
	{"--help", NULL, "prints this, and ends", .flag = &given.help},
};

static int check(int argc, char **argv)
{
	struct certificates c = {0};
	struct tls_certificate_info infos[TLS_CERTIFICATES_MAX];
	const char *why = "NAME CHAIN KEY, for each certificate";
	struct tls_context *context = NULL;
	bool ok = argc > 0 && argc % 3 == 0;

	for (int i = 0; ok && i < argc; i += 3) {
		why = "too many certificates, or out of memory";
		ok = certificates_add(
			&c, slice_text(argv[i]), slice_text(argv[i + 1]), slice_text(argv[i + 2]));
	}
	if (ok)
		context = certificates_load(&c, infos, &why);
	if (context == NULL)
		fprintf(stderr, "%s\n", why);
	certificates_free(&c);
	tls_context_free(context);
	return context != NULL ? EX_OK : EX_CONFIG;
}

/* The multiplexer's signals reach us too, from a terminal or from systemd. We end when it has: its last
 * words have to go through us. */
static void leave_signals_to_it(void)
{
	static const int numbers[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		signal(numbers[i], SIG_IGN);
}

/* Nobody of our user may look at our memory, which has the keys, and no core dump may. */
static void be_secret(void)
{
	struct rlimit none = {0, 0};

	prctl(PR_SET_NAME, "holdfast-tls", 0, 0, 0); /* we were executed by a descriptor's number */
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef SANITIZED /* the leak checker has to look */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static bool has_channel(void)
{
	int type;
	socklen_t len = sizeof type;

	return getsockopt(CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

static size_t room(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= SPARE_DESCRIPTORS)
		return 1;
	return (limit.rlim_cur - SPARE_DESCRIPTORS) / PER_SESSION;
}

static int run(void)
{
	struct loop loop;
	struct speaker speaker;
	int status = loop_open(&loop);

	if (status == 0 && !speaker_open(&speaker, &loop, CHANNEL_FD, room()))
		status = UV_ENOMEM;
	if (status != 0) {
		log_error("cannot start: %s", uv_strerror(status));
		return EXIT_FAILURE;
	}
	loop_run(&loop);
	speaker_free(&speaker);
	if (loop_close(&loop) != 0)
		log_error("a handle was left open at the end: please report this");
	return EX_OK;
}

int main(int argc, char **argv)
{
	enum log_level level;
	const char *why = "--log-level: none of debug, info, warn, error";
	int last = arguments_read(arguments, ARRAY_LEN(arguments), argc, argv, &why);

	if (last < 0 || (last < argc && !given.check) ||
		!log_level_parse(given.log_level, &level)) {
		fprintf(stderr, "holdfast-tls: %s\n", last >= 0 && last < argc ? argv[last] : why);
		return EX_USAGE;
	}
	if (given.help) {
		printf("usage: holdfast-tls [arguments]\n"
		       "Speaks TLS for holdfast-multiplexer, which starts it by itself.\n");
		arguments_print(arguments, ARRAY_LEN(arguments));
	}
	if (given.version)
		printf("holdfast-tls %s\n", HOLDFAST_VERSION);
	if (given.help || given.version)
		return EX_OK;
	be_secret();
	if (given.check)
		return check(argc - last, argv + last);
	if (!has_channel()) {
		fprintf(stderr, "holdfast-tls: holdfast-multiplexer starts this, when a listener "
				"has tls = yes\n");
		return EX_USAGE;
	}
	leave_signals_to_it();
	log_open("tls", level);
	return run();
}
