/* A certificate to begin with: signed by itself, so clients have to be told to trust it. */
#ifndef COMMON_TLS_SELFSIGNED_H
#define COMMON_TLS_SELFSIGNED_H

#include "common/buf.h"

enum {
	TLS_SELFSIGNED_DAYS = 825, /* as long as clients put up with */
	TLS_SELFSIGNED_NAME_MAX =
		64 /* bytes of the first name: X.509 allows no more (ub-common-name) */
};

/* An ECDSA key on P-256 and a certificate of it, valid from an hour ago for days, for the names: host
 * names, "*.example.org", IPv4 and IPv6 addresses; one at least. Both in PEM, added to chain and key;
 * wipe and free them. False with *why (valid until the next call). */
bool tls_selfsigned_make(const char *const *names, size_t count, unsigned days, struct buf *chain,
	struct buf *key, const char **why);

#endif
