#include "common/ctl/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { SECRET_LEN = 32, TEXT_MAX = 512, EXIT_USAGE = 64 };

/* The identity is not secret: it tells one key from another in logs. */
static size_t make_text(char text[static TEXT_MAX])
{
	uint8_t random[SECRET_LEN + 4];
	size_t len;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return 0;
	len = (size_t)snprintf(text, TEXT_MAX,
		"# The key of a link between a Holdfast game server and its multiplexer. Both need this "
		"file;\n# whoever else has it can be either. One for each pair.\nholdfast-");
	for (size_t i = 0; i < 4; i++)
		len += (size_t)snprintf(text + len, TEXT_MAX - len, "%02x", random[SECRET_LEN + i]);
	text[len++] = ' ';
	for (size_t i = 0; i < SECRET_LEN; i++)
		len += (size_t)snprintf(text + len, TEXT_MAX - len, "%02x", random[i]);
	text[len++] = '\n';
	explicit_bzero(random, sizeof random);
	return len;
}

static int fail(const char *file)
{
	fprintf(stderr, "holdfastctl: %s: %s\n", file, strerror(errno));
	return 1;
}

/* Never over one that is there: it may be in use. */
static int make(const char *file)
{
	char text[TEXT_MAX];
	size_t len = make_text(text);
	int fd = len > 0 ? open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)
			 : -1;

	if (fd < 0)
		return fail(file);
	bool written = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	explicit_bzero(text, sizeof text);
	if (close(fd) != 0 || !written) {
		fail(file);
		unlink(file);
		return 1;
	}
	printf("%s: a new key. Copy it to the other machine by a safe way, such as scp -p; name it in\n"
	       "server_key of multiplexer.conf and in sv_link_key of server.cfg. Only the user that the\n"
	       "daemon runs as, or root, may own it, and nobody else may read it.\n",
		file);
	return 0;
}

int key_command(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "new") == 0)
		return make(argv[2]);
	fprintf(stderr, "Usage: holdfastctl key new FILE\n");
	return EXIT_USAGE;
}
