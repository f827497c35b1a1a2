/* How the registration stands, in words for the owner of the server. */
#ifndef SERVER_REGISTER_STATUS_H
#define SERVER_REGISTER_STATUS_H

#include <jansson.h>

#include "server/register/settings.h"

/* New reference. */
json_t *register_status(
	const struct core *c, const struct settings *s, const struct cvars *set, uint64_t now_ms);

#endif
