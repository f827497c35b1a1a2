/* What a listener section of multiplexer.conf says, field by field. */
#ifndef MULTIPLEXER_LISTENER_CONFIG_H
#define MULTIPLEXER_LISTENER_CONFIG_H

#include "common/address.h"
#include "common/nets.h"
#include "multiplexer/layers.h"
#include "multiplexer/lookup.h"
#include "proto/linkkey.h"

struct listener_kind;

struct listener_config {
	char *name;                       /* owned: the section's title */
	const struct listener_kind *kind; /* borrowed: static */
	struct address address;
	unsigned number;          /* 1..240, last number of its users' keys */
	mode_t mode;              /* of an AF_UNIX socket file */
	enum negotiate negotiate; /* of a telnet kind */
	enum lookup_mode dns, ident;
	struct linkkey *key; /* owned: of kind multiplexer on TCP; NULL = none */
	char *key_file;      /* owned: where it was read from; NULL = none */
	char *origins; /* owned: of a websocket listener, see handshake.h; NULL = ORIGINS_PRESET */
	struct layers_door door;
	struct nets proxies; /* from these a PROXY header has to come first */
	bool tls;            /* players have to speak TLS */
	bool has_user_field; /* something was set that is for users, not for multiplexers */
	bool optional; /* a built-in one: if it cannot listen (no IPv6 here), the others go on */
};

enum { LISTENER_FIELDS_MAX = 16 };

/* The names of the fields that a section may hold, from 0; NULL behind the last. */
const char *listener_config_field(size_t i);

/* Everything but its name, number, kind and address is as if nothing was said of it. False when memory is
 * out. */
bool listener_config_init(struct listener_config *l, const char *name);
void listener_config_free(struct listener_config *l); /* what it owns */

/* Takes one of them. False with *why a sentence, valid until the next call. */
bool listener_config_take(
	struct listener_config *l, size_t field, const char *text, const char **why);

/* What each field alone cannot tell, when all are read, kind and address among them; NULL: nothing is
 * wrong. */
const char *listener_config_fault(const struct listener_config *l);

/* In the file's own form, on standard output. */
void listener_config_print(const struct listener_config *l);

/* Whether anything differs that cannot change while it listens. A key counts by its file's name: what is in
 * it now is read at the next start. */
bool listener_config_differs(const struct listener_config *a, const struct listener_config *b);

#endif
