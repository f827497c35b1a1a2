#include "multiplexer/admission.h"

#include <stdlib.h>

#include "common/hash.h"

enum { TOKEN = 60 * 1000 }; /* a whole token: what a rate of one a minute gains in a minute */

struct entry {
	uint8_t network[16]; /* IPv4 as ::ffff:a.b.c.d; of IPv6 the last 8 bytes are 0 */
	uint32_t here, unproven, visitors;
	uint64_t tokens;      /* new connections that are free now, in parts of TOKEN */
	uint64_t filled_ms;   /* when that was counted last */
	uint64_t penalty_ms;  /* nobody new before then; 0 = none */
	uint32_t penalty_len; /* how long the last one was, ms */
	UT_hash_handle hh;
};

struct admission {
	const struct admission_limits *limits;
	struct entry *entries; /* uthash head; oldest use first */
	uint32_t unproven;
};

/* False for who is nobody's address: a local user, or none at all. */
static bool network_of(const struct address *from, uint8_t network[static 16])
{
	memset(network, 0, 16);
	if (address_is_local(from))
		return false;
	if (from->sa.sa_family == AF_INET) {
		network[10] = network[11] = 0xff;
		memcpy(network + 12, &from->in.sin_addr, 4);
	} else if (from->sa.sa_family == AF_INET6) {
		memcpy(network, &from->in6.sin6_addr, 8);
	}
	return from->sa.sa_family == AF_INET || from->sa.sa_family == AF_INET6;
}

static struct entry *find(struct admission *a, const uint8_t network[static 16])
{
	struct entry *e;

	HASH_FIND(hh, a->entries, network, 16, e);
	return e;
}

/* uthash keeps the order of adding: out and in again is the youngest. False when memory is out. */
static bool move_last(struct admission *a, struct entry *e)
{
	if (e->hh.tbl != NULL)
		HASH_DEL(a->entries, e);
	e->hh.tbl = NULL;
	HASH_ADD(hh, a->entries, network, sizeof e->network, e);
	return e->hh.tbl != NULL;
}

/* Room for one more: of those who have nobody here the one that was used longest ago goes. */
static void make_room(struct admission *a)
{
	struct entry *e, *next;

	if (HASH_COUNT(a->entries) < ADMISSION_ENTRIES_MAX)
		return;
	HASH_ITER(hh, a->entries, e, next)
	{
		if (e->here > 0 || e->visitors > 0)
			continue;
		HASH_DEL(a->entries, e);
		free(e);
		return;
	}
}

static struct entry *add(struct admission *a, const uint8_t network[static 16], uint64_t now_ms)
{
	make_room(a);
	struct entry *e = calloc(1, sizeof *e);
	if (e == NULL)
		return NULL;
	memcpy(e->network, network, sizeof e->network);
	e->tokens = (uint64_t)a->limits->burst * TOKEN;
	e->filled_ms = now_ms;
	if (move_last(a, e))
		return e;
	free(e);
	return NULL;
}

/* One connection more; false: too fast, and a penalty has begun or goes on. */
static bool take_token(const struct admission_limits *l, struct entry *e, uint64_t now_ms)
{
	uint64_t full = (uint64_t)l->burst * TOKEN;
	uint64_t gained = (now_ms - e->filled_ms) * l->per_minute;

	if (l->burst == 0)
		return true;
	if (now_ms < e->penalty_ms)
		return false;
	e->tokens = full - e->tokens < gained ? full : e->tokens + gained;
	e->filled_ms = now_ms;
	if (e->tokens == full)
		e->penalty_len = 0; /* he has behaved long enough */
	if (e->tokens >= TOKEN) {
		e->tokens -= TOKEN;
		return true;
	}
	e->penalty_len = e->penalty_len == 0 ? ADMISSION_PENALTY_MS : e->penalty_len * 2;
	if (e->penalty_len > ADMISSION_PENALTY_MAX_MS)
		e->penalty_len = ADMISSION_PENALTY_MAX_MS;
	e->penalty_ms = now_ms + e->penalty_len;
	return false;
}

