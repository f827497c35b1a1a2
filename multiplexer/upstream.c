#include "multiplexer/upstream.h"

#include <stdio.h>
#include <stdlib.h>

struct upstream_search {
	uv_getaddrinfo_t req;
	struct upstream *u; /* borrowed: NULL when dropped */
	upstream_found *done;
	void *owner;
};

static bool parse_name(const char *text, struct upstream *u)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *colon = strrchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	char *end;

	if (len == 0 || len >= sizeof u->host || strspn(text, letters) != len)
		return false;
	/* 10.0.0.300 is a wrong address, not a name. */
	if (strspn(text, "0123456789.") == len)
		return false;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port < 1 || port > UINT16_MAX)
		return false;
	memcpy(u->host, text, len);
	u->host[len] = '\0';
	snprintf(u->port, sizeof u->port, "%lu", port);
	return true;
}

bool upstream_parse(const char *text, struct upstream *out, const char **why)
{
	struct upstream u = {0};
	struct address *a = &u.addresses[0];
	const char *reason;

	*why = "must be unix:/PATH (107 bytes at most) or tcp:HOST:PORT";
	if (strlen(text) >= sizeof u.text)
		return false;
	strcpy(u.text, text);
	u.is_tcp = strncmp(text, "tcp:", 4) == 0;
	if (!u.is_tcp && strncmp(text, "unix:", 5) != 0)
		return false;
	if (u.is_tcp && text[4] != '*' && !address_parse(text + 4, a, &reason) &&
		!parse_name(text + 4, &u))
		return false;
	if (!u.is_tcp && !address_parse(text, a, &reason))
		return false;
	if (u.host[0] == '\0' && a->len == 0)
		return false;
	if (a->len > 0 && a->sa.sa_family != AF_UNIX && a->in.sin_port == 0)
		return false; /* the port of IPv6 lies at the same place */
	u.address_count = a->len > 0 ? 1 : 0;
	*out = u;
	return true;
}

size_t upstream_parse_all(
	const char *text, struct upstream out[static UPSTREAMS_MAX], const char **why)
{
	size_t count = 0;

	for (text += strspn(text, " \t"); *text != '\0'; text += strspn(text, " \t")) {
		size_t len = strcspn(text, " \t");
		char one[UPSTREAM_TEXT_MAX];

		*why = "lists more than 8 addresses";
		if (count == UPSTREAMS_MAX)
			return 0;
		snprintf(one, sizeof one, "%.*s", (int)size_min(len, INT16_MAX), text);
		if (!upstream_parse(one, &out[count], why))
			return 0;
		for (size_t i = 0; i < count; i++) {
			*why = "lists an address twice";
			if (strcmp(out[i].text, one) == 0)
				return 0;
		}
		count++;
		text += len;
	}
	*why = "must list an address at least";
	return count;
}

/* ---- names ---- */

static const struct address *next_address(struct upstream *u)
{
	return &u->addresses[u->turn++ % u->address_count];
}

static void take_addresses(struct upstream *u, const struct addrinfo *all)
{
	u->address_count = 0;
	for (; all != NULL && u->address_count < UPSTREAM_ADDRESSES_MAX; all = all->ai_next) {
		struct address *a = &u->addresses[u->address_count];

		if (all->ai_family != AF_INET && all->ai_family != AF_INET6)
			continue;
		*a = (struct address){.len = all->ai_addrlen};
		memcpy(&a->sa, all->ai_addr, all->ai_addrlen);
		u->address_count++;
	}
}

static void resolved_cb(uv_getaddrinfo_t *req, int status, struct addrinfo *all)
{
	struct upstream_search *search = container_of(req, struct upstream_search, req);
	struct upstream_search now = *search;

	free(search);
	if (now.u != NULL && status == 0)
		take_addresses(now.u, all);
	uv_freeaddrinfo(all);
	if (now.u == NULL)
		return;
	/* When the name cannot be asked for now, what it was last is better than nothing. */
	if (now.u->address_count > 0)
		now.done(now.owner, next_address(now.u), NULL);
	else
		now.done(now.owner, NULL, status != 0 ? uv_strerror(status) : "no address");
}

struct upstream_search *upstream_find(
	struct upstream *u, struct loop *loop, upstream_found *done, void *owner)
{
	static const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct upstream_search *search;

	if (u->host[0] == '\0') {
		done(owner, next_address(u), NULL);
		return NULL;
	}
	search = calloc(1, sizeof *search);
	if (search == NULL) {
		done(owner, NULL, "out of memory");
		return NULL;
	}
	search->u = u;
	search->done = done;
	search->owner = owner;
	int status = uv_getaddrinfo(&loop->uv, &search->req, resolved_cb, u->host, u->port, &hints);
	if (status == 0)
		return search;
	free(search);
	done(owner, NULL, uv_strerror(status));
	return NULL;
}

void upstream_search_drop(struct upstream_search *search)
{
	if (search == NULL)
		return;
	search->u = NULL;
	uv_cancel((uv_req_t *)&search->req); /* one that runs already ends by itself */
}
