#include "common/address.h"
#include "common/reason.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static bool refuse(const char **why, const char *text)
{
	*why = text;
	return false;
}

/* Digits only: no sign, no blank, nothing behind. */
static bool parse_port(const char *text, in_port_t *port)
{
	unsigned value = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > UINT16_MAX)
			return false;
	}
	*port = htons((uint16_t)value);
	return true;
}

static bool parse_unix(const char *path, struct address *out, const char **why)
{
	size_t len = strlen(path);

	if (len == 0)
		return refuse(why, "unix: wants a path, such as unix:/run/holdfast/link.sock");
	if (len >= sizeof out->un.sun_path)
		return refuse(why, "the path of a socket may have 107 bytes, no more");
	*out = (struct address){.un.sun_family = AF_UNIX, .len = sizeof out->un};
	memcpy(out->un.sun_path, path, len + 1);
	return true;
}

bool address_parse(const char *text, struct address *out, const char **why)
{
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, out, why);

	const char *colon = strrchr(text, ':');
	in_port_t port;
	char host[INET6_ADDRSTRLEN + 2]; /* its brackets too */

	if (colon == NULL)
		return refuse(why, "a port is missing, as in 127.0.0.1:4000, [::1]:4000, *:4000");
	if (!parse_port(colon + 1, &port))
		return refuse(why, "the port must be a number from 0 to 65535");
	size_t len = (size_t)(colon - text);
	if (len >= sizeof host)
		return refuse(why, "that is no IP address (names are not looked up)");
	memcpy(host, text, len);
	host[len] = '\0';

	struct address a = {0};
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_port = port;
		a.len = sizeof a.in6;
		if (inet_pton(AF_INET6, host + 1, &a.in6.sin6_addr) != 1)
			return refuse(why, "that is no IPv6 address");
		address_unmap(&a);
		*out = a;
		return true;
	}
	a.in.sin_family = AF_INET;
	a.in.sin_port = port;
	a.len = sizeof a.in;
	if (strchr(host, ':') != NULL)
		return refuse(why, "an IPv6 address stands in brackets, as in [::1]:4000");
	if (strcmp(host, "*") != 0 && inet_pton(AF_INET, host, &a.in.sin_addr) != 1)
		return refuse(why, "that is no IP address (names are not looked up)");
	*out = a;
	return true;
}

void address_unmap(struct address *a)
{
	if (a->len == 0 || a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	struct address v4 = {.in.sin_family = AF_INET, .len = sizeof v4.in};
	v4.in.sin_port = a->in6.sin6_port;
	memcpy(&v4.in.sin_addr, &a->in6.sin6_addr.s6_addr[12], 4);
	*a = v4;
}

enum family address_family(const struct address *a)
{
	struct address plain = *a;

	address_unmap(&plain);
	if (plain.len == 0)
		return FAMILY_NONE;
	return plain.sa.sa_family == AF_INET    ? FAMILY_V4
	       : plain.sa.sa_family == AF_INET6 ? FAMILY_V6
						: FAMILY_NONE;
}

const char *family_name(enum family f)
{
	return f == FAMILY_V4 ? "IPv4" : f == FAMILY_V6 ? "IPv6" : "no family";
}

void address_ip(const struct address *a, char out[static ADDRESS_IP_MAX])
{
	struct address plain = *a;

	address_unmap(&plain);
	strcpy(out, "unknown");
	if (plain.len == 0)
		return;
	if (plain.sa.sa_family == AF_UNIX)
		strcpy(out, "unix");
	else if (plain.sa.sa_family == AF_INET)
		inet_ntop(AF_INET, &plain.in.sin_addr, out, ADDRESS_IP_MAX);
	else if (plain.sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &plain.in6.sin6_addr, out, ADDRESS_IP_MAX);
}

void address_text(const struct address *a, char out[static ADDRESS_TEXT_MAX])
{
	struct address plain = *a;
	char ip[ADDRESS_IP_MAX];

	address_unmap(&plain);
	address_ip(&plain, ip);
	if (plain.len > 0 && plain.sa.sa_family == AF_INET)
		snprintf(out, ADDRESS_TEXT_MAX, "%s:%u", ip, (unsigned)ntohs(plain.in.sin_port));
	else if (plain.len > 0 && plain.sa.sa_family == AF_INET6)
		snprintf(
			out, ADDRESS_TEXT_MAX, "[%s]:%u", ip, (unsigned)ntohs(plain.in6.sin6_port));
	else if (plain.len > 0 && plain.sa.sa_family == AF_UNIX && plain.un.sun_path[0] != '\0')
		snprintf(out, ADDRESS_TEXT_MAX, "unix:%.*s", (int)sizeof plain.un.sun_path - 1,
			plain.un.sun_path);
	else
		snprintf(out, ADDRESS_TEXT_MAX, "%s", ip);
}

bool address_is_local(const struct address *a)
{
	struct address plain = *a;

	address_unmap(&plain);
	if (plain.len == 0)
		return false;
	if (plain.sa.sa_family == AF_UNIX)
		return true;
	if (plain.sa.sa_family == AF_INET)
		return ntohl(plain.in.sin_addr.s_addr) >> 24 == 127;
	return plain.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&plain.in6.sin6_addr);
}

