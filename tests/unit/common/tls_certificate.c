#include "common/tls_certificate.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/tls_selfsigned.h"
#include "tests/unit/common/support_common.h"

/* One end: what it wants to send, what it has understood, and how that ended. */
struct side {
	struct tls *tls;
	struct buf wire, plain;
	enum tls_result last;
};

/* Two certificates: example.org, which is the first, and *.example.net with an address. */
static struct buf chains[2], keys[2];
static struct tls_context *context;
static struct tls_certificate_info infos[2];

static bool on_send(void *owner, struct slice wire)
{
	return buf_add(&((struct side *)owner)->wire, wire);
}

static struct tls_context *client(int version, const char *ciphers)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_security_level(ctx, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
	if (ciphers != NULL)
		assert_int_equal(SSL_CTX_set_cipher_list(ctx, ciphers), 1);
	return (struct tls_context *)ctx;
}

static void feed(struct side *s, struct slice wire)
{
	uint8_t room[TLS_RECORD_MAX];
	size_t got;

	do {
		s->last = tls_read(s->tls, &wire, room, sizeof room, &got);
		assert_true(buf_add(&s->plain, slice_of(room, got)));
	} while (s->last == TLS_BYTES);
}

static void carry(struct side *a, struct side *b, size_t piece)
{
	feed(a, slice_of(NULL, 0));
	while (a->wire.len > 0 || b->wire.len > 0) {
		struct side *from = a->wire.len > 0 ? a : b, *to = from == a ? b : a;
		uint8_t bytes[TLS_RECORD_MAX];
		size_t n = size_min(size_min(piece, from->wire.len), sizeof bytes);

		memcpy(bytes, buf_bytes(&from->wire).at, n);
		buf_eat(&from->wire, n);
		feed(to, slice_of(bytes, n));
	}
}

static void pair_with(struct side *a, struct side *b, struct tls_context *c)
{
	*a = *b = (struct side){.last = TLS_MORE};
	a->tls = tls_new(c, TLS_DIALS, on_send, a);
	b->tls = tls_new(context, TLS_ACCEPTS, on_send, b);
	tls_context_free(c);
}

static void side_free(struct side *s)
{
	tls_free(s->tls);
	buf_free(&s->wire);
	buf_free(&s->plain);
}

static void make(struct buf *chain, struct buf *key, const char *name, const char *more)
{
	const char *names[] = {name, more};
	const char *why;

	if (!tls_selfsigned_make(names, 2, 30, chain, key, &why))
		fail_msg("%s", why);
}

static int open_contexts(void **state UNUSED)
{
	struct tls_certificate c[2];
	const char *why;
	size_t bad;

	make(&chains[0], &keys[0], "example.org", "www.example.org");
	make(&chains[1], &keys[1], "*.example.net", "192.0.2.7");
	for (size_t i = 0; i < 2; i++)
		c[i] = (struct tls_certificate){buf_bytes(&chains[i]), buf_bytes(&keys[i])};
	context = tls_context_certificates(c, 2, infos, &bad, &why);
	return context == NULL;
}

