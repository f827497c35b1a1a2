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
 *         Mux.Prompt {"text": "..."} to who has sent Mux.Client, instead of the prompt as text
 *
 * In subprotocol play.holdfast, where a session outlives its connection (session.h), also:
 *   up    Mux.Resume {"token", "seq", "client": {as Mux.Client}}: it has got seq bytes of output
 *   down  Mux.Session {"token", "seq", "upto", "ttl", "received", "resumed", "lost", "name"}: the output that
 *           follows begins with byte seq, and all before upto is sent again; lost bytes before seq are
 *           not there any more. received messages of input have come. ttl seconds it is waited for.
 *           name: the game's, where it has told one (MSSP)
 *   up    Mux.Seen {}                that Session has come; and later: how many messages have you got?
 *   down  Mux.Seen {"received"}      so many
 * The first message is Mux.Client or Mux.Resume, and makes him a user. Each is answered by Mux.Session.
 * seq counts the payload of all messages down but Session and Seen, received all up that are lines. */

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

/* The client of a Mux.Client or Mux.Resume. False when it is no object: nothing is changed then. */
bool webclient_describe(struct webclient *c, const json_t *client);

/* True when caps would say the same of both. */
bool webclient_is_same(const struct webclient *a, const struct webclient *b);

static inline bool webclient_has_gmcp(enum subprotocol spoken)
{
	return spoken == SUBPROTOCOL_PLAY || spoken == SUBPROTOCOL_GMCP ||
	       spoken == SUBPROTOCOL_JSON;
}

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
