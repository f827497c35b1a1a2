/* Finds whole messages in a stream of bytes that may be cut anywhere. */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include "proto/message.h"

/* One message, header taken off. */
struct frame {
	uint8_t id;
	uint8_t count;     /* arguments */
	struct slice args; /* everything behind the header */
};

/* All zero is at the start of a message. */
struct framer {
	uint8_t part[MSG_MAX]; /* the beginning of a message whose end has not come yet */
	size_t have;           /* bytes of it */
};

enum frame_result {
	FRAME_MORE, /* all of *in was eaten; the message is not whole */
	FRAME_READY, /* *out is a message; its args live until the next call, or until in's bytes go */
	FRAME_BAD /* the header is refused (length < 4 or > 4096, count > 4); *why says so. There is
	              * no next message: the link must be closed */
};

/* Eats at most one message from *in. Copies nothing when it lies whole in *in. */
enum frame_result framer_next(
	struct framer *f, struct slice *in, struct frame *out, struct refusal *why);

#endif
