/* Where a socket is or a peer comes from: IPv4, IPv6 or AF_UNIX, with one canonical text. */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

#include "common/defs.h"

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t len; /* of the member in use; 0 = no address */
};

/* The same without a path, for what is kept of every user: 28 bytes instead of 116. All zero is no
 * address. */
struct endpoint {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};
struct endpoint endpoint_of(const struct address *a); /* a path is left out */
struct address endpoint_address(const struct endpoint *e);

enum {
	ADDRESS_TEXT_MAX = 128, /* room for any address_text, terminator included */
	ADDRESS_IP_MAX = 64     /* room for any address_ip */
};

/* Parses "127.0.0.1:4000", "[::1]:4000", "*:4000" (all of IPv4), "[::]:4000" (all of IPv6 only) or
 * "unix:/path" (a path may not be longer than 107 bytes; uv_pipe_bind would cut it). Port 0..65535.
 * False with *why a sentence (static text) and *out untouched. */
bool address_parse(const char *text, struct address *out, const char **why);

/* The canonical text, port included, in the form address_parse reads. */
void address_text(const struct address *a, char out[static ADDRESS_TEXT_MAX]);

/* The canonical text of the host alone: dotted decimal or RFC 5952; an IPv4-mapped IPv6 address
 * (::ffff:192.0.2.7) is shown, and counted everywhere, as the IPv4 address it is (row A14).
 * AF_UNIX is "unix". */
void address_ip(const struct address *a, char out[static ADDRESS_IP_MAX]);

enum family { FAMILY_NONE, FAMILY_V4, FAMILY_V6, FAMILIES };

/* The family of an address of IP, mapped ones unmapped; NONE of any other. */
enum family address_family(const struct address *a);
const char *family_name(enum family f); /* "IPv4", "IPv6" */

/* Turns ::ffff:a.b.c.d into the AF_INET address; others stay. For peers, once, at accept. */
void address_unmap(struct address *a);

/* 127.0.0.0/8, ::1 and AF_UNIX. */
bool address_is_local(const struct address *a);

/* The address a connected socket talks to, unmapped. AF_UNIX gives an address without a path. */
bool address_of_peer(int fd, struct address *out);

/* The address of our own end of a connected socket, in the same form. */
bool address_of_socket(int fd, struct address *out);

enum { ADDRESS_IP_BYTES = 16 };

/* The host alone as 16 bytes, IPv4 as ::ffff:a.b.c.d: to compare and to look up by. False for
 * AF_UNIX and for no address. */
bool address_ip_bytes(const struct address *a, uint8_t out[static ADDRESS_IP_BYTES]);

/* A listening socket on a, non-blocking and close-on-exec, backlog 1024. IPv6 is v6only. For
 * AF_UNIX a stale socket file is replaced, but never one that somebody still answers on (row J13),
 * and mode sets the file's permissions (0600 and the like). Returns the descriptor, or -1 with *why
 * a sentence that is valid until the next call. */
int address_listen(const struct address *a, mode_t mode, const char **why);

/* The same for [::], which then is all of IPv4 too. */
int address_listen_dual(const struct address *a, const char **why);

#endif