typedef int name_of_socket(int fd, struct sockaddr *sa, socklen_t *len);

static bool ask_kernel(name_of_socket *ask, int fd, struct address *out)
{
	struct address a = {0};
	socklen_t len = sizeof a.un;

	if (ask(fd, &a.sa, &len) < 0)
		return false;
	if (a.sa.sa_family == AF_UNIX)
		a = (struct address){.un.sun_family = AF_UNIX, .len = sizeof a.un};
	else
		a.len = len;
	address_unmap(&a);
	*out = a;
	return true;
}

struct endpoint endpoint_of(const struct address *a)
{
	struct endpoint e = {.sa.sa_family = AF_UNSPEC};

	if (a->len == 0)
		return e;
	e.sa.sa_family = a->sa.sa_family;
	if (a->sa.sa_family == AF_INET)
		e.in = a->in;
	else if (a->sa.sa_family == AF_INET6)
		e.in6 = a->in6;
	return e;
}

struct address endpoint_address(const struct endpoint *e)
{
	struct address a = {.len = 0};

	if (e->sa.sa_family == AF_INET)
		a = (struct address){.in = e->in, .len = sizeof a.in};
	else if (e->sa.sa_family == AF_INET6)
		a = (struct address){.in6 = e->in6, .len = sizeof a.in6};
	else if (e->sa.sa_family == AF_UNIX)
		a = (struct address){.un.sun_family = AF_UNIX, .len = sizeof a.un};
	return a;
}

bool address_of_peer(int fd, struct address *out)
{
	return ask_kernel(getpeername, fd, out);
}

bool address_of_socket(int fd, struct address *out)
{
	return ask_kernel(getsockname, fd, out);
}

bool address_ip_bytes(const struct address *a, uint8_t out[static ADDRESS_IP_BYTES])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (a->len == 0)
		return false;
	if (a->sa.sa_family == AF_INET) {
		memcpy(out, mapped, sizeof mapped);
		memcpy(out + sizeof mapped, &a->in.sin_addr, 4);
	} else if (a->sa.sa_family == AF_INET6) {
		memcpy(out, &a->in6.sin6_addr, ADDRESS_IP_BYTES);
	}
	return a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6;
}

static char why_text[256];

/* What stands where we want to bind: a socket file that nobody answers on, or something to keep. */
static const char *why_not_stale(const struct address *a)
{
	struct stat st;

	if (lstat(a->un.sun_path, &st) < 0)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return "something that is no socket stands there";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return strerror(errno);
	int status = connect(fd, &a->sa, a->len) < 0 ? errno : 0;
	close(fd);
	if (status == ECONNREFUSED || status == ENOENT)
		return NULL;
	/* EAGAIN is a full backlog: busy, but alive. */
	return status == 0 || status == EAGAIN ? "somebody answers there already"
					       : strerror(status);
}

static int bind_unix(int fd, const struct address *a, mode_t mode, const char **why)
{
	char text[ADDRESS_TEXT_MAX];

	address_text(a, text);
	if (bind(fd, &a->sa, a->len) < 0) {
		if (errno != EADDRINUSE)
			return FAIL_FD(fd, why, "%s: %s", text, strerror(errno));
		const char *keep = why_not_stale(a);
		if (keep != NULL)
			return FAIL_FD(fd, why, "%s: %s", text, keep);
		unlink(a->un.sun_path);
		if (bind(fd, &a->sa, a->len) < 0)
			return FAIL_FD(fd, why, "%s: %s", text, strerror(errno));
	}
	/* Until listen nobody can connect, so that no one slips in under the umask's rights. */
	if (chmod(a->un.sun_path, mode) < 0)
		return FAIL_FD(fd, why, "%s: %s", text, strerror(errno));
	return fd;
}

static int bind_ip(int fd, const struct address *a, bool v6only, const char **why)
{
	const int on = 1, only = v6only;
	char text[ADDRESS_TEXT_MAX];

	address_text(a, text);
	/* Accepted sockets inherit SO_OOBINLINE (urgent data may be there before accept is) and
	 * TCP_NODELAY: two system calls less for each. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
		(a->sa.sa_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) < 0) ||
		bind(fd, &a->sa, a->len) < 0)
		return FAIL_FD(fd, why, "%s: %s", text, strerror(errno));
	return fd;
}

static int open_listening(const struct address *a, mode_t mode, bool v6only, const char **why)
{
	char text[ADDRESS_TEXT_MAX];

	address_text(a, text);
	if (a->len == 0)
		return FAIL_FD(-1, why, "no address to listen on");
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return FAIL_FD(fd, why, "%s: %s", text, strerror(errno));
	fd = a->sa.sa_family == AF_UNIX ? bind_unix(fd, a, mode, why) : bind_ip(fd, a, v6only, why);
	if (fd >= 0 && listen(fd, BACKLOG) < 0)
		return FAIL_FD(fd, why, "%s: %s", text, strerror(errno));
	return fd;
}

int address_listen(const struct address *a, mode_t mode, const char **why)
{
	return open_listening(a, mode, true, why);
}

int address_listen_dual(const struct address *a, const char **why)
{
	return open_listening(a, 0, false, why);
}
