/* Each certificate has an SSL_CTX of its own; the first is the context that sessions are made with, and
 * owns the others, so that a session which lives keeps all of them, however often they are replaced. */
#include "common/tls_certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* tls.c: knows of a session what its owner said of it. */
int tls_choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *offered, unsigned len, void *unused);

struct shelf {
	size_t count;
	SSL_CTX *ctx[]; /* owned but for the first, which owns us */
};

static int shelf_index = -1;
static char fault[256];

__attribute__((format(printf, 1, 2))) static bool refuse(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(fault, sizeof fault, fmt, args);
	va_end(args);
	return false;
}

/* What OpenSSL found wrong first, which is the cause of the rest. */
static bool refuse_as_openssl(const char *what)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	refuse("%s%s", what, text != NULL ? text : "unknown fault");
	ERR_clear_error();
	return false;
}

static void free_shelf(void *parent UNUSED, void *at, CRYPTO_EX_DATA *data UNUSED, int index UNUSED,
	long number UNUSED, void *pointer UNUSED)
{
	struct shelf *shelf = at;

	for (size_t i = 1; shelf != NULL && i < shelf->count; i++)
		SSL_CTX_free(shelf->ctx[i]);
	free(shelf);
}

/* ---- by name ---- */

static int choose(SSL *ssl, int *alert UNUSED, void *unused UNUSED)
{
	const struct shelf *shelf = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), shelf_index);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	for (size_t i = 0; name != NULL && shelf != NULL && i < shelf->count; i++) {
		X509 *x = SSL_CTX_get0_certificate(shelf->ctx[i]);

		if (X509_check_host(x, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) != 1)
			continue;
		if (i > 0 && SSL_set_SSL_CTX(ssl, shelf->ctx[i]) == NULL)
			return SSL_TLSEXT_ERR_ALERT_FATAL;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK;
}

/* ---- one certificate ---- */

/* Nobody is there to type a passphrase. */
static int no_passphrase(char *out UNUSED, int room UNUSED, int writes UNUSED, void *asked)
{
	*(bool *)asked = true;
	return -1;
}

static bool take_chain(SSL_CTX *ctx, struct slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	X509 *x = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
	bool ok = x != NULL && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	if (x == NULL)
		refuse("chain: holds no certificate in PEM");
	else if (!ok)
		refuse_as_openssl("chain: ");
	while (ok && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		ok = SSL_CTX_add0_chain_cert(ctx, x) == 1;
		if (!ok) {
			X509_free(x);
			refuse_as_openssl("chain: ");
		}
	}
	if (ok && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		ok = refuse_as_openssl("chain: behind the first certificate: ");
	BIO_free(bio);
	ERR_clear_error(); /* the end of the file is one */
	return ok;
}

static bool take_key(SSL_CTX *ctx, struct slice pem)
{
	bool asked = false;
	BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
	EVP_PKEY *key =
		bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked) : NULL;
	X509 *x = SSL_CTX_get0_certificate(ctx);
	bool ok = false;

	BIO_free(bio);
	if (key == NULL && asked)
		refuse("key: is locked with a passphrase: `openssl pkey` takes it away");
	else if (key == NULL)
		refuse("key: holds no private key in PEM");
	else if (X509_check_private_key(x, key) != 1)
		refuse("key: does not belong to the certificate");
	else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
		refuse_as_openssl("key: ");
	else
		ok = true;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

static int64_t seconds_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void add_name(char *names, const char *name)
{
	size_t len = strlen(names);

	if (len + strlen(name) + 2 < TLS_CERTIFICATE_NAMES_MAX)
		snprintf(names + len, TLS_CERTIFICATE_NAMES_MAX - len, "%s%s", len > 0 ? " " : "",
			name);
}

static void read_name(const GENERAL_NAME *name, char *names)
{
	char text[INET6_ADDRSTRLEN];

	if (name->type == GEN_DNS) {
		const ASN1_STRING *s = name->d.dNSName;
		const char *at = (const char *)ASN1_STRING_get0_data(s);

		if ((size_t)ASN1_STRING_length(s) == strlen(at))
			add_name(names, at);
	} else if (name->type == GEN_IPADD) {
		int len = ASN1_STRING_length(name->d.iPAddress);
		int family = len == 4 ? AF_INET : AF_INET6;

		if ((len == 4 || len == 16) &&
			inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), text,
				sizeof text) != NULL)
			add_name(names, text);
	}
}

static void read_info(X509 *x, struct tls_certificate_info *info)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	char common[128];

	*info = (struct tls_certificate_info){
		.not_before = seconds_of(X509_get0_notBefore(x)),
		.not_after = seconds_of(X509_get0_notAfter(x)),
	};
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		read_name(sk_GENERAL_NAME_value(names, i), info->names);
	GENERAL_NAMES_free(names);
	if (info->names[0] == '\0' && X509_NAME_get_text_by_NID(X509_get_subject_name(x),
					      NID_commonName, common, sizeof common) > 0)
		add_name(info->names, common);
	ERR_clear_error();
}

/* ---- the context ---- */

static bool configure(SSL_CTX *ctx)
{
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_alpn_select_cb(ctx, tls_choose_alpn, NULL);
	SSL_CTX_set_tlsext_servername_callback(ctx, choose);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
	       SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1;
}

static SSL_CTX *make_one(const struct tls_certificate *c, struct tls_certificate_info *info)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	ERR_clear_error();
	if (ctx == NULL || !configure(ctx)) {
		refuse("OpenSSL cannot be used: out of memory, or an odd installation of it");
	} else if (c->chain.len > INT32_MAX || c->key.len > INT32_MAX) {
		refuse("chain: is too long");
	} else if (take_chain(ctx, c->chain) && take_key(ctx, c->key)) {
		read_info(SSL_CTX_get0_certificate(ctx), info);
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

/* The first owns the shelf from here on, or it is freed. */
static SSL_CTX *put_up(struct shelf *shelf)
{
	SSL_CTX *first = shelf->count > 0 ? shelf->ctx[0] : NULL;

	if (shelf_index < 0)
		shelf_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_shelf);
	if (first != NULL && shelf_index >= 0 &&
		SSL_CTX_set_ex_data(first, shelf_index, shelf) == 1)
		return first;
	refuse("out of memory");
	free_shelf(NULL, shelf, NULL, 0, 0, NULL);
	SSL_CTX_free(first);
	return NULL;
}

struct tls_context *tls_context_certificates(const struct tls_certificate *certificates,
	size_t count, struct tls_certificate_info *infos, size_t *bad, const char **why)
{
	struct shelf *shelf = calloc(1, sizeof *shelf + count * sizeof shelf->ctx[0]);

	*why = fault;
	*bad = 0;
	refuse("out of memory");
	for (size_t i = 0; shelf != NULL && i < count; i++) {
		shelf->ctx[i] = make_one(&certificates[i], &infos[i]);
		if (shelf->ctx[i] == NULL) {
			SSL_CTX *first = shelf->ctx[0];

			*bad = i;
			free_shelf(NULL, shelf, NULL, 0, 0, NULL);
			if (i > 0)
				SSL_CTX_free(first);
			return NULL;
		}
		shelf->count = i + 1;
	}
	return shelf != NULL ? (struct tls_context *)put_up(shelf) : NULL;
}
