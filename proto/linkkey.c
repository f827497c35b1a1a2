#include "proto/linkkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4096 };

/* What a key file says. */
struct written {
	char identity[LINKKEY_NAME_MAX + 1];
	uint8_t secret[LINKKEY_SECRET_MAX];
	size_t secret_len;
};

static char fault[512];

__attribute__((format(printf, 3, 4))) static bool refuse(
	const char *path, unsigned line, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (line > 0)
		snprintf(fault, sizeof fault, "%.200s:%u: %s", path, line, text);
	else
		snprintf(fault, sizeof fault, "%.200s: %s", path, text);
	return false;
}

/* Whoever can read the file can be either end of the link. */
static bool is_private(const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return refuse(path, 0, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(path, 0, "is not a file");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return refuse(path, 0, "belongs to user %u, which is neither root nor us (%u)",
			(unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 077) != 0)
		return refuse(path, 0,
			"others may read or write it (mode 0%o): chmod 600 it, and if they might "
			"have, make a new one",
			(unsigned)(st.st_mode & 0777));
	return true;
}

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static bool take_secret(const char *path, unsigned line, const char *hex, struct written *key)
{
	size_t len = strlen(hex);

	if (len % 2 != 0 || strspn(hex, "0123456789abcdefABCDEF") != len)
		return refuse(path, line, "the secret must be pairs of hexadecimal digits");
	if (len / 2 < LINKKEY_SECRET_MIN || len / 2 > LINKKEY_SECRET_MAX)
		return refuse(path, line, "the secret has %zu bytes; it must have %d to %d",
			len / 2, LINKKEY_SECRET_MIN, LINKKEY_SECRET_MAX);
	for (size_t i = 0; i < len / 2; i++)
		key->secret[i] = (uint8_t)(digit(hex[2 * i]) * 16 + digit(hex[2 * i + 1]));
	key->secret_len = len / 2;
	return true;
}

static bool take_line(const char *path, unsigned number, char *line, struct written *key)
{
	char *rest = line, *identity, *secret;

	identity = strtok_r(rest, " \t\r", &rest);
	if (identity == NULL || identity[0] == '#')
		return true;
	secret = strtok_r(NULL, " \t\r", &rest);
	if (secret == NULL || strtok_r(NULL, " \t\r", &rest) != NULL)
		return refuse(path, number, "must be an identity, a blank, and the secret in hex");
	if (key->secret_len > 0)
		return refuse(path, number, "a second key; there must be one");
	if (strlen(identity) > LINKKEY_NAME_MAX)
		return refuse(path, number, "the identity has over %d bytes", LINKKEY_NAME_MAX);
	for (const char *c = identity; *c != '\0'; c++)
		if (*c < '!' || *c > '~')
			return refuse(path, number, "the identity must be printable ASCII");
	strcpy(key->identity, identity);
	return take_secret(path, number, secret, key);
}

static bool take_text(const char *path, char *text, size_t len, struct written *key)
{
	unsigned number = 0;

	if (memchr(text, '\0', len) != NULL)
		return refuse(path, 0, "is not a text");
	for (char *line = text, *end; line != NULL; line = end != NULL ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end = '\0';
		if (!take_line(path, ++number, line, key))
			return false;
	}
	return key->secret_len > 0 || refuse(path, 0, "holds no key");
}

static bool take_file(const char *path, int fd, struct written *key)
{
	char text[FILE_MAX + 1];
	size_t len = 0;
	ssize_t n;

	if (!is_private(path, fd))
		return false;
	while (len < FILE_MAX && (n = read(fd, text + len, FILE_MAX - len)) != 0) {
		if (n < 0 && errno != EINTR)
			return refuse(path, 0, "%s", strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	bool ok = len < FILE_MAX ? take_text(path, text, len, key)
				 : refuse(path, 0, "is too long for a key file");
	explicit_bzero(text, sizeof text);
	return ok;
}

struct linkkey *linkkey_load(const char *path, const char **why)
{
	/* Not blocking: a FIFO in its place must not stop us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct written written = {0};
	struct linkkey *key = NULL;
	const char *reason;

	*why = fault;
	if (fd < 0)
		refuse(path, 0, "%s", strerror(errno));
	else if (take_file(path, fd, &written)) {
		key = linkkey_new(
			written.identity, slice_of(written.secret, written.secret_len), &reason);
		if (key == NULL)
			refuse(path, 0, "%s", reason);
	}
	if (fd >= 0)
		close(fd);
	explicit_bzero(&written, sizeof written);
	return key;
}

struct linkkey *linkkey_new(const char *identity, struct slice secret, const char **why)
{
	struct linkkey *key = calloc(1, sizeof *key);

	*why = "out of memory";
	if (key == NULL)
		return NULL;
	snprintf(key->identity, sizeof key->identity, "%s", identity);
	key->tls = tls_context_psk(key->identity, secret, why);
	if (key->tls != NULL)
		return key;
	free(key);
	return NULL;
}

void linkkey_free(struct linkkey *key)
{
	if (key == NULL)
		return;
	tls_context_free(key->tls);
	free(key);
}
