#include "multiplexer/opener.h"

static const struct opener http = {
	"HTTP", "This port is for telnet and MUD clients, not for browsers.\r\n"};
static const struct opener tls = {"TLS", "This port does not speak TLS.\r\n"};
static const struct opener ssh = {"SSH", "This port does not speak SSH.\r\n"};

/* "GET / HTTP/1.1": a word in capitals, a target, the version. */
static bool is_request(struct slice bytes)
{
	const uint8_t *end = memchr(bytes.at, '\n', bytes.len);
	size_t len = end != NULL ? (size_t)(end - bytes.at) : 0, method = 0;

	if (len > 0 && bytes.at[len - 1] == '\r')
		len--;
	while (method < len && bytes.at[method] >= 'A' && bytes.at[method] <= 'Z')
		method++;
	return method >= 3 && len >= method + 11 && bytes.at[method] == ' ' &&
	       memcmp(bytes.at + len - 9, " HTTP/", 6) == 0;
}

const struct opener *opener_find(struct slice bytes)
{
	if (bytes.len > 0 && bytes.at[0] == 0x16 && (bytes.len < 2 || bytes.at[1] == 3))
		return &tls; /* a handshake record (RFC 8446 section 5.1); no key is 0x16 but ^V */
	if (bytes.len >= 4 && memcmp(bytes.at, "SSH-", 4) == 0)
		return &ssh;
	return is_request(bytes) ? &http : NULL;
}
