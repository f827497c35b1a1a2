/* One question, from the address to a name that is its own:
 *
 *   dns_ask --> PTR 7.2.0.192.in-addr.arpa? --> names (at most NAMES_MAX that may be shown)
 *                      |                          |  for each, until one has the address:
 *                      | none                     +--> A (AAAA) of the name? --> DNS_NAME
 *                      v                          | none has it
 *                   DNS_NONE                 DNS_SPOOFED
 *
 * c-ares gives its answers from inside its own functions, so they are only noted there and given out at
 * the end of the turn. It cannot be told to drop one question either: one whose time is over has been
 * answered, but stays until c-ares is through with it. */
#include "multiplexer/lookup_dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "multiplexer/lookup_dns_ids.h"
#include "multiplexer/lookup_dns_resolver.h"
#include "multiplexer/lookup_name.h"

enum {
	NAMES_MAX = 4,      /* names of one address that are tried */
	ADDRESSES_MAX = 64, /* of one name; a packet of 512 bytes holds 30 */
	PTR_MAX = 80        /* 32 nibbles with dots, "ip6.arpa" */
};

struct dns {
	struct loop *loop; /* borrowed: outlives us */
	ares_channel channel;
	uv_timer_t timer; /* c-ares' next retry, or our next deadline */
	struct loop_task deliver;
	struct list queries; /* in order of asking */
	struct list sockets;
	uint64_t timeout_ms;
	bool closing;
};

/* A socket of c-ares'. */
struct dns_socket {
	uv_poll_t poll;
	struct list node;
	struct dns *dns; /* borrowed: outlives our callbacks, not our closing */
	ares_socket_t fd;
	int events;
};

struct query {
	struct list node;
	struct dns *dns;
	struct address address;
	dns_answer *answer; /* NULL: it was given, the time was over */
	void *owner;
	uint64_t deadline_ms;
	bool done;   /* c-ares is through with it */
	bool failed; /* a name could not be looked at */
	enum dns_verdict verdict;
	unsigned count, at; /* of names */
	char names[NAMES_MAX][LOOKUP_HOST_MAX + 1];
};

/* ---- one question ---- */

static void done(struct query *q, enum dns_verdict verdict)
{
	q->done = true;
	q->verdict = verdict;
	loop_at_turn_end(q->dns->loop, &q->dns->deliver);
}

static void give(struct query *q, enum dns_verdict verdict)
{
	dns_answer *answer = q->answer;

	q->answer = NULL;
	if (answer != NULL)
		answer(q->owner, verdict, verdict == DNS_NAME ? q->names[q->at] : NULL);
}

static void deliver(struct dns *d)
{
	LIST_EACH(node, &d->queries)
	{
		struct query *q = container_of(node, struct query, node);

		if (!q->done)
			continue;
		list_remove(&q->node);
		give(q, q->verdict);
		free(q);
	}
}

static void deliver_task(struct loop_task *task)
{
	deliver(container_of(task, struct dns, deliver));
}

static void ptr_name(const struct address *a, char out[static PTR_MAX])
{
	uint8_t ip[ADDRESS_IP_BYTES] = {0};
	size_t len = 0;

	address_ip_bytes(a, ip);
	if (a->sa.sa_family == AF_INET) {
		snprintf(out, PTR_MAX, "%u.%u.%u.%u.in-addr.arpa", ip[15], ip[14], ip[13], ip[12]);
		return;
	}
	for (int i = ADDRESS_IP_BYTES - 1; i >= 0; i--)
		len += (size_t)snprintf(
			out + len, PTR_MAX - len, "%x.%x.", ip[i] & 15u, (unsigned)(ip[i] >> 4));
	snprintf(out + len, PTR_MAX - len, "ip6.arpa");
}

/* What a status says when there is no name, or no address, to be had. An answer to our question that
 * cannot be read is none: c-ares refuses a whole one for a single name that no host may have. */
static enum dns_verdict verdict_of(int status)
{
	switch (status) {
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
	case ARES_EBADRESP:
	case ARES_EBADNAME:
		return DNS_NONE;
	default:
		return DNS_FAILED;
	}
}

static void ask_ptr(struct query *q);

/* The channel went away. True: the question was asked again, or is over. */
static bool channel_is_gone(struct query *q, int status)
{
	if (status != ARES_EDESTRUCTION && status != ARES_ECANCELLED)
		return false;
	if (q->dns->closing || q->answer == NULL)
		done(q, DNS_FAILED);
	else
		ask_ptr(q);
	return true;
}

