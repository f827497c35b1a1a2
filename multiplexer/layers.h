/* What lies between a user's socket and the game: a stack of layers, bytes in and bytes out. */
#ifndef MULTIPLEXER_LAYERS_H
#define MULTIPLEXER_LAYERS_H

#include <jansson.h>

#include "common/buf.h"
#include "common/stream.h"

/*        the game
 *   on_input ^   | layers_down()
 *        layer_line           top: position count - 1
 *        layer_telnet
 *        layer_compress       bottom: position 0
 * layers_up()  ^   v on_output
 *        the wire
 *
 * No layer knows a socket or a clock of its own: the owner hands in bytes and the time. So a layer
 * can be fed every split of every input by a unit test, and millions of inputs by a fuzzer. What a
 * layer knows of its user lies in its plain state, without pointers to anything but its own
 * buffers. */

struct layers;

/* Something a client said outside the text, on its way up. */
enum layer_event {
	LAYER_ERASE_CHAR,
	LAYER_ERASE_LINE,
	LAYER_INTERRUPT,
	LAYER_BREAK,
	LAYER_ABORT_OUTPUT,
	LAYER_ARE_YOU_THERE
};

/* Something the game tells a client outside the text (SEND SUBCLIENT EVENT), put together again when
 * it came in pieces. One tell may go to many users, one after the other. */
struct tell {
	struct slice channel;
	uint32_t flags; /* EVENT_IS_JSON */
	struct slice data;
	/* What telnet made of it for the first user, so that all others are sent the same bytes.
	 * NULL at first; whoever made the tell gives it back with shared_unref. */
	struct shared *wire;
};

struct layer {
	const char *name;
	size_t memory;                                /* bytes of state per user, zeroed at open */
	void (*open)(struct layers *ls, void *state); /* may be NULL, as may all */
	/* Bytes from below; passes on what is text with layers_up_from(). NULL: all is. */
	void (*up)(struct layers *ls, unsigned position, void *state, struct slice bytes);
	/* Bytes from above; passes them, or others, on with layers_down_from(). Borrows b. NULL: as is. */
	void (*down)(struct layers *ls, unsigned position, void *state, struct shared *b);
	/* Something from below; true: it was for this layer, and goes no further up. */
	bool (*event)(struct layers *ls, unsigned position, void *state, enum layer_event event);
	/* The client can be sent something, for the first time. */
	void (*start)(struct layers *ls, unsigned position, void *state);
	/* Something from the game outside the text; true: it did something, and is done with. */
	bool (*tell)(struct layers *ls, unsigned position, void *state, struct tell *tell);
	/* Adds to the object caps what is known of the client. */
	void (*caps)(const struct layers *ls, const void *state, json_t *caps);
	/* The turn ends (asked for by layers_want_flush), or with last the output altogether: what is
	 * still kept back goes down now. */
	void (*flush)(struct layers *ls, unsigned position, void *state, bool last);
	/* About once a second, from the moment of the connection: ls->now_ms says when. */
	void (*tick)(struct layers *ls, unsigned position, void *state);
	/* Nothing else will be sent: says goodbye as its protocol does, with ls->close_code. */
	void (*finish)(struct layers *ls, unsigned position, void *state);
	void (*close)(struct layers *ls, void *state); /* frees what the state owns */
};

/* Why a layer sees no more sense in its client. */
enum layers_over {
	LAYERS_LEFT,      /* he said goodbye */
	LAYERS_AWAY,      /* he closed the connection, and may be back by another one */
	LAYERS_VISIT,     /* he came for a page, and never became a user */
	LAYERS_HANDSHAKE, /* he never became a user: his handshake was wrong, or too slow */
	LAYERS_BROKEN,    /* he broke the rules of his protocol */
	LAYERS_SILENT     /* he does not answer any more */
};

