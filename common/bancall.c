#include "common/bancall.h"

#include <stdio.h>

/* The words behind the network. False, and the call has failed: 7y, which would ban for good. */
static bool read_words(struct call *call, struct ban *out, bool *forced)
{
	bool has_time = false;
	int i;

	for (i = 2; i < call->argc; i++) {
		const char *word = call->argv[i];

		if (strcmp(word, "force") == 0)
			*forced = true;
		else if (strcmp(word, "keep") == 0)
			out->keep = true;
		else if (!has_time && ban_parse_time(word, &out->seconds))
			has_time = true;
		else
			break;
	}
	if (i < call->argc && !has_time && ban_means_time(call->argv[i])) {
		call_fail(
			call, "ban: '%.60s' is no time such as 15m, 12h, 7d or 4w", call->argv[i]);
		return false;
	}
	if (i < call->argc)
		call_words(call, i, out->reason, sizeof out->reason);
	return true;
}

bool bancall_ban(struct call *call, const char *net, struct ban *out)
{
	bool forced = false;
	const char *why;

	*out = (struct ban){0};
	snprintf(out->by, sizeof out->by, "%s", call->caller);
	if (!read_words(call, out, &forced))
		return false;
	if (ban_parse_net(net, forced, &out->net, &why))
		return true;
	call_fail(call, "ban: %s", why);
	return false;
}

bool bancall_unban(struct call *call, struct ban *out)
{
	const char *why;

	*out = (struct ban){.lifted = true};
	snprintf(out->by, sizeof out->by, "%s", call->caller);
	if (net_parse(call->argv[1], &out->net, &why))
		return true;
	call_fail(call, "unban: %s", why);
	return false;
}
