#include "multiplexer/tls/certificates.h"

#include <stdio.h>
#include <stdlib.h>

#include "multiplexer/tls/pem.h"

static char fault[1200];

static char *copy_of(struct slice text)
{
	return strndup(text.len > 0 ? (const char *)text.at : "", text.len);
}

bool certificates_add(
	struct certificates *c, struct slice name, struct slice chain, struct slice key)
{
	struct certificate_files *grown;
	struct certificate_files f = {copy_of(name), copy_of(chain), copy_of(key)};

	grown = c->count < TLS_CERTIFICATES_MAX ? realloc(c->files, (c->count + 1) * sizeof *grown)
						: NULL;
	if (grown != NULL)
		c->files = grown;
	if (grown == NULL || f.name == NULL || f.chain == NULL || f.key == NULL) {
		free(f.name);
		free(f.chain);
		free(f.key);
		return false;
	}
	c->files[c->count++] = f;
	return true;
}

void certificates_free(struct certificates *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->files[i].name);
		free(c->files[i].chain);
		free(c->files[i].key);
	}
	free(c->files);
	*c = (struct certificates){0};
}

static void blame(const struct certificate_files *f, const char *file, const char *why)
{
	snprintf(fault, sizeof fault, "certificate %.100s: %.500s: %s", f->name, file, why);
}

static bool read_files(
	const struct certificate_files *f, struct buf *chain, struct buf *key, const char **why)
{
	if (!pem_read(f->chain, false, chain, why))
		blame(f, f->chain, *why);
	else if (!pem_read(f->key, true, key, why))
		blame(f, f->key, *why);
	else
		return true;
	return false;
}

/* What tls_certificate.h says begins with the file at fault: "key: " or "chain: ". */
static void blame_pem(const struct certificate_files *f, const char *why)
{
	if (strncmp(why, "key: ", 5) == 0)
		blame(f, f->key, why + 5);
	else
		blame(f, f->chain, strncmp(why, "chain: ", 7) == 0 ? why + 7 : why);
}

struct tls_context *certificates_load(
	const struct certificates *c, struct tls_certificate_info *infos, const char **why)
{
	struct buf chains[TLS_CERTIFICATES_MAX] = {0}, keys[TLS_CERTIFICATES_MAX] = {0};
	struct tls_certificate pem[TLS_CERTIFICATES_MAX];
	struct tls_context *context = NULL;
	size_t n = 0, bad;

	snprintf(fault, sizeof fault, "there is no certificate");
	for (; n < c->count && read_files(&c->files[n], &chains[n], &keys[n], why); n++)
		pem[n] = (struct tls_certificate){buf_bytes(&chains[n]), buf_bytes(&keys[n])};
	if (n > 0 && n == c->count) {
		context = tls_context_certificates(pem, n, infos, &bad, why);
		if (context == NULL)
			blame_pem(&c->files[bad], *why);
	}
	for (size_t i = 0; i < c->count; i++) {
		buf_free(&chains[i]);
		pem_free(&keys[i]);
	}
	*why = fault;
	return context;
}
