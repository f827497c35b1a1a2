/* MSDP (option 69): the wire's marked-up text to JSON for the game, and back. */
#include <stdio.h>

#include "common/jsontext.h"
#include "multiplexer/telnet.h"
#include "proto/features.h"

enum { VAR = 1, VAL, TABLE_OPEN, TABLE_CLOSE, ARRAY_OPEN, ARRAY_CLOSE };
enum { DEPTH_MAX = 16, JSON_MAX = 4000 };

void telnet_msdp_us(struct telnet *t, bool on UNUSED)
{
	telnet_learnt(t);
}

/* ---- from the wire ---- */

/* Text up to the next mark, without NULs, which JSON readers do not like. A client that sends no UTF-8
 * gets '?' where it did not. */
static json_t *take_text(struct slice *in)
{
	char text[JSON_MAX];
	size_t len = 0;

	text[0] = '\0'; /* gcc 12 takes no text for all of it */
	for (; in->len > 0 && (in->at[0] == 0 || in->at[0] > ARRAY_CLOSE); *in = slice_from(*in, 1))
		if (in->at[0] != 0 && len < sizeof text)
			text[len++] = (char)in->at[0];
	json_t *json = json_stringn(text, len);
	if (json == NULL) {
		for (size_t i = 0; i < len; i++)
			text[i] = (uint8_t)text[i] < 0x80 ? text[i] : '?';
		json = json_stringn(text, len);
	}
	return json;
}

static json_t *take_value(struct slice *in, unsigned depth);

/* What a VAR is followed by: one VAL, or several, which are an array too. */
static void take_pair(struct slice *in, json_t *table, unsigned depth)
{
	json_t *name = take_text(in), *value = NULL;
	unsigned count = 0;

	while (in->len > 0 && in->at[0] == VAL) {
		*in = slice_from(*in, 1);
		json_t *one = take_value(in, depth);

		if (count++ == 1)
			value = json_pack("[o]", value);
		if (count > 1)
			json_array_append_new(value, one);
		else
			value = one;
	}
	const char *key = json_string_value(name);
	if (key != NULL && key[0] != '\0')
		json_object_set_new(
			table, key, value != NULL ? json_incref(value) : json_string(""));
	json_decref(value);
	json_decref(name);
}

static json_t *take_table(struct slice *in, unsigned depth)
{
	json_t *table = json_object();

	while (in->len > 0 && in->at[0] != TABLE_CLOSE) {
		bool is_var = in->at[0] == VAR;

		*in = slice_from(*in, 1);
		if (is_var)
			take_pair(in, table, depth);
	}
	*in = slice_from(*in, 1);
	return table;
}

static json_t *take_array(struct slice *in, unsigned depth)
{
	json_t *array = json_array();

	while (in->len > 0 && in->at[0] != ARRAY_CLOSE) {
		bool is_val = in->at[0] == VAL;

		*in = slice_from(*in, 1);
		if (is_val)
			json_array_append_new(array, take_value(in, depth));
	}
	*in = slice_from(*in, 1);
	return array;
}

static json_t *take_value(struct slice *in, unsigned depth)
{
	uint8_t first = in->len > 0 ? in->at[0] : 0;

	if ((first != TABLE_OPEN && first != ARRAY_OPEN) || depth >= DEPTH_MAX)
		return take_text(in);
	*in = slice_from(*in, 1);
	return first == TABLE_OPEN ? take_table(in, depth + 1) : take_array(in, depth + 1);
}

void telnet_msdp_body(struct telnet *t, struct slice body)
{
	char text[JSON_MAX];
	json_t *all = json_object();

	while (body.len > 0 && all != NULL) {
		bool is_var = body.at[0] == VAR;

		body = slice_from(body, 1);
		if (is_var)
			take_pair(&body, all, 0);
	}
	size_t len =
		json_object_size(all) > 0 ? json_dumpb(all, text, sizeof text, JSON_COMPACT) : 0;
	if (len > sizeof text && t->ls->house != NULL)
		t->ls->house->bodies_dropped++;
	if (len > 0 && len <= sizeof text)
		layers_tell_game(t->ls, slice_text("msdp"), EVENT_IS_JSON, slice_of(text, len));
	json_decref(all);
}

/* ---- to the wire ---- */

static bool add_text(struct buf *out, const char *text)
{
	bool ok = true;

	for (; ok && *text != '\0'; text++)
		if ((uint8_t)*text > ARRAY_CLOSE)
			ok = buf_add_byte(out, (uint8_t)*text);
	return ok;
}

static bool add_value(struct buf *out, const json_t *value, unsigned depth);

static bool add_pairs(struct buf *out, json_t *object, unsigned depth)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (!buf_add_byte(out, VAR) || !add_text(out, name) || !buf_add_byte(out, VAL) ||
			!add_value(out, value, depth))
			return false;
	}
	return true;
}

static bool add_array(struct buf *out, const json_t *array, unsigned depth)
{
	size_t i;
	json_t *value;

	json_array_foreach(array, i, value)
	{
		if (!buf_add_byte(out, VAL) || !add_value(out, value, depth))
			return false;
	}
	return true;
}

static bool add_value(struct buf *out, const json_t *value, unsigned depth)
{
	if (depth >= DEPTH_MAX)
		return true;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return buf_add_byte(out, TABLE_OPEN) &&
		       add_pairs(out, (json_t *)(uintptr_t)value, depth + 1) &&
		       buf_add_byte(out, TABLE_CLOSE);
	case JSON_ARRAY:
		return buf_add_byte(out, ARRAY_OPEN) && add_array(out, value, depth + 1) &&
		       buf_add_byte(out, ARRAY_CLOSE);
	case JSON_STRING:
		return add_text(out, json_string_value(value));
	case JSON_INTEGER:
		return buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	case JSON_REAL:
		return buf_addf(out, "%.10g", json_real_value(value));
	case JSON_TRUE:
		return buf_add_byte(out, '1');
	case JSON_FALSE:
		return buf_add_byte(out, '0');
	case JSON_NULL:
		break;
	}
	return true;
}

bool telnet_msdp_tell(struct telnet *t, struct tell *tell)
{
	if (!telnet_we_do(t->client, TELNET_MSDP))
		return false;
	if (tell->wire == NULL && (tell->flags & EVENT_IS_JSON) == 0) {
		tell->wire = telnet_sub_made(TELNET_MSDP, tell->data);
	} else if (tell->wire == NULL) {
		struct buf body = {0};
		json_t *all = jsontext_read(tell->data, 0, &jsontext_message, NULL);

		if (json_is_object(all) && add_pairs(&body, all, 0))
			tell->wire = telnet_sub_made(TELNET_MSDP, buf_bytes(&body));
		buf_free(&body);
		json_decref(all);
	}
	if (tell->wire != NULL)
		layers_down_from(t->ls, t->position, tell->wire);
	return true;
}