/* Random early drop: so that a crowd of silent ones does not keep everybody out at once. */
static bool is_crowded(const struct admission *a, uint32_t chance)
{
	const struct admission_limits *l = a->limits;

	if (l->drop_all == 0 || a->unproven < l->drop_from)
		return false;
	if (a->unproven >= l->drop_all)
		return true;
	uint64_t over = a->unproven - l->drop_from, span = l->drop_all - l->drop_from;
	/* drop_percent at the far end, in proportion before it */
	return (uint64_t)chance * 100 * span < ((uint64_t)l->drop_percent * over << 32);
}

/* The entry of an address, now the youngest; a new one if need be. NULL when memory is out. */
static struct entry *use(struct admission *a, const uint8_t network[static 16], uint64_t now_ms)
{
	struct entry *e = find(a, network);

	if (e == NULL)
		return add(a, network, now_ms);
	if (move_last(a, e))
		return e;
	free(e);
	return NULL;
}

bool admission_visit(struct admission *a, const struct address *from, uint64_t now_ms)
{
	uint8_t network[16];
	struct entry *e = network_of(from, network) ? use(a, network, now_ms) : NULL;

	if (e == NULL)
		return true;
	if (a->limits->per_address != 0 && e->visitors >= a->limits->per_address)
		return false;
	e->visitors++;
	return true;
}

void admission_visited(struct admission *a, const struct address *from)
{
	uint8_t network[16];
	struct entry *e = network_of(from, network) ? find(a, network) : NULL;

	if (e != NULL && e->visitors > 0)
		e->visitors--;
}

enum admission_verdict admission_ask(
	struct admission *a, const struct address *from, uint64_t now_ms, uint32_t chance)
{
	const struct admission_limits *l = a->limits;
	uint8_t network[16];
	struct entry *e = NULL;

	if (network_of(from, network)) {
		e = use(a, network, now_ms);
		/* What is refused for another reason costs a token too: it was an attempt. */
		if (e != NULL && !take_token(l, e, now_ms))
			return ADMISSION_TOO_FAST;
		if (e != NULL && l->per_address != 0 && e->here >= l->per_address)
			return ADMISSION_TOO_MANY;
		if (e != NULL && l->unproven_per_address != 0 &&
			e->unproven >= l->unproven_per_address)
			return ADMISSION_TOO_MANY_UNPROVEN;
		if (is_crowded(a, chance))
			return ADMISSION_CROWDED;
	}
	if (e != NULL) {
		e->here++;
		e->unproven++;
	}
	a->unproven++;
	return ADMISSION_YES;
}

void admission_proven(struct admission *a, const struct address *from)
{
	uint8_t network[16];
	struct entry *e = network_of(from, network) ? find(a, network) : NULL;

	a->unproven--;
	if (e != NULL && e->unproven > 0)
		e->unproven--;
}

void admission_gone(struct admission *a, const struct address *from, bool was_proven)
{
	uint8_t network[16];
	struct entry *e = network_of(from, network) ? find(a, network) : NULL;

	if (!was_proven)
		admission_proven(a, from);
	if (e != NULL && e->here > 0)
		e->here--;
}

void admission_move(struct admission *a, const struct address *from, const struct address *to,
	bool is_proven, uint64_t now_ms)
{
	uint8_t network[16];
	struct entry *e = network_of(to, network) ? use(a, network, now_ms) : NULL;

	if (e != NULL) {
		e->here++;
		e->unproven += !is_proven;
	}
	if (!is_proven)
		a->unproven++; /* as he is taken off where he was */
	admission_gone(a, from, is_proven);
}

uint32_t admission_entries(const struct admission *a)
{
	return HASH_COUNT(a->entries);
}

uint32_t admission_unproven(const struct admission *a)
{
	return a->unproven;
}

struct admission *admission_new(const struct admission_limits *limits)
{
	struct admission *a = calloc(1, sizeof *a);

	if (a != NULL)
		a->limits = limits;
	return a;
}

void admission_free(struct admission *a)
{
	struct entry *e, *next;

	if (a == NULL)
		return;
	HASH_ITER(hh, a->entries, e, next)
	{
		HASH_DEL(a->entries, e);
		free(e);
	}
	free(a);
}
