/* Cuts an address apart again and names the program that can speak to it. */
#include "common/ctl/invite.h"

#include <stdio.h>

const char *invite_text(const char *kind, const char *address, char out[static INVITE_TEXT_MAX])
{
	const char *client = strncmp(kind, "telnet", 6) == 0 ? "telnet" : "nc";
	bool tls = strstr(kind, "+tls") != NULL;
	const char *colon = strrchr(address, ':');
	char host[64];
	size_t len;

	if (strncmp(address, "unix:", 5) == 0) {
		snprintf(out, INVITE_TEXT_MAX, "%s %s",
			tls ? "openssl s_client -quiet -crlf -unix" : "nc -U", address + 5);
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
	bool v6 = strchr(host, ':') != NULL;
	if (strncmp(kind, "websocket", 9) == 0)
		snprintf(out, INVITE_TEXT_MAX, "http%s://%s%s%s:%s/ in a browser", tls ? "s" : "",
			v6 ? "[" : "", host, v6 ? "]" : "", colon + 1);
	else if (tls)
		snprintf(out, INVITE_TEXT_MAX, "openssl s_client -quiet -crlf -connect %s%s%s:%s",
			v6 ? "[" : "", host, v6 ? "]" : "", colon + 1);
	else
		snprintf(out, INVITE_TEXT_MAX, "%s %s %s", client, host, colon + 1);
	return out;
}
