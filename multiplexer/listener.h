/* A place where users connect: one accept loop, and a table of the kinds there are. */
#ifndef MULTIPLEXER_LISTENER_H
#define MULTIPLEXER_LISTENER_H

#include "multiplexer/config.h"
#include "multiplexer/layers.h"

struct mux;

struct listener_kind {
	const char *name; /* in the configuration, and the protocol word of GOT SUBCLIENT */
	const char *help;
	const struct layer *layers[LAYERS_MAX + 1]; /* bottom first, NULL at the end */
	bool is_telnet;                             /* for people at telnet clients: see opener.h */
	bool is_chain;  /* no users, but another multiplexer that is connected to us */
	bool handshake; /* he is a user only when the layers call on_ready */
	bool no_ident;  /* who owns a browser's connection says nothing of him who plays */
	bool line_mode; /* what a user types is a whole line: his cursor is at a line's start then */
};

const struct listener_kind *listener_kind_find(const char *name);
const char *listener_kind_names(void); /* "telnet-line, telnet-char, raw, websocket" */

struct listener;

/* Binds and listens. NULL with *why a sentence, valid until the next call. */
struct listener *listener_open(
	struct mux *mux, const struct listener_config *config, const char **why);

/* Stops accepting, removes an AF_UNIX socket file. Users stay, and with them the listener: it tells
 * their keys. Harmless twice. */
void listener_close(struct listener *l);

/* When the loop has ended. NULL is allowed. */
void listener_free(struct listener *l);

const struct listener_config *listener_config(const struct listener *l);
unsigned listener_users(const struct listener *l);

/* The place where a user reports his coming (+1) and going (-1): who still knocks, or only fetches the page,
 * is none. */
void listener_count(struct listener *l, int change);

#endif
