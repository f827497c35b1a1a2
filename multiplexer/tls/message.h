/* What the multiplexer and the process that speaks TLS say to each other: one shape for all of it. */
#ifndef MULTIPLEXER_TLS_MESSAGE_H
#define MULTIPLEXER_TLS_MESSAGE_H

#include "common/buf.h"

/* Each is one datagram of an AF_UNIX SOCK_SEQPACKET pair:
 *   type 1, kind 1, id 4, number 8 (little endian), then texts: length 2, bytes; as many as it takes.
 * What a type has no use for is 0 or empty.
 *
 * The multiplexer:
 *   CERTIFICATE  texts: its name, the file of its chain, the file of its key
 *   USE          number: which time; those named since the last one are to be shown from now on
 *   CONNECTION   id; kind 1: it carries HTTP; number: milliseconds for its handshake; texts: what it
 *                has said already. With two descriptors: its socket, and the far end of a socket pair
 *                on which its plain text is spoken
 *   LEFT         id: the multiplexer is done with it; what is on its way may still go
 *   PING         number: any; a sign of life is wanted
 * The other:
 *   HELLO        number: the version of this; comes first
 *   CERTIFICATE_IS  number: end of its life, seconds since 1970; texts: its name, names in it
 *   USED         number: which time; kind 1: they are shown. 0: not, the text says why
 *   PONG         number: that of the PING
 *   UP           id: the handshake is through; texts: version, cipher, name asked for
 *   ENDED        id; kind: enum tls_fault; text: why in words. Nothing more will come from there than
 *                what is on its way. Before UP it never will be up, and nothing is on its way. */
enum tls_message_type {
	TLS_HELLO = 1,
	TLS_CERTIFICATE,
	TLS_USE,
	TLS_CONNECTION,
	TLS_LEFT,
	TLS_CERTIFICATE_IS,
	TLS_USED,
	TLS_UP,
	TLS_ENDED_BY,
	TLS_PING,
	TLS_PONG
};

enum tls_fault {
#define TLS_FAULT(NAME, name, help) TLS_FAULT_##NAME,
#include "multiplexer/tls/faults.def"
	TLS_FAULTS
};

enum {
	TLS_PROTOCOL_VERSION = 1,
	TLS_MESSAGE_TEXTS = 3,
	TLS_MESSAGE_HEAD = 14,
	TLS_MESSAGE_MAX = 16 * 1024, /* bytes of any message */
	TLS_MESSAGE_FDS = 2          /* descriptors that one may carry */
};

struct tls_message {
	uint8_t type, kind;
	uint32_t id;
	uint64_t number;
	struct slice text[TLS_MESSAGE_TEXTS]; /* borrowed */
};

/* Adds its bytes; empty texts at the end are left out. False when memory is out, or it is longer than
 * TLS_MESSAGE_MAX; out may hold a part of it then. */
bool tls_message_add(const struct tls_message *m, struct buf *out);

/* The message whose bytes these are, exactly; its texts point into them. */
bool tls_message_read(struct slice bytes, struct tls_message *m);

const char *tls_fault_text(enum tls_fault fault); /* static: its help */

#endif
