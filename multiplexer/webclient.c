#include "multiplexer/webclient.h"

#include <stdlib.h>

#include "common/jsontext.h"

enum { SIZE_MIN = 10, SIZE_MAX_ = 1000, TRUE_COLORS = 1 << 24 };

void webclient_free(struct webclient *c)
{
	buf_free(&c->modules);
}

bool webclient_is_gmcp(struct slice bytes)
{
	struct slice json, name = gmcp_name(bytes, &json);
	bool dot = false;

	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.at[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (c == '.' && i > 0 && i + 1 < name.len)
			dot = true;
		else if (!letter && (i == 0 || ((c < '0' || c > '9') && c != '_' && c != '-')))
			return false;
	}
	return dot;
}

static uint16_t size_of(const json_t *client, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(client, key));

	return (uint16_t)(n <= 0 ? 0 : n < SIZE_MIN ? SIZE_MIN : n > SIZE_MAX_ ? SIZE_MAX_ : n);
}

static void take_text(char out[GMCP_VALUE_MAX], const json_t *client, const char *key)
{
	const char *text = json_string_value(json_object_get(client, key));

	if (text != NULL)
		gmcp_value(out, slice_text(text));
}

bool webclient_describe(struct webclient *c, const json_t *client)
{
	json_int_t colors = json_integer_value(json_object_get(client, "colors"));

	if (!json_is_object(client))
		return false;
	take_text(c->client, client, "client");
	take_text(c->version, client, "version");
	take_text(c->terminal, client, "terminal");
	c->width = size_of(client, "w");
	c->height = size_of(client, "h");
	c->colors = (uint32_t)(colors < 0 ? 0 : colors > TRUE_COLORS ? TRUE_COLORS : colors);
	c->utf8 = json_is_true(json_object_get(client, "utf8"));
	c->reader = json_is_true(json_object_get(client, "reader"));
	c->is_page = true;
	return true;
}

static enum gmcp_taken take_client(struct webclient *c, struct slice json)
{
	json_t *client = jsontext_read(json, 0, &jsontext_message, NULL);
	bool ok = webclient_describe(c, client);

	json_decref(client);
	return ok ? GMCP_LEARNT : GMCP_DROPPED;
}

bool webclient_is_same(const struct webclient *a, const struct webclient *b)
{
	return strcmp(a->client, b->client) == 0 && strcmp(a->version, b->version) == 0 &&
	       strcmp(a->terminal, b->terminal) == 0 && a->colors == b->colors &&
	       a->width == b->width && a->height == b->height && a->is_page == b->is_page &&
	       a->utf8 == b->utf8 && a->reader == b->reader;
}

enum gmcp_taken webclient_take(struct webclient *c, struct slice body)
{
	const struct gmcp_about about = {
		.client = c->client, .version = c->version, .modules = &c->modules};
	struct slice json, name = gmcp_name(body, &json);

	if (slice_is_word(name, "Mux.Client"))
		return take_client(c, json);
	if (name.len >= 4 && slice_is_word(slice_of(name.at, 4), "Mux."))
		return GMCP_DROPPED;
	return gmcp_take(&about, body);
}

static void add_text(json_t *caps, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_object_set_new(caps, key, json_string(text));
}

void webclient_caps(const struct webclient *c, enum subprotocol spoken, json_t *caps)
{
	json_object_set_new(caps, "websocket", json_true());
	add_text(caps, "subprotocol", subprotocol_name(spoken));
	add_text(caps, "client", c->client);
	add_text(caps, "version", c->version);
	add_text(caps, "terminal", c->terminal);
	if (c->width != 0 && c->height != 0) {
		json_object_set_new(caps, "w", json_integer(c->width));
		json_object_set_new(caps, "h", json_integer(c->height));
	}
	if (c->is_page) {
		json_object_set_new(caps, "utf8", json_boolean(c->utf8));
		json_object_set_new(caps, "colors", json_integer((json_int_t)c->colors));
		json_object_set_new(caps, "reader", json_boolean(c->reader));
	} else {
		json_object_set_new(caps, "utf8", json_true()); /* so say the subprotocols */
	}
	if (webclient_has_gmcp(spoken))
		json_object_set_new(caps, "gmcp", gmcp_modules_caps(&c->modules));
}

bool webclient_wrap(enum subprotocol spoken, struct slice body, struct buf *out)
{
	struct slice json, name = gmcp_name(body, &json);
	json_t *object;
	char *text;
	bool ok;

	if (spoken == SUBPROTOCOL_GMCP || spoken == SUBPROTOCOL_PLAY)
		return utf8_is_valid(body) && buf_add(out, body);
	if (spoken != SUBPROTOCOL_JSON)
		return false;
	if (json.len > 0)
		json = slice_from(json, 1);
	object = json_pack("{s:s, s:s%, s:s%}", "proto", "gmcp", "id", (const char *)name.at,
		name.len, "data", json.len > 0 ? (const char *)json.at : "", json.len);
	text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
	ok = text != NULL && buf_add(out, slice_text(text));
	free(text);
	json_decref(object);
	return ok;
}

static struct slice text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return slice_of(json_string_value(value), json_string_length(value));
}

enum webclient_said webclient_unwrap(struct slice text, struct buf *body)
{
	json_t *object = jsontext_read(text, JSON_REJECT_DUPLICATES, &jsontext_message, NULL);
	struct slice proto = text_of(object, "proto"), id = text_of(object, "id"),
		     data = text_of(object, "data");
	enum webclient_said said = json_is_string(json_object_get(object, "proto"))
					   ? WEBCLIENT_OTHER
					   : WEBCLIENT_NONSENSE;
	bool ok = true;

	if (slice_is_word(proto, "gmcp")) {
		said = WEBCLIENT_GMCP;
		ok = buf_add(body, id) && (data.len == 0 || buf_add_byte(body, ' ')) &&
		     buf_add(body, data);
	} else if (slice_is_word(proto, "text")) {
		said = WEBCLIENT_LINE;
		ok = buf_add(body, data);
	}
	json_decref(object);
	return ok ? said : WEBCLIENT_NONSENSE;
}
