/* Where multiplexers connect: what sv_link and sv_link_key say, read and opened. */
#ifndef SERVER_MUXDOORS_H
#define SERVER_MUXDOORS_H

#include "common/address.h"
#include "proto/linkkey.h"

enum { MUXDOORS_MAX = 8 };

struct game;

struct muxdoors {
	struct address at[MUXDOORS_MAX];
	size_t count;
	struct linkkey
		*key; /* owned: for every address that is not AF_UNIX; NULL = none is needed */
};

/* Reads the cvars: unix:/PATH or tcp:ADDRESS:PORT (numeric, or * for all of IPv4), separated by blanks;
 * none is link.sock in the run directory. tcp: needs a key, on loopback too. False with *why a sentence
 * (valid until the next call) and nothing kept. */
bool muxdoors_read(const struct game *game, struct muxdoors *out, const char **why);
void muxdoors_free(struct muxdoors *doors);

#endif
