/* Why something failed, in a sentence: the `const char **why` in which functions that can fail end. */
#ifndef COMMON_REASON_H
#define COMMON_REASON_H

#include "common/defs.h"

/* Writes the sentence into text, which outlives the call (a static of the caller's), and points *why at it;
 * what it is made of may lie in text itself. Always false, so that who fails can return it. */
bool reason_is(const char **why, char *text, size_t room, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The same with the caller's own why_text. */
#define FAIL(why, ...) reason_is(why, why_text, sizeof why_text, __VA_ARGS__)

/* For who would return a descriptor: closes it, if it is one, and is -1. */
#define FAIL_FD(fd, why, ...) (FAIL(why, __VA_ARGS__), reason_close(fd))
int reason_close(int fd);

#endif
