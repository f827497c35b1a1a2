/* A file with a certificate or a private key: read whole, and a key only when it is kept secret. */
#ifndef MULTIPLEXER_TLS_PEM_H
#define MULTIPLEXER_TLS_PEM_H

#include "common/buf.h"

enum { PEM_FILE_MAX = 256 * 1024 };

/* Puts into out, which is empty, what is in it. A key is refused when its owner is neither root nor we, when others may read it, or
 * when anybody but its owner may write it; its group may read it, as Debian's ssl-cert does. False with
 * *why (valid until the next call), which does not name the file. */
bool pem_read(const char *path, bool is_key, struct buf *out, const char **why);

/* Wipes and frees it, also after a failure. */
void pem_free(struct buf *b);

#endif
