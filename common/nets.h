/* A set of IP networks, written as "127.0.0.0/8 ::1 10.0.0.0/8", and whether an address is in it. */
#ifndef COMMON_NETS_H
#define COMMON_NETS_H

#include "common/address.h"

enum { NETS_MAX = 64 };

/* One network; the bits behind its own are 0. Bytes alone, so that it may be the key of a table. */
struct net {
	uint8_t ip[ADDRESS_IP_BYTES]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t bits;                 /* how many of them count: 0..128, of IPv4 96 and more */
};

/* Plain data, may be copied. All zero is the empty set. */
struct nets {
	struct net at[NETS_MAX];
	unsigned count;
};

/* Networks separated by blanks or commas; one without /bits is a single address. Empty text is the
 * empty set. False with *why a sentence (valid until the next call) and *out untouched: no address,
 * too many bits, bits set behind the network's own, more than NETS_MAX. */
bool nets_parse(const char *text, struct nets *out, const char **why);

/* The set as nets_parse reads it, cut at room bytes, terminator included. Returns out. */
char *nets_text(const struct nets *n, char *out, size_t room);

/* IPv4-mapped IPv6 is IPv4. AF_UNIX and no address are in no network. */
bool nets_have(const struct nets *n, const struct address *a);

/* The same for one network: text as nets_parse takes a word of it. */
bool net_parse(const char *text, struct net *out, const char **why);
bool net_has(const struct net *n, const struct address *a);
bool net_is_ipv4(const struct net *n);

/* Whether some address is in both. */
bool net_meets(const struct net *a, const struct net *b);

enum { NET_TEXT_MAX = ADDRESS_IP_MAX + 4 };

/* "192.0.2.0/24"; a single address without its /32 or /128. Returns out. */
char *net_text(const struct net *n, char out[static NET_TEXT_MAX]);

#endif
