#include "multiplexer/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxy_verdict bad(const char **why, const char *text)
{
	*why = text;
	return PROXY_BAD;
}

/* Whether the bytes so far are what a header begins with. */
static bool begins_with(struct slice bytes, const void *beginning, size_t len)
{
	return bytes.len == 0 || memcmp(bytes.at, beginning, size_min(bytes.len, len)) == 0;
}

/* ---- v1: one line of text ---- */

/* Decimal, no sign, no leading zero but 0 itself. */
static bool read_port(const char *text, uint16_t *port)
{
	unsigned long n = 0;
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 5 || text[len] != '\0' || (text[0] == '0' && len > 1))
		return false;
	n = strtoul(text, NULL, 10);
	*port = (uint16_t)n;
	return n <= 65535;
}

static void set_port(struct address *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_port = htons(port);
	else
		a->in6.sin6_port = htons(port);
}

static bool read_ip(int family, const char *text, struct address *a)
{
	*a = (struct address){.len = family == AF_INET ? sizeof a->in : sizeof a->in6};
	a->sa.sa_family = (sa_family_t)family;
	return inet_pton(family, text,
		       family == AF_INET ? (void *)&a->in.sin_addr : &a->in6.sin6_addr) == 1;
}

/* The five words of a TCP4 or TCP6 line, one blank between each. */
static bool read_line(char *line, struct proxy_header *h)
{
	char *word[6];
	size_t words = 0;
	uint16_t from, to;
	char *at = line;

	while (at != NULL && words < ARRAY_LEN(word))
		word[words++] = strsep(&at, " ");
	if (at != NULL || words != ARRAY_LEN(word))
		return false;
	int family = strcmp(word[1], "TCP4") == 0   ? AF_INET
		     : strcmp(word[1], "TCP6") == 0 ? AF_INET6
						    : AF_UNSPEC;
	if (family == AF_UNSPEC || !read_ip(family, word[2], &h->source) ||
		!read_ip(family, word[3], &h->target) || !read_port(word[4], &from) ||
		!read_port(word[5], &to))
		return false;
	set_port(&h->source, from);
	set_port(&h->target, to);
	h->has_addresses = true;
	return true;
}

static enum proxy_verdict parse_v1(struct slice bytes, struct proxy_header *h, const char **why)
{
	char line[PROXY_V1_MAX + 1];
	size_t room = size_min(bytes.len, PROXY_V1_MAX);
	const uint8_t *end = memchr(bytes.at, '\n', room);

	if (end == NULL)
		return room < PROXY_V1_MAX ? PROXY_MORE
					   : bad(why, "a PROXY line of more than 107 bytes");
	size_t len = (size_t)(end - bytes.at);
	if (memchr(bytes.at, '\0', len) != NULL || len < 1 || bytes.at[len - 1] != '\r')
		return bad(why, "a PROXY line that does not end in CR LF");
	memcpy(line, bytes.at, len - 1);
	line[len - 1] = '\0';
	h->len = len + 1;
	/* What follows UNKNOWN is to be ignored. */
	if (strcmp(line, "PROXY UNKNOWN") == 0 || strncmp(line, "PROXY UNKNOWN ", 14) == 0)
		return PROXY_DONE;
	return read_line(line, h) ? PROXY_DONE : bad(why, "a PROXY line that cannot be read");
}

/* ---- v2: binary, network byte order ---- */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void take_ip4(struct address *a, const uint8_t *ip, const uint8_t *port)
{
	*a = (struct address){.len = sizeof a->in};
	a->in.sin_family = AF_INET;
	memcpy(&a->in.sin_addr, ip, 4);
	memcpy(&a->in.sin_port, port, 2);
}

static void take_ip6(struct address *a, const uint8_t *ip, const uint8_t *port)
{
	*a = (struct address){.len = sizeof a->in6};
	a->in6.sin6_family = AF_INET6;
	memcpy(&a->in6.sin6_addr, ip, 16);
	memcpy(&a->in6.sin6_port, port, 2);
}