static int close_contexts(void **state UNUSED)
{
	tls_context_free(context);
	for (size_t i = 0; i < 2; i++) {
		buf_free(&chains[i]);
		buf_free(&keys[i]);
	}
	return 0;
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void both_versions_are_understood_however_the_wire_is_cut(void **state UNUSED)
{
	static uint8_t much[40000];

	for (size_t i = 0; i < sizeof much; i++)
		much[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		for (size_t piece = 1; piece < 3000; piece = piece < 12 ? piece + 1 : piece * 3) {
			struct side a, b;

			pair_with(&a, &b, client(versions[v], NULL));
			carry(&a, &b, piece);
			if (!tls_is_up(a.tls) || !tls_is_up(b.tls))
				fail_msg("'%s' and '%s'", tls_why(a.tls), tls_why(b.tls));
			assert_string_equal(tls_version(b.tls), v == 0 ? "TLSv1.2" : "TLSv1.3");
			assert_true(tls_write(a.tls, slice_of(much, sizeof much)));
			assert_true(tls_write(b.tls, slice_of(much, sizeof much)));
			carry(&a, &b, piece * 50);
			assert_true(slice_is(buf_bytes(&a.plain), slice_of(much, sizeof much)));
			assert_true(slice_is(buf_bytes(&b.plain), slice_of(much, sizeof much)));
			side_free(&a);
			side_free(&b);
		}
	}
}

static void the_first_flight_may_be_cut_at_every_byte(void **state UNUSED)
{
	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		size_t len = SIZE_MAX;

		for (size_t cut = 1; cut < len; cut++) {
			struct side a, b;
			uint8_t flight[TLS_RECORD_MAX];

			pair_with(&a, &b, client(versions[v], NULL));
			feed(&a, slice_of(NULL, 0));
			len = a.wire.len;
			memcpy(flight, buf_bytes(&a.wire).at, len);
			buf_eat(&a.wire, len);
			feed(&b, slice_of(flight, cut));
			assert_int_equal(b.last, TLS_MORE);
			assert_int_equal(b.wire.len, 0);
			feed(&b, slice_of(flight + cut, len - cut));
			carry(&a, &b, SIZE_MAX);
			assert_true(tls_is_up(a.tls) && tls_is_up(b.tls));
			side_free(&a);
			side_free(&b);
		}
		assert_true(len > 100);
	}
}

static enum tls_trouble refused(struct tls_context *c)
{
	struct side a, b;

	pair_with(&a, &b, c);
	carry(&a, &b, SIZE_MAX);
	assert_int_equal(b.last, TLS_FAULT);
	assert_false(tls_is_up(b.tls));
	assert_true(tls_why(b.tls)[0] != '\0');
	enum tls_trouble trouble = tls_trouble(b.tls);
	side_free(&a);
	side_free(&b);
	return trouble;
}

static void old_versions_and_weak_ciphers_are_refused(void **state UNUSED)
{
	static const char *const weak[] = {"ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256",
		"ECDHE-ECDSA-AES256-SHA384", "aNULL", "eNULL"};

	assert_int_equal(refused(client(TLS1_1_VERSION, NULL)), TLS_NO_VERSION);
	assert_int_equal(refused(client(TLS1_VERSION, NULL)), TLS_NO_VERSION);
	for (size_t i = 0; i < ARRAY_LEN(weak); i++)
		assert_int_equal(refused(client(TLS1_2_VERSION, weak[i])), TLS_NO_VERSION);
}

/* Who has the certificate that a client is shown who asks for name (NULL: for none). */
static size_t shown(const char *name, int version)
{
	SSL_CTX *ctx = (SSL_CTX *)client(version, NULL);
	struct side b = {.last = TLS_MORE};
	SSL *ssl = SSL_new(ctx);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	b.tls = tls_new(context, TLS_ACCEPTS, on_send, &b);
	SSL_set_bio(ssl, in, out);
	SSL_set_connect_state(ssl);
	if (name != NULL)
		SSL_set_tlsext_host_name(ssl, name);
	for (int turn = 0; turn < 6; turn++) {
		char *at;

		SSL_do_handshake(ssl);
		long len = BIO_get_mem_data(out, &at);
		feed(&b, slice_of(at, (size_t)len));
		(void)BIO_reset(out);
		BIO_write(in, buf_bytes(&b.wire).at, (int)b.wire.len);
		buf_eat(&b.wire, b.wire.len);
	}
	assert_true(tls_is_up(b.tls) && SSL_is_init_finished(ssl));
	assert_string_equal(tls_server_name(b.tls), name != NULL ? name : "");
	X509 *x = SSL_get1_peer_certificate(ssl);
	size_t which = X509_check_host(x, "example.org", 0, 0, NULL) == 1 ? 0 : 1;
	X509_free(x);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	side_free(&b);
	return which;
}

