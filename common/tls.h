/* TLS as bytes in and bytes out: what the wire says goes in, what the peer said comes out, and the other
 * way round. No sockets, no clock: who uses it moves the bytes. */
#ifndef COMMON_TLS_H
#define COMMON_TLS_H

#include "common/defs.h"

/* How sessions are made: versions, ciphers, credentials. Counted by OpenSSL: sessions that live go on
 * when it is freed. */
struct tls_context;

/* For a link between our own programs: TLS 1.3 alone, by an external pre-shared key with a fresh (EC)DHE exchange (psk_dhe_ke; RFC 8446,
 * section 4.2.9): no certificates, tickets, resumption or early data. Both are copied; the secret is
 * wiped when the last session has gone. For either role. NULL with *why (static) when OpenSSL will
 * not. */
struct tls_context *tls_context_psk(const char *identity, struct slice secret, const char **why);
void tls_context_free(struct tls_context *context); /* NULL is allowed */

/* Those of servers with certificates are made by tls_certificate.h. */

struct tls;

/* Takes wire bytes to send; false when it cannot (no memory): the session is then at fault. Must not
 * call back into the session. */
typedef bool tls_send(void *owner, struct slice wire);

enum tls_role { TLS_DIALS, TLS_ACCEPTS };

/* A session; owner is for send. The side that dials speaks first: call tls_read with no bytes once, to
 * let it. NULL when memory is out. */
struct tls *tls_new(struct tls_context *context, enum tls_role role, tls_send *send, void *owner);
void tls_free(struct tls *t); /* NULL is allowed */

enum tls_result {
	TLS_MORE,  /* all wire bytes are eaten; more must come */
	TLS_BYTES, /* got bytes of plain text; call again */
	TLS_ENDED, /* the peer's close_notify: what it said is complete. Writing goes on */
	TLS_FAULT  /* tls_why says what; an alert may have been sent. Nothing works any more */
};

/* Eats wire bytes until room (size bytes, 1 at least) has plain text or they are used up. Does the
 * handshake too: tls_is_up tells when it is through. What is left of *wire stays there. */
enum tls_result tls_read(
	struct tls *t, struct slice *wire, uint8_t *room, size_t size, size_t *got);

bool tls_is_up(const struct tls *t); /* both ends have proved that they have the key */

/* Encrypts all of it, in as many calls of send as it has records. False: a fault, or not up. */
bool tls_write(struct tls *t, struct slice plain);

/* Sends close_notify: nothing more is written. Reading goes on. */
void tls_finish(struct tls *t);

/* Why it is at fault: a sentence for the log. Valid as long as the session. */
const char *tls_why(const struct tls *t);

/* The same for counters. */
enum tls_trouble {
	TLS_NO_TROUBLE,
	TLS_NOT_TLS,     /* it speaks something else, or nonsense */
	TLS_NO_VERSION,  /* no version of TLS, or no cipher, that both want */
	TLS_TURNED_DOWN, /* it sent an alert: it does not trust our certificate, mostly */
	TLS_BAD_RECORD,  /* a record was changed on its way, is too long, or not in its place */
	TLS_OTHER
};
enum tls_trouble tls_trouble(const struct tls *t);

/* Before its first byte: this session carries HTTP. The peer is told so when it asks (ALPN,
 * RFC 7301); all others are told nothing. */
void tls_speak_http(struct tls *t);

/* Of one that is up: "TLSv1.3"; the cipher, as OpenSSL calls it; the name the peer asked for (SNI,
 * RFC 6066), "" = none. Valid as long as the session; what the peer said may be any bytes. */
const char *tls_version(const struct tls *t);
const char *tls_cipher(const struct tls *t);
const char *tls_server_name(const struct tls *t);

enum { TLS_RECORD_MAX = 16 * 1024 }; /* plain bytes of one record: a good size for room */

#endif
