#include "server/register/settings.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "server/fetch_url.h"

static void unwanted(struct settings *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void unwanted(struct settings *s, const char *fmt, ...)
{
	va_list args;

	if (!s->core.wanted)
		return; /* the first reason is the one to tell */
	va_start(args, fmt);
	vsnprintf(s->core.why_not, sizeof s->core.why_not, fmt, args);
	va_end(args);
	s->core.wanted = false;
}

/* Unset, empty and 0 are the same. */
static void read_ip(struct settings *s, const char *name, const char *text, enum family family,
	struct address *out)
{
	if (text[0] == '\0' || strcmp(text, "0") == 0)
		return;
	if (!who_parse_ip(slice_text(text), out) || address_family(out) != family) {
		*out = (struct address){0};
		unwanted(s, "%s is '%.64s', which is no %s address", name, text,
			family_name(family));
	}
}

static bool is_word(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && strchr("._-", text[i]) == NULL)
			return false;
	return len > 0 && text[0] != '.';
}

/* DEVELOPER/GAME */
static bool is_game(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash != NULL && is_word(text, (size_t)(slash - text)) &&
	       is_word(slash + 1, strlen(slash + 1));
}

static void read_list(struct settings *s, const struct cvars *set)
{
	const char *game = s->kag ? "thd/kag" : set->sv_register_game, *why;
	size_t len = strlen(set->sv_register_url);

	while (len > 0 && set->sv_register_url[len - 1] == '/')
		len--;
	if (len == 0)
		unwanted(s, "sv_register_url is empty: there is no list to register with");
	else if (!fetch_url_check(set->sv_register_url, &why))
		unwanted(s, "sv_register_url: %s", why);
	else if (strpbrk(set->sv_register_url, "?#") != NULL)
		unwanted(s, "sv_register_url may have no ? and no # in it");
	if (!is_game(game))
		unwanted(s, "sv_register_game is '%.60s', and not like developer/game", game);
	snprintf(s->base, sizeof s->base, "%.*s/game/%.100s/server", (int)len, set->sv_register_url,
		game);
	const char *host = strstr(set->sv_register_url, "://");
	int origin =
		host != NULL ? (int)(host + 3 - set->sv_register_url + strcspn(host + 3, "/")) : 0;
	for (int i = 0; i < 3; i++)
		snprintf(s->whoami[i], sizeof s->whoami[i], "%.*s/whoami", origin,
			set->sv_register_url);
}

static void read_whoami(struct settings *s, const char *text)
{
	int count = 0;
	const char *why;

	for (text += strspn(text, " \t"); *text != '\0'; text += strspn(text, " \t")) {
		size_t len = strcspn(text, " \t");

		if (count < 3 && len < SETTINGS_URL_MAX) {
			snprintf(s->whoami[count], SETTINGS_URL_MAX, "%.*s", (int)len, text);
			if (!fetch_url_check(s->whoami[count], &why))
				unwanted(s, "sv_register_whoami: %s", why);
		}
		count++;
		text += len;
	}
	if (count != 0 && count != 3)
		unwanted(s, "sv_register_whoami holds %d URLs, and not three", count);
}

void settings_read(const struct cvars *set, struct settings *out)
{
	struct settings *s = out;

	*s = (struct settings){.core.wanted = true,
		.core.who.enable_ipv6 = set->sv_enableipv6,
		.port = set->sv_external_port != 0 ? set->sv_external_port : set->sv_port};
	s->kag = strcmp(set->sv_register_preset, "kag") == 0;
	if (!set->sv_register)
		unwanted(s, "sv_register is 0");
	if (!s->kag && set->sv_register_preset[0] != '\0')
		unwanted(s, "sv_register_preset is '%s'; there is only kag",
			set->sv_register_preset);
	if (set->sv_preferAF != 0 && set->sv_preferAF != 4 && set->sv_preferAF != 6)
		unwanted(s, "sv_preferAF is %u, and not 4, 6 or 0", (unsigned)set->sv_preferAF);
	read_list(s, set);
	read_whoami(s, set->sv_register_whoami);
	read_ip(s, "sv_ip", set->sv_ip, FAMILY_V4, &s->core.who.ip);
	read_ip(s, "sv_ipv6", set->sv_ipv6, FAMILY_V6, &s->core.who.ipv6);
}

bool settings_check(const struct cvars *set, const char **why)
{
	static char some_list[] = "https://list.example";
	static struct settings s;
	struct cvars all = *set; /* borrows its texts */

	all.sv_register = true;
	if (all.sv_register_url[0] == '\0')
		all.sv_register_url = some_list;
	settings_read(&all, &s);
	*why = s.core.why_not;
	return s.core.wanted;
}

static bool same_address(const struct address *a, const struct address *b)
{
	return (a->len == 0 && b->len == 0) || who_same_host(a, b);
}

bool settings_same(const struct settings *a, const struct settings *b)
{
	for (int i = 0; i < 3; i++)
		if (strcmp(a->whoami[i], b->whoami[i]) != 0)
			return false;
	return a->core.wanted == b->core.wanted && strcmp(a->core.why_not, b->core.why_not) == 0 &&
	       a->kag == b->kag && a->port == b->port && strcmp(a->base, b->base) == 0 &&
	       a->core.who.enable_ipv6 == b->core.who.enable_ipv6 &&
	       same_address(&a->core.who.ip, &b->core.who.ip) &&
	       same_address(&a->core.who.ipv6, &b->core.who.ipv6);
}

char *settings_url(const struct settings *s, const struct address *as, char *out, size_t room)
{
	char ip[ADDRESS_IP_MAX];

	address_ip(as, ip);
	snprintf(out, room, "%s/%s/%u/status", s->base, ip, s->port);
	return out;
}

char *settings_place(const struct settings *s, char *out, size_t room)
{
	snprintf(out, room, "%s port %u", s->base, s->port);
	return out;
}