static void the_name_that_is_asked_for_chooses(void **state UNUSED)
{
	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		assert_int_equal(shown(NULL, versions[v]), 0);
		assert_int_equal(shown("example.org", versions[v]), 0);
		assert_int_equal(shown("WWW.EXAMPLE.ORG", versions[v]), 0);
		assert_int_equal(shown("play.example.net", versions[v]), 1);
		assert_int_equal(shown("a.b.example.net", versions[v]), 0);
		assert_int_equal(shown("unknown.test", versions[v]), 0);
	}
}

static void what_they_say_is_told(void **state UNUSED)
{
	assert_string_equal(infos[0].names, "example.org www.example.org");
	assert_string_equal(infos[1].names, "*.example.net 192.0.2.7");
	assert_int_equal(infos[0].not_after - infos[0].not_before, 30 * 24 * 3600 + 3600);
}

/* "" = it was taken. */
static const char *fault_of(struct slice chain, struct slice key)
{
	struct tls_certificate c[2] = {{buf_bytes(&chains[0]), buf_bytes(&keys[0])}, {chain, key}};
	struct tls_certificate_info told[2];
	const char *why = "";
	size_t bad = 99;
	struct tls_context *made = tls_context_certificates(c, 2, told, &bad, &why);

	if (made == NULL)
		assert_int_equal(bad, 1);
	tls_context_free(made);
	return made != NULL ? "" : why;
}

static void what_is_wrong_with_a_file_is_told(void **state UNUSED)
{
	struct slice chain = buf_bytes(&chains[1]), key = buf_bytes(&keys[1]);
	struct buf twice = {0}, cut = {0};

	assert_string_equal(fault_of(chain, key), "");
	assert_string_equal(fault_of(slice_text("x"), key), "chain: holds no certificate in PEM");
	assert_string_equal(fault_of(chain, slice_text("")), "key: holds no private key in PEM");
	assert_string_equal(
		fault_of(chain, buf_bytes(&keys[0])), "key: does not belong to the certificate");
	assert_true(buf_add(&twice, chain) && buf_add(&twice, buf_bytes(&chains[0])));
	assert_string_equal(fault_of(buf_bytes(&twice), key), "");
	assert_true(buf_add(&cut, chain) && buf_add(&cut, slice_of(chain.at, chain.len - 40)));
	assert_true(strncmp(fault_of(buf_bytes(&cut), key), "chain: behind the first", 23) == 0);
	buf_free(&twice);
	buf_free(&cut);
}

static void a_session_lives_on_with_the_certificates_it_began_with(void **state UNUSED)
{
	struct tls_certificate c = {buf_bytes(&chains[0]), buf_bytes(&keys[0])};
	struct tls_certificate_info told;
	struct tls_context *kept = context;
	struct side a, b;
	const char *why;
	size_t bad;

	context = tls_context_certificates(&c, 1, &told, &bad, &why);
	pair_with(&a, &b, client(TLS1_3_VERSION, NULL));
	feed(&a, slice_of(NULL, 0));
	tls_context_free(context); /* in the middle of the handshake */
	context = kept;
	carry(&a, &b, 7);
	assert_true(tls_is_up(a.tls) && tls_is_up(b.tls));
	side_free(&a);
	side_free(&b);
}

static void names_that_are_none_are_refused(void **state UNUSED)
{
	static const char *const bad[] = {"", ".", "a..b", "a b", "a,DNS:b", "*", "*.", "b\n",
		"a:b", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf chain = {0}, key = {0};
		const char *why;

		if (tls_selfsigned_make(&bad[i], 1, 30, &chain, &key, &why))
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(chain.len + key.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_versions_are_understood_however_the_wire_is_cut),
		cmocka_unit_test(the_first_flight_may_be_cut_at_every_byte),
		cmocka_unit_test(old_versions_and_weak_ciphers_are_refused),
		cmocka_unit_test(the_name_that_is_asked_for_chooses),
		cmocka_unit_test(what_they_say_is_told),
		cmocka_unit_test(what_is_wrong_with_a_file_is_told),
		cmocka_unit_test(a_session_lives_on_with_the_certificates_it_began_with),
		cmocka_unit_test(names_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, open_contexts, close_contexts);
}
