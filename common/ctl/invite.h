/* Says how to connect: from what the multiplexer listens on to what a player types. */
#ifndef COMMON_CTL_INVITE_H
#define COMMON_CTL_INVITE_H

#include "common/defs.h"

enum { INVITE_TEXT_MAX = 256 };

/* What connects to a listener of that kind ("telnet-line", "raw", "websocket", ...) at that address
 * ("127.0.0.1:4000", "[::1]:4000", "*:4000", "unix:/path"): "telnet 127.0.0.1 4000", "nc ::1 4000",
 * "nc -U /path", "http://127.0.0.1:4080/ in a browser". With +tls behind the kind it is what speaks TLS: "openssl s_client
 * -quiet -crlf -connect 127.0.0.1:4443", "https://...". Where every address is listened on, this machine's
 * own is named. Returns out. */
const char *invite_text(const char *kind, const char *address, char out[static INVITE_TEXT_MAX]);

#endif
