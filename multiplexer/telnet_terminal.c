/* What a client is and can show: TTYPE with MTTS (RFC 1091, mudhalla.net/tintin/protocols/mtts), NAWS
 * (RFC 1073), and the caps made of all that is known. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "multiplexer/telnet.h"
#include "proto/features.h"

enum { TTYPE_IS = 0, TTYPE_SEND = 1 };
enum {
	MTTS_ANSI = 1,
	MTTS_UTF8 = 4,
	MTTS_256_COLORS = 8,
	MTTS_SCREEN_READER = 64,
	MTTS_TRUE_COLOR = 256,
};
enum { WIDTH_MIN = 20, WIDTH_MAX = 1000, HEIGHT_MIN = 5, HEIGHT_MAX = 1000 };

static void ask_type(struct telnet *t)
{
	static const uint8_t send[] = {TTYPE_SEND};

	telnet_sub_say(t, TELNET_TTYPE, slice_of(send, sizeof send));
}

void telnet_ttype_him(struct telnet *t, bool on)
{
	t->client->types = 0;
	if (on)
		ask_type(t);
	else
		telnet_offer_later(t);
}

/* Of one word alone nobody knows whether it is the program's name or that of a terminal. */
static bool is_terminal(const char *type)
{
	static const char *const known[] = {"xterm", "vt", "ansi", "linux", "screen", "tmux",
		"rxvt", "dumb", "unknown", "network", "hardcopy", "cygwin", "konsole", "gnome",
		"putty", "eterm", "sun", "wyse", "iterm", "alacritty", "kitty", "foot", "st-"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (strncasecmp(type, known[i], strlen(known[i])) == 0)
			return true;
	return false;
}

void telnet_mtts_take(struct telnet *t, struct slice number)
{
	char text[TELNET_VALUE_MAX];

	telnet_value(text, number);
	unsigned long mtts = strtoul(text, NULL, 10);
	if (isdigit((unsigned char)text[0]) && mtts <= UINT16_MAX)
		t->client->mtts = (uint32_t)mtts;
}

/* The first type names the program, the second the terminal, the third is "MTTS 271"; what comes
 * behind them, and old types of a client that cycles through several, is of no use. */
static void take_type(struct telnet_client *c, struct telnet *t, const char *type)
{
	static const char mtts[] = "MTTS ";

	if (strncasecmp(type, mtts, sizeof mtts - 1) == 0)
		telnet_mtts_take(t, slice_text(type + sizeof mtts - 1));
	else if (c->types == 1 && !is_terminal(type))
		memcpy(c->name, type, sizeof c->name);
	else if (c->types <= 2)
		memcpy(c->terminal, type, sizeof c->terminal);
}

void telnet_ttype_body(struct telnet *t, struct slice body)
{
	struct telnet_client *c = t->client;
	char type[TELNET_VALUE_MAX] = "";

	if (body.len == 0 || body.at[0] != TTYPE_IS || !telnet_he_does(c, TELNET_TTYPE) ||
		c->types >= TELNET_TERMINAL_TYPES)
		return; /* he answers what was not asked */
	telnet_value(type, slice_from(body, 1));
	bool again = c->types > 0 && strcmp(type, c->last_type) == 0;
	memcpy(c->last_type, type, sizeof type);
	c->types++;
	if (!again && type[0] != '\0') {
		take_type(c, t, type);
		telnet_learnt(t);
	}
	if (again || type[0] == '\0' || c->mtts != 0)
		c->types = TELNET_TERMINAL_TYPES;
	if (c->types < TELNET_TERMINAL_TYPES)
		ask_type(t);
	telnet_offer_later(t);
}

/* ---- NAWS ---- */

static uint16_t clamp(unsigned value, unsigned min, unsigned max)
{
	return (uint16_t)(value < min ? min : value > max ? max : value);
}

void telnet_naws_body(struct telnet *t, struct slice body)
{
	struct telnet_client *c = t->client;
	char json[64];

	if (body.len != 4)
		return;
	unsigned width = (unsigned)body.at[0] << 8 | body.at[1];
	unsigned height = (unsigned)body.at[2] << 8 | body.at[3];
	if (width == 0 || height == 0)
		return; /* RFC 1073: he does not know (curl) */
	c->width = clamp(width, WIDTH_MIN, WIDTH_MAX);
	c->height = clamp(height, HEIGHT_MIN, HEIGHT_MAX);
	telnet_learnt(t);
	snprintf(json, sizeof json, "{\"w\":%u,\"h\":%u}", c->width, c->height);
	layers_tell_game(t->ls, slice_text("naws"), EVENT_IS_JSON, slice_text(json));
}

/* ---- caps ---- */

static void add_text(json_t *caps, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_object_set_new(caps, key, json_string(text));
}

static bool contains(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

/* How many colours he shows; -1: nothing is known. */
static int colors(const struct telnet_client *c)
{
	const char *term = c->terminal;

	if ((c->mtts & MTTS_TRUE_COLOR) != 0 || contains(term, "truecolor") ||
		contains(term, "-direct"))
		return 1 << 24;
	if ((c->mtts & MTTS_256_COLORS) != 0 || contains(term, "256color"))
		return 256;
	if ((c->mtts & MTTS_ANSI) != 0)
		return 16;
	if (c->mtts != 0 || contains(term, "dumb") || contains(term, "hardcopy"))
		return 0;
	return term[0] != '\0' && is_terminal(term) && !contains(term, "unknown") ? 16 : -1;
}

void telnet_caps(const struct telnet_client *c, json_t *caps)
{
	bool utf8 = c->utf8 == UTF8_YES || (c->mtts & MTTS_UTF8) != 0;

	json_object_set_new(caps, "telnet", json_true());
	add_text(caps, "client", c->name);
	add_text(caps, "version", c->version);
	add_text(caps, "terminal", c->terminal);
	if (c->mtts != 0)
		json_object_set_new(caps, "mtts", json_integer((json_int_t)c->mtts));
	if (c->width != 0) {
		json_object_set_new(caps, "w", json_integer(c->width));
		json_object_set_new(caps, "h", json_integer(c->height));
	}
	if (utf8 || c->utf8 == UTF8_NO || c->mtts != 0)
		json_object_set_new(caps, "utf8", json_boolean(utf8));
	if (colors(c) >= 0)
		json_object_set_new(caps, "colors", json_integer(colors(c)));
	if (c->mtts != 0)
		json_object_set_new(
			caps, "reader", json_boolean((c->mtts & MTTS_SCREEN_READER) != 0));
	telnet_gmcp_caps(c, caps);
	if (telnet_we_do(c, TELNET_MSDP))
		json_object_set_new(caps, "msdp", json_true());
	if (telnet_we_do(c, TELNET_MXP))
		json_object_set_new(caps, "mxp", json_true());
}
