#include "multiplexer/lookup_dns_resolver.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/address.h"
#include "common/reason.h"

enum { RESOLVERS_TEXT_MAX = 256, TRIES = 2 };

static char why_text[400];

/* Addresses as c-ares reads them, "127.0.0.1:5453,[::1]:53". False when one is none. */
static bool resolver_list(const char *text, char out[static RESOLVERS_TEXT_MAX], const char **why)
{
	size_t len = 0;

	for (text += strspn(text, " ,"); *text != '\0'; text += strspn(text, " ,")) {
		char word[ADDRESS_TEXT_MAX], with_port[ADDRESS_TEXT_MAX + 8];
		size_t n = strcspn(text, " ,");
		struct address a;

		snprintf(word, sizeof word, "%.*s", (int)n, text);
		text += n;
		snprintf(with_port, sizeof with_port,
			strchr(word, ':') != NULL && word[0] != '[' ? "[%s]:53" : "%s:53", word);
		if ((!address_parse(word, &a, why) && !address_parse(with_port, &a, why)) ||
			a.sa.sa_family == AF_UNIX || word[0] == '*')
			return FAIL(why, "no resolver, such as 127.0.0.1 or [::1]:5353: %s", word);
		address_text(&a, word);
		if (len + strlen(word) + 2 > RESOLVERS_TEXT_MAX)
			return FAIL(why, "too many resolvers");
		len += (size_t)snprintf(
			out + len, RESOLVERS_TEXT_MAX - len, "%s%s", len > 0 ? "," : "", word);
	}
	out[len] = '\0';
	return len > 0 || FAIL(why, "no resolver is named");
}

bool dns_resolver_parse(const char *text, const char **why)
{
	char list[RESOLVERS_TEXT_MAX];

	return text[0] == '\0' || text[0] == '/' || resolver_list(text, list, why);
}

/* Without any, c-ares would take 127.0.0.1 for one. */
static bool file_names_a_resolver(const char *path, const char **why)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool found = false;

	if (file == NULL)
		return FAIL(why, "%s: cannot be read", path);
	while (!found && fgets(line, sizeof line, file) != NULL) {
		char *word = line + strspn(line, " \t");

		if (strncmp(word, "nameserver", 10) != 0 || strspn(word + 10, " \t") == 0)
			continue;
		word += 10 + strspn(word + 10, " \t");
		found = strcspn(word, " \t\r\n#;") > 0;
	}
	fclose(file);
	return found || FAIL(why, "%s names no resolver", path);
}

static int try_channel(const char *path, const char *list, uint64_t try_ms,
	ares_sock_state_cb on_socket, void *owner, ares_channel *out)
{
	char lookups[] = "b";
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
		   ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
	struct ares_options o = {
		.flags = ARES_FLAG_IGNTC | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = (int)try_ms,
		.tries = TRIES,
		.lookups = lookups,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = owner,
	};

	/* c-ares reads its file even when it is not asked to; a list is set afterwards. */
	if (path != NULL) {
		o.resolvconf_path = strdup(path);
		mask |= ARES_OPT_RESOLVCONF;
	}
	int status = ares_init_options(out, &o, mask);
	free(o.resolvconf_path);
	if (status == ARES_SUCCESS && path == NULL) {
		status = ares_set_servers_ports_csv(*out, list);
		if (status != ARES_SUCCESS)
			ares_destroy(*out);
	}
	return status;
}

static unsigned count_resolvers(ares_channel channel)
{
	struct ares_addr_port_node *all = NULL;
	unsigned n = 0;

	if (ares_get_servers_ports(channel, &all) == ARES_SUCCESS)
		for (const struct ares_addr_port_node *at = all; at != NULL; at = at->next)
			n++;
	ares_free_data(all);
	return n;
}

/* The first try of each of two questions takes at most 9/20 of the time, however many resolvers are
 * dead: they share it. Only a channel knows how many there are, so it may be made twice. */
bool dns_resolver_open(const char *resolver, uint64_t timeout_ms, ares_sock_state_cb on_socket,
	void *owner, ares_channel *out, const char **why)
{
	char list[RESOLVERS_TEXT_MAX];
	const char *path = resolver[0] == '\0' ? "/etc/resolv.conf" : resolver;
	uint64_t try_ms = timeout_ms * 9 / 20;

	if (path[0] == '/' ? !file_names_a_resolver(path, why) : !resolver_list(path, list, why))
		return false;
	if (path[0] != '/')
		path = NULL;
	int status = try_channel(path, list, try_ms, on_socket, owner, out);
	unsigned n = status == ARES_SUCCESS ? count_resolvers(*out) : 0;
	if (n > 1) {
		ares_destroy(*out);
		status = try_channel(path, list, try_ms / n, on_socket, owner, out);
	}
	return status == ARES_SUCCESS || FAIL(why, "c-ares: %s", ares_strerror(status));
}

const char *dns_resolver_text(ares_channel channel)
{
	static char text[RESOLVERS_TEXT_MAX];
	struct ares_addr_port_node *all = NULL;
	size_t len = 0;

	text[0] = '\0';
	if (ares_get_servers_ports(channel, &all) != ARES_SUCCESS)
		return text;
	for (const struct ares_addr_port_node *n = all; n != NULL; n = n->next) {
		char ip[INET6_ADDRSTRLEN] = "";
		int port = n->udp_port != 0 ? n->udp_port : 53;

		inet_ntop(n->family, &n->addr, ip, sizeof ip);
		if (len + sizeof ip + 16 > sizeof text)
			break;
		len += (size_t)snprintf(text + len, sizeof text - len,
			n->family == AF_INET6 ? "%s[%s]:%d" : "%s%s:%d", len > 0 ? " " : "", ip,
			port);
	}
	ares_free_data(all);
	return text;
}
