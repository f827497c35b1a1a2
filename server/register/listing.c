#include "server/register/listing.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/cvar.h"

enum field_type { BOOL, INT, TEXT };
enum field_owner { SERVER, MAP };

static const struct field {
	const char *name;
	enum field_type type;
	json_int_t min, max;
	enum field_owner owner;
} fields[] = {
#define FIELD(type, name, min, max, whose) {#name, type, min, max, whose},
#include "server/register/fields.def"
};

static const struct field *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

/* ---- what the map sets -------------------------------------------------------------------------- */

static char why_text[200];

static bool refuse(const char **why, const char *name, const char *what)
{
	snprintf(why_text, sizeof why_text, "%.60s %s", name, what);
	*why = why_text;
	return false;
}

static bool check_known(const struct field *f, const json_t *value, const char **why)
{
	if (f->owner == SERVER)
		return refuse(why, f->name, "is for the server to say, not for the map");
	if (f->type == BOOL)
		return json_is_boolean(value) || refuse(why, f->name, "is true or false");
	if (f->type == TEXT)
		return (json_is_string(value) && json_string_length(value) <= (size_t)f->max) ||
		       refuse(why, f->name, "is a text, and not a long one");
	return (json_is_integer(value) && json_integer_value(value) >= f->min &&
		       json_integer_value(value) <= f->max) ||
	       refuse(why, f->name,
		       f->max == 255 ? "is a whole number from 0 to 255"
				     : "is a whole number, 0 or more");
}

static bool check_own(const char *name, const json_t *value, const char **why)
{
	static const char *const others[] = {"IPv4Address", "IPv6Address", "playerList",
		"connectable", "firstSeen", "lastUpdate", "gameID", "playerPercentage"};
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (strcmp(name, others[i]) == 0)
			return refuse(why, name, "is for the server or the list to say");
	if (len == 0 || len > LISTING_NAME_MAX || !isalpha((unsigned char)name[0]))
		return refuse(why, name,
			"is no name of a field: a letter, then letters, digits and _, 32 in all");
	for (const char *at = name; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && *at != '_')
			return refuse(why, name,
				"is no name of a field: a letter, then letters, digits and _");
	if (json_is_string(value) && json_string_length(value) <= LISTING_TEXT_MAX)
		return true;
	return json_is_number(value) || json_is_boolean(value) ||
	       refuse(why, name, "is a text of up to 200 bytes, a number, true or false");
}

static size_t count_own(const json_t *map)
{
	size_t n = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)map, name, value) n += find(name) == NULL;
	return n;
}

bool listing_set(struct listing *r, const json_t *given, const char **why)
{
	json_t *map = r->map != NULL ? json_copy(r->map) : json_object(), *value;
	const char *name;
	bool ok = map != NULL;

	*why = "not enough memory";
	json_object_foreach((json_t *)given, name, value)
	{
		const struct field *f = find(name);

		if (json_is_null(value))
			json_object_del(map, name);
		else
			ok = ok &&
			     (f != NULL ? check_known(f, value, why)
					: check_own(name, value, why)) &&
			     json_object_set(map, name, value) == 0;
	}
	if (ok && count_own(map) > LISTING_OWN_MAX)
		ok = refuse(why, "game.register:", "over 16 fields of its own");
	if (!ok) {
		json_decref(map);
		return false;
	}
	json_decref(r->map);
	r->map = map;
	return true;
}

void listing_clear(struct listing *r)
{
	json_decref(r->map);
	r->map = NULL;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

/* "0.1.0" is 100. */
static json_int_t build_number(void)
{
	unsigned major = 0, minor = 0, patch = 0;

	sscanf(HOLDFAST_VERSION, "%u.%u.%u", &major, &minor, &patch);
	return (json_int_t)major * 10000 + minor * 100 + patch;
}

static json_t *ip_or_null(const struct address *a)
{
	char ip[ADDRESS_IP_MAX];

	if (a == NULL || a->len == 0)
		return json_null();
	address_ip(a, ip);
	return json_string(ip);
}

/* By name: the values are for what may come to be said of a player. */
static json_t *player_list(const struct listing_now *now)
{
	json_t *list = json_object();

	for (size_t i = 0; i < now->named; i++)
		json_object_set_new(list, now->players[i],
			now->kag ? json_string("placeholder") : json_object());
	return list;
}

/* What the server says of itself, and what holds where the map says nothing. */
static json_t *presets(const struct listing_now *now)
{
	const struct cvars *set = now->cvars;
	json_int_t port = set->sv_external_port != 0 ? set->sv_external_port : set->sv_port;

	return json_pack(
		"{s:b, s:i, s:I, s:I, s:s, s:s, s:i, s:b, s:i, s:i, s:I, s:I, s:b, s:s, s:b, "
		"s:I, s:I, s:I, s:i, s:b, s:o, s:o, s:o}",
		"DNCycle", 0, "DNState", 0, "build", build_number(), "currentPlayers",
		(json_int_t)now->count, "description", set->sv_info, "gameMode", now->map,
		"gameState", 0, "gold", 0, "mapH", 0, "mapW", 0, "maxPlayers",
		(json_int_t)set->sv_maxplayers, "maxSpectatorPlayers",
		(json_int_t)set->sv_spectatorslots, "modsVerified", 0, "name", set->sv_name,
		"password", set->sv_password[0] != '\0', "port", port, "preferAF",
		(json_int_t)set->sv_preferAF, "reservedPlayers", (json_int_t)set->sv_reservedslots,
		"spectatorPlayers", 0, "usingMods", 0, "IPv4Address", ip_or_null(now->v4),
		"IPv6Address", ip_or_null(now->v6), "playerList", player_list(now));
}

char *listing_body(const struct listing *r, const struct listing_now *now)
{
	json_t *status = presets(now), *value;
	const char *name;

	json_object_foreach(r->map, name, value)
	{
		if (!now->kag || find(name) != NULL)
			json_object_set(status, name, value);
	}
	json_t *whole = json_pack("{s:o}", "serverStatus", status);
	char *text = whole != NULL ? json_dumps(whole, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(whole);
	return text;
}

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	for (const uint8_t *at = bytes; len > 0; at++, len--)
		hash = (hash ^ *at) * 0x100000001b3;
	return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	return mix(hash, text, strlen(text) + 1);
}

uint64_t listing_hash(const struct listing *r, const struct listing_now *now)
{
	const struct cvars *set = now->cvars;
	const uint64_t numbers[] = {now->count, set->sv_maxplayers, set->sv_spectatorslots,
		set->sv_reservedslots, set->sv_preferAF, set->sv_port, set->sv_external_port,
		set->sv_password[0] != '\0', now->kag};
	uint64_t hash = mix(0xcbf29ce484222325, numbers, sizeof numbers);

	hash = mix_text(mix_text(mix_text(hash, set->sv_name), set->sv_info), now->map);
	for (size_t i = 0; i < now->named; i++)
		hash = mix_text(hash, now->players[i]);
	char *map = r->map != NULL ? json_dumps(r->map, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (map != NULL)
		hash = mix_text(hash, map);
	free(map);
	return hash;
}
