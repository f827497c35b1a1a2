/* The supervisor: runs both daemons in the foreground and starts the game again when it dies. */
#ifndef COMMON_CTL_RUN_H
#define COMMON_CTL_RUN_H

#include "common/defs.h"

/* All borrowed. NULL leaves the choice to the daemon. */
struct run_config {
	const char *self; /* how we were called: for the commands we suggest */
	const char *run_dir;
	const char *multiplexer, *server; /* paths of the programs; not NULL */
	const char *config_multiplexer, *config_server;
	const char *maps;
	const char *list;    /* the path of holdfast-list */
	const char *list_at; /* where it listens (its --listen); NULL = it is not started */
};

/* Starts the multiplexer and the list, then the server, says how to connect, and stays until both have ended.
 * The server is started again whenever it ends, but not after exit status 3 (`quit`), nor when it
 * never once ran because its command line or configuration is wrong. The multiplexer's end is the
 * end of all. `quit` on the server's console ends both in order (common/supervisor.h); SIGINT, SIGTERM and SIGHUP do too, and a second one kills them. Should we be
 * killed, both stay. The list, if it is wanted, is started again when it dies, and ends last.
 * Kills nothing that it did not start.
 * Returns our exit code: 0 when asked to end, by whichever way; 1 otherwise. */
int run_daemons(const struct run_config *config);

#endif
