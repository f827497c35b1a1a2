/* Which multiplexer has which number, in a file: so that the next server gives each the same. */
#ifndef SERVER_LINKFILE_H
#define SERVER_LINKFILE_H

#include "server/muxlinks.h"

/* Writes a line "number incarnation" for each link that some multiplexer has and that said who it is. A
 * few hundred bytes in the run directory, which is memory on any system of ours: the loop does not
 * wait for a disk. A fault is logged, and that is all: keys may then change over a restart. */
void linkfile_write(struct muxlinks *all, const char *path);

/* Takes over what an earlier server wrote; what makes no sense, or is missing, is passed over. */
void linkfile_read(struct muxlinks *all, const char *path);

#endif
