/* Reads JSON that somebody else wrote. What a text would take is counted before jansson sees it, which
 * spends eighty times the text on "[{},{},..." and a call of itself on each bracket in a bracket. */
#ifndef COMMON_JSONTEXT_H
#define COMMON_JSONTEXT_H

#include <jansson.h>

#include "common/defs.h"

/* How much a text may be. */
struct jsontext_most {
	size_t bytes;
	size_t values;  /* as many as it has commas and opening brackets, and one */
	unsigned depth; /* arrays and objects in each other */
};

/* Enough for whatever daemons, admins and players' clients say to each other at a time. */
extern const struct jsontext_most jsontext_message;

/* A new reference; flags are jansson's. NULL: *why says it in jansson's words, or in ours when the text
 * is too much; its line is -1 then. why may be NULL. */
json_t *jsontext_read(
	struct slice text, size_t flags, const struct jsontext_most *most, json_error_t *why);

#endif