/* The owner's ends of the stack. */
struct layers_ops {
	void (*on_input)(struct layers *ls, struct slice bytes); /* valid during the call only */
	void (*on_output)(
		struct layers *ls, struct shared *b); /* borrowed: takes its own reference */
	/* What no layer above wanted for itself. May be NULL. */
	void (*on_event)(struct layers *ls, enum layer_event event);
	/* Something for the game outside the text, with its channel. May be NULL. */
	void (*on_tell)(struct layers *ls, struct slice channel, uint32_t flags, struct slice data);
	/* Wants layers_flush() at the end of this turn. NULL: the owner calls it when he likes. */
	void (*on_flush_wanted)(struct layers *ls);
	void (*on_nomem)(struct layers *ls); /* memory is out: close this user */
	/* The client of a kind of listener with a handshake has done it: he is a user now. */
	void (*on_ready)(struct layers *ls);
	/* The client says that he is a user who was here before: websocket_claim, at the end of this turn,
	 * says whose session he named; then websocket_take_over or websocket_refuse, and none of his bytes
	 * until then. NULL: he is none. */
	void (*on_claim)(struct layers *ls);
	/* Nothing more will come from the client, and nothing will be taken: end him when what was
	 * output is sent. why: for the log, static; NULL: there is nothing to say. */
	void (*on_over)(struct layers *ls, enum layers_over over, const char *why);
};

/* What the listener says to the layers of its users. */
struct layers_door {
	const char *origins; /* whose pages may open a WebSocket, see handshake.h */
	bool loopback;       /* only this machine can reach it */
};

/* When a listener starts to negotiate telnet options. */
enum negotiate {
	NEGOTIATE_NEVER,     /* refuses all that a bare terminal does not need */
	NEGOTIATE_ON_TELNET, /* when the client has sent a telnet command */
	NEGOTIATE_ALWAYS     /* asks one question at once: MUD clients wait for it */
};

struct mssp;
struct session;
struct sessions;

/* What the users of one multiplexer share. */
struct layers_house {
	const struct mssp *mssp;   /* borrowed: what crawlers are told; NULL = nothing */
	struct sessions *sessions; /* borrowed: of the play page; NULL = there are none */
	uint32_t compressed;       /* users whose output is compressed now */
	uint32_t compressed_max;   /* no more than so many */
	uint64_t plain_bytes;      /* of users' output before compression */
	uint64_t compressed_bytes; /* the same behind it */
	uint64_t bodies_dropped;   /* subnegotiations over their limit */
	uint64_t mssp_answers;
};

enum { LAYERS_MAX = 5 };

struct layers {
	const struct layer *const *list; /* borrowed: static, bottom first, NULL at its end */
	const struct layers_ops *ops;    /* borrowed: static */
	void *state[LAYERS_MAX];         /* owned: one block, state[0] is its start */
	uint64_t now_ms;   /* set by the owner before layers_up(), _tell() and _tick() */
	uint8_t count;     /* of list */
	uint8_t off;       /* a bit for each position: set, the layer is passed by */
	uint8_t negotiate; /* enum negotiate; set by the owner before layers_start() */
	bool spoke_telnet; /* the client has sent an IAC: only then it may be sent one */
	bool caps_changed; /* for the owner: more is known of the client; he sets it back */
	bool idle; /* not a user yet, and wants nothing at the moment: the first to go when many come */
	bool detached; /* set by the owner: there is no connection; output is kept in the session alone */
	bool prompts;      /* the client is told prompts by layers_tell(), not as text */
	bool hidden;       /* the game wants what is typed now not to be shown */
	bool echoing;      /* the client shows nothing of what is typed: it leaves that to us */
	bool flush_wanted; /* layers_flush() is owed */
	bool typed;        /* a first line was typed */
	bool forbidden;    /* who is not in yet is told something: that he may not come in at all */
	uint16_t close_code; /* set by the owner before layers_finish(): as of RFC 6455 */
	const struct layers_door *door; /* borrowed; set by the owner after layers_open() */
	struct layers_house *house; /* borrowed; set by the owner before layers_start(), or NULL */
	struct session
		*session; /* owned by layer_websocket: he may come back by another connection */
	uint64_t dropped_replies; /* answers to the client that a rate limit kept back */
};

