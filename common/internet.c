#include "common/internet.h"

#include <unistd.h>

struct special {
	uint8_t ip[ADDRESS_IP_BYTES];
	uint8_t bits;
	const char *what;
};

#define V4(a, b, c, d, length, what)                                                        \
	{                                                                                   \
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (length), what \
	}
#define V6(a, b, length, what)                                         \
	{                                                              \
		{(a) >> 8, (a)&0xff, (b) >> 8, (b)&0xff}, length, what \
	}

/* The first that fits. What lies below none of them is on the Internet: the whole of IPv4, and 2000::/3
 * of IPv6. */
static const struct special specials[] = {
	V4(0, 0, 0, 0, 8, "this machine itself"),
	V4(10, 0, 0, 0, 8, "a private network"),
	V4(100, 64, 0, 0, 10, "a provider's private network"),
	V4(127, 0, 0, 0, 8, "this machine itself"),
	V4(169, 254, 0, 0, 16, "the local network"),
	V4(172, 16, 0, 0, 12, "a private network"),
	V4(192, 0, 0, 0, 24, "a special address"),
	V4(192, 0, 2, 0, 24, "an address for examples"),
	V4(192, 88, 99, 0, 24, "a special address"),
	V4(192, 168, 0, 0, 16, "a private network"),
	V4(198, 18, 0, 0, 15, "a network for measuring"),
	V4(198, 51, 100, 0, 24, "an address for examples"),
	V4(203, 0, 113, 0, 24, "an address for examples"),
	V4(224, 0, 0, 0, 4, "a multicast address"),
	V4(240, 0, 0, 0, 4, "a special address"),
	V4(0, 0, 0, 0, 0, NULL),
	{{[15] = 1}, 128, "this machine itself"},
	{{0}, 128, "this machine itself"},
	V6(0xfc00, 0, 7, "a private network"),
	V6(0xfe80, 0, 10, "the local network"),
	V6(0xfec0, 0, 10, "a private network"),
	V6(0xff00, 0, 8, "a multicast address"),
	V6(0x2001, 0, 23, "a special address"), /* Teredo and ORCHID among them */
	V6(0x2001, 0xdb8, 32, "an address for examples"),
	V6(0x2002, 0, 16, "an IPv4 address in IPv6"),
	V6(0x3fff, 0, 20, "an address for examples"),
	V6(0x2000, 0, 3, NULL),
};

static bool is_below(const struct special *s, const uint8_t *ip)
{
	unsigned whole = s->bits / 8, rest = s->bits % 8;

	return memcmp(s->ip, ip, whole) == 0 &&
	       (rest == 0 || (s->ip[whole] ^ ip[whole]) >> (8 - rest) == 0);
}

const char *internet_why_not(const struct address *a)
{
	uint8_t ip[ADDRESS_IP_BYTES];

	if (!address_ip_bytes(a, ip))
		return "no Internet address";
	for (size_t i = 0; i < ARRAY_LEN(specials); i++)
		if (is_below(&specials[i], ip))
			return specials[i].what;
	return "a special address";
}

/* What a machine sends to an address of its own comes from that very address. A datagram socket that
 * is connected sends nothing. */
bool internet_is_own(const struct address *a)
{
	struct address to = *a, from;
	uint8_t there[ADDRESS_IP_BYTES], here[ADDRESS_IP_BYTES];

	address_unmap(&to);
	if (!address_ip_bytes(&to, there))
		return false;
	int fd = socket(to.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (to.sa.sa_family == AF_INET)
		to.in.sin_port = htons(9);
	else
		to.in6.sin6_port = htons(9);
	bool own = connect(fd, &to.sa, to.len) == 0 && address_of_socket(fd, &from) &&
		   address_ip_bytes(&from, here) && memcmp(here, there, sizeof here) == 0;
	close(fd);
	return own;
}
