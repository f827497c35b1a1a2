/* What the files of the layer websocket share: its state, and how a message is sent. */
#ifndef MULTIPLEXER_LAYER_WEBSOCKET_H
#define MULTIPLEXER_LAYER_WEBSOCKET_H

#include "multiplexer/layers.h"
#include "multiplexer/recall.h"
#include "multiplexer/session.h"
#include "multiplexer/visit.h"
#include "multiplexer/webclient.h"
#include "multiplexer/websocket.h"

/* The state is plain but for what it owns, all of which can be written down: a visit is HTTP that can
 * begin anew (nothing of the game is lost with it), the rest is what is known of the client. */
enum websocket_phase { VISIT, GREETING, CLAIMING, OPEN, OVER };

/* What a Mux.Resume said. */
struct websocket_claim {
	char token[SESSION_TOKEN_LEN + 1];
	uint64_t seq;
	json_t *client;  /* owned; NULL = it said nothing */
	struct buf rest; /* what came behind it */
};

struct websocket_state {
	uint8_t phase;       /* enum websocket_phase */
	uint8_t subprotocol; /* enum subprotocol */
	uint8_t pongs;       /* sent in the second that began at pongs_ms */
	uint8_t half_len;    /* bytes of half */
	uint8_t half[4];     /* a character of output whose end the game has not sent yet */
	uint64_t since_ms;   /* when he came, or has to greet us; 0 = no clock has told it yet */
	uint64_t heard_ms;   /* when he was heard last */
	uint64_t pinged_ms;  /* when he was pinged and has said nothing since; 0 = he was not */
	uint64_t pongs_ms;
	struct visit *visit;           /* owned: while VISIT, from its first byte on */
	struct webclient *client;      /* owned: once it has said something of itself */
	struct websocket_claim *claim; /* owned: while CLAIMING */
	struct recall recall;          /* where there is a session */
	struct websocket ws;
};

/* ---- layer_websocket.c ---- */

void websocket_send_frame(struct layers *ls, enum websocket_opcode opcode, struct shared *payload);

/* "Package.Name json" of ours, outside the output that a session counts; takes object over. */
void websocket_send_control(struct layers *ls, const char *package, json_t *object);

/* The same as part of the output, in the form that was agreed on. False when it could not be. */
bool websocket_send_gmcp(struct layers *ls, struct websocket_state *s, struct slice body);

void websocket_take_frames(struct layers *ls, struct websocket_state *s, struct slice bytes);

/* More is known of the client than the size that he had. */
void websocket_learnt(
	struct layers *ls, const struct webclient *c, uint16_t width, uint16_t height);

/* s->client, made if need be. NULL when memory is out, which was told. */
struct webclient *websocket_client(struct layers *ls, struct websocket_state *s);

bool websocket_may_answer(struct layers *ls, struct websocket_state *s);

/* ---- layer_websocket_play.c: what is spoken in the subprotocol play alone ---- */

/* The first message. False: it is none of those that may be. */
bool play_greeting(struct layers *ls, struct websocket_state *s, struct slice text);

/* True when a message was for us. */
bool play_message(struct layers *ls, struct websocket_state *s, struct slice body);

void play_free(struct layers *ls, struct websocket_state *s);

#endif