/* False when memory is out; nothing is kept then. */
bool layers_open(struct layers *ls, const struct layer *const *list, const struct layers_ops *ops);
void layers_close(struct layers *ls);

void layers_start(struct layers *ls);                  /* once, when output is possible */
void layers_up(struct layers *ls, struct slice bytes); /* from the wire */
void layers_down(struct layers *ls, struct shared *b); /* from the game; borrows b */
void layers_tick(struct layers *ls);
void layers_finish(struct layers *ls);
bool layers_want_ticks(const struct layers *ls);

/* From the game, outside the text. False: no layer could show it to this client. */
bool layers_tell(struct layers *ls, struct tell *tell);

/* The end of a turn; last: nothing will follow. */
void layers_flush(struct layers *ls, bool last);

/* What is known of the client: an object, a new reference; NULL when memory is out. */
json_t *layers_caps(const struct layers *ls);

/* For layers: go on above, or below, position. */
void layers_up_from(struct layers *ls, unsigned position, struct slice bytes);
void layers_down_from(struct layers *ls, unsigned position, struct shared *b);
void layers_event_from(struct layers *ls, unsigned position, enum layer_event event);
/* A few bytes of the layer's own, downwards; makes the shared block. */
void layers_say_from(struct layers *ls, unsigned position, struct slice bytes);
void layers_tell_game(struct layers *ls, struct slice channel, uint32_t flags, struct slice data);
void layers_want_flush(struct layers *ls);

/* A crawler's first line "mssp-request", with its end; and the answer to it, which takes the place of
 * what the game would have said. False: there is nothing to answer with. */
bool layers_is_mssp_request(struct slice line);
bool layers_say_mssp(struct layers *ls, unsigned position);

/* RFC 854: takes the telnet commands out of the input, negotiates options (telnet.h), doubles 255 and
 * mends line ends in the output. Line mode, and with each key sent at once. */
extern const struct layer layer_telnet;
extern const struct layer layer_telnet_char;

/* MCCP2: compresses the output below telnet once compress_start() was called. */
extern const struct layer layer_compress;

/* False: this stack has no such layer, too many users are compressed, or memory is out. What goes
 * down from now on is compressed. */
bool compress_start(struct layers *ls);
void compress_stop(struct layers *ls); /* ends the compressed stream; the rest goes as it is */
bool compress_may_start(const struct layers *ls);
bool compress_is_on(const struct layers *ls);

/* Bytes before compression that have not gone yet, when of all that on_output was given so many have;
 * 0 when nothing is compressed. */
size_t compress_waits(struct layers *ls, uint64_t gone);

/* RFC 6455, and before it HTTP: answers with pages until the client asks for a WebSocket. What lies
 * above it sees lines, or, where the client speaks telnet inside, telnet (subprotocols.def). */
extern const struct layer layer_websocket;

/* For on_claim. The session whose token ls has shown, NULL for none. Its owner is the struct layers of a
 * user. */
struct session *websocket_claim(const struct layers *ls);

/* The user goes on by the connection of comer, whose stream is the user's by now and whose layers are
 * left fit for the user's old one: their finish says goodbye on it. The token is used with this. Sends
 * what he has not got. */
void websocket_take_over(struct layers *user, struct layers *comer);

/* The session is none, or over: comer is a new user, by on_ready. */
void websocket_refuse(struct layers *comer);

/* Edited lines: passes on whole lines, each ended by \n (see common/line.h). */
extern const struct layer layer_line;

/* Single keys: passes each on at once, and shows to a client that leaves it to us what a line editor
 * makes of them. */
extern const struct layer layer_keys;

#endif
