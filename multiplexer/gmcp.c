#include "multiplexer/gmcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/jsontext.h"

void gmcp_value(char out[GMCP_VALUE_MAX], struct slice text)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len && len < GMCP_VALUE_MAX - 1; i++)
		if (text.at[i] >= 0x20 && text.at[i] < 0x7f)
			out[len++] = (char)text.at[i];
	while (len > 0 && out[len - 1] == ' ') /* TinTin++'s version has one */
		len--;
	out[len] = '\0';
}

struct slice gmcp_name(struct slice body, struct slice *json)
{
	size_t name = 0;

	while (name < body.len && body.at[name] > ' ')
		name++;
	*json = slice_from(body, name);
	return slice_of(body.at, name);
}

static void take_hello(const struct gmcp_about *about, const json_t *hello)
{
	const char *client = json_string_value(json_object_get(hello, "client"));
	const char *version = json_string_value(json_object_get(hello, "version"));

	if (client != NULL)
		gmcp_value(about->client, slice_text(client));
	if (version != NULL)
		gmcp_value(about->version, slice_text(version));
}

/* "Char.Skills 1": the name's length; 0 = no such name. */
static size_t module_name(const char *module)
{
	size_t len = strspn(module, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._-");
	return len < 48 && (module[len] == '\0' || module[len] == ' ') ? len : 0;
}

static size_t first_line(struct slice rest)
{
	return (size_t)((const uint8_t *)memchr(rest.at, '\n', rest.len) - rest.at) + 1;
}

static void remove_module(struct buf *modules, const char *name, size_t len)
{
	struct buf kept = {0};
	struct slice rest = buf_bytes(modules);

	while (rest.len > 0) {
		size_t line = first_line(rest);
		bool is_it = line > len && rest.at[len] == ' ' &&
			     strncasecmp((const char *)rest.at, name, len) == 0;

		if (!is_it && !buf_add(&kept, slice_of(rest.at, line)))
			break;
		rest = slice_from(rest, line);
	}
	buf_free(modules);
	*modules = kept;
}

static void change_module(struct buf *modules, const char *module, bool add)
{
	size_t len = module_name(module);

	if (len == 0)
		return;
	remove_module(modules, module, len);
	if (add && modules->len + len + 8 <= GMCP_MODULES_MAX) {
		unsigned long version = strtoul(module + len, NULL, 10);

		buf_addf(modules, "%.*s %lu\n", (int)len, module, version % 1000);
	}
}

static void take_supports(struct buf *modules, const char *verb, const json_t *list)
{
	bool set = strcasecmp(verb, "Set") == 0, remove = strcasecmp(verb, "Remove") == 0;
	size_t i;
	json_t *item;

	if (!json_is_array(list))
		return;
	if (set)
		buf_free(modules);
	json_array_foreach(list, i, item)
	{
		if (json_is_string(item))
			change_module(modules, json_string_value(item), !remove);
	}
}

enum gmcp_taken gmcp_take(const struct gmcp_about *about, struct slice body)
{
	static const char supports[] = "Core.Supports.";
	struct slice json, name = gmcp_name(body, &json);
	char text[32] = "";

	if (name.len == 0)
		return GMCP_DROPPED;
	if (name.len >= sizeof text)
		return GMCP_FOR_GAME;
	memcpy(text, name.at, name.len);
	if (strcasecmp(text, "Core.Ping") == 0)
		return GMCP_PING;
	if (strcasecmp(text, "Core.KeepAlive") == 0)
		return GMCP_DROPPED;
	bool hello = strcasecmp(text, "Core.Hello") == 0;
	if (!hello && strncasecmp(text, supports, sizeof supports - 1) != 0)
		return GMCP_FOR_GAME;
	json_t *value = jsontext_read(json, JSON_DECODE_ANY, &jsontext_message, NULL);
	if (hello)
		take_hello(about, value);
	else
		take_supports(about->modules, text + sizeof supports - 1, value);
	json_decref(value);
	return GMCP_LEARNT;
}

json_t *gmcp_modules_caps(const struct buf *modules)
{
	struct slice rest = buf_bytes(modules);
	json_t *gmcp = json_object();

	while (gmcp != NULL && rest.len > 0) {
		char name[64], text[72];
		unsigned version;
		size_t line = first_line(rest);

		snprintf(text, sizeof text, "%.*s", (int)line - 1, (const char *)rest.at);
		if (sscanf(text, "%63s %u", name, &version) == 2)
			json_object_set_new(gmcp, name, json_integer(version));
		rest = slice_from(rest, line);
	}
	return gmcp;
}
