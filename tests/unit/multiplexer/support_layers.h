/* A stack of layers between two buffers: what went up to the game, and down to the wire. */
#ifndef TESTS_UNIT_MULTIPLEXER_SUPPORT_LAYERS_H
#define TESTS_UNIT_MULTIPLEXER_SUPPORT_LAYERS_H

#include "common/buf.h"
#include "multiplexer/layers.h"

struct rig {
	struct layers layers;
	struct buf up, down;
	unsigned shared_as_is; /* blocks that came down as the very ones that were sent */
	struct shared *sent;
};

void rig_open(struct rig *r, const char *kind); /* of listener.h */
void rig_close(struct rig *r);
void rig_type(struct rig *r, struct slice bytes);
void rig_send(struct rig *r, struct slice bytes);

#define BYTES(text) slice_of(text, sizeof(text) - 1)

/* What went up, or down, since the last look is exactly this. */
void assert_up(struct rig *r, struct slice expected);
void assert_down(struct rig *r, struct slice expected);

#endif
