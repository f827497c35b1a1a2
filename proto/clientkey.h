/* The name of a user between the daemons: a reverse route of numbers, "5:199" as text. */
#ifndef PROTO_CLIENTKEY_H
#define PROTO_CLIENTKEY_H

#include "common/defs.h"

enum {
	CLIENTKEY_DEPTH_MAX = 10,
	CLIENTKEY_WIRE_MAX = 4 + 4 * CLIENTKEY_DEPTH_MAX, /* bytes: the depth, then the numbers */
	CLIENTKEY_TEXT_MAX = CLIENTKEY_DEPTH_MAX * 11 + 1,
	CLIENTKEY_LISTENER_MAX = 240, /* listeners are 1..240 */
	CLIENTKEY_LIST = 255          /* last number of a depth-2 key that names a list */
};

/* First the client's number on its listener, last the listener's number at the multiplexer nearest
 * the server (AgNet, ClientKey Specification). Numbers behind depth are not looked at. */
struct clientkey {
	uint32_t depth; /* 1..10; at the server at least 2 */
	uint32_t number[CLIENTKEY_DEPTH_MAX];
};

static inline struct clientkey clientkey_of(uint32_t client, uint32_t listener)
{
	return (struct clientkey){.depth = 2, .number = {client, listener}};
}

bool clientkey_is(const struct clientkey *a, const struct clientkey *b);

/* n:255 with n 0..65535: a list; 0:255 is every user, kept by the multiplexer. */
bool clientkey_is_list(const struct clientkey *k);

/* On its way up through a multiplexer a key takes its listener's number on as the last one, and loses it
 * on its way down. False, *k untouched: it is as deep as a key may be, or has nothing to lose. */
bool clientkey_grow(struct clientkey *k, uint32_t listener);
bool clientkey_strip(struct clientkey *k);

/* Decimal numbers joined by ':', without the depth. Returns out. */
char *clientkey_text(const struct clientkey *k, char out[static CLIENTKEY_TEXT_MAX]);

/* Reads that text: 1..10 decimal numbers of 32 bits, nothing else. False: *k untouched. */
bool clientkey_parse(const char *text, struct clientkey *k);

/* The wire form, without the argument's length in front: little-endian depth, then the numbers.
 * Returns bytes written, 4 * (1 + depth); 0 if depth is not 1..10. */
size_t clientkey_write(const struct clientkey *k, uint8_t out[static CLIENTKEY_WIRE_MAX]);

/* False unless bytes is exactly such a form; *why (static text) says what is wrong. */
bool clientkey_read(struct slice bytes, struct clientkey *k, const char **why);

#endif
