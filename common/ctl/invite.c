/* Cuts an address apart again and names the program that can speak to it. */
#include "common/ctl/invite.h"

#include <stdio.h>

const char *invite_text(const char *kind, const char *address, char out[static INVITE_TEXT_MAX])
{
	const char *client = strncmp(kind, "telnet", 6) == 0 ? "telnet" : "nc";
	const char *colon = strrchr(address, ':');
	char host[64];
	size_t len;

	if (strncmp(address, "unix:", 5) == 0) {
		snprintf(out, INVITE_TEXT_MAX, "nc -U %s", address + 5);
		return out;
	}
	len = colon != NULL ? (size_t)(colon - address) : 0;
	if (len == 0 || len >= sizeof host) {
		snprintf(out, INVITE_TEXT_MAX, "%s", address);
		return out;
	}
	if (address[0] == '[' && len > 2)
		snprintf(host, sizeof host, "%.*s", (int)(len - 2), address + 1);
	else
		snprintf(host, sizeof host, "%.*s", (int)len, address);
	if (strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0)
		snprintf(host, sizeof host, "127.0.0.1");
	else if (strcmp(host, "::") == 0)
		snprintf(host, sizeof host, "::1");
	if (strncmp(kind, "websocket", 9) != 0)
		snprintf(out, INVITE_TEXT_MAX, "%s %s %s", client, host, colon + 1);
	else if (strchr(host, ':') != NULL)
		snprintf(out, INVITE_TEXT_MAX, "http://[%s]:%s/ in a browser", host, colon + 1);
	else
		snprintf(out, INVITE_TEXT_MAX, "http://%s:%s/ in a browser", host, colon + 1);
	return out;
}