enum { TLV_SSL = 0x20, TLV_SSL_VERSION = 0x21, TLV_SSL_HEAD = 5, CLIENT_SSL = 0x01 };

/* The version is text of the proxy's making; only what looks like one is taken. */
static void take_tls(struct proxy_header *h, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] <= ' ' || text.at[i] > '~')
			return;
	if (text.len < sizeof h->tls) {
		memcpy(h->tls, text.at, text.len);
		h->tls[text.len] = '\0';
	}
}

/* Types, lengths and values; false when they do not come out even. */
static bool read_tlvs(struct slice tlvs, struct proxy_header *h, bool in_ssl)
{
	while (tlvs.len > 0) {
		if (tlvs.len < 3 || get16(tlvs.at + 1) > tlvs.len - 3)
			return false;
		uint8_t type = tlvs.at[0];
		struct slice value = slice_of(tlvs.at + 3, get16(tlvs.at + 1));
		tlvs = slice_from(tlvs, 3 + value.len);
		if (in_ssl && type == TLV_SSL_VERSION)
			take_tls(h, value);
		if (in_ssl || type != TLV_SSL)
			continue;
		if (value.len < TLV_SSL_HEAD)
			return false;
		if ((value.at[0] & CLIENT_SSL) != 0 &&
			!read_tlvs(slice_from(value, TLV_SSL_HEAD), h, true))
			return false;
	}
	return true;
}

static enum proxy_verdict parse_v2(struct slice bytes, struct proxy_header *h, const char **why)
{
	static const size_t lengths[] = {0, 12, 36, 216}; /* unspecified, IPv4, IPv6, AF_UNIX */

	if (bytes.len > 12 && bytes.at[12] >> 4 != 2)
		return bad(why, "a PROXY header of a version that is not 2");
	if (bytes.len > 12 && (bytes.at[12] & 15) > 1)
		return bad(why, "a PROXY header with an unknown command");
	if (bytes.len > 13 && (bytes.at[13] >> 4 > 3 || (bytes.at[13] & 15) > 2))
		return bad(why, "a PROXY header with an unknown family");
	if (bytes.len < PROXY_V2_HEAD)
		return PROXY_MORE;
	size_t body = get16(bytes.at + 14), family = bytes.at[13] >> 4;
	if (PROXY_V2_HEAD + body > PROXY_V2_MAX)
		return bad(why, "a PROXY header of more than 2048 bytes");
	bool is_local = (bytes.at[12] & 15) == 0;
	if (!is_local && body < lengths[family])
		return bad(why, "a PROXY header too short for its addresses");
	if (bytes.len < PROXY_V2_HEAD + body)
		return PROXY_MORE;
	h->len = PROXY_V2_HEAD + body;
	if (is_local)
		return PROXY_DONE;
	const uint8_t *at = bytes.at + PROXY_V2_HEAD;
	if (family == 1) {
		take_ip4(&h->source, at, at + 8);
		take_ip4(&h->target, at + 4, at + 10);
	} else if (family == 2) {
		take_ip6(&h->source, at, at + 32);
		take_ip6(&h->target, at + 16, at + 34);
	}
	h->has_addresses = family == 1 || family == 2;
	if (!read_tlvs(slice_of(at + lengths[family], body - lengths[family]), h, false))
		return bad(why, "a PROXY header whose fields do not fit its length");
	return PROXY_DONE;
}

enum proxy_verdict proxy_parse(struct slice bytes, struct proxy_header *h, const char **why)
{
	enum proxy_verdict verdict;

	memset(h, 0, sizeof *h);
	if (begins_with(bytes, "PROXY ", 6))
		verdict = bytes.len < 6 ? PROXY_MORE : parse_v1(bytes, h, why);
	else if (begins_with(bytes, v2_signature, sizeof v2_signature))
		verdict = bytes.len < sizeof v2_signature ? PROXY_MORE : parse_v2(bytes, h, why);
	else
		verdict = bad(why, "no PROXY header");
	if (verdict == PROXY_DONE && h->has_addresses) {
		address_unmap(&h->source);
		address_unmap(&h->target);
	}
	return verdict;
}
