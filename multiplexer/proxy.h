/* The header a proxy puts in front of a connection: who really connects (PROXY protocol v1 and v2,
 * haproxy's proxy-protocol.txt). */
#ifndef MULTIPLEXER_PROXY_H
#define MULTIPLEXER_PROXY_H

#include "common/address.h"

enum {
	PROXY_V1_MAX = 107,  /* bytes of a line, CR LF included */
	PROXY_V2_HEAD = 16,  /* bytes before the addresses */
	PROXY_V2_MAX = 2048, /* bytes of all that we read; the format allows 64 KiB */
	PROXY_TLS_MAX = 16   /* room for "TLSv1.3" */
};

enum proxy_verdict {
	PROXY_MORE, /* so far it is the beginning of a header */
	PROXY_DONE,
	PROXY_BAD /* it is none: nothing of this connection can be believed */
};

struct proxy_header {
	size_t len;         /* bytes of the header; the user's own begin behind it */
	bool has_addresses; /* false: LOCAL, UNKNOWN, AF_UNIX: the connection is the proxy's own */
	struct address source;   /* the user, IPv4-mapped addresses unmapped; port included */
	struct address target;   /* where he connected to */
	char tls[PROXY_TLS_MAX]; /* v2: the version of TLS he spoke to the proxy; "" = none said */
};

/* Looks at the first bytes of a connection. DONE fills *h; BAD sets *why to a sentence (static text).
 * To be called again with all the bytes so far after MORE; never MORE at PROXY_V2_MAX bytes. */
enum proxy_verdict proxy_parse(struct slice bytes, struct proxy_header *h, const char **why);

#endif
