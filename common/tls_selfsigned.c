#include "common/tls_selfsigned.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { HOUR = 3600, NAME_MAX_BYTES = 253, SERIAL_BITS = 126 };

static char fault[400];

static bool is_address(const char *name)
{
	uint8_t bytes[16];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* "www.example.org", "*.example.org", "localhost". */
static bool is_host(const char *name)
{
	const char *at = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
	size_t label = 0;

	for (; *at != '\0'; at++) {
		bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			      (*at >= '0' && *at <= '9') || *at == '-' || *at == '_';

		if (!letter && (*at != '.' || label == 0))
			return false;
		label = letter ? label + 1 : 0;
		if (label > 63)
			return false;
	}
	return label > 0 && strlen(name) <= NAME_MAX_BYTES;
}

static bool add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool ok = e != NULL && X509_add_ext(x, e, -1) == 1;

	X509_EXTENSION_free(e);
	return ok;
}

static bool add_names(X509 *x, const char *const *names, size_t count)
{
	struct buf list = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++)
		ok = buf_addf(&list, "%s%s:%s", i > 0 ? "," : "",
			is_address(names[i]) ? "IP" : "DNS", names[i]);
	ok = ok && buf_add_byte(&list, '\0') &&
	     add_extension(x, NID_subject_alt_name, (const char *)buf_bytes(&list).at);
	buf_free(&list);
	return ok;
}

static bool set_serial(X509 *x)
{
	BIGNUM *n = BN_new();
	bool ok = n != NULL && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
		  BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;

	BN_free(n);
	return ok;
}

/* Not an authority: who trusts it trusts this server, and nobody that its key could vouch for. */
static bool fill(X509 *x, EVP_PKEY *key, const char *const *names, size_t count, unsigned days)
{
	X509_NAME *subject = X509_get_subject_name(x);

	return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
	       X509_gmtime_adj(X509_getm_notBefore(x), -HOUR) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(x), (int)days, 0, NULL) != NULL &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
		       (const unsigned char *)names[0], -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x, subject) == 1 && X509_set_pubkey(x, key) == 1 &&
	       add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(x, NID_ext_key_usage, "serverAuth") && add_names(x, names, count) &&
	       X509_sign(x, key, EVP_sha256()) > 0;
}

static bool take(BIO *bio, struct buf *out)
{
	char *at;
	long len = BIO_get_mem_data(bio, &at);

	return len > 0 && buf_add(out, slice_of(at, (size_t)len));
}

static bool write_out(X509 *x, EVP_PKEY *key, struct buf *chain, struct buf *key_out)
{
	BIO *c = BIO_new(BIO_s_mem()), *k = BIO_new(BIO_s_secmem());
	bool ok = c != NULL && k != NULL && PEM_write_bio_X509(c, x) == 1 &&
		  PEM_write_bio_PKCS8PrivateKey(k, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		  take(c, chain) && take(k, key_out);

	BIO_free(c);
	BIO_free(k);
	return ok;
}

bool tls_selfsigned_make(const char *const *names, size_t count, unsigned days, struct buf *chain,
	struct buf *key, const char **why)
{
	*why = fault;
	for (size_t i = 0; i < count; i++) {
		if (!is_address(names[i]) && !is_host(names[i])) {
			snprintf(fault, sizeof fault, "'%.200s' is no host name and no address",
				names[i]);
			return false;
		}
	}
	if (count == 0 || strlen(names[0]) > TLS_SELFSIGNED_NAME_MAX) {
		snprintf(fault, sizeof fault, "the first name may have %d bytes at most",
			TLS_SELFSIGNED_NAME_MAX);
		return false;
	}
	ERR_clear_error();
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	bool ok = pair != NULL && x != NULL && fill(x, pair, names, count, days) &&
		  write_out(x, pair, chain, key);
	X509_free(x);
	EVP_PKEY_free(pair);
	if (!ok) {
		const char *text = ERR_reason_error_string(ERR_peek_error());

		snprintf(fault, sizeof fault, "OpenSSL: %s", text != NULL ? text : "out of memory");
	}
	ERR_clear_error();
	return ok;
}
