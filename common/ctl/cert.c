#include "common/ctl/cert.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tls_selfsigned.h"

enum { NAMES_MAX = 32, EXIT_USAGE = 64 };

struct wanted {
	const char *names[NAMES_MAX];
	size_t count;
	const char *dir;
};

static int usage(void)
{
	fprintf(stderr,
		"Usage: holdfastctl cert self-signed [--name NAME]... DIR\n"
		"NAME: what players type to connect, a host name or an address (default: this\n"
		"machine's name, localhost and its addresses). DIR: where cert.pem and key.pem go.\n");
	return EXIT_USAGE;
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "holdfastctl: %s: %s\n", what, why);
	return 1;
}

/* Never over one that is there: it may be in use. */
static bool write_new(const char *path, mode_t mode, struct slice bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return false;
	bool ok = write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len && fchmod(fd, mode) == 0 &&
		  fsync(fd) == 0;
	int error = errno;
	if (close(fd) != 0 || !ok) {
		unlink(path);
		errno = error;
		return false;
	}
	return true;
}

static void tell(const struct wanted *w, const char *chain, const char *key)
{
	printf("%s: a certificate for", chain);
	for (size_t i = 0; i < w->count; i++)
		printf(" %s", w->names[i]);
	printf(", valid for %d days; %s: its key.\n"
	       "Only the user that the multiplexer runs as, or root, may own the key (chown it). In\n"
	       "multiplexer.conf, with the ports you like:\n\n"
	       "    certificate main { chain = '%s'  key = '%s' }\n"
	       "    listener telnets { kind = telnet-line  address = '*:4443'  tls = yes }\n"
	       "    listener https { kind = websocket  address = '*:8443'  tls = yes }\n\n"
	       "Clients warn of it, since nobody vouches for it; browsers ask once. One that they trust,\n"
	       "such as Let's Encrypt gives, is put in its place the same way.\n",
		TLS_SELFSIGNED_DAYS, key, chain, key);
}

static int write_both(const struct wanted *w, struct slice chain, struct slice key)
{
	char absolute[PATH_MAX], chain_path[PATH_MAX + 16], key_path[PATH_MAX + 16];

	if (mkdir(w->dir, 0755) != 0 && errno != EEXIST)
		return fail(w->dir, strerror(errno));
	if (realpath(w->dir, absolute) == NULL)
		return fail(w->dir, strerror(errno));
	snprintf(chain_path, sizeof chain_path, "%s/cert.pem", absolute);
	snprintf(key_path, sizeof key_path, "%s/key.pem", absolute);
	if (!write_new(key_path, 0600, key))
		return fail(key_path, strerror(errno));
	if (!write_new(chain_path, 0644, chain)) {
		int error = errno;

		unlink(key_path);
		return fail(chain_path, strerror(error));
	}
	tell(w, chain_path, key_path);
	return 0;
}

static int make(const struct wanted *w)
{
	struct buf chain = {0}, key = {0};
	const char *why;
	int code;

	if (tls_selfsigned_make(w->names, w->count, TLS_SELFSIGNED_DAYS, &chain, &key, &why))
		code = write_both(w, buf_bytes(&chain), buf_bytes(&key));
	else
		code = fail("cert self-signed", why);
	if (key.mem != NULL)
		explicit_bzero(key.mem, key.room);
	buf_free(&key);
	buf_free(&chain);
	return code;
}

int cert_command(int argc, char **argv)
{
	static char host[HOST_NAME_MAX + 1];
	struct wanted w = {0};

	if (argc < 3 || strcmp(argv[1], "self-signed") != 0)
		return usage();
	for (int i = 2; i < argc; i++) {
		bool is_name = strcmp(argv[i], "--name") == 0;

		if (is_name && (i + 1 >= argc || w.count >= NAMES_MAX))
			return usage();
		if (is_name)
			w.names[w.count++] = argv[++i];
		else if (argv[i][0] == '-' || w.dir != NULL)
			return usage();
		else
			w.dir = argv[i];
	}
	if (w.dir == NULL)
		return usage();
	if (w.count == 0) {
		if (gethostname(host, sizeof host - 1) == 0 && strlen(host) <= 64 &&
			strcmp(host, "localhost") != 0)
			w.names[w.count++] = host;
		w.names[w.count++] = "localhost";
		w.names[w.count++] = "127.0.0.1";
		w.names[w.count++] = "::1";
	}
	return make(&w);
}
