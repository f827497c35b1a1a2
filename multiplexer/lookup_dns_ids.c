#include "multiplexer/lookup_dns_ids.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* What one channel would have sent. */
struct catch
{
	uint16_t ids[DNS_IDS];
	unsigned count;
};

static ares_socket_t make_socket(int family, int type, int protocol, void *arg UNUSED)
{
	return socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

static int close_socket(ares_socket_t fd, void *arg UNUSED)
{
	return close(fd);
}

static int connect_nowhere(ares_socket_t fd UNUSED, const struct sockaddr *to UNUSED,
	ares_socklen_t len UNUSED, void *arg UNUSED)
{
	return 0;
}

static ares_ssize_t receive_nothing(ares_socket_t fd UNUSED, void *room UNUSED, size_t len UNUSED,
	int flags UNUSED, struct sockaddr *from UNUSED, ares_socklen_t *from_len UNUSED,
	void *arg UNUSED)
{
	errno = EAGAIN;
	return -1;
}

/* The number stands in the first two bytes of a question. */
static ares_ssize_t catch_question(
	ares_socket_t fd UNUSED, const struct iovec *parts, int count, void *arg)
{
	struct catch *c = arg;
	ares_ssize_t len = 0;
	const uint8_t *at = parts[0].iov_base;

	if (count > 0 && parts[0].iov_len >= 2 && c->count < DNS_IDS)
		c->ids[c->count++] = (uint16_t)(at[0] << 8 | at[1]);
	for (int i = 0; i < count; i++)
		len += (ares_ssize_t)parts[i].iov_len;
	return len;
}

static const struct ares_socket_functions nowhere = {
	.asocket = make_socket,
	.aclose = close_socket,
	.aconnect = connect_nowhere,
	.arecvfrom = receive_nothing,
	.asendv = catch_question,
};

static void ignore(void *arg UNUSED, int status UNUSED, int timeouts UNUSED,
	unsigned char *bytes UNUSED, int len UNUSED)
{
}

static int catch_ids(struct catch *c)
{
	char lookups[] = "b";
	struct ares_options o = {.lookups = lookups};
	ares_channel channel;
	int status = ares_init_options(&channel, &o, ARES_OPT_LOOKUPS);

	if (status != ARES_SUCCESS)
		return status;
	ares_set_socket_functions(channel, &nowhere, c);
	status = ares_set_servers_ports_csv(channel, "127.0.0.1:53");
	for (unsigned i = 0; i < DNS_IDS && status == ARES_SUCCESS; i++)
		ares_query(channel, "holdfast.invalid", ns_c_in, ns_t_a, ignore, NULL);
	ares_destroy(channel);
	return status;
}

/* Eight numbers of 16 bits with all steps alike come by chance once in 2^96. */
static bool steps_alike(const uint16_t ids[static DNS_IDS])
{
	for (unsigned i = 2; i < DNS_IDS; i++)
		if ((uint16_t)(ids[i] - ids[i - 1]) != (uint16_t)(ids[1] - ids[0]))
			return false;
	return true;
}

bool dns_ids_differ(const uint16_t a[static DNS_IDS], const uint16_t b[static DNS_IDS])
{
	return memcmp(a, b, DNS_IDS * sizeof *a) != 0 && !steps_alike(a) && !steps_alike(b);
}

bool dns_ids_are_random(const char **why)
{
	static char text[128];
	struct catch a = {0}, b = {0};
	int status = catch_ids(&a);

	if (status == ARES_SUCCESS)
		status = catch_ids(&b);
	if (status != ARES_SUCCESS) {
		snprintf(text, sizeof text, "c-ares: %s", ares_strerror(status));
		*why = text;
		return false;
	}
	*why = "c-ares gives its questions numbers that can be guessed";
	return a.count == DNS_IDS && b.count == DNS_IDS && dns_ids_differ(a.ids, b.ids);
}
