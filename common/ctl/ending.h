/* How a program ended, in words a person understands. */
#ifndef COMMON_CTL_ENDING_H
#define COMMON_CTL_ENDING_H

#include "common/defs.h"

enum { ENDING_TEXT_MAX = 128 };

/* The exit codes of our daemons that mean something to who started them. */
enum {
	ENDING_OK = 0,
	ENDING_QUIT = 3,        /* the server: its console said quit; do not start it again */
	ENDING_USAGE = 64,      /* the command line was wrong */
	ENDING_CONFIG = 78,     /* the configuration was wrong */
	ENDING_NO_PROGRAM = 127 /* it could not be started at all */
};

/* Explains a status of waitpid: "ended normally", "ended with exit status 78 (its configuration is
 * wrong)", "was killed by signal 9 (SIGKILL)", "crashed with signal 11 (SIGSEGV)". Returns out. */
const char *ending_text(int status, char out[static ENDING_TEXT_MAX]);

/* The exit code, or -1 when a signal ended it. */
int ending_code(int status);

#endif
