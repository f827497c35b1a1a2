/* How wide a terminal shows UTF-8 text, and where its last character begins. */
#ifndef COMMON_COLUMNS_H
#define COMMON_COLUMNS_H

#include "common/defs.h"

/* How many bytes the last character has; 1, and *c the byte itself, for a byte that is no part of proper
 * UTF-8; 0 and *c 0 for no text. */
size_t columns_last(struct slice text, uint32_t *c);

/* 0 for accents, joiners and the like, 2 for wide ones (Chinese, emoji), else 1. */
unsigned columns_of(uint32_t c);

/* The columns of a whole text. */
size_t columns_width(struct slice text);

#endif
