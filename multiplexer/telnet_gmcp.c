/* GMCP (option 201): "Package.Name json" both ways. What a client says of itself (Core.Hello,
 * Core.Supports) is kept for the caps, pings are answered; all else goes to the game as it is. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "multiplexer/telnet.h"

void telnet_gmcp_us(struct telnet *t, bool on UNUSED)
{
	buf_free(&t->client->modules);
	telnet_learnt(t);
}

bool telnet_gmcp_tell(struct telnet *t, struct tell *tell)
{
	if (!telnet_we_do(t->client, TELNET_GMCP))
		return false;
	if (tell->wire == NULL)
		tell->wire = telnet_sub_made(TELNET_GMCP, tell->data);
	if (tell->wire != NULL)
		layers_down_from(t->ls, t->position, tell->wire);
	return true;
}

/* ---- what he says ---- */

static void take_hello(struct telnet *t, const json_t *hello)
{
	const char *name = json_string_value(json_object_get(hello, "client"));
	const char *version = json_string_value(json_object_get(hello, "version"));

	if (name != NULL)
		telnet_value(t->client->name, slice_text(name));
	if (version != NULL)
		telnet_value(t->client->version, slice_text(version));
	telnet_learnt(t);
}

/* "Char.Skills 1": the name's length; 0 = no such name. */
static size_t module_name(const char *module)
{
	size_t len = strspn(module, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._-");
	return len < 48 && (module[len] == '\0' || module[len] == ' ') ? len : 0;
}

static void remove_module(struct buf *modules, const char *name, size_t len)
{
	struct buf kept = {0};
	struct slice rest = buf_bytes(modules);

	while (rest.len > 0) {
		size_t line =
			(size_t)((const uint8_t *)memchr(rest.at, '\n', rest.len) - rest.at) + 1;
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
	if (add && modules->len + len + 8 <= TELNET_MODULES_MAX) {
		unsigned long version = strtoul(module + len, NULL, 10);

		buf_addf(modules, "%.*s %lu\n", (int)len, module, version % 1000);
	}
}

static void take_supports(struct telnet *t, const char *verb, const json_t *list)
{
	bool set = strcasecmp(verb, "Set") == 0, remove = strcasecmp(verb, "Remove") == 0;
	size_t i;
	json_t *item;

	if (!json_is_array(list))
		return;
	if (set)
		buf_free(&t->client->modules);
	json_array_foreach(list, i, item)
	{
		if (json_is_string(item))
			change_module(&t->client->modules, json_string_value(item), !remove);
	}
	telnet_learnt(t);
}

/* Things between the client and us, not the game. */
static bool take_core(struct telnet *t, struct slice name, struct slice json)
{
	static const char supports[] = "Core.Supports.";
	char text[32] = "";

	if (name.len >= sizeof text)
		return false;
	memcpy(text, name.at, name.len);
	if (strcasecmp(text, "Core.Ping") == 0) {
		if (telnet_may_reply(t))
			telnet_sub_say(t, TELNET_GMCP, slice_text("Core.Ping"));
		return true;
	}
	if (strcasecmp(text, "Core.KeepAlive") == 0)
		return true;
	bool hello = strcasecmp(text, "Core.Hello") == 0;
	bool modules = strncasecmp(text, supports, sizeof supports - 1) == 0;
	if (!hello && !modules)
		return false;
	json_t *value = json_loadb((const char *)json.at, json.len, JSON_DECODE_ANY, NULL);
	if (hello)
		take_hello(t, value);
	else
		take_supports(t, text + sizeof supports - 1, value);
	json_decref(value);
	return true;
}

void telnet_gmcp_body(struct telnet *t, struct slice body)
{
	size_t name = 0;

	while (name < body.len && body.at[name] > ' ')
		name++;
	if (name > 0 && !take_core(t, slice_of(body.at, name), slice_from(body, name)))
		layers_tell_game(t->ls, slice_text("gmcp"), 0, body);
}

void telnet_gmcp_caps(const struct telnet_client *c, json_t *caps)
{
	struct slice rest = buf_bytes(&c->modules);

	if (!telnet_we_do(c, TELNET_GMCP))
		return;
	json_t *gmcp = json_object();
	while (gmcp != NULL && rest.len > 0) {
		char name[64];
		unsigned version;
		size_t line =
			(size_t)((const uint8_t *)memchr(rest.at, '\n', rest.len) - rest.at) + 1;
		char text[72];

		snprintf(text, sizeof text, "%.*s", (int)line - 1, (const char *)rest.at);
		if (sscanf(text, "%63s %u", name, &version) == 2)
			json_object_set_new(gmcp, name, json_integer(version));
		rest = slice_from(rest, line);
	}
	json_object_set_new(caps, "gmcp", gmcp);
}
