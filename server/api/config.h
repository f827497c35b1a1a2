/* The cvars of the API as they were when a map started: nothing of it changes until the next one does. */
#ifndef SERVER_API_CONFIG_H
#define SERVER_API_CONFIG_H

#include "server/api/acl.h"
#include "server/api/ports.h"

struct cvars;

struct api_config {
	bool on; /* sv_api */
	struct ports ports;
	struct acl acl;
	unsigned threads, rate, clients, per_address, requests_per_s;
	uint64_t margin_us, timeout_ms;
	bool tokens;                        /* who is not on this machine needs one */
	char *hosts, *origins, *ports_text; /* owned */
};

/* False with *why a sentence that names the cvar and what is wrong with it (valid until the next call);
 * api_config_free in any case. */
bool api_config_read(const struct cvars *set, struct api_config *out, const char **why);
void api_config_free(struct api_config *config);

#endif
