/* A loop for unit tests, checked for leaks at their end. */
#ifndef TESTS_UNIT_SUPPORT_LOOP_H
#define TESTS_UNIT_SUPPORT_LOOP_H

#include "common/loop.h"

/* The loop of the test that runs. */
extern struct loop test_loop;

/* Set-up and tear-down of a test with a loop; the tear-down fails when a handle was leaked. */
int open_test_loop(void **state);
int close_test_loop(void **state);

/* One turn of the loop that does not wait. */
void run_turn(void);

#endif
