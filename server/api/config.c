#include "server/api/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/cvar.h"

static char why_text[500];

static bool fail(const char **why, const char *cvar, const char *reason)
{
	snprintf(why_text, sizeof why_text, "%s: %s", cvar, reason);
	*why = why_text;
	return false;
}

bool api_config_read(const struct cvars *set, struct api_config *out, const char **why)
{
	const char *reason;

	*out = (struct api_config){
		.on = set->sv_api,
		.threads = set->sv_api_numthreads,
		.rate = set->sv_api_rate,
		.clients = set->sv_api_clients,
		.per_address = set->sv_api_clients_per_address,
		.requests_per_s = set->sv_api_requests,
		.margin_us = set->sv_api_margin * 1000,
		.timeout_ms = set->sv_api_timeout,
		.tokens = set->sv_api_tokens,
		.hosts = strdup(set->sv_api_hosts),
		.origins = strdup(set->sv_api_origins),
		.ports_text = strdup(set->sv_api_ports),
	};
	if (out->hosts == NULL || out->origins == NULL || out->ports_text == NULL)
		return fail(why, "sv_api", "not enough memory");
	if (!ports_parse(set->sv_api_ports, &out->ports, &reason))
		return fail(why, "sv_api_ports", reason);
	if (!acl_parse(set->sv_api_acl, &out->acl, &reason))
		return fail(why, "sv_api_acl", reason);
	return true;
}

void api_config_free(struct api_config *config)
{
	free(config->hosts);
	free(config->origins);
	free(config->ports_text);
	*config = (struct api_config){0};
}
