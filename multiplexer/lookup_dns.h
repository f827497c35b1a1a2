/* Asks DNS for the name of an address, and whether the name leads back to it (c-ares on the loop). */
#ifndef MULTIPLEXER_LOOKUP_DNS_H
#define MULTIPLEXER_LOOKUP_DNS_H

#include "common/address.h"
#include "common/loop.h"

enum dns_verdict {
	DNS_NAME,    /* it has this name, and the name has this address */
	DNS_NONE,    /* it has no name, or none that may be shown */
	DNS_SPOOFED, /* it claims a name that is not its own (row E03) */
	DNS_FAILED   /* nobody answered in time, or only nonsense: nothing is known */
};

struct dns;

/* Never called from inside a dns_ function, save dns_close; once for each dns_ask. name: valid
 * during the call; NULL unless DNS_NAME. */
typedef void dns_answer(void *owner, enum dns_verdict verdict, const char *name);

/* resolver: see lookup_dns_resolver.h. NULL with *why a sentence (valid until the next call): none is
 * named, or c-ares is not fit to ask (its question numbers could be guessed, row E05). */
struct dns *dns_open(
	struct loop *loop, const char *resolver, uint64_t timeout_ms, const char **why);

/* Goes on with another resolver; what is under way is asked again there. False with *why: all stays
 * as it was. */
bool dns_change(struct dns *d, const char *resolver, uint64_t timeout_ms, const char **why);

/* What is under way ends with DNS_FAILED. NULL is allowed. d is freed when the loop has closed it. */
void dns_close(struct dns *d);

/* Asks for the name of a (IPv4 or IPv6). The answer comes within timeout_ms. False when memory is
 * out: no answer will come. */
bool dns_ask(struct dns *d, const struct address *a, dns_answer *answer, void *owner);

/* Questions that the resolver still works on, also when their time is over: all of them; and those
 * for the network of a: its IPv4 address, or its IPv6 /64. */
unsigned dns_in_flight(const struct dns *d);
unsigned dns_in_flight_for(const struct dns *d, const struct address *a);

/* The resolvers in use, for people to read; valid until the next call. */
const char *dns_resolvers(const struct dns *d);

#endif
