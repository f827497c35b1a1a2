/* OpenSSL keeps half a record itself, so a BIO that hands over the bytes of this call, and one that
 * passes on what it gets, are all there is: no buffer per session is kept for the wire. */
#include "common/tls.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

enum { IDENTITY_MAX = 128, SECRET_MAX = 64, WHY_MAX = 160 };

/* Hangs on the SSL_CTX, and is freed with it. */
struct psk {
	char identity[IDENTITY_MAX];
	uint8_t secret[SECRET_MAX];
	size_t secret_len;
};

struct tls {
	SSL *ssl;
	struct slice wire; /* of the tls_read that runs */
	tls_send *send;
	void *owner;
	bool faulty, speaks_http;
	enum tls_trouble trouble;
	char why[WHY_MAX];
};

/* ---- the wire ---- */

static int wire_read(BIO *bio, char *out, size_t room, size_t *got)
{
	struct tls *t = BIO_get_data(bio);
	size_t n = size_min(room, t->wire.len);

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(out, t->wire.at, n);
	t->wire = slice_from(t->wire, n);
	*got = n;
	return 1;
}

static int wire_write(BIO *bio, const char *bytes, size_t len, size_t *taken)
{
	struct tls *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!t->send(t->owner, slice_of(bytes, len)))
		return 0;
	*taken = len;
	return 1;
}

static long wire_ctrl(BIO *bio UNUSED, int command, long number UNUSED, void *at UNUSED)
{
	return command == BIO_CTRL_FLUSH;
}

static int wire_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

/* Made once, for all sessions, and never freed: as the tables of OpenSSL itself. */
static BIO_METHOD *wire_method(void)
{
	static BIO_METHOD *method;

	if (method != NULL)
		return method;
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast wire");
	if (method == NULL)
		return NULL;
	BIO_meth_set_read_ex(method, wire_read);
	BIO_meth_set_write_ex(method, wire_write);
	BIO_meth_set_ctrl(method, wire_ctrl);
	BIO_meth_set_create(method, wire_create);
	return method;
}

/* ---- the key ---- */

static int psk_index = -1;

static void free_psk(void *parent UNUSED, void *at, CRYPTO_EX_DATA *data UNUSED, int index UNUSED,
	long number UNUSED, void *pointer UNUSED)
{
	if (at != NULL)
		OPENSSL_cleanse(at, sizeof(struct psk));
	free(at);
}

/* NULL: its context has certificates. */
static struct psk *psk_of(SSL *ssl)
{
	return psk_index < 0 ? NULL : SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), psk_index);
}

/* Who verifies peers must name what its sessions are for. */
static const unsigned char session_context[] = "holdfast";

