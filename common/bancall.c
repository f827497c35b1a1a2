#include "common/bancall.h"

#include <stdio.h>

bool bancall_ban(struct call *call, const char *net, struct ban *out)
{
	bool forced = false;
	const char *why;
	int i = 2;

	*out = (struct ban){0};
	if (i < call->argc && ban_parse_time(call->argv[i], &out->seconds))
		i++;
	for (; i < call->argc; i++) {
		if (strcmp(call->argv[i], "force") == 0)
			forced = true;
		else if (strcmp(call->argv[i], "keep") == 0)
			out->keep = true;
		else
			break;
	}
	if (i < call->argc)
		call_words(call, i, out->reason, sizeof out->reason);
	snprintf(out->by, sizeof out->by, "%s", call->caller);
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
