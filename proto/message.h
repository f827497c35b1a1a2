/* The messages the daemons exchange: a struct, a reader and a writer for each row of messages.def. */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include "common/defs.h"
#include "proto/clientkey.h"

enum {
	MSG_HEADER = 4,   /* bytes: length (16 bit, all included), id, argument count */
	MSG_MAX = 4096,   /* bytes of a whole message */
	MSG_ARGS_MAX = 4, /* arguments */
	MSG_PAYLOAD_MAX =
		MSG_MAX - MSG_HEADER - 2 - CLIENTKEY_WIRE_MAX - 2, /* 4044: text, saved info */
	MSG_REFUSAL_MAX = 160
};

/* Why a message was not accepted, for the log: names id and field, such as
 * "SEND SUBCLIENT TEXT (25): argument 2 (data): length 0 is invalid". */
struct refusal {
	char text[MSG_REFUSAL_MAX];
};

enum msg_id {
#define MSG(num, NAME, name, fields, meaning) MSG_##NAME = num,
#include "proto/messages.def"
};

/* One struct per message: struct msg_got_subclient { uint8_t id; struct clientkey who;
 * struct slice protocol; struct slice ip; }. id is set by the reader; slices point into the bytes that were read and live as long as those. */
#define KEY(f)   struct clientkey f;
#define TEXT(f)  struct slice f;
#define BYTES(f) struct slice f;
#define UINT(f)  uint32_t f;
#define MSG(num, NAME, name, fields, meaning) \
	struct msg_##name {                   \
		uint8_t id;                   \
		fields                        \
	};
#include "proto/messages.def"

/* bool msg_NAME_read(args, &m, &why): args is what follows the header, count the header's argument
 *   count. True only if every field is well formed, and nothing is left over; m untouched else.
 * size_t msg_NAME_write(&m, out): out has room for MSG_MAX bytes. Returns the message's length, or
 *   0 if it cannot be said: a text or bytes field of 0 or more than MSG_PAYLOAD_MAX bytes, a key
 *   whose depth is not 1..10, or more than MSG_MAX in all. */
#define MSG(num, NAME, name, fields, meaning)                                                  \
	bool msg_##name##_read(                                                                \
		struct slice args, unsigned count, struct msg_##name *m, struct refusal *why); \
	size_t msg_##name##_write(const struct msg_##name *m, uint8_t out[static MSG_MAX]);
#include "proto/messages.def"

/* "SEND SUBCLIENT TEXT"; NULL for an id without a row. */
const char *msg_name(unsigned id);

enum msg_direction { MSG_UP = 1, MSG_DOWN = 2 };

/* Which way an id may travel (bits); 0 for an id without a row. */
unsigned msg_directions(unsigned id);

#endif
