/* Bans on the link (90 to 96): a ban of common/banlist.h to its messages, and back. */
#ifndef PROTO_BANWIRE_H
#define PROTO_BANWIRE_H

#include "common/banlist.h"
#include "proto/link.h"

/* BAN or UNBAN to a multiplexer; BAN IS or UNBAN IS to a server. */
void banwire_send_down(struct link *l, const struct ban *b, const struct ban_clock *now);
void banwire_send_up(struct link *l, const struct ban *b, const struct ban_clock *now);

/* What a BAN or BAN IS says (m of either: they have the same fields), for banlist_put. False with *why
 * (valid until the next call): net is no network, or made is 0. What is wrong in about is passed over. */
bool banwire_ban(struct slice net, uint32_t seconds, uint32_t made, struct slice about,
	struct ban *out, const char **why);

/* The same of an UNBAN or UNBAN IS. */
bool banwire_unban(struct slice net, uint32_t seconds, uint32_t made, struct slice by,
	struct ban *out, const char **why);

#endif
