/* The certificates of multiplexer.conf, from their files to what sessions are made with. */
#ifndef MULTIPLEXER_TLS_CERTIFICATES_H
#define MULTIPLEXER_TLS_CERTIFICATES_H

#include "common/tls_certificate.h"

/* Where one is. */
struct certificate_files {
	char *name, *chain, *key; /* owned: its title in multiplexer.conf, and two paths */
};

struct certificates {
	struct certificate_files *files; /* owned */
	size_t count;
};

/* Copies. False when memory is out, or there are TLS_CERTIFICATES_MAX already. */
bool certificates_add(
	struct certificates *c, struct slice name, struct slice chain, struct slice key);
void certificates_free(struct certificates *c); /* leaves none */

/* Reads the files. infos has room for all. NULL with *why a sentence that names the certificate, the file
 * and what is wrong; valid until the next call. */
struct tls_context *certificates_load(
	const struct certificates *c, struct tls_certificate_info *infos, const char **why);

#endif
