/* The settings of a registration, read and checked: where to, as what, and whether at all. */
#ifndef SERVER_REGISTER_SETTINGS_H
#define SERVER_REGISTER_SETTINGS_H

#include "server/cvar.h"
#include "server/register/core.h"

enum { SETTINGS_URL_MAX = 1100 };

struct settings {
	struct core_settings core;
	bool kag;
	char whoami[3][SETTINGS_URL_MAX];  /* over IPv4, over IPv6, over either */
	char base[SETTINGS_URL_MAX + 120]; /* {url}/game/{gamedev}/{game}/server */
	unsigned port;
};

/* Never fails: what is wrong is a reason not to register, in core.why_not. */
void settings_read(const struct cvars *set, struct settings *out);

/* Whether all of them can be read, also those that an empty sv_register_url or sv_register 0 leave aside.
 * False with *why a sentence that names the cvar, valid until the next call. */
bool settings_check(const struct cvars *set, const char **why);

bool settings_same(const struct settings *a, const struct settings *b);

/* What list and port: to another one we are somebody else. Returns out. */
char *settings_place(const struct settings *s, char *out, size_t room);

/* Where the call for a server goes: BASE/ADDRESS/PORT/status. Returns out. */
char *settings_url(const struct settings *s, const struct address *as, char *out, size_t room);

#endif
