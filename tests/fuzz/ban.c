/* What is said of bans on the link (90, 91, 93, 94), into a list with a reader. First byte: how it is cut. */
#include <stdlib.h>

#include "common/utf8.h"
#include "proto/banwire.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct banlist *l, const struct ban *b, const struct ban_clock *now)
{
	char text[NET_TEXT_MAX];
	struct address a = {.in6.sin6_family = AF_INET6, .len = sizeof a.in6};
	struct net again;
	const char *why;

	memcpy(&a.in6.sin6_addr, b->net.ip, sizeof b->net.ip);
	if (!b->lifted && banlist_find(l, &a, now) == NULL)
		abort();
	if (!net_parse(net_text(&b->net, text), &again, &why) ||
		memcmp(&again, &b->net, sizeof again) != 0)
		abort(); /* a network is written so that it can be read */
	if (!utf8_is_valid(slice_text(b->reason)) || strpbrk(b->reason, "\r\n\033") != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ban_clock now = {.ms = 1000, .wall = 1800000000};
	struct banlist l;
	struct banreader reader;
	const char *why;

	banlist_init(&l, 5);
	banreader_init(&reader);
	banreader_start(&reader, &l);
	while (size >= 4) {
		size_t net_len = size_min(data[0] % 64, size - 4);
		size_t len = size_min(data[1], size - 4 - net_len);
		struct slice net = slice_of(data + 4, net_len),
			     rest = slice_of(data + 4 + net_len, len);
		uint32_t seconds = data[2] & 15, made = data[2] >> 4;
		struct ban b;

		if ((data[3] & 1) != 0 ? banwire_ban(net, seconds, made, rest, &b, &why)
				       : banwire_unban(net, seconds, made, rest, &b, &why)) {
			if (banlist_put(&l, &b, (data[3] & 2) != 0 ? &reader : NULL, &now, &why) ==
				BAN_TAKEN)
				check(&l, banlist_get(&l, &b.net), &now);
		}
		if ((data[3] & 4) != 0)
			banreader_next(&reader, &l);
		now.ms += data[3] * 10u;
		banlist_expire(&l, &now);
		if (l.bans > l.max || l.lifted > l.max)
			abort();
		data += 4 + net_len + len;
		size -= 4 + net_len + len;
	}
	banreader_stop(&reader, &l);
	banlist_free(&l);
	return 0;
}
