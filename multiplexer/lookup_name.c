#include "multiplexer/lookup_name.h"

#include <arpa/inet.h>

enum { LABEL_MAX = 63 };

/* Without the locale's opinion. */
static bool is_letter_or_digit(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_word_of_ours(const char *name)
{
	return strcmp(name, LOOKUP_UNRESOLVED) == 0 || strcmp(name, LOOKUP_UNSUPPORTED) == 0;
}

/* Names that every machine has for itself: whoever comes from elsewhere must not bear them. */
static bool means_this_machine(const char *name)
{
	static const char *const names[] = {"localhost", "localhost.localdomain", "local",
		"ip6-localhost", "ip6-loopback", "broadcasthost", "unix", "unknown"};
	static const char tail[] = ".localhost";
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return len >= sizeof tail && strcmp(name + len - (sizeof tail - 1), tail) == 0;
}

/* The last label of an address in dots is a number, that of a host's name never is (RFC 3696); and
 * inet_aton reads more: 0x7f.1, 017700000001. */
static bool could_be_an_address(const char *name)
{
	const char *dot = strrchr(name, '.');
	const char *last = dot != NULL ? dot + 1 : name;
	struct in_addr in;

	return strspn(last, "0123456789") == strlen(last) || inet_aton(name, &in) != 0;
}

/* A label stands in name[from..to[. */
static bool is_label(const char *name, size_t from, size_t to)
{
	return to > from && to - from <= LABEL_MAX && name[from] != '-' && name[to - 1] != '-';
}

bool lookup_host_name(const char *name, char out[static LOOKUP_HOST_MAX + 1])
{
	size_t len = strlen(name), label = 0;

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len == 0 || len > LOOKUP_HOST_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)name[i];

		if (c == '.') {
			if (!is_label(name, label, i))
				return false;
			label = i + 1;
		} else if (!is_letter_or_digit(c) && c != '-' && c != '_') {
			return false;
		}
		out[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	out[len] = '\0';
	return is_label(name, label, len) && !could_be_an_address(out) &&
	       !means_this_machine(out) && !is_word_of_ours(out);
}

bool lookup_person_name(struct slice name, char out[static LOOKUP_PERSON_MAX + 1])
{
	size_t len = 0;

	for (size_t i = 0; i < name.len && len < LOOKUP_PERSON_MAX; i++) {
		uint8_t c = name.at[i];

		if (is_letter_or_digit(c) || c == '.' || c == '_' || c == '-')
			out[len++] = (char)c;
	}
	out[len] = '\0';
	return len > 0 && !is_word_of_ours(out);
}
