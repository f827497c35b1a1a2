#include "server/register/status.h"

#include <stdio.h>

static void put(json_t *to, const char *key, const char *text)
{
	json_object_set_new(to, key, json_string(text));
}

static void put_end(json_t *to, enum family family, const struct core *c)
{
	const struct who_end *end = who_end_of(&c->who, family);
	char external[ADDRESS_IP_MAX], local[ADDRESS_IP_MAX], text[300];

	if (!c->who_known) {
		put(to, family_name(family), "not known yet");
		return;
	}
	address_ip(&end->external, external);
	address_ip(&end->local, local);
	if (!end->usable)
		snprintf(text, sizeof text, "not used: %s", end->why);
	else if (who_has_nat(end))
		snprintf(text, sizeof text, "%s; on this machine it is %s (NAT)%s", external, local,
			c->who_remembered ? ", as it was before the start" : "");
	else
		snprintf(text, sizeof text, "%s, on this machine too%s", external,
			c->who_remembered ? ", as it was before the start" : "");
	put(to, family_name(family), text);
}

static void put_registered(json_t *to, const struct core *c, const struct settings *s)
{
	char text[sizeof c->why + 8], ip[ADDRESS_IP_MAX];

	if (c->state == CORE_REGISTERED) {
		address_ip(&c->as, ip);
		snprintf(text, sizeof text, "yes, as %s port %u", ip, s->port);
	} else {
		snprintf(text, sizeof text, "no: %s", c->why);
	}
	put(to, "registered", text);
}

static void put_calls(json_t *to, const struct core *c, uint64_t now_ms)
{
	char text[300];

	if (c->called_ms == 0 || c->answered_ms == 0)
		snprintf(text, sizeof text, "none yet");
	else
		snprintf(text, sizeof text, "%s%.0d%s%s, %llu s ago",
			c->last.status == 0 ? "no answer" : "", c->last.status,
			c->last.message[0] != '\0' ? ": " : "", c->last.message,
			(unsigned long long)((now_ms - c->answered_ms) / 1000));
	put(to, "last answer", text);
	if (c->state == CORE_OFF)
		snprintf(text, sizeof text, "none");
	else if (core_until_due(c, now_ms) == 0)
		snprintf(text, sizeof text, c->probing ? "under way: who are we?" : "under way");
	else
		snprintf(text, sizeof text, "in %llu s",
			(unsigned long long)(core_until_due(c, now_ms) + 999) / 1000);
	put(to, "next call", text);
}

/* What an owner can do about it. */
static void put_advice(
	json_t *to, const struct core *c, const struct settings *s, const struct cvars *set)
{
	const struct who_end *used = who_end_of(&c->who, c->called_family);
	char text[400] = "nothing needs to be done";

	if (c->forced)
		snprintf(text, sizeof text,
			"set the other address too, or sv_enableipv6 0; then set "
			"sv_register 1");
	else if (c->state == CORE_OFF && set->sv_register_url[0] == '\0')
		snprintf(text, sizeof text,
			"to be in a list, set sv_register_url to its address, as its keepers name it");
	else if (c->state == CORE_OFF)
		snprintf(text, sizeof text, "to be in the list, change that setting");
	else if (c->state == CORE_REFUSED && c->last.sub_code == ANSWER_TOO_MANY)
		snprintf(text, sizeof text,
			"the list has too many servers of your address: take one "
			"out, or ask its keepers for room");
	else if (c->state == CORE_REFUSED && c->last.sub_code == ANSWER_NOT_YOU)
		snprintf(text, sizeof text,
			"see that calls to the list and to whoami leave by the "
			"same way: no proxy, no VPN for one of them");
	else if (c->state == CORE_REFUSED)
		snprintf(text, sizeof text,
			"see whether sv_register_url and sv_register_game are "
			"right, and ask the keepers of the list");
	else if (c->state == CORE_AWAY)
		snprintf(text, sizeof text,
			"it is tried again by itself; if it stays so, see whether "
			"this machine reaches the list, and ask its keepers");
	else if (used != NULL && who_has_nat(used))
		snprintf(text, sizeof text,
			"see that the router sends port %u to port %u of this "
			"machine, or nobody can connect",
			s->port, (unsigned)set->sv_port);
	put(to, "to do", text);
}

json_t *register_status(
	const struct core *c, const struct settings *s, const struct cvars *set, uint64_t now_ms)
{
	json_t *all = json_object();
	char text[300];

	put_registered(all, c, s);
	put(all, "list", set->sv_register_url[0] != '\0' ? set->sv_register_url : "none");
	put_end(all, FAMILY_V4, c);
	put_end(all, FAMILY_V6, c);
	if (c->who_known && c->family != FAMILY_NONE)
		put(all, "calls go by", family_name(c->family));
	snprintf(text, sizeof text, "%s",
		set->sv_preferAF == 4   ? "IPv4"
		: set->sv_preferAF == 6 ? "IPv6"
					: "either");
	put(all, "players should use", text);
	put(all, "server id", c->server_id[0] != '\0' ? c->server_id : "none told");
	put_calls(all, c, now_ms);
	put_advice(all, c, s, set);
	return all;
}
