/* The secret that both ends of a link between two machines have: read from a file, never logged. */
#ifndef PROTO_LINKKEY_H
#define PROTO_LINKKEY_H

#include "common/tls.h"

enum {
	LINKKEY_NAME_MAX = 64,   /* bytes of an identity */
	LINKKEY_SECRET_MIN = 16, /* bytes; fewer are refused */
	LINKKEY_SECRET_MAX = 64
};

/* An external pre-shared key of TLS 1.3 (RFC 8446, section 4.2.11; RFC 9257). Must outlive the links
 * that are being made with it. */
struct linkkey {
	char identity[LINKKEY_NAME_MAX + 1]; /* goes over the wire readably: a name, not a secret */
	struct tls_context *tls;             /* owned: holds the secret */
};

/* A key of these; the secret is copied. NULL with *why (static) when memory is out. */
struct linkkey *linkkey_new(const char *identity, struct slice secret, const char **why);

/* Reads a key file: one line "identity secret-in-hex"; empty lines and those that begin with # are
 * passed over. NULL with *why a sentence (valid until the next call) that begins with the file's name,
 * when it is missing, malformed or too short, when others than its owner may read it, or when its
 * owner is neither root nor the user we run as. Made by `holdfastctl key new FILE`. */
struct linkkey *linkkey_load(const char *path, const char **why);

/* The secret is wiped when the last link with it is gone. NULL is allowed. */
void linkkey_free(struct linkkey *key);

#endif
