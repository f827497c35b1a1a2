/* A stack of layers between two buffers: what went up to the game, and down to the wire. */
#ifndef TESTS_UNIT_MULTIPLEXER_SUPPORT_LAYERS_H
#define TESTS_UNIT_MULTIPLEXER_SUPPORT_LAYERS_H

#include "common/buf.h"
#include "multiplexer/layers.h"

struct rig {
	struct layers layers;
	struct buf up, down;
	struct buf told; /* what went to the game outside the text: "channel flags data\n" each */
	struct layers_house house;
	unsigned shared_as_is; /* blocks that came down as the very ones that were sent */
	struct shared *sent;
};

void rig_open(struct rig *r, const char *kind); /* of listener.h */
/* The same, on a listener that negotiates. What it says at the beginning is in down. */
void rig_open_telnet(struct rig *r, const char *kind, enum negotiate negotiate);
void rig_close(struct rig *r);
void rig_type(struct rig *r, struct slice bytes);
void rig_send(struct rig *r, struct slice bytes);

#define BYTES(text) slice_of(text, sizeof(text) - 1)

/* The game tells the client something outside the text; what layers_tell said. */
bool rig_tell(struct rig *r, const char *channel, uint32_t flags, const char *data);

/* What went up, or down, since the last look is exactly this. */
void assert_up(struct rig *r, struct slice expected);
void assert_down(struct rig *r, struct slice expected);
void assert_told(struct rig *r, const char *expected);
void assert_caps(struct rig *r, const char *json); /* the same object, in any order */

#endif
