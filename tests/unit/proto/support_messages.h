/* What the unit tests of proto/ share: every row of messages.def as data, values to fill it with,
 * and an encoder that knows nothing of ours. */
#ifndef TESTS_UNIT_PROTO_SUPPORT_MESSAGES_H
#define TESTS_UNIT_PROTO_SUPPORT_MESSAGES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proto/message.h"

/* What stands in one field; the member that its kind says. */
struct value {
	struct clientkey key;
	struct slice bytes; /* TEXT and BYTES */
	uint32_t number;    /* UINT */
};

/* One row. write and read go through the row's own struct, writer and reader. */
struct message {
	unsigned id;
	const char *name; /* "SEND_SUBCLIENT_TEXT" */
	unsigned direction;
	const char *kinds;         /* a letter for each field: Key, Text, Bytes, Uint */
	const char *const *fields; /* their names */
	size_t (*write)(const struct value *values, uint8_t *out);
	bool (*read)(struct slice args, unsigned count, struct value *values, struct refusal *why);
};

extern const struct message messages[];
extern const size_t message_count;

/* The row of an id; the test fails if there is none. */
const struct message *message_of(unsigned id);

enum { FILL_SMALLEST, FILL_USUAL, FILL_LARGEST, FILL_RANDOM, FILL_COUNT };

/* Values for each field: the shortest legal ones, everyday ones, the longest that fit together, or
 * some that are different at each call but the same in each run. Bytes live for ever. */
void fill(const struct message *m, unsigned how, struct value values[static MSG_ARGS_MAX]);

void assert_values(const struct message *m, const struct value *a, const struct value *b);

/* The message as the specification says it, whatever our writer thinks: lengths are not looked at,
 * so this also makes messages that must be refused. Returns bytes written. */
size_t spell(const struct message *m, const struct value *values, uint8_t *out);

/* One argument, or one header, to make others by hand. All return the bytes written. */
size_t spell_header(size_t len, unsigned id, unsigned count, uint8_t *out);
size_t spell_argument(struct slice bytes, uint8_t *out);
size_t spell_key(uint32_t depth, const uint32_t *numbers, uint8_t *out); /* without its length */

/* A small generator whose numbers are the same in every run. */
uint32_t random_number(void);

#endif
