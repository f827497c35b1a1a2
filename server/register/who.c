#include "server/register/who.h"

#include <stdio.h>

#include "common/jsontext.h"

enum { WHO_ANSWER_MAX = 1024 };

bool who_same_host(const struct address *a, const struct address *b)
{
	uint8_t of_a[ADDRESS_IP_BYTES], of_b[ADDRESS_IP_BYTES];

	return address_ip_bytes(a, of_a) && address_ip_bytes(b, of_b) &&
	       memcmp(of_a, of_b, sizeof of_a) == 0;
}

/* ---- one answer --------------------------------------------------------------------------------- */

bool who_parse_ip(struct slice text, struct address *out)
{
	char with_port[ADDRESS_IP_MAX + 8];
	struct address a;
	const char *why;

	if (text.len == 0 || text.len >= ADDRESS_IP_MAX ||
		memchr(text.at, '\0', text.len) != NULL || text.at[0] == '*' || text.at[0] == '[')
		return false;
	snprintf(with_port, sizeof with_port,
		memchr(text.at, ':', text.len) != NULL ? "[%.*s]:0" : "%.*s:0", (int)text.len,
		(const char *)text.at);
	if (!address_parse(with_port, &a, &why) || address_family(&a) == FAMILY_NONE)
		return false; /* "unix" would be one */
	*out = a;
	return true;
}

/* An answer that is a bare address, with blanks around it. */
static bool read_bare(struct slice answer, struct address *out)
{
	const char *at = (const char *)answer.at;
	size_t len = answer.len;

	while (len > 0 && strchr(" \t\r\n", at[0]) != NULL && at[0] != '\0')
		at++, len--;
	while (len > 0 && strchr(" \t\r\n", at[len - 1]) != NULL && at[len - 1] != '\0')
		len--;
	return who_parse_ip(slice_of(at, len), out);
}

bool who_read(struct slice answer, struct address *out, const char **why)
{
	*why = "the answer is too long";
	if (answer.len > WHO_ANSWER_MAX)
		return false;
	*why = "the answer is neither {\"yourIP\":\"...\"} nor an address";
	if (answer.len == 0)
		return false;
	if (read_bare(answer, out))
		return true;
	json_t *json = jsontext_read(answer, JSON_REJECT_DUPLICATES, &jsontext_message, NULL);
	const json_t *ip = json_object_get(json, "yourIP");
	bool ok = json_is_string(ip) &&
		  who_parse_ip(slice_of(json_string_value(ip), json_string_length(ip)), out);
	json_decref(json);
	return ok;
}

void who_judge(struct who_probe *probe, enum family family, struct slice answer)
{
	struct address seen;
	const char *why;

	probe->bad = true;
	if (!who_read(answer, &seen, &why)) {
		snprintf(probe->why, sizeof probe->why, "%s", why);
	} else if (family != FAMILY_NONE && address_family(&seen) != family) {
		snprintf(probe->why, sizeof probe->why,
			"asked over %s, it answered an address of %s", family_name(family),
			family_name(address_family(&seen)));
	} else {
		probe->seen = seen;
		probe->bad = false;
		probe->why[0] = '\0';
	}
}

/* ---- all of them -------------------------------------------------------------------------------- */

static void take(struct who_end *end, const struct who_probe *probe)
{
	end->usable = probe->seen.len > 0;
	end->external = probe->seen;
	end->local = probe->local;
	if (!end->usable)
		snprintf(end->why, sizeof end->why, "no Internet: %s",
			probe->why[0] != '\0' ? probe->why : "it was not asked for");
}

/* Calls that leave by the machine's other family would have its other servers' address. */
static void apply_one_family_rule(const struct who_settings *settings, struct who *w)
{
	bool ip = settings->ip.len > 0, ipv6 = settings->ipv6.len > 0;
	char found[ADDRESS_IP_MAX];

	if (!w->v4.usable || !w->v6.usable || ip == ipv6)
		return;
	address_ip(ip ? &w->v6.external : &w->v4.external, found);
	snprintf(w->forced, sizeof w->forced,
		"sv_register is now 0: %s is set and %s is not, but this machine reaches the Internet "
		"over both (over %s as %s). Another server on it could then claim the same address and "
		"port. Set %s to the address that belongs to this server too, or %s; then set "
		"sv_register 1",
		ip ? "sv_ip" : "sv_ipv6", ip ? "sv_ipv6" : "sv_ip", ip ? "IPv6" : "IPv4", found,
		ip ? "sv_ipv6" : "sv_ip",
		ip ? "set sv_enableipv6 0 to do without IPv6"
		   : "set sv_enableipv6 0 and no sv_ipv6 to do without IPv6");
}

void who_decide(
	const struct who_settings *settings, const struct who_probes *probes, struct who *out)
{
	*out = (struct who){0};
	take(&out->v4, &probes->v4);
	if (settings->enable_ipv6)
		take(&out->v6, &probes->v6);
	else
		snprintf(out->v6.why, sizeof out->v6.why, "sv_enableipv6 is 0");
	apply_one_family_rule(settings, out);
	enum family dual = address_family(&probes->dual.seen);
	const struct who_end *wanted = who_end_of(out, dual);
	out->first = wanted != NULL && wanted->usable ? dual
		     : out->v6.usable                 ? FAMILY_V6
		     : out->v4.usable                 ? FAMILY_V4
						      : FAMILY_NONE;
}

const struct who_end *who_find(const struct who *w, const struct address *external)
{
	if (w->v4.usable && who_same_host(&w->v4.external, external))
		return &w->v4;
	if (w->v6.usable && who_same_host(&w->v6.external, external))
		return &w->v6;
	return NULL;
}

enum family who_other(const struct who *w, enum family f)
{
	enum family other = f == FAMILY_V4 ? FAMILY_V6 : FAMILY_V4;

	return who_end_of(w, other)->usable ? other : FAMILY_NONE;
}

bool who_has_nat(const struct who_end *end)
{
	return end->usable && !who_same_host(&end->external, &end->local);
}
