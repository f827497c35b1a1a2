/* From HTTP to WebSocket (RFC 6455 section 4): is the request one, and may it. */
#ifndef MULTIPLEXER_HANDSHAKE_H
#define MULTIPLEXER_HANDSHAKE_H

#include "common/http_answer.h"
#include "common/http_request.h"

enum subprotocol {
	SUBPROTOCOL_NONE, /* text: text */
#define SUBPROTOCOL(NAME, name, help) SUBPROTOCOL_##NAME,
#include "multiplexer/subprotocols.def"
	SUBPROTOCOLS
};
const char *subprotocol_name(enum subprotocol s); /* "" for NONE */

/* Whose pages may open a WebSocket: words with blanks between them.
 *   same     the page came from the host that the request names
 *   none     requests without Origin: programs that are no browser
 *   any      every page (words of a stranger's page can then play in the name of its visitor)
 *   https://example.org   the pages of this host */
#define ORIGINS_PRESET "same none"
bool origins_check(const char *origins, const char **why);

/* True when a request wants to be a WebSocket, rightly or not. */
bool handshake_is_meant(const struct http_request *r);

struct handshake {
	unsigned status;  /* 101, or what is answered instead ... */
	const char *text; /* ... and why; static */
	enum subprotocol subprotocol;
};

/* origins: as above. loopback: the listener is reached from this machine only; then "same" holds only
 * for localhost and for addresses, not for a name that somebody's DNS has made point here (row K02). */
struct handshake handshake_check(const struct http_request *r, const char *origins, bool loopback);

/* The whole answer of a handshake with status 101. */
void handshake_accept(
	struct http_answer *a, const struct http_request *r, const struct handshake *h);

enum { HANDSHAKE_ACCEPT_ROOM = 29 };
/* Sec-WebSocket-Accept for a Sec-WebSocket-Key, terminated. */
void handshake_accept_key(struct slice key, char out[HANDSHAKE_ACCEPT_ROOM]);

#endif
