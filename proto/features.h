/* Extensions of the protocol, agreed on by the two hellos (ids 64 and 65). */
#ifndef PROTO_FEATURES_H
#define PROTO_FEATURES_H

#include "common/defs.h"

enum {
	PROTOCOL_VERSION = 1,
	INCARNATION_LEN = 16,
	INCARNATION_REIGN = 4, /* its first bytes: others when another server has had the users */
	FEATURES_TEXT_MAX = 128
};

enum feature_number {
#define FEATURE(NAME, word, first, last, meaning) FEATURE_NUMBER_##NAME,
#include "proto/features.def"
	FEATURES_COUNT
};

/* Bits, so that several fit in an unsigned. */
enum feature {
#define FEATURE(NAME, word, first, last, meaning) FEATURE_##NAME = 1 << FEATURE_NUMBER_##NAME,
#include "proto/features.def"
};

/* Flags of the event messages (72, 73). */
enum {
	EVENT_MORE_FOLLOWS = 1, /* this piece is not the last one of the event */
	EVENT_IS_JSON = 2
};

/* The bits of the words we know, separated by blanks; others are passed over. */
unsigned features_parse(struct slice words);

/* The words of bits, separated by blanks; "none" for no bits, since a text may not be empty. Returns
 * out. */
char *features_text(unsigned features, char out[static FEATURES_TEXT_MAX]);

/* The bit that must be agreed on before a message may be spoken; 0: none is needed. */
unsigned features_of_message(unsigned id);

#endif
