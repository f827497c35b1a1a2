/* What multiplexer.conf says, checked: options and listeners. */
#ifndef MULTIPLEXER_CONFIG_H
#define MULTIPLEXER_CONFIG_H

#include "common/option.h"
#include "multiplexer/listener_config.h"
#include "multiplexer/tls/certificates.h"

struct options {
#define OPTION(TYPE, name, preset, min, max, flags, help) opt_##TYPE name;
#include "multiplexer/options.def"
};

extern const struct option option_table[];
extern const size_t option_rows;

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
