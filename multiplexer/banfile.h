/* The file in which bans outlive the multiplexer: one line of JSON each, replaced as a whole. */
#ifndef MULTIPLEXER_BANFILE_H
#define MULTIPLEXER_BANFILE_H

#include "common/banlist.h"

/*   {"holdfast": "bans", "written": 1790000000, "count": 2}
 *   {"net": "192.0.2.0/24", "made": 1780000000, "until": 1790003600, "reason": "spam", "by": "root"}
 *   {"net": "2001:db8::/32", "made": 1780000000, "until": null, "by": "root", "lifted": true}
 *
 * Times are seconds since 1970. The date may be wrong when the file is read: nothing lasts longer than
 * it had to last when the file was written. */

/* What has to be written, without the list: for a thread of its own. */
struct banfile {
	struct ban *bans; /* owned */
	size_t count;
	struct ban_clock now;
};

/* False when memory is out. */
bool banfile_take(struct banfile *f, const struct banlist *l, const struct ban_clock *now);
void banfile_free(struct banfile *f);

/* path.new, fsync, rename: whatever happens, path is the old file or the new one. False with errno. */
bool banfile_write(const struct banfile *f, const char *path);

/* Takes all that can be read into an empty list; no file is an empty one. Each line that cannot be read is
 * logged with its number, and counted in *bad (those that are missing at the end too); then the file as it
 * is keeps a second name, path.damaged, so that nothing is lost when path is written anew. False with *why
 * (valid until the next call) when there is a file that cannot be read at all. */
bool banfile_read(const char *path, struct banlist *l, const struct ban_clock *now, unsigned *bad,
	const char **why);

#endif
