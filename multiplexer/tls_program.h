/* The program holdfast-tls, beside ours: found once, so that it is the one of our own build for as long
 * as we run, whatever is installed over it. */
#ifndef MULTIPLEXER_TLS_PROGRAM_H
#define MULTIPLEXER_TLS_PROGRAM_H

#include "multiplexer/tls/certificates.h"

enum { TLS_PROGRAM_PATH_MAX = 64 };

/* A descriptor of it, close-on-exec; -1 with *why a sentence, valid until the next call. */
int tls_program_open(const char **why);

/* What to execute when fd is that descriptor. */
const char *tls_program_path(int fd, char out[static TLS_PROGRAM_PATH_MAX]);

/* Lets it read the certificates, which we must not, and waits for it: not for the loop. False with *why
 * what it says is wrong with them, valid until the next call. */
bool tls_program_check(const struct certificates *c, const char **why);

#endif