/* The key in the form OpenSSL wants it: a session that could be resumed. NULL when memory is out. */
static SSL_SESSION *session_of(SSL *ssl)
{
	static const unsigned char aes_128_gcm_sha256[] = {0x13, 0x01};
	const struct psk *psk = psk_of(ssl);
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, aes_128_gcm_sha256);
	SSL_SESSION *session = SSL_SESSION_new();

	if (session != NULL && cipher != NULL &&
		SSL_SESSION_set1_id_context(session, session_context, sizeof session_context) ==
			1 &&
		SSL_SESSION_set1_master_key(session, psk->secret, psk->secret_len) == 1 &&
		SSL_SESSION_set_cipher(session, cipher) == 1 &&
		SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static int use_psk(SSL *ssl, const EVP_MD *md UNUSED, const unsigned char **identity, size_t *len,
	SSL_SESSION **session)
{
	/* md, if given, is SHA-256: all our ciphers have it, as the key's. */
	*session = session_of(ssl);
	*identity = (const unsigned char *)psk_of(ssl)->identity;
	*len = strlen(psk_of(ssl)->identity);
	return *session != NULL;
}

/* For an unknown identity there is no session, and without one no certificate to go on with. */
static int find_psk(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **session)
{
	*session = NULL;
	if (!slice_is(slice_of(identity, len), slice_text(psk_of(ssl)->identity)))
		return 1;
	*session = session_of(ssl);
	return *session != NULL;
}

static bool configure(SSL_CTX *ctx, struct psk *psk)
{
	if (SSL_CTX_set_ex_data(ctx, psk_index, psk) != 1) {
		free_psk(NULL, psk, NULL, 0, 0, NULL);
		return false;
	}
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_clear_options(ctx, SSL_OP_ALLOW_NO_DHE_KEX);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_psk_use_session_callback(ctx, use_psk);
	SSL_CTX_set_psk_find_session_callback(ctx, find_psk);
	/* There is nothing a certificate could be checked against: one that is shown is refused. */
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context) == 1 &&
	       SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_ciphersuites(
		       ctx, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1;
}

struct tls_context *tls_context_psk(const char *identity, struct slice secret, const char **why)
{
	struct psk *psk = calloc(1, sizeof *psk);
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (psk_index < 0)
		psk_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_psk);
	*why = "OpenSSL cannot be used: out of memory, or an odd installation of it";
	if (psk == NULL || ctx == NULL || psk_index < 0 || strlen(identity) >= IDENTITY_MAX ||
		secret.len > SECRET_MAX) {
		free(psk);
		SSL_CTX_free(ctx);
		return NULL;
	}
	strcpy(psk->identity, identity);
	memcpy(psk->secret, secret.at, secret.len);
	psk->secret_len = secret.len;
	if (!configure(ctx, psk)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return (struct tls_context *)ctx;
}

void tls_context_free(struct tls_context *context)
{
	SSL_CTX_free((SSL_CTX *)context);
}

/* ---- a session ---- */

struct tls *tls_new(struct tls_context *context, enum tls_role role, tls_send *send, void *owner)
{
	BIO_METHOD *method = wire_method();
	struct tls *t = calloc(1, sizeof *t);
	BIO *bio = method != NULL ? BIO_new(method) : NULL;
	SSL *ssl = SSL_new((SSL_CTX *)context);

	if (t == NULL || bio == NULL || ssl == NULL) {
		BIO_free(bio);
		SSL_free(ssl);
		free(t);
		return NULL;
	}
	*t = (struct tls){.ssl = ssl, .send = send, .owner = owner};
	BIO_set_data(bio, t);
	SSL_set_app_data(ssl, t);
	SSL_set_bio(ssl, bio, bio);
	if (role == TLS_DIALS)
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	return t;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t);
}

/* What OpenSSL calls it, and what that mostly is on a link between our own programs. */
static const char *meaning_of(int reason)
{
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_UNEXPECTED_MESSAGE:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_RECORD_LENGTH_MISMATCH:
		return "it does not speak TLS";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return "it does not speak TLS 1.3";
	case SSL_R_BINDER_DOES_NOT_VERIFY:
	case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
	case SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER:
		return "it has another key by the same name";
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		return "it has no key, or one by another name";
	default:
		return NULL;
	}
}

/* An alert of the peer has a reason of its own number. */
static bool is_alert(int reason)
{
	return reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255;
}

static enum tls_trouble trouble_of(int reason)
{
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_UNEXPECTED_MESSAGE:
	case SSL_R_RECORD_LENGTH_MISMATCH:
	case SSL_R_LENGTH_MISMATCH:
	case SSL_R_BAD_LENGTH:
	case SSL_R_LENGTH_TOO_SHORT:
	case SSL_R_EXCESSIVE_MESSAGE_SIZE:
		return TLS_NOT_TLS;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_INAPPROPRIATE_FALLBACK:
		return TLS_NO_VERSION;
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
	case SSL_R_BAD_RECORD_TYPE:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
	case SSL_R_DATA_LENGTH_TOO_LONG:
	case SSL_R_UNEXPECTED_RECORD:
	case SSL_R_RECORD_TOO_SMALL:
	case SSL_R_BAD_DECOMPRESSION:
		return TLS_BAD_RECORD;
	default:
		return is_alert(reason) ? TLS_TURNED_DOWN : TLS_OTHER;
	}
}

