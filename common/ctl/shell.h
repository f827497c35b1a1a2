/* One command after the other for a daemon: typed, with line editing, or from a pipe. */
#ifndef COMMON_CTL_SHELL_H
#define COMMON_CTL_SHELL_H

#include <jansson.h>

#include "common/defs.h"

struct shell {
	const char *name; /* of the daemon: the prompt */
	const char *ends; /* the command that ends it, which has to be given twice; NULL: none */
	void *owner;
	/* The reply to a command, as client_ask has it; never NULL. New reference. */
	json_t *(*ask)(void *owner, int argc, const char *const *argv);
	void (*show)(void *owner, const json_t *reply);
};

/* Whether there is somebody, or something, on standard input that could give commands. */
bool shell_has_input(void);

/* Runs commands until the end of the input, or "exit". Returns 0, or 1 when one of them was refused that
 * did not come from a terminal. */
int shell_run(const struct shell *shell);

/* ---- for its files ---- */

/* How a begun line goes on: the word that is begun stands at out->from in it, and is to be replaced by
 * out->text. choices: what else could be meant, to be shown; NULL: nothing. */
struct shell_completion {
	size_t from;
	char text[300];  /* "" = nothing is to be changed */
	json_t *choices; /* owned */
};

/* line is cut where the cursor stands. */
void shell_complete(const struct shell *shell, struct slice line, struct shell_completion *out);

#endif
