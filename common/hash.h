/* uthash, told not to end the program when memory is out: an add that failed leaves the element with
 * hh.tbl NULL, and whoever adds looks at it. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
