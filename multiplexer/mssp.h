/* What crawlers of MUD lists are told (MSSP): the game's table, and what the multiplexer knows itself. */
#ifndef MULTIPLEXER_MSSP_H
#define MULTIPLEXER_MSSP_H

#include "common/buf.h"

/* What we say where the game has said nothing. Filled anew before each answer. */
struct mssp_facts {
	unsigned players;
	uint64_t up_since;   /* seconds since 1970 */
	const char *ports;   /* borrowed: decimal, separated by blanks */
	const char *version; /* borrowed */
	const char *tls;     /* borrowed: the port for TLS, decimal; NULL or "" = there is none */
};

/* Kept over restarts of the game, as long as the multiplexer runs. */
struct mssp {
	struct buf pairs; /* owned: the game's, in the wire's form: 1 NAME 2 value [2 value ...] */
	struct mssp_facts facts;
	void (*update)(struct mssp *m); /* fills facts; may be NULL */
};

enum { MSSP_MAX = 4000 }; /* bytes of the game's table in the wire's form */

/* Takes {"NAME": "text", "PORT": [4000, 23], "GMCP": true, ...}; null leaves a name to us. False with
 * *why, and nothing changed. */
bool mssp_set(struct mssp *m, struct slice json, const char **why);
void mssp_free(struct mssp *m);

/* What the game calls itself, UTF-8, borrowed until the next mssp_set; empty when it has not said. */
struct slice mssp_name(const struct mssp *m);

/* The body of IAC SB MSSP, or the lines between MSSP-REPLY-START and -END. False: memory is out. */
bool mssp_add_wire(const struct mssp *m, struct buf *out);
bool mssp_add_text(const struct mssp *m, struct buf *out);

#endif
