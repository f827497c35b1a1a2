/* Which names from the network a game may be shown: of hosts (DNS) and of people (identd). */
#ifndef MULTIPLEXER_LOOKUP_NAME_H
#define MULTIPLEXER_LOOKUP_NAME_H

#include "common/defs.h"

enum {
	LOOKUP_HOST_MAX = 253, /* characters of a host's name */
	LOOKUP_PERSON_MAX = 64 /* characters of what an identd says */
};

/* A PTR record may hold any bytes (row E04). Copies name to out in small letters, without the dot at
 * its end. False when it is not letters, digits, '-', '_' and '.' in labels of 1 to 63, when it could
 * be read as an address, or when it is one of the names that mean this machine, or one of our words. */
bool lookup_host_name(const char *name, char out[static LOOKUP_HOST_MAX + 1]);

/* Keeps [A-Za-z0-9._-] of it, at most LOOKUP_PERSON_MAX (row E11). False when nothing is left, or
 * one of our words. */
bool lookup_person_name(struct slice name, char out[static LOOKUP_PERSON_MAX + 1]);

/* What the game is told instead of a name (AgNet, section 3). */
#define LOOKUP_UNRESOLVED  "unresolved"  /* no confirmed answer in time */
#define LOOKUP_UNSUPPORTED "unsupported" /* switched off, or the listener has no such thing */

#endif
