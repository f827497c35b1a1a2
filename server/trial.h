/* Whether a program would start: it is run with --check-config as a child, while the game goes on. */
#ifndef SERVER_TRIAL_H
#define SERVER_TRIAL_H

#include "common/loop.h"

struct trial;

/* Once, from the loop: why is NULL when it would start, else a sentence, valid during the call. */
typedef void (*trial_cb)(void *owner, const char *why);

enum { TRIAL_MS = 8000 }; /* one that takes longer would not start */

/* Stands in the environment of such a child: what a start would put up with is no reason to refuse it. */
#define TRIAL_VARIABLE "HOLDFAST_TRIAL"

/* Begins to run program with the arguments of argv (NULL: none; its argv[0] is not used) and
 * --check-config. NULL with *why when it could not even be begun; done is not called then. It is freed
 * after done, in a later turn. */
struct trial *trial_begin(struct loop *loop, const char *program, char *const *argv, trial_cb done,
	void *owner, const char **why);

void trial_cancel(struct trial *t); /* the child is killed, done is not called; NULL is allowed */

#endif
