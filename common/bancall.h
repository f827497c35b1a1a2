/* The commands `ban` and `unban`, as both daemons have them: their words. */
#ifndef COMMON_BANCALL_H
#define COMMON_BANCALL_H

#include "common/banlist.h"
#include "common/command.h"

/* argv[1] is net, or somebody whose address net is; behind it stands [<time>] [force] [keep] [<reason>],
 * the time also behind force and keep. False, and the call has failed, when that may not be banned, or
 * what stands there is meant to be a time and is none. */
bool bancall_ban(struct call *call, const char *net, struct ban *out);

/* argv[1] is a network. */
bool bancall_unban(struct call *call, struct ban *out);

#endif
