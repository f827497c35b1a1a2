/* Where the API listens: what sv_api_ports says, and the sockets that come of it. */
#ifndef SERVER_API_PORTS_H
#define SERVER_API_PORTS_H

#include "common/address.h"

enum { PORTS_MAX = 16 };

struct port {
	struct address at;
	bool dual;     /* IPv6 and IPv4 on one socket */
	char text[64]; /* as it was written */
};

struct ports {
	struct port at[PORTS_MAX];
	unsigned count;
};

/* "8080" (all of IPv4), "1.2.3.4:8080", "[::1]:8080" (IPv6 only) or "+8080" (both), with commas between.
 * False with *why a sentence that names the element, valid until the next call. */
bool ports_parse(const char *text, struct ports *out, const char **why);

/* A listening socket for each; false, all closed, with *why a sentence that names the element. */
bool ports_listen(const struct ports *ports, int sockets[static PORTS_MAX], const char **why);

#endif
