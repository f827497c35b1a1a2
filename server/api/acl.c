#include "server/api/acl.h"

#include <stdarg.h>
#include <stdio.h>

static bool fail(const char **why, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool fail(const char **why, const char *fmt, ...)
{
	static char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	*why = text;
	return false;
}

/* "192.168.1.1", "::1" or "[::1]". */
static bool parse_host(const char *text, uint8_t ip[static ADDRESS_IP_BYTES])
{
	char with_port[ADDRESS_IP_MAX + 8];
	struct address a;
	const char *why;
	bool bare6 = strchr(text, ':') != NULL && text[0] != '[';

	if (strcmp(text, "*") == 0)
		return false;
	snprintf(with_port, sizeof with_port, bare6 ? "[%s]:0" : "%s:0", text);
	return address_parse(with_port, &a, &why) && address_ip_bytes(&a, ip);
}

/* 0..max, in digits alone. */
static bool parse_bits(const char *text, unsigned max, unsigned *bits)
{
	size_t len = strlen(text);

	*bits = 0;
	if (len == 0 || len > 3 || strspn(text, "0123456789") != len)
		return false;
	for (; *text != '\0'; text++)
		*bits = *bits * 10 + (unsigned)(*text - '0');
	return *bits <= max;
}

static bool parse_row(const char *word, struct acl_row *row, const char **why)
{
	char host[ADDRESS_IP_MAX];
	const char *slash = strchr(word, '/');
	unsigned max = strchr(word, ':') != NULL ? 128 : 32, bits = max;
	size_t len = (slash != NULL ? (size_t)(slash - word) : strlen(word)) - 1;

	if (word[0] != '+' && word[0] != '-')
		return fail(why, "'%.60s' must begin with + or -", word);
	if (len >= sizeof host)
		return fail(why, "'%.60s' is no IP address", word + 1);
	memcpy(host, word + 1, len);
	host[len] = '\0';
	if (!parse_host(host, row->ip))
		return fail(why, "'%.60s' is no IP address", host);
	if (slash != NULL && !parse_bits(slash + 1, max, &bits))
		return fail(why, "'%.60s': behind the / stands a number from 0 to %u", word, max);
	row->allow = word[0] == '+';
	row->bits = (uint8_t)(bits + (max == 32 ? 96 : 0));
	return true;
}

bool acl_parse(const char *text, struct acl *out, const char **why)
{
	struct acl acl = {0};
	char word[100];

	if (text[strspn(text, " \t")] == '\0') {
		*out = acl;
		return true;
	}
	for (;;) {
		text += strspn(text, " \t");
		size_t len = strcspn(text, ",");
		size_t end = len;

		while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t'))
			end--;
		if (end == 0)
			return fail(why, "an element is empty");
		if (end >= sizeof word)
			return fail(why, "'%.60s' is no IP address", text);
		memcpy(word, text, end);
		word[end] = '\0';
		if (acl.count == ACL_MAX)
			return fail(why, "more than %d elements", ACL_MAX);
		if (!parse_row(word, &acl.at[acl.count], why))
			return false;
		acl.count++;
		text += len;
		if (*text == '\0')
			break;
		text++;
	}
	*out = acl;
	return true;
}

/* Both sides masked: CivetWeb masks the client alone, so that its users' 192.168.1.1/16 never fits. */
static bool fits(const struct acl_row *row, const uint8_t ip[static ADDRESS_IP_BYTES])
{
	unsigned whole = row->bits / 8, rest = row->bits % 8;

	if (memcmp(row->ip, ip, whole) != 0)
		return false;
	return rest == 0 || (row->ip[whole] ^ ip[whole]) >> (8 - rest) == 0;
}

bool acl_allows(const struct acl *acl, const struct address *from)
{
	struct address plain = *from;
	uint8_t ip[ADDRESS_IP_BYTES];
	bool allow = acl->count == 0;

	address_unmap(&plain);
	if (!address_ip_bytes(&plain, ip))
		return false;
	for (unsigned i = 0; i < acl->count; i++)
		if (fits(&acl->at[i], ip))
			allow = acl->at[i].allow;
	return allow;
}
