/* CHARSET (RFC 2066): we ask for UTF-8, and agree to it when we are asked. */
#include <strings.h>

#include "multiplexer/telnet.h"

enum { REQUEST = 1, ACCEPTED = 2, REJECTED = 3 };

static const char utf8[] = "UTF-8";

void telnet_charset_us(struct telnet *t, bool on)
{
	static const char request[] = "\x01;UTF-8";

	if (on)
		telnet_sub_say(t, TELNET_CHARSET, slice_text(request));
}

static void learn(struct telnet *t, enum telnet_utf8 is)
{
	t->client->utf8 = (uint8_t)is;
	telnet_learnt(t);
}

static bool is_utf8(struct slice name)
{
	return name.len == sizeof utf8 - 1 &&
	       strncasecmp((const char *)name.at, utf8, name.len) == 0;
}

/* Whether UTF-8 is on a list whose first byte says what separates its names. */
static bool offers_utf8(struct slice list)
{
	uint8_t separator = list.len > 0 ? list.at[0] : 0;

	while (list.len > 0) {
		list = slice_from(list, 1);
		const uint8_t *end = list.len > 0 ? memchr(list.at, separator, list.len) : NULL;
		size_t len = end != NULL ? (size_t)(end - list.at) : list.len;

		if (is_utf8(slice_of(list.at, len)))
			return true;
		list = slice_from(list, len);
	}
	return false;
}

void telnet_charset_body(struct telnet *t, struct slice body)
{
	static const uint8_t no[] = {REJECTED};

	if (body.len == 0)
		return;
	switch (body.at[0]) {
	case REQUEST:
		if (!telnet_may_reply(t)) {
			break;
		} else if (offers_utf8(slice_from(body, 1))) {
			telnet_sub_say(t, TELNET_CHARSET, slice_text("\x02UTF-8"));
			learn(t, UTF8_YES);
		} else {
			telnet_sub_say(t, TELNET_CHARSET, slice_of(no, sizeof no));
		}
		break;
	case ACCEPTED:
		if (is_utf8(slice_from(body, 1)))
			learn(t, UTF8_YES);
		break;
	case REJECTED:
		learn(t, UTF8_NO);
		break;
	default:
		break;
	}
}
