/* Whether an address is a place on the Internet, or one of this machine's or its neighbours' own. */
#ifndef COMMON_INTERNET_H
#define COMMON_INTERNET_H

#include "common/address.h"

/* NULL if anybody on the Internet may be there, or in a few words what it is instead, static: "this
 * machine itself", "a private network". By the registries of special addresses that IANA keeps (RFC
 * 6890 and after); IPv4 in IPv6 (mapped) is judged as IPv4, and all other ways to hide the one in the
 * other (NAT64, 6to4, Teredo) are no places on the Internet. Of IPv6, what is not yet given out is
 * none either (row M01). AF_UNIX and no address are not. */
const char *internet_why_not(const struct address *a);

/* Whether a device of this machine has the address, whichever. Sends nothing. */
bool internet_is_own(const struct address *a);

#endif
