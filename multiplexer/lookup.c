#include "multiplexer/lookup.h"

#include <stdlib.h>

#include "common/log.h"
#include "multiplexer/lookup_dns.h"
#include "multiplexer/lookup_name.h"
#include "multiplexer/mux.h"

/* What DNS is being asked for one address; all who want to know it wait in askers. */
struct question {
	struct list node;
	struct lookups *lookups; /* borrowed: outlives us */
	struct address address;
	struct list askers; /* struct lookup */
};

static const char *const modes[] = {
	[LOOKUP_OFF] = "off", [LOOKUP_ON_REQUEST] = "on-request", [LOOKUP_AUTO] = "auto"};

bool lookup_mode_parse(const char *text, enum lookup_mode *mode)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		if (strcmp(text, modes[i]) == 0) {
			*mode = (enum lookup_mode)i;
			return true;
		}
	}
	return false;
}

const char *lookup_mode_text(enum lookup_mode mode)
{
	return modes[mode];
}

void lookup_init(struct lookup *l, enum lookup_kind kind, enum lookup_mode mode,
	void (*on_done)(struct lookup *l))
{
	*l = (struct lookup){.kind = kind, .mode = mode, .on_done = on_done};
	list_init(&l->askers);
}

void lookup_forget(struct lookup *l)
{
	list_remove(&l->askers);
	if (l->ident != NULL)
		ident_cancel(l->ident);
	l->ident = NULL;
	free(l->name);
	l->name = NULL;
	l->state = LOOKUP_OPEN;
}

/* name NULL: it has none. When memory for it is out, nothing is known. */
static void become_known(struct lookup *l, const char *name)
{
	l->name = name != NULL ? strdup(name) : NULL;
	l->state = name != NULL && l->name == NULL ? LOOKUP_OPEN : LOOKUP_KNOWN;
}

/* Whether this user is looked up at all. */
static bool is_supported(
	const struct lookups *ls, const struct lookup *l, const struct lookup_subject *of)
{
	struct address user = endpoint_address(&of->user);
	uint8_t ip[ADDRESS_IP_BYTES];

	if (l->mode == LOOKUP_OFF || !address_ip_bytes(&user, ip))
		return false;
	if (l->kind == LOOKUP_DNS)
		return ls->dns != NULL;
	return of->local.sa.sa_family == of->user.sa.sa_family && !nets_have(&ls->skip, &user);
}

const char *lookup_word(
	const struct lookups *ls, const struct lookup *l, const struct lookup_subject *of)
{
	if (l->state == LOOKUP_KNOWN)
		return l->name != NULL ? l->name : LOOKUP_UNRESOLVED;
	return is_supported(ls, l, of) ? LOOKUP_UNRESOLVED : LOOKUP_UNSUPPORTED;
}

/* ---- DNS ---- */

static void keep_answer(struct question *q, enum dns_verdict verdict, const char *name)
{
	struct lookups *ls = q->lookups;
	const struct options *o = ls->options;
	char ip[ADDRESS_IP_MAX];

	if (verdict == DNS_FAILED)
		ls->metrics->lookups_dns_failed++;
	else if (verdict != DNS_NAME)
		ls->metrics->lookups_dns_unresolved++;
	if (verdict == DNS_SPOOFED) {
		ls->metrics->lookups_dns_spoofed++;
		address_ip(&q->address, ip);
		log_debug("DNS: %s: claims a name that does not lead back to it", ip);
	}
	/* A failure is nobody's answer: the next who asks may have better luck. */
	if (verdict != DNS_FAILED)
		lookup_cache_put(&ls->cache, &q->address, name,
			loop_now_ms(ls->loop) +
				(name != NULL ? o->dns_cache_time : o->dns_cache_none_time),
			o->dns_cache);
}

static void on_dns(void *owner, enum dns_verdict verdict, const char *name)
{
	struct question *q = owner;

	list_remove(&q->node);
	keep_answer(q, verdict, name);
	while (!list_is_empty(&q->askers)) {
		struct lookup *l = container_of(q->askers.next, struct lookup, askers);

		list_remove(&l->askers);
		if (verdict == DNS_FAILED)
			l->state = LOOKUP_OPEN;
		else
			become_known(l, name);
		l->on_done(l);
	}
	free(q);
}

static bool same_host(const struct address *a, const struct address *b)
{
	uint8_t one[ADDRESS_IP_BYTES], other[ADDRESS_IP_BYTES];

	return address_ip_bytes(a, one) && address_ip_bytes(b, other) &&
	       memcmp(one, other, sizeof one) == 0;
}

