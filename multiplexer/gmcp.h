/* GMCP as such, whatever carries it: "Package.Name json", and what a client says of itself by it. */
#ifndef MULTIPLEXER_GMCP_H
#define MULTIPLEXER_GMCP_H

#include <jansson.h>

#include "common/buf.h"

enum {
	GMCP_VALUE_MAX = 64,    /* bytes of a name, with the NUL behind it */
	GMCP_MODULES_MAX = 1024 /* bytes of the modules that a client says it supports */
};

/* Where to what a client says is kept. All borrowed. */
struct gmcp_about {
	char *client, *version; /* GMCP_VALUE_MAX each, printable ASCII, terminated */
	struct buf *modules;    /* "Char 1\nRoom 1\n" */
};

enum gmcp_taken {
	GMCP_FOR_GAME, /* no business of ours */
	GMCP_LEARNT,   /* it was Core.Hello or Core.Supports, and is kept */
	GMCP_PING,     /* it was Core.Ping: answer with the same word */
	GMCP_DROPPED   /* it was Core.KeepAlive, or nothing */
};

enum gmcp_taken gmcp_take(const struct gmcp_about *about, struct slice body);

/* "Package.Name" of a body, empty if it begins with none; *json is what follows it. */
struct slice gmcp_name(struct slice body, struct slice *json);

/* {"Char": 1, ...}; a new reference, NULL when memory is out. */
json_t *gmcp_modules_caps(const struct buf *modules);

/* What is printable ASCII of text, cut at what has room. */
void gmcp_value(char out[GMCP_VALUE_MAX], struct slice text);

#endif
