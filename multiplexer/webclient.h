/* What lies beside the text of a WebSocket client: GMCP, in the form of its subprotocol, and what the
 * client says of itself. */
#ifndef MULTIPLEXER_WEBCLIENT_H
#define MULTIPLEXER_WEBCLIENT_H

#include <jansson.h>

#include "common/buf.h"
#include "multiplexer/gmcp.h"
#include "common/utf8.h"
#include "multiplexer/handshake.h"

/* Packages whose name begins with "Mux." are between a page and us, never between it and the game:
 *   up    Mux.Client {"client", "terminal", "w", "h", "utf8", "colors", "reader"}
 *   down  Mux.Echo {"on": false}     what is typed next is not to be seen
 *         Mux.Prompt {"text": "..."} to who has sent Mux.Client, instead of the prompt as text */

/* All zero: nothing is known. */
struct webclient {
	char client[GMCP_VALUE_MAX], version[GMCP_VALUE_MAX], terminal[GMCP_VALUE_MAX];
	struct buf modules; /* owned */
	uint32_t colors;
	uint16_t width, height; /* letters; 0 = not told */
	bool is_page;           /* it has sent Mux.Client, and with it colors, utf8 and reader */
	bool utf8, reader;
};

void webclient_free(struct webclient *c);

/* True when bytes begin like "Package.Name": a text that does not is a line that somebody typed. */
bool webclient_is_gmcp(struct slice bytes);

/* Takes what is between the client and us. GMCP_LEARNT: perhaps also width and height. */
enum gmcp_taken webclient_take(struct webclient *c, struct slice body);

void webclient_caps(const struct webclient *c, enum subprotocol spoken, json_t *caps);

/* The text frame that carries "Package.Name json" in this subprotocol. False when it carries none, or
 * memory is out. */
bool webclient_wrap(enum subprotocol spoken, struct slice body, struct buf *out);

enum webclient_said {
	WEBCLIENT_NONSENSE, /* it is no such object, or memory is out */
	WEBCLIENT_GMCP,     /* proto gmcp: the body is "Package.Name json" */
	WEBCLIENT_LINE,     /* proto text */
	WEBCLIENT_OTHER     /* a proto that means nothing to us */
};

/* The other way, for subprotocol json: {"proto", "id", "data"}. */
enum webclient_said webclient_unwrap(struct slice text, struct buf *body);

#endif