static bool has_ip4(unsigned char *bytes, int len, const struct in_addr *ip, int *status)
{
	struct ares_addrttl found[ADDRESSES_MAX];
	int count = ADDRESSES_MAX;

	*status = ares_parse_a_reply(bytes, len, NULL, found, &count);
	for (int i = 0; *status == ARES_SUCCESS && i < count; i++)
		if (memcmp(&found[i].ipaddr, ip, sizeof *ip) == 0)
			return true;
	return false;
}

static bool has_ip6(unsigned char *bytes, int len, const struct in6_addr *ip, int *status)
{
	struct ares_addr6ttl found[ADDRESSES_MAX];
	int count = ADDRESSES_MAX;

	*status = ares_parse_aaaa_reply(bytes, len, NULL, found, &count);
	for (int i = 0; *status == ARES_SUCCESS && i < count; i++)
		if (memcmp(&found[i].ip6addr, ip, sizeof *ip) == 0)
			return true;
	return false;
}

static void ask_forward(struct query *q);

static void on_forward(void *arg, int status, int timeouts UNUSED, unsigned char *bytes, int len)
{
	struct query *q = arg;
	bool has = false;

	if (channel_is_gone(q, status))
		return;
	if (status == ARES_SUCCESS && q->address.sa.sa_family == AF_INET)
		has = has_ip4(bytes, len, &q->address.in.sin_addr, &status);
	else if (status == ARES_SUCCESS)
		has = has_ip6(bytes, len, &q->address.in6.sin6_addr, &status);
	if (has) {
		done(q, DNS_NAME);
		return;
	}
	if (status != ARES_SUCCESS && verdict_of(status) == DNS_FAILED)
		q->failed = true;
	q->at++;
	ask_forward(q);
}

static void ask_forward(struct query *q)
{
	if (q->answer == NULL || (q->at == q->count && q->failed))
		done(q, DNS_FAILED); /* too late, or it is not known whose name it is */
	else if (q->at == q->count)
		done(q, q->count > 0 ? DNS_SPOOFED : DNS_NONE);
	else
		ares_query(q->dns->channel, q->names[q->at], ns_c_in,
			q->address.sa.sa_family == AF_INET ? ns_t_a : ns_t_aaaa, on_forward, q);
}

static void on_ptr(void *arg, int status, int timeouts UNUSED, unsigned char *bytes, int len)
{
	struct query *q = arg;
	struct hostent *host = NULL;
	bool v4 = q->address.sa.sa_family == AF_INET;

	if (channel_is_gone(q, status))
		return;
	if (status == ARES_SUCCESS)
		status = ares_parse_ptr_reply(bytes, len,
			v4 ? (void *)&q->address.in.sin_addr : (void *)&q->address.in6.sin6_addr,
			v4 ? 4 : 16, v4 ? AF_INET : AF_INET6, &host);
	if (status != ARES_SUCCESS) {
		done(q, verdict_of(status));
		return;
	}
	for (char **name = host->h_aliases; *name != NULL && q->count < NAMES_MAX; name++)
		if (lookup_host_name(*name, q->names[q->count]))
			q->count++;
	ares_free_hostent(host);
	ask_forward(q);
}

static void ask_ptr(struct query *q)
{
	char name[PTR_MAX];

	q->count = q->at = 0;
	q->failed = false;
	ptr_name(&q->address, name);
	ares_query(q->dns->channel, name, ns_c_in, ns_t_ptr, on_ptr, q);
}

/* ---- the channel on the loop ---- */

static void timer_cb(uv_timer_t *timer);

/* After each call of c-ares: when it wants to be called again, or when our patience ends. */
static void arm(struct dns *d)
{
	uint64_t now = loop_now_ms(d->loop), ms = UINT64_MAX;
	struct timeval room, *tv = ares_timeout(d->channel, NULL, &room);

	if (d->closing)
		return;
	if (tv != NULL)
		ms = (uint64_t)tv->tv_sec * 1000 + (uint64_t)tv->tv_usec / 1000 + 1;
	LIST_EACH(node, &d->queries)
	{
		const struct query *q = container_of(node, struct query, node);
		uint64_t left = q->deadline_ms > now ? q->deadline_ms - now : 0;

		if (q->answer != NULL && left < ms)
			ms = left;
	}
	if (ms == UINT64_MAX)
		uv_timer_stop(&d->timer);
	else
		uv_timer_start(&d->timer, timer_cb, ms, 0);
}

static void timer_cb(uv_timer_t *timer)
{
	struct dns *d = timer->data;
	uint64_t now = loop_now_ms(d->loop);

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	LIST_EACH(node, &d->queries)
	{
		struct query *q = container_of(node, struct query, node);

		if (!q->done && now >= q->deadline_ms)
			give(q, DNS_FAILED);
	}
	arm(d);
}

