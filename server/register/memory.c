#include "server/register/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/internet.h"

static bool read_address(const json_t *text, enum family family, struct address *out)
{
	struct address a;

	if (!json_is_string(text) || !who_parse_ip(slice_text(json_string_value(text)), &a) ||
		address_family(&a) != family)
		return false;
	*out = a;
	return true;
}

static void read_end(const json_t *json, enum family family, struct who_end *end)
{
	end->usable = read_address(json_object_get(json, "external"), family, &end->external) &&
		      read_address(json_object_get(json, "local"), family, &end->local) &&
		      internet_is_own(&end->local);
	if (!end->usable)
		snprintf(end->why, sizeof end->why, "it is not remembered");
}

static void read_known(const json_t *json, struct core_memory *out)
{
	const json_t *as = json_object_get(json, "as");
	const char *id = json_string_value(json_object_get(json, "serverID"));

	if (!read_address(as, FAMILY_V4, &out->as))
		read_address(as, FAMILY_V6, &out->as);
	read_address(json_object_get(json, "known4"), FAMILY_V4, &out->known4);
	read_address(json_object_get(json, "known6"), FAMILY_V6, &out->known6);
	snprintf(out->server_id, sizeof out->server_id, "%s", id != NULL ? id : "");
}

bool memory_read(const char *path, const char *place, struct core_memory *out)
{
	json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	const char *its_place = json_string_value(json_object_get(json, "list"));
	bool ours = its_place != NULL && strcmp(its_place, place) == 0;
	struct who *who = &out->who;

	memset(out, 0, sizeof *out);
	if (ours) {
		read_end(json_object_get(json, "IPv4"), FAMILY_V4, &who->v4);
		read_end(json_object_get(json, "IPv6"), FAMILY_V6, &who->v6);
		read_known(json, out);
		bool four = json_integer_value(json_object_get(json, "first")) == 4;
		who->first = who->v4.usable && (four || !who->v6.usable) ? FAMILY_V4
			     : who->v6.usable                            ? FAMILY_V6
									 : FAMILY_NONE;
	}
	json_decref(json);
	return ours;
}

static json_t *ip_json(const struct address *a)
{
	char ip[ADDRESS_IP_MAX];

	if (a->len == 0)
		return json_null();
	address_ip(a, ip);
	return json_string(ip);
}

static json_t *end_json(const struct who_end *end)
{
	return end->usable ? json_pack("{s:o, s:o}", "external", ip_json(&end->external), "local",
				     ip_json(&end->local))
			   : json_null();
}

static bool write_whole(int fd, const char *text)
{
	size_t len = strlen(text);
	bool ok = write(fd, text, len) == (ssize_t)len;

	return close(fd) == 0 && ok;
}

bool memory_write(
	const char *path, const char *place, const struct core_memory *memory, const char **why)
{
	static char text[700];
	char fresh[600];
	int first = memory->who.first == FAMILY_V4 ? 4 : memory->who.first == FAMILY_V6 ? 6 : 0;
	json_t *json = json_pack("{s:s, s:o, s:o, s:i, s:o, s:o, s:o, s:s}", "list", place, "IPv4",
		end_json(&memory->who.v4), "IPv6", end_json(&memory->who.v6), "first", first, "as",
		ip_json(&memory->as), "known4", ip_json(&memory->known4), "known6",
		ip_json(&memory->known6), "serverID", memory->server_id);
	char *dump = json != NULL ? json_dumps(json, JSON_INDENT(1)) : NULL;

	json_decref(json);
	snprintf(fresh, sizeof fresh, "%s.new", path);
	int fd = dump != NULL ? open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	bool ok = fd >= 0 && write_whole(fd, dump) && rename(fresh, path) == 0;
	if (!ok)
		snprintf(text, sizeof text, "%s: %s", path, strerror(errno));
	*why = text;
	free(dump);
	return ok;
}