static void fail(struct tls *t, const char *what)
{
	unsigned long error = ERR_peek_error();
	const char *text = ERR_reason_error_string(error);
	bool is_ssl = ERR_GET_LIB(error) == ERR_LIB_SSL;
	const char *meaning =
		is_ssl && psk_of(t->ssl) != NULL ? meaning_of(ERR_GET_REASON(error)) : NULL;

	if (!t->faulty)
		t->trouble = is_ssl ? trouble_of(ERR_GET_REASON(error)) : TLS_OTHER;
	if (text == NULL)
		text = "unknown fault";
	if (!t->faulty && meaning != NULL)
		snprintf(t->why, sizeof t->why, "%s: %s (%s)", what, meaning, text);
	else if (!t->faulty)
		snprintf(t->why, sizeof t->why, "%s: %s", what, text);
	t->faulty = true;
	ERR_clear_error();
}

enum tls_result tls_read(struct tls *t, struct slice *wire, uint8_t *room, size_t size, size_t *got)
{
	bool was_up = tls_is_up(t);
	int ok, error;

	*got = 0;
	if (t->faulty)
		return TLS_FAULT;
	ERR_clear_error();
	t->wire = *wire;
	ok = SSL_read_ex(t->ssl, room, size, got);
	*wire = t->wire;
	error = ok == 1 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, ok);
	t->wire = slice_of(NULL, 0);
	/* By a certificate, had anybody taught OpenSSL to trust one, it would be up too. */
	if (!was_up && tls_is_up(t) && psk_of(t->ssl) != NULL && SSL_session_reused(t->ssl) != 1) {
		fail(t, "TLS: not by our key");
		return TLS_FAULT;
	}
	if (error == SSL_ERROR_NONE)
		return TLS_BYTES;
	if (error == SSL_ERROR_WANT_READ)
		return TLS_MORE;
	if (error == SSL_ERROR_ZERO_RETURN)
		return TLS_ENDED;
	fail(t, was_up ? "TLS" : "TLS handshake");
	return TLS_FAULT;
}

bool tls_is_up(const struct tls *t)
{
	return !t->faulty && SSL_is_init_finished(t->ssl) == 1;
}

bool tls_write(struct tls *t, struct slice plain)
{
	size_t taken;

	if (!tls_is_up(t))
		return false;
	if (plain.len == 0)
		return true;
	ERR_clear_error();
	if (SSL_write_ex(t->ssl, plain.at, plain.len, &taken) == 1 && taken == plain.len)
		return true;
	fail(t, "TLS");
	return false;
}

void tls_finish(struct tls *t)
{
	if (!tls_is_up(t))
		return;
	ERR_clear_error();
	SSL_shutdown(t->ssl);
	ERR_clear_error();
}

const char *tls_why(const struct tls *t)
{
	return t->why;
}

enum tls_trouble tls_trouble(const struct tls *t)
{
	return t->trouble;
}

void tls_speak_http(struct tls *t)
{
	t->speaks_http = true;
}

const char *tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *tls_cipher(const struct tls *t)
{
	return SSL_get_cipher_name(t->ssl);
}

const char *tls_server_name(const struct tls *t)
{
	const char *name = SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name);

	return name != NULL ? name : "";
}

/* For tls_certificate.c. */
int tls_choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *offered, unsigned len, void *unused);
int tls_choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *offered, unsigned len, void *unused UNUSED)
{
	static const unsigned char http[] = "http/1.1";
	const struct tls *t = SSL_get_app_data(ssl);

	for (unsigned at = 0; t->speaks_http && at < len && offered[at] < len - at;
		at += offered[at] + 1u) {
		if (offered[at] == sizeof http - 1 &&
			memcmp(offered + at + 1, http, sizeof http - 1) == 0) {
			*out = offered + at + 1;
			*out_len = offered[at];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_NOACK;
}
