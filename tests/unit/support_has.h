/* Whether a text has something in it, and what it is when it has not. */
#ifndef TESTS_UNIT_SUPPORT_HAS_H
#define TESTS_UNIT_SUPPORT_HAS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#define ASSERT_HAS(text, part)                                        \
	do {                                                          \
		const char *text_ = (text);                           \
		if (strstr(text_, part) == NULL)                      \
			fail_msg("no \"%s\" in \"%s\"", part, text_); \
	} while (0)

#define ASSERT_HAS_NOT(text, part)                                   \
	do {                                                         \
		const char *text_ = (text);                          \
		if (strstr(text_, part) != NULL)                     \
			fail_msg("a \"%s\" in \"%s\"", part, text_); \
	} while (0)

#endif
