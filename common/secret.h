/* Small values that must not be found later: wiped when freed, never in a core dump. */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include "common/defs.h"

/* One value. Its bytes do not change; a new value is a new secret. */
struct secret {
	uint32_t len; /* bytes */
	uint8_t bytes[];
};

enum { SECRET_MAX = 4044 }; /* bytes of one value: the largest payload of a message */

struct secret_slab;

enum { SECRET_SIZES = 17 };

/* Where they are kept: slabs of SECRET_SLAB bytes straight from the kernel, marked MADV_DONTDUMP, each
 * cut into slots of one size. Ten thousand values of the largest length take 1.1 % more than their
 * bytes; a small one takes a slot of its size, not a page. All zero is an empty store.
 *
 * Promised: the bytes are wiped before secret_free returns, and they are in no core dump. Not promised:
 * copies that others made (the buffers that a value came and goes through), and a swap device. */
struct secrets {
	struct secret_slab *open[SECRET_SIZES]; /* of each size, slabs with a free slot */
	size_t slabs;                           /* taken from the kernel */
	size_t count, bytes;                    /* values, and their lengths */
};

enum { SECRET_SLAB = 256 * 1024 };

/* A copy. NULL when memory is out, or for more than SECRET_MAX bytes. */
struct secret *secret_new(struct secrets *all, struct slice bytes);
void secret_free(struct secret *s); /* NULL is allowed */

/* Gives slabs that were kept in reserve back. Every value must have been freed before. */
void secrets_free(struct secrets *all);

#endif