/* The question about this address that is under way, or a new one; NULL over a limit (row E08). */
static struct question *question_about(struct lookups *ls, const struct address *a)
{
	struct question *q;

	LIST_EACH(node, &ls->questions)
	{
		q = container_of(node, struct question, node);
		if (same_host(&q->address, a))
			return q;
	}
	if (dns_in_flight(ls->dns) >= ls->options->dns_in_flight ||
		dns_in_flight_for(ls->dns, a) >= ls->options->dns_per_address)
		return NULL;
	q = calloc(1, sizeof *q);
	if (q == NULL)
		return NULL;
	q->lookups = ls;
	q->address = *a;
	list_init(&q->askers);
	if (!dns_ask(ls->dns, a, on_dns, q)) {
		free(q);
		return NULL;
	}
	ls->metrics->lookups_dns++;
	list_add_last(&ls->questions, &q->node);
	return q;
}

static void start_dns(struct lookups *ls, struct lookup *l, const struct address *a)
{
	const char *name;

	if (lookup_cache_find(&ls->cache, a, loop_now_ms(ls->loop), &name)) {
		ls->metrics->lookups_dns_cached++;
		become_known(l, name);
		return;
	}
	struct question *q = question_about(ls, a);
	if (q == NULL) {
		ls->metrics->lookups_dns_refused++;
		return;
	}
	list_add_last(&q->askers, &l->askers);
	l->state = LOOKUP_PENDING;
}

/* ---- identd ---- */

static void on_ident(void *owner, const char *name)
{
	struct lookup *l = owner;

	l->ident = NULL;
	if (name != NULL)
		l->metrics->lookups_ident_named++;
	become_known(l, name);
	l->on_done(l);
}

/* The query holds l as its owner: lookup_forget cancels it. */
static void start_ident(struct lookups *ls, struct lookup *l, const struct lookup_subject *of)
{
	const struct options *o = ls->options;
	const struct ident_way way = {.port = (uint16_t)o->ident_port,
		.connect_ms = o->ident_connect_timeout,
		.total_ms = o->ident_timeout};
	struct address user = endpoint_address(&of->user), local = endpoint_address(&of->local);

	if (idents_in_flight(&ls->idents) >= o->ident_in_flight ||
		idents_in_flight_for(&ls->idents, &user) >= o->ident_per_address) {
		ls->metrics->lookups_ident_refused++;
		return;
	}
	l->ident = ident_ask(&ls->idents, &user, &local, &way, on_ident, l);
	if (l->ident == NULL)
		return;
	l->metrics = ls->metrics;
	ls->metrics->lookups_ident++;
	l->state = LOOKUP_PENDING;
}

bool lookup_start(struct lookups *ls, struct lookup *l, const struct lookup_subject *of)
{
	struct address user = endpoint_address(&of->user);

	if (l->state == LOOKUP_OPEN && is_supported(ls, l, of)) {
		if (l->kind == LOOKUP_DNS)
			start_dns(ls, l, &user);
		else
			start_ident(ls, l, of);
	}
	return l->state != LOOKUP_PENDING;
}

/* ---- life ---- */

static void open_dns(struct lookups *ls)
{
	const char *why;

	ls->dns = dns_open(ls->loop, ls->options->resolver, ls->options->dns_timeout, &why);
	if (ls->dns != NULL)
		log_info("DNS: asks %s", dns_resolvers(ls->dns));
	else
		log_warn("DNS is off: %s", why);
}

static void read_skip(struct lookups *ls)
{
	const char *why;

	if (!nets_parse(ls->options->ident_skip, &ls->skip, &why))
		log_warn("ident_skip: %s", why); /* config.c has checked it */
}

void lookups_open(struct lookups *ls, struct loop *loop, const struct options *options,
	struct mux_metrics *metrics)
{
	*ls = (struct lookups){.loop = loop, .options = options, .metrics = metrics};
	list_init(&ls->questions);
	idents_open(&ls->idents, loop);
	read_skip(ls);
	open_dns(ls);
}

void lookups_reload(struct lookups *ls)
{
	const char *why;

	read_skip(ls);
	lookup_cache_clear(&ls->cache);
	if (ls->dns == NULL)
		open_dns(ls);
	else if (dns_change(ls->dns, ls->options->resolver, ls->options->dns_timeout, &why))
		log_info("DNS: asks %s", dns_resolvers(ls->dns));
	else
		log_warn("DNS: goes on asking %s: %s", dns_resolvers(ls->dns), why);
}

void lookups_close(struct lookups *ls)
{
	dns_close(ls->dns);
	ls->dns = NULL;
	idents_close(&ls->idents);
	lookup_cache_clear(&ls->cache);
}
