/* What seta keeps for every later start: a file of "seta NAME VALUE" lines in the state directory. */
#ifndef SERVER_ARCHIVE_H
#define SERVER_ARCHIVE_H

#include "common/defs.h"

struct game;

/* archive.cfg in the run directory, of an installed game in /var/lib/holdfast. It is read after
 * server.cfg, and before what --set says. A line that is not taken is a warning, and stays. mode: as
 * console_exec_file. False with *why only if there is a file that cannot be read. */
bool archive_read(struct game *game, unsigned mode, const char **why);

/* From now on the file says so; NULL: nothing of this cvar. It is whole at any moment, whatever crashes.
 * False with *why a sentence. */
bool archive_set(struct game *game, const char *name, const char *value, const char **why);

#endif
