/* Who may connect to the API: NightFall's list of networks, of which the last that fits decides. */
#ifndef SERVER_API_ACL_H
#define SERVER_API_ACL_H

#include "common/address.h"

enum { ACL_MAX = 256 };

/* Plain data. All zero lets everybody in. */
struct acl {
	struct acl_row {
		uint8_t ip[ADDRESS_IP_BYTES]; /* IPv4 as ::ffff:a.b.c.d */
		uint8_t bits;                 /* that count: 0..128 */
		bool allow;
	} at[ACL_MAX];
	unsigned count;
};

/* "-0.0.0.0/0,+192.168.1.1/16,+::1": + or -, an address, perhaps /bits; bits behind the network's own do
 * not matter, in the address as in the client's. Empty text: everybody may. False with *why a sentence
 * (valid until the next call) and *out untouched. */
bool acl_parse(const char *text, struct acl *out, const char **why);

/* A list that is not empty refuses whom it does not name. IPv4-mapped IPv6 is IPv4. */
bool acl_allows(const struct acl *acl, const struct address *from);

#endif
