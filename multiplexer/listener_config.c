#include "multiplexer/listener_config.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/reason.h"
#include "multiplexer/handshake.h"
#include "multiplexer/listener.h"
#include "proto/clientkey.h"

bool listener_config_init(struct listener_config *l, const char *name)
{
	*l = (struct listener_config){.name = strdup(name),
		.mode = 0600,
		.negotiate = NEGOTIATE_ALWAYS,
		.dns = LOOKUP_ON_REQUEST,
		.ident = LOOKUP_ON_REQUEST};
	return l->name != NULL;
}

void listener_config_free(struct listener_config *l)
{
	free(l->name);
	free(l->key_file);
	linkkey_free(l->key);
	free(l->origins);
}

/* ---- fields ---- */

static char why_text[400];

static bool take_kind(struct listener_config *l, const char *text, const char **why)
{
	l->kind = listener_kind_find(text);
	return l->kind != NULL ||
	       FAIL(why, "kind: '%s' is none of %s", text, listener_kind_names());
}

static bool take_address(struct listener_config *l, const char *text, const char **why)
{
	const char *fault;

	return address_parse(text, &l->address, &fault) ||
	       FAIL(why, "address: '%s': %s", text, fault);
}

static bool take_number(struct listener_config *l, const char *text, const char **why)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	bool ok = *text >= '0' && *text <= '9' && *end == '\0' && n >= 1 &&
		  n <= CLIENTKEY_LISTENER_MAX;

	if (ok)
		l->number = (unsigned)n;
	return ok || FAIL(why, "number: '%s' is not 1..%d", text, CLIENTKEY_LISTENER_MAX);
}

static bool take_mode(struct listener_config *l, const char *text, const char **why)
{
	char *end;
	unsigned long n = strtoul(text, &end, 8);
	bool ok = *text >= '0' && *text <= '7' && *end == '\0' && n <= 0777;

	if (ok)
		l->mode = (mode_t)n;
	return ok || FAIL(why, "mode: '%s' is not an octal mode such as 0660", text);
}

static bool take_lookup(struct listener_config *l, enum lookup_mode *mode, const char *name,
	const char *text, const char **why)
{
	l->has_user_field = true;
	return lookup_mode_parse(text, mode) ||
	       FAIL(why, "%s: '%s' is none of auto, on-request, off", name, text);
}

static bool take_dns(struct listener_config *l, const char *text, const char **why)
{
	return take_lookup(l, &l->dns, "dns", text, why);
}

static bool take_ident(struct listener_config *l, const char *text, const char **why)
{
	return take_lookup(l, &l->ident, "ident", text, why);
}

static bool take_key(struct listener_config *l, const char *text, const char **why)
{
	const char *fault;
	struct linkkey *key = linkkey_load(text, &fault);

	if (key == NULL)
		return FAIL(why, "key: %s", fault);
	linkkey_free(l->key);
	free(l->key_file);
	l->key = key;
	l->key_file = strdup(text);
	return l->key_file != NULL || FAIL(why, "out of memory");
}

static const char *const negotiations[] = {
	[NEGOTIATE_NEVER] = "never",
	[NEGOTIATE_ON_TELNET] = "on-telnet",
	[NEGOTIATE_ALWAYS] = "always",
};

static bool take_negotiate(struct listener_config *l, const char *text, const char **why)
{
	for (size_t i = 0; i < ARRAY_LEN(negotiations); i++) {
		if (strcmp(negotiations[i], text) == 0) {
			l->negotiate = (enum negotiate)i;
			return true;
		}
	}
	return FAIL(why, "negotiate: '%s' is none of never, on-telnet, always", text);
}

static bool take_origins(struct listener_config *l, const char *text, const char **why)
{
	const char *fault;

	if (!origins_check(text, &fault))
		return FAIL(why, "origins: '%s' %s", text, fault);
	free(l->origins);
	l->origins = strdup(text);
	l->has_user_field = true;
	return l->origins != NULL || FAIL(why, "out of memory");
}

