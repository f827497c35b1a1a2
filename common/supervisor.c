#include "common/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

/* In the environment of those who were started: the process that did. */
#define VARIABLE "HOLDFAST_SUPERVISOR"

void supervisor_begin(void)
{
	char pid[24];

	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv(VARIABLE, pid, 1);
}

bool supervisor_end(void)
{
	const char *pid = getenv(VARIABLE);
	pid_t parent = getppid();

	return pid != NULL && parent > 1 && strtol(pid, NULL, 10) == parent &&
	       kill(parent, SUPERVISOR_END) == 0;
}
