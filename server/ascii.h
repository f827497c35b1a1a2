/* What stands for a character where only ASCII can be shown. */
#ifndef SERVER_ASCII_H
#define SERVER_ASCII_H

#include "common/defs.h"

/* "e" for an e with an accent, "'" for a curly one, "" for a mark on the letter before it, "?" for what
 * has nothing like it. c is not ASCII itself. */
struct slice ascii_of(uint32_t c);

#endif
