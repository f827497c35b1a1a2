/* What multiplexer.conf says, checked: options and listeners. */
#ifndef MULTIPLEXER_CONFIG_H
#define MULTIPLEXER_CONFIG_H

#include "common/address.h"
#include "common/nets.h"
#include "common/option.h"
#include "multiplexer/layers.h"
#include "multiplexer/lookup.h"
#include "multiplexer/tls/certificates.h"
#include "proto/linkkey.h"

struct options {
#define OPTION(TYPE, name, preset, min, max, flags, help) opt_##TYPE name;
#include "multiplexer/options.def"
};

extern const struct option option_table[];
extern const size_t option_rows;

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
	bool optional; /* a built-in one: if it cannot listen (no IPv6 here), the others go on */
};

struct config {
	struct options options;
	struct listener_config *listeners; /* owned */
	size_t listener_count;
	struct linkkey *key;              /* owned: of server_key; NULL = none */
	struct certificates certificates; /* owned; only who speaks TLS reads their files */
};

/* Reads file; NULL means the built-in settings: telnet-line on 127.0.0.1:4000 and [::1]:4000,
 * websocket on 127.0.0.1:4080 and [::1]:4080.
 * False with *why "FILE:LINE: text" (valid until the next call) and *config untouched. */
bool config_load(struct config *config, const char *file, const char **why);
void config_free(struct config *config);

/* The settings in force, in the file's own form, on standard output. */
void config_print(const struct config *config);

/* Whether players speak TLS on any of its listeners. */
bool config_has_tls(const struct config *config);

/* Takes from fresh what may change while running, its key and its certificates. Returns how many settings differ but
 * need a restart of the multiplexer. */
unsigned config_apply_live(struct config *running, struct config *fresh);

#endif
