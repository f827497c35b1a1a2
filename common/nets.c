#include "common/nets.h"
#include "common/reason.h"

#include <arpa/inet.h>
#include <stdio.h>

static char why_text[256];

/* The host of text as an address, its port 0. */
static bool parse_host(const char *text, struct address *a)
{
	char with_port[ADDRESS_IP_MAX + 8];
	const char *why;

	if (strlen(text) >= ADDRESS_IP_MAX || strcmp(text, "*") == 0)
		return false;
	snprintf(with_port, sizeof with_port, strchr(text, ':') != NULL ? "[%s]:0" : "%s:0", text);
	return address_parse(with_port, a, &why);
}

static bool parse_bits(const char *text, unsigned max, unsigned *bits)
{
	size_t len = strlen(text);

	if (len == 0 || len > 3 || strspn(text, "0123456789") != len)
		return false;
	*bits = 0;
	for (; *text != '\0'; text++)
		*bits = *bits * 10 + (unsigned)(*text - '0');
	return *bits <= max;
}

/* Whether the first bits of both are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

bool net_parse(const char *word, struct net *out, const char **why)
{
	char host[ADDRESS_IP_MAX];
	struct address a;
	struct net n = {0};
	const char *slash = strchr(word, '/');
	size_t len = slash != NULL ? (size_t)(slash - word) : strlen(word);

	if (len >= sizeof host)
		return FAIL(why, "'%.60s' is no IP address", word);
	memcpy(host, word, len);
	host[len] = '\0';
	if (!parse_host(host, &a))
		return FAIL(why, "'%s' is no IP address", host);
	bool v4 = strchr(host, ':') == NULL;
	unsigned bits = v4 ? 32 : 128;
	if (slash != NULL && !parse_bits(slash + 1, bits, &bits))
		return FAIL(why, "'%.60s': behind the / stands a number from 0 to %u", word,
			v4 ? 32 : 128);
	bits += v4 ? 96 : 0;
	address_ip_bytes(&a, n.ip);
	for (unsigned bit = bits; bit < 128; bit++)
		if ((n.ip[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return FAIL(why, "'%.60s': the address has bits behind the network's own",
				word);
	n.bits = (uint8_t)bits;
	*out = n;
	return true;
}

static bool parse_one(const char *word, struct nets *n, const char **why)
{
	if (n->count == NETS_MAX)
		return FAIL(why, "more than %d networks", NETS_MAX);
	if (!net_parse(word, &n->at[n->count], why))
		return false;
	n->count++;
	return true;
}

bool nets_parse(const char *text, struct nets *out, const char **why)
{
	struct nets n = {0};
	char word[80];

	for (;;) {
		text += strspn(text, " \t,");
		if (*text == '\0')
			break;
		size_t len = strcspn(text, " \t,");
		if (len >= sizeof word)
			return FAIL(why, "'%.60s' is no IP network", text);
		memcpy(word, text, len);
		word[len] = '\0';
		if (!parse_one(word, &n, why))
			return false;
		text += len;
	}
	*out = n;
	return true;
}

bool nets_have(const struct nets *n, const struct address *a)
{
	for (unsigned i = 0; i < n->count; i++)
		if (net_has(&n->at[i], a))
			return true;
	return false;
}

bool net_has(const struct net *n, const struct address *a)
{
	struct address plain = *a;
	uint8_t ip[ADDRESS_IP_BYTES];

	address_unmap(&plain);
	return address_ip_bytes(&plain, ip) && same_bits(n->ip, ip, n->bits);
}

bool net_meets(const struct net *a, const struct net *b)
{
	return same_bits(a->ip, b->ip, a->bits < b->bits ? a->bits : b->bits);
}

bool net_is_ipv4(const struct net *n)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return n->bits >= 96 && memcmp(n->ip, mapped, sizeof mapped) == 0;
}

/* The address alone; returns how many bits its network has, as they are written. */
static int host_text(const struct net *n, char out[static INET6_ADDRSTRLEN])
{
	bool v4 = net_is_ipv4(n);

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? n->ip + 12 : n->ip, out, INET6_ADDRSTRLEN);
	return n->bits - (v4 ? 96 : 0);
}

char *net_text(const struct net *n, char out[static NET_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];
	int bits = host_text(n, host);

	if (n->bits == 128)
		snprintf(out, NET_TEXT_MAX, "%s", host);
	else
		snprintf(out, NET_TEXT_MAX, "%s/%d", host, bits);
	return out;
}

char *nets_text(const struct nets *n, char *out, size_t room)
{
	char host[INET6_ADDRSTRLEN];
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < n->count && len < room; i++) {
		int bits = host_text(&n->at[i], host);

		len += (size_t)snprintf(
			out + len, room - len, "%s%s/%d", i > 0 ? " " : "", host, bits);
	}
	return out;
}
