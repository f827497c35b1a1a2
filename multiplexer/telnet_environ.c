/* NEW-ENVIRON (RFC 1572), asked only for the names of MNES: asked for all, PuTTY would tell its user's
 * login name. */
#include "multiplexer/telnet.h"
#include "proto/features.h"

enum { IS = 0, SEND = 1, INFO = 2 };
enum { VAR = 0, VALUE = 1, ESC = 2, USERVAR = 3 };

static const char *const names[] = {
	"CLIENT_NAME", "CLIENT_VERSION", "TERMINAL_TYPE", "MTTS", "CHARSET"};

/* GNU telnet has 256 bytes of room for this: it is below 100. */
void telnet_environ_him(struct telnet *t, bool on)
{
	uint8_t body[128] = {SEND};
	size_t len = 1;

	if (!on)
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		body[len++] = VAR;
		memcpy(body + len, names[i], strlen(names[i]));
		len += strlen(names[i]);
	}
	telnet_sub_say(t, TELNET_NEW_ENVIRON, slice_of(body, len));
}

/* Takes one name or value off the front, up to the next byte of structure. */
static void take_word(struct slice *in, char out[TELNET_VALUE_MAX])
{
	uint8_t word[TELNET_VALUE_MAX];
	size_t len = 0;

	while (in->len > 0 && (in->at[0] == ESC || in->at[0] > USERVAR)) {
		if (in->at[0] == ESC)
			*in = slice_from(*in, 1); /* whatever is behind it is no structure */
		if (in->len > 0 && len < sizeof word)
			word[len++] = in->at[0];
		*in = slice_from(*in, 1);
	}
	telnet_value(out, slice_of(word, len));
}

bool telnet_environ_take(struct telnet *t, struct slice name, struct slice value)
{
	struct telnet_client *c = t->client;

	if (slice_is(name, slice_text("CLIENT_NAME")))
		telnet_value(c->name, value);
	else if (slice_is(name, slice_text("CLIENT_VERSION")))
		telnet_value(c->version, value);
	else if (slice_is(name, slice_text("TERMINAL_TYPE")))
		telnet_value(c->terminal, value);
	else if (slice_is(name, slice_text("MTTS")))
		telnet_mtts_take(t, value);
	else if (slice_is(name, slice_text("CHARSET")))
		c->utf8 = slice_is(value, slice_text("UTF-8")) ? UTF8_YES : c->utf8;
	else
		return false;
	return true;
}

void telnet_environ_body(struct telnet *t, struct slice body)
{
	json_t *told = json_object();

	if (body.len > 0 && (body.at[0] == IS || body.at[0] == INFO) && told != NULL) {
		body = slice_from(body, 1);
		while (body.len > 0) {
			char name[TELNET_VALUE_MAX], value[TELNET_VALUE_MAX] = "";
			bool has_name = body.at[0] == VAR || body.at[0] == USERVAR;

			body = slice_from(body, 1);
			take_word(&body, name);
			if (!has_name || body.len == 0 || body.at[0] != VALUE)
				continue; /* a value of nothing, or a name he has no value for */
			body = slice_from(body, 1);
			take_word(&body, value);
			if (value[0] != '\0' &&
				telnet_environ_take(t, slice_text(name), slice_text(value)))
				json_object_set_new(told, name, json_string(value));
		}
	}
	if (json_object_size(told) > 0) {
		char text[1024]; /* five names, five values of 63 characters, all escaped */
		size_t len = json_dumpb(told, text, sizeof text, JSON_COMPACT);

		telnet_learnt(t);
		if (len <= sizeof text)
			layers_tell_game(
				t->ls, slice_text("env"), EVENT_IS_JSON, slice_of(text, len));
	}
	json_decref(told);
}
