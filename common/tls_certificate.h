/* What a TLS server shows: certificates with their keys, chosen by the name a client asks for. */
#ifndef COMMON_TLS_CERTIFICATE_H
#define COMMON_TLS_CERTIFICATE_H

#include "common/tls.h"

enum {
	TLS_CERTIFICATES_MAX = 64,      /* of one context */
	TLS_CERTIFICATE_NAMES_MAX = 512 /* room for the names of one, for people */
};

/* One as it lies in files, in PEM: the chain has the server's own certificate first. Borrowed for the
 * call. */
struct tls_certificate {
	struct slice chain, key;
};

/* What it says. */
struct tls_certificate_info {
	char names[TLS_CERTIFICATE_NAMES_MAX]; /* host names and addresses, separated by blanks */
	int64_t not_before, not_after;         /* seconds since 1970 */
};

/* For the accepting role: TLS 1.2 and 1.3 alone, forward secret AEAD ciphers; no renegotiation, no
 * compression, no early data. No resumption either: a ticket's key would be one more secret to guard
 * and renew, for some 0.3 ms a connection of players who stay for hours. A client that asks for no
 * name, or for one that no certificate has, is shown the first.
 * infos has count entries. NULL with *bad the one at fault and *why (valid until the next call), such
 * as "key: does not belong to the certificate". */
struct tls_context *tls_context_certificates(const struct tls_certificate *certificates,
	size_t count, struct tls_certificate_info *infos, size_t *bad, const char **why);

#endif
