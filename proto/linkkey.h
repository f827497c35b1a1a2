/* The secret that both ends of a link between two machines have: read from a file, never logged. */
#ifndef PROTO_LINKKEY_H
#define PROTO_LINKKEY_H

#include "common/defs.h"

enum {
	LINKKEY_NAME_MAX = 64,   /* bytes of an identity */
	LINKKEY_SECRET_MIN = 16, /* bytes; fewer are refused */
	LINKKEY_SECRET_MAX = 64
};

/* An external pre-shared key of TLS 1.3 (RFC 8446, section 4.2.11; RFC 9257). */
struct linkkey {
	char identity[LINKKEY_NAME_MAX + 1]; /* goes over the wire readably: a name, not a secret */
	uint8_t secret[LINKKEY_SECRET_MAX];
	size_t secret_len; /* bytes of it */
};

/* Reads a key file: one line "identity secret-in-hex"; empty lines and those that begin with # are
 * passed over. NULL with *why a sentence (valid until the next call) that begins with the file's name,
 * when it is missing, malformed or too short, when others than its owner may read it, or when its
 * owner is neither root nor the user we run as. Made by `holdfastctl key new FILE`. */
struct linkkey *linkkey_load(const char *path, const char **why);

/* The secret is wiped first. NULL is allowed. */
void linkkey_free(struct linkkey *key);

#endif
