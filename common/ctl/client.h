/* Asks a daemon one command over its admin socket, and waits for the answer. */
#ifndef COMMON_CTL_CLIENT_H
#define COMMON_CTL_CLIENT_H

#include <jansson.h>

#include "common/defs.h"

/* Sends {"argv": [...]} to the admin socket at path and waits, at most timeout_ms in all, for the
 * reply: a new reference to {"ok": true, "answer": ...} or {"ok": false, "error": "..."}.
 * NULL when there is none, with *why a sentence that says what to do, valid until the next call. */
json_t *client_ask(
	const char *path, int argc, const char *const *argv, uint64_t timeout_ms, const char **why);

#endif
