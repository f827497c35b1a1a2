/* uthash, told not to end the program when memory is out: an add that failed leaves the element with
 * hh.tbl NULL, and whoever adds looks at it. What it hashes with has a secret, so that nobody who
 * chooses keys (an address, a name) can make them all fall into one bucket. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include "common/defs.h"

/* SipHash-1-3 (Aumasson and Bernstein) under a key that is drawn once per process. */
uint32_t hash_bytes(const void *at, size_t len);

/* The same under a key of the caller's, 64 bits, for who wants to check it. */
uint64_t hash_siphash13(uint64_t k0, uint64_t k1, const void *at, size_t len);

#define HASH_FUNCTION(at, len, hash) ((hash) = hash_bytes(at, len))
#define HASH_NONFATAL_OOM            1
#include <uthash.h>

#endif
