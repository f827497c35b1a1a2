/* What lies between a user's socket and the game: a stack of layers, bytes in and bytes out. */
#ifndef MULTIPLEXER_LAYERS_H
#define MULTIPLEXER_LAYERS_H

#include "common/stream.h"

/*        the game
 *   on_input ^   | layers_down()
 *        layer_line           top: position count - 1
 *        layer_telnet         bottom: position 0
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
	LAYER_ARE_YOU_THERE
};

struct layer {
	const char *name;
	size_t memory;                                /* bytes of state per user, zeroed at open */
	void (*open)(struct layers *ls, void *state); /* may be NULL, as may all but up */
	/* Bytes from below; passes on what is text with layers_up_from(). */
	void (*up)(struct layers *ls, unsigned position, void *state, struct slice bytes);
	/* Bytes from above; passes them, or others, on with layers_down_from(). Borrows b. NULL: as is. */
	void (*down)(struct layers *ls, unsigned position, void *state, struct shared *b);
	/* Something from below; true: it was for this layer, and goes no further up. */
	bool (*event)(struct layers *ls, unsigned position, void *state, enum layer_event event);
	void (*close)(struct layers *ls, void *state); /* frees what the state owns */
};

/* The owner's ends of the stack. */
struct layers_ops {
	void (*on_input)(struct layers *ls, struct slice bytes); /* valid during the call only */
	void (*on_output)(
		struct layers *ls, struct shared *b); /* borrowed: takes its own reference */
	/* What no layer above wanted for itself. May be NULL. */
	void (*on_event)(struct layers *ls, enum layer_event event);
	void (*on_nomem)(struct layers *ls); /* memory is out: close this user */
};

enum { LAYERS_MAX = 4 };

struct layers {
	const struct layer *const *list; /* borrowed: static, bottom first, NULL at its end */
	const struct layers_ops *ops;    /* borrowed: static */
	unsigned count;
	void *state[LAYERS_MAX];  /* owned: one block, state[0] is its start */
	uint64_t now_ms;          /* set by the owner before layers_up() */
	uint64_t dropped_replies; /* answers to the client that a rate limit kept back */
	bool spoke_telnet;        /* the client has sent an IAC: only then it may be sent one */
};

/* False when memory is out; nothing is kept then. */
bool layers_open(struct layers *ls, const struct layer *const *list, const struct layers_ops *ops);
void layers_close(struct layers *ls);

void layers_up(struct layers *ls, struct slice bytes); /* from the wire */
void layers_down(struct layers *ls, struct shared *b); /* from the game; borrows b */

/* For layers: go on above, or below, position. */
void layers_up_from(struct layers *ls, unsigned position, struct slice bytes);
void layers_down_from(struct layers *ls, unsigned position, struct shared *b);
void layers_event_from(struct layers *ls, unsigned position, enum layer_event event);
/* A few bytes of the layer's own, downwards; makes the shared block. */
void layers_say_from(struct layers *ls, unsigned position, struct slice bytes);

/* RFC 854: takes the telnet commands out of the input, refuses options, doubles 255 and mends line
 * ends in the output. Line mode, and with each key sent at once. */
extern const struct layer layer_telnet;
extern const struct layer layer_telnet_char;

/* Edited lines: passes on whole lines, each ended by \n (see common/line.h). */
extern const struct layer layer_line;

#endif
