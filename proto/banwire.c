#include "proto/banwire.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/jsontext.h"

/* {"reason": ..., "by": ..., "keep": true}; fits in a message by far. */
static char *about_of(const struct ban *b)
{
	json_t *o = json_pack("{s:s}", "by", b->by);

	if (b->reason[0] != '\0')
		json_object_set_new(o, "reason", json_string(b->reason));
	if (b->keep)
		json_object_set_new(o, "keep", json_true());
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

/* A text may not be empty. */
static struct slice by_of(const struct ban *b)
{
	return slice_text(b->by[0] != '\0' ? b->by : "-");
}

void banwire_send_down(struct link *l, const struct ban *b, const struct ban_clock *now)
{
	char net[NET_TEXT_MAX];
	char *about = b->lifted ? NULL : about_of(b);

	net_text(&b->net, net);
	if (b->lifted)
		link_send_unban(l, &(struct msg_unban){.net = slice_text(net),
					   .seconds = ban_left(b, now),
					   .made = b->made,
					   .by = by_of(b)});
	else if (about != NULL)
		link_send_ban(l, &(struct msg_ban){.net = slice_text(net),
					 .seconds = ban_left(b, now),
					 .made = b->made,
					 .about = slice_text(about)});
	free(about);
}

void banwire_send_up(struct link *l, const struct ban *b, const struct ban_clock *now)
{
	char net[NET_TEXT_MAX];
	char *about = b->lifted ? NULL : about_of(b);

	net_text(&b->net, net);
	if (b->lifted)
		link_send_unban_is(l, &(struct msg_unban_is){.net = slice_text(net),
					      .seconds = ban_left(b, now),
					      .made = b->made,
					      .by = by_of(b)});
	else if (about != NULL)
		link_send_ban_is(l, &(struct msg_ban_is){.net = slice_text(net),
					    .seconds = ban_left(b, now),
					    .made = b->made,
					    .about = slice_text(about)});
	free(about);
}

static void copy(char *out, size_t room, struct slice text)
{
	size_t len = size_min(text.len, room - 1);

	memcpy(out, text.at, len);
	out[len] = '\0';
}

static bool open_ban(
	struct slice net, uint32_t seconds, uint32_t made, struct ban *out, const char **why)
{
	char text[NET_TEXT_MAX];

	*out = (struct ban){.seconds = seconds, .made = made};
	*why = "made is 0";
	if (made == 0)
		return false;
	*why = "no IP network";
	if (net.len >= sizeof text || memchr(net.at, '\0', net.len) != NULL)
		return false;
	copy(text, sizeof text, net);
	return net_parse(text, &out->net, why);
}

bool banwire_ban(struct slice net, uint32_t seconds, uint32_t made, struct slice about,
	struct ban *out, const char **why)
{
	const char *reason = NULL, *by = NULL;
	int keep = 0;

	if (!open_ban(net, seconds, made, out, why))
		return false;
	json_t *o = jsontext_read(about, 0, &jsontext_message, NULL);
	if (json_is_object(o)) {
		reason = json_string_value(json_object_get(o, "reason"));
		by = json_string_value(json_object_get(o, "by"));
		keep = json_is_true(json_object_get(o, "keep"));
	}
	copy(out->reason, sizeof out->reason, slice_text(reason != NULL ? reason : ""));
	copy(out->by, sizeof out->by, slice_text(by != NULL ? by : ""));
	out->keep = keep;
	json_decref(o);
	return true;
}

bool banwire_unban(struct slice net, uint32_t seconds, uint32_t made, struct slice by,
	struct ban *out, const char **why)
{
	if (!open_ban(net, seconds, made, out, why))
		return false;
	out->lifted = true;
	copy(out->by, sizeof out->by, by);
	return true;
}
