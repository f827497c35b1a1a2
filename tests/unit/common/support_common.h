/* What the unit tests of common/ share: cmocka, a loop that is checked for leaks, and patience. */
#ifndef TESTS_UNIT_COMMON_SUPPORT_COMMON_H
#define TESTS_UNIT_COMMON_SUPPORT_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "common/buf.h"
#include "tests/unit/support_loop.h"

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, open_test_loop, close_test_loop)

/* Turns the loop until the condition holds; a test that waits over 20 s has failed. */
#define RUN_UNTIL(condition)                           \
	do {                                           \
		int turns_left = 20000;                \
		while (!(condition)) {                 \
			run_turn();                    \
			assert_true(turns_left-- > 0); \
			wait_ms((condition) ? 0 : 1);  \
		}                                      \
	} while (0)

void wait_ms(int ms);

/* A new directory under /tmp; remove_test_dir removes it with all that is in it. */
char *make_test_dir(void);
void remove_test_dir(char *dir);

/* dir/name, in one of a few static buffers. */
const char *path_in(const char *dir, const char *name);

/* The text so far, terminated; valid until the buffer changes. */
const char *text_of(struct buf *b);

/* A small generator whose numbers are the same in every run. */
uint32_t random_number(void);

#endif
