/* One daemon of a kind per run directory. */
#ifndef COMMON_LOCK_H
#define COMMON_LOCK_H

#include "common/defs.h"

/* Makes dir if it is missing (mode 0750; parents too) and takes the lock file dir/name.lock, which
 * then holds our pid. Returns its descriptor (close-on-exec; keep it open as long as the daemon
 * runs: the kernel lets go of the lock however it ends), or -1 with *why a sentence such as
 * "already running as pid 812 (run/multiplexer.lock)", valid until the next call. */
int lock_take(const char *dir, const char *name, const char **why);

/* At an orderly end: the file no longer holds our pid, and the lock is free. -1 is allowed. */
void lock_release(int fd);

#endif