static bool take_proxies(struct listener_config *l, const char *text, const char **why)
{
	const char *fault;

	return nets_parse(text, &l->proxies, &fault) || FAIL(why, "proxies: '%s' %s", text, fault);
}

static bool take_tls(struct listener_config *l, const char *text, const char **why)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(words[i], text) == 0) {
			l->tls = i % 2 == 1;
			return true;
		}
	}
	return FAIL(why, "tls: '%s' is none of yes, no", text);
}

static const struct {
	const char *name;
	bool (*take)(struct listener_config *l, const char *text, const char **why);
} fields[] = {
	{"kind", take_kind},
	{"address", take_address},
	{"number", take_number},
	{"mode", take_mode},
	{"dns", take_dns},
	{"ident", take_ident},
	{"key", take_key},
	{"negotiate", take_negotiate},
	{"origins", take_origins},
	{"proxies", take_proxies},
	{"tls", take_tls},
};
_Static_assert(ARRAY_LEN(fields) <= LISTENER_FIELDS_MAX, "who reads a section has no room");

const char *listener_config_field(size_t i)
{
	return i < ARRAY_LEN(fields) ? fields[i].name : NULL;
}

bool listener_config_take(
	struct listener_config *l, size_t field, const char *text, const char **why)
{
	return fields[field].take(l, text, why);
}

/* ---- all of it ---- */

const char *listener_config_fault(const struct listener_config *l)
{
	if (!l->kind->is_chain)
		return l->key != NULL ? "key is for kind = \"multiplexer\" alone" : NULL;
	if (l->has_user_field)
		return "dns, ident and origins are for users, and set at the multiplexer that has "
		       "them";
	if (l->tls)
		return "tls is for users: multiplexers on other machines have key = 'FILE'";
	if (l->address.sa.sa_family == AF_UNIX)
		return l->key != NULL ? "a unix: socket needs no key: mode says who may use it"
				      : NULL;
	return l->key == NULL ? "a multiplexer on another machine needs key = 'FILE', which "
				"`holdfastctl key new FILE` makes; on this one, a unix: address"
			      : NULL;
}

void listener_config_print(const struct listener_config *l)
{
	char address[ADDRESS_TEXT_MAX], nets[NETS_MAX * 50];

	address_text(&l->address, address);
	printf("listener \"%s\" {\n\tkind = \"%s\"\n\taddress = \"%s\"\n\tnumber = %u\n", l->name,
		l->kind->name, address, l->number);
	if (l->address.sa.sa_family == AF_UNIX)
		printf("\tmode = 0%o\n", (unsigned)l->mode);
	printf("\tdns = \"%s\"\n\tident = \"%s\"\n", lookup_mode_text(l->dns),
		lookup_mode_text(l->ident));
	if (l->key_file != NULL)
		printf("\tkey = \"%s\"\n", l->key_file);
	if (l->tls)
		printf("\ttls = \"yes\"\n");
	if (strncmp(l->kind->name, "telnet", 6) == 0)
		printf("\tnegotiate = \"%s\"\n", negotiations[l->negotiate]);
	if (l->kind->handshake)
		printf("\torigins = \"%s\"\n", l->door.origins);
	if (l->proxies.count > 0)
		printf("\tproxies = \"%s\"\n", nets_text(&l->proxies, nets, sizeof nets));
	printf("}\n");
}

static bool key_differs(const struct listener_config *a, const struct listener_config *b)
{
	if (a->key == NULL || b->key == NULL)
		return a->key != b->key;
	return strcmp(a->key_file, b->key_file) != 0;
}

bool listener_config_differs(const struct listener_config *a, const struct listener_config *b)
{
	char at_a[ADDRESS_TEXT_MAX], at_b[ADDRESS_TEXT_MAX];

	address_text(&a->address, at_a);
	address_text(&b->address, at_b);
	return a->kind != b->kind || a->tls != b->tls || a->number != b->number ||
	       a->mode != b->mode || a->negotiate != b->negotiate ||
	       strcmp(a->name, b->name) != 0 || key_differs(a, b) || strcmp(at_a, at_b) != 0 ||
	       strcmp(a->door.origins, b->door.origins) != 0;
}