static struct dns_socket *find_socket(const struct dns *d, ares_socket_t fd)
{
	LIST_EACH(node, &d->sockets)
	{
		struct dns_socket *s = container_of(node, struct dns_socket, node);

		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static void poll_cb(uv_poll_t *poll, int status, int events)
{
	struct dns_socket *s = poll->data;
	struct dns *d = s->dns;
	ares_socket_t fd = s->fd;

	/* An error, such as ICMP "port unreachable", is for c-ares to find: it reads it (row E09). */
	bool in = status < 0 || (events & UV_READABLE) != 0;
	bool out = status < 0 || (events & UV_WRITABLE) != 0;
	ares_process_fd(d->channel, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
	s = find_socket(d, fd);
	if (s != NULL && status < 0) /* libuv has stopped at the error */
		uv_poll_start(&s->poll, s->events, poll_cb);
	arm(d);
}

static void socket_closed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

/* c-ares: what it waits for on a socket of its own; nothing: it is about to close it. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct dns_socket *s = find_socket(d, fd);
	int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);

	if (events == 0) {
		if (s == NULL)
			return;
		list_remove(&s->node);
		uv_close((uv_handle_t *)&s->poll, socket_closed_cb);
		return;
	}
	if (s == NULL) {
		s = calloc(1, sizeof *s);
		if (s == NULL || uv_poll_init(&d->loop->uv, &s->poll, fd) != 0) {
			free(s); /* its answers will not be seen: our deadline ends the question */
			return;
		}
		s->poll.data = s;
		s->dns = d;
		s->fd = fd;
		list_add_last(&d->sockets, &s->node);
	}
	s->events = events;
	uv_poll_start(&s->poll, events, poll_cb);
}

const char *dns_resolvers(const struct dns *d)
{
	return dns_resolver_text(d->channel);
}

/* ---- life ---- */

struct dns *dns_open(struct loop *loop, const char *resolver, uint64_t timeout_ms, const char **why)
{
	struct dns *d;

	if (!dns_ids_are_random(why))
		return NULL;
	d = calloc(1, sizeof *d);
	if (d == NULL) {
		*why = "out of memory";
		return NULL;
	}
	d->loop = loop;
	d->timeout_ms = timeout_ms;
	list_init(&d->queries);
	list_init(&d->sockets);
	loop_task_init(&d->deliver, deliver_task);
	if (!dns_resolver_open(resolver, timeout_ms, on_socket_state, d, &d->channel, why)) {
		free(d);
		return NULL;
	}
	d->timer.data = d;
	uv_timer_init(&loop->uv, &d->timer);
	return d;
}

bool dns_change(struct dns *d, const char *resolver, uint64_t timeout_ms, const char **why)
{
	ares_channel old = d->channel, fresh;

	if (!dns_resolver_open(resolver, timeout_ms, on_socket_state, d, &fresh, why))
		return false;
	d->channel = fresh;
	d->timeout_ms = timeout_ms;
	ares_destroy(old);
	arm(d);
	return true;
}

static void closed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

void dns_close(struct dns *d)
{
	if (d == NULL || d->closing)
		return;
	d->closing = true;
	ares_destroy(d->channel);
	loop_task_cancel(&d->deliver);
	deliver(d);
	uv_close((uv_handle_t *)&d->timer, closed_cb);
}

bool dns_ask(struct dns *d, const struct address *a, dns_answer *answer, void *owner)
{
	struct query *q = calloc(1, sizeof *q);

	if (q == NULL)
		return false;
	q->dns = d;
	q->address = *a;
	address_unmap(&q->address);
	q->answer = answer;
	q->owner = owner;
	q->deadline_ms = loop_now_ms(d->loop) + d->timeout_ms;
	list_add_last(&d->queries, &q->node);
	ask_ptr(q);
	arm(d);
	return true;
}

unsigned dns_in_flight(const struct dns *d)
{
	unsigned n = 0;

	LIST_EACH(node, &d->queries)
	n++;
	return n;
}

unsigned dns_in_flight_for(const struct dns *d, const struct address *a)
{
	uint8_t wanted[ADDRESS_IP_BYTES], ip[ADDRESS_IP_BYTES];
	struct address plain = *a;
	unsigned n = 0;

	address_unmap(&plain);
	if (!address_ip_bytes(&plain, wanted))
		return 0;
	LIST_EACH(node, &d->queries)
	{
		const struct query *q = container_of(node, struct query, node);
		bool same = q->address.sa.sa_family == plain.sa.sa_family &&
			    address_ip_bytes(&q->address, ip) &&
			    memcmp(ip, wanted, plain.sa.sa_family == AF_INET ? 16 : 8) == 0;

		n += same;
	}
	return n;
}
