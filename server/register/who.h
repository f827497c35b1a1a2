/* Who this server is to others: the addresses that the Internet sees, and which of them it goes by. */
#ifndef SERVER_REGISTER_WHO_H
#define SERVER_REGISTER_WHO_H

#include "common/address.h"

/* What one of the three questions "who am I?" came to. */
struct who_probe {
	bool asked;
	struct address seen;  /* as whom we were seen; len 0: there was no answer, or a bad one */
	struct address local; /* our end of that connection */
	bool bad;             /* there was an answer, and it was none that makes sense */
	char why[160];        /* no `seen`: why */
};

/* Over IPv4 only, over IPv6 only, and as the two of us like. */
struct who_probes {
	struct who_probe v4, v6, dual;
};

/* What the owner has set; all that counts for who we are. */
struct who_settings {
	struct address ip, ipv6; /* sv_ip, sv_ipv6; len 0 = not set */
	bool enable_ipv6;
};

/* One family. Usable: the Internet can be reached with it, and it is to be used. */
struct who_end {
	bool usable;
	struct address external, local; /* ports do not count; different: there is NAT between */
	char why[200];                  /* not usable: why */
};

struct who {
	struct who_end v4, v6;
	enum family first; /* the one that calls go by; NONE: none is usable */
	char forced
		[700]; /* the one-family rule forbids to register: what to do, for the owner; "" */
};

/* A bare address of IP, without brackets or port; its port is 0. False and *out untouched: none. */
bool who_parse_ip(struct slice text, struct address *out);

/* Reads what a server said: {"yourIP":"192.0.2.7"}, or the bare address. False with *why a sentence. */
bool who_read(struct slice answer, struct address *out, const char **why);

/* Judges one answer of the family that was asked by (NONE: any). Sets probe->seen, or why not. */
void who_judge(struct who_probe *probe, enum family family, struct slice answer);

/* Section 2 and the one-family rule of section 3, as a whole. */
void who_decide(
	const struct who_settings *settings, const struct who_probes *probes, struct who *out);

/* The end that others see as this address; NULL: none of ours. */
const struct who_end *who_find(const struct who *w, const struct address *external);

static inline const struct who_end *who_end_of(const struct who *w, enum family f)
{
	return f == FAMILY_V4 ? &w->v4 : f == FAMILY_V6 ? &w->v6 : NULL;
}

/* The other usable family than f; NONE if there is none. */
enum family who_other(const struct who *w, enum family f);

/* Whether others see another address than we have. */
bool who_has_nat(const struct who_end *end);

/* The same host; ports do not count. No address equals none. */
bool who_same_host(const struct address *a, const struct address *b);

#endif
