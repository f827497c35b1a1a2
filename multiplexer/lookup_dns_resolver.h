/* Which name servers are asked: as they are configured, as c-ares has them, and as people read them. */
#ifndef MULTIPLEXER_LOOKUP_DNS_RESOLVER_H
#define MULTIPLEXER_LOOKUP_DNS_RESOLVER_H

#include <ares.h>

#include "common/defs.h"

/* "" = /etc/resolv.conf, "/path" = another file like it, or addresses ("127.0.0.1:5453 [::1]", the port 53
 * if left out). Whether text is one of these (a file need not be there yet). False with *why a sentence,
 * valid until the next call. */
bool dns_resolver_parse(const char *text, const char **why);

/* A channel of c-ares that asks them, so that a question has an answer within timeout_ms, however many of
 * them are dead; on_socket is told with owner what it waits for. False with *why: none is named, or
 * memory is out. */
bool dns_resolver_open(const char *resolver, uint64_t timeout_ms, ares_sock_state_cb on_socket,
	void *owner, ares_channel *out, const char **why);

/* Those that a channel asks, for people to read; valid until the next call. */
const char *dns_resolver_text(ares_channel channel);

#endif
