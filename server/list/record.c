#include "server/list/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum type { BOOL, INT, REAL, TEXT, ADDRESS, PLAYERS };
enum by { SERVER, LIST };

enum { TEXT_MAX = 1000, NAME_MAX_BYTES = 64, PLAYERS_MAX = 1000 };

static const struct field {
	const char *name;
	enum type type;
	enum by by;
} fields[] = {
#define FIELD(name, type, by) {#name, type, by},
#include "server/list/status_fields.def"
};

enum family record_family(const char *ip)
{
	return strchr(ip, ':') != NULL ? FAMILY_V6 : FAMILY_V4;
}

void record_free(struct record *r)
{
	json_decref(r->status);
	r->status = NULL;
}

bool record_has(const struct record *r, const char *ip)
{
	return strcmp(r->address[record_family(ip)], ip) == 0;
}

bool record_is_current(const struct record *r, int64_t now)
{
	return !r->gone && now - r->last_update <= RECORD_CURRENT_S;
}

/* ---- what a server says ---- */

static const struct field *field_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

static const char *players_fault(const json_t *value)
{
	const char *name;
	json_t *of;

	if (!json_is_object(value))
		return "must be an object whose keys are the players' names";
	if (json_object_size(value) > PLAYERS_MAX)
		return "has more than 1000 players";
	json_object_foreach((json_t *)value, name, of)
	{
		if (name[0] == '\0' || strlen(name) > NAME_MAX_BYTES)
			return "has a name that is not 1 to 64 bytes long";
	}
	return NULL;
}

static const char *value_fault(enum type type, const json_t *value)
{
	switch (type) {
	case BOOL:
		return json_is_boolean(value) ? NULL : "must be true or false";
	case INT:
		return json_is_integer(value) ? NULL : "must be a whole number";
	case REAL:
		return json_is_number(value) ? NULL : "must be a number";
	case TEXT:
		if (!json_is_string(value))
			return "must be a text";
		return json_string_length(value) <= TEXT_MAX ? NULL : "is longer than 1000 bytes";
	case ADDRESS:
		return json_is_string(value) || json_is_null(value) ? NULL
								    : "must be a text or null";
	case PLAYERS:
		return players_fault(value);
	}
	return NULL;
}

const char *record_status_fault(const json_t *status)
{
	static char text[200];
	const char *name;
	json_t *value;

	if (!json_is_object(status))
		return "serverStatus is missing, or no object";
	json_object_foreach((json_t *)status, name, value)
	{
		const struct field *f = field_find(name);
		const char *fault =
			f != NULL && f->by == SERVER ? value_fault(f->type, value) : NULL;

		if (fault == NULL)
			continue;
		snprintf(text, sizeof text, "%s: %s", name, fault);
		return text;
	}
	return NULL;
}

/* ---- what is answered ---- */

static json_t *time_json(int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm parts;
	char text[32];

	gmtime_r(&when, &parts);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
	return json_string(text);
}

static json_t *address_json(const char *ip)
{
	return ip[0] != '\0' ? json_string(ip) : json_null();
}

static json_t *names_of(const json_t *players)
{
	json_t *names = json_array(), *of;
	const char *name;

	json_object_foreach((json_t *)players, name, of)
	{
		json_array_append_new(names, json_string(name));
	}
	return names;
}

static double percentage(const json_t *status)
{
	json_int_t most = json_integer_value(json_object_get(status, "maxPlayers"));
	json_int_t now = json_integer_value(json_object_get(status, "currentPlayers"));

	return most > 0 ? 100.0 * (double)now / (double)most : 0;
}

json_t *record_json(const struct record *r)
{
	json_t *all = json_copy(r->status);
	json_t *added = json_pack("{s:o, s:o, s:i, s:b, s:o, s:o, s:I, s:I, s:f}", "IPv4Address",
		address_json(r->address[FAMILY_V4]), "IPv6Address",
		address_json(r->address[FAMILY_V6]), "port", (int)r->port, "connectable",
		r->connectable, "firstSeen", time_json(r->first_seen), "lastUpdate",
		time_json(r->last_update), "gameID", (json_int_t)r->game_id, "serverID",
		(json_int_t)r->id, "playerPercentage", percentage(r->status));
	const json_t *players = json_object_get(r->status, "playerList");

	if (all == NULL || added == NULL || json_object_update(all, added) != 0) {
		json_decref(all);
		all = NULL;
	} else if (players != NULL) {
		json_object_set_new(all, "playerList", names_of(players));
	}
	json_decref(added);
	return all;
}
