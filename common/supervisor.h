/* holdfastctl run, as the daemons see it that it has started. */
#ifndef COMMON_SUPERVISOR_H
#define COMMON_SUPERVISOR_H

#include "common/defs.h"

/* What it is sent then. */
#define SUPERVISOR_END SIGUSR1

/* Whoever we start from now on knows that we are his supervisor. */
void supervisor_begin(void);

/* Asks ours to end everything that it has started, the multiplexer first: so players read its goodbye and
 * nothing else. Asking again changes nothing. False: we have none, or none any more. */
bool supervisor_end(void);

#endif
