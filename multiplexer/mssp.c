#include "multiplexer/mssp.h"

#include <jansson.h>
#include <stdio.h>
#include <strings.h>

#include "common/jsontext.h"

enum { VAR = 1, VAL = 2 };

/* NUL, 1, 2 and 255 mean something to the reader, a tab or a line end in the lines of text. */
static bool add_word(struct buf *out, const char *word)
{
	for (; *word != '\0'; word++)
		if ((uint8_t)*word >= ' ' && (uint8_t)*word != 0x7f && (uint8_t)*word != 0xff &&
			!buf_add_byte(out, (uint8_t)*word))
			return false;
	return true;
}

static bool add_value(struct buf *out, const json_t *value)
{
	char number[32] = "";

	if (!buf_add_byte(out, VAL))
		return false;
	if (json_is_integer(value))
		snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(number, sizeof number, "%.10g", json_real_value(value));
	else if (json_is_boolean(value))
		snprintf(number, sizeof number, "%d", json_is_true(value));
	return add_word(out, json_is_string(value) ? json_string_value(value) : number);
}

static bool add_pair(struct buf *out, const char *name, const json_t *value)
{
	size_t i;
	json_t *one;

	if (json_is_null(value) || name[0] == '\0')
		return true;
	if (!buf_add_byte(out, VAR) || !add_word(out, name))
		return false;
	if (!json_is_array(value))
		return add_value(out, value);
	json_array_foreach(value, i, one)
	{
		if (!add_value(out, one))
			return false;
	}
	return json_array_size(value) > 0 || buf_add_byte(out, VAL);
}

bool mssp_set(struct mssp *m, struct slice json, const char **why)
{
	struct buf pairs = {0};
	json_t *table = jsontext_read(json, 0, &jsontext_message, NULL), *value;
	const char *name;
	bool ok = json_is_object(table);

	*why = "it is no JSON object";
	if (ok) {
		json_object_foreach(table, name, value)
		{
			*why = "out of memory";
			ok = ok && add_pair(&pairs, name, value);
		}
	}
	json_decref(table);
	if (ok && pairs.len > MSSP_MAX) {
		*why = "it is longer than 4000 bytes";
		ok = false;
	}
	if (!ok) {
		buf_free(&pairs);
		return false;
	}
	buf_free(&m->pairs);
	m->pairs = pairs;
	return true;
}

void mssp_free(struct mssp *m)
{
	buf_free(&m->pairs);
}

/* Where what the game has said under this name begins; NULL = it has said nothing. */
static const uint8_t *find(const struct mssp *m, const char *name)
{
	struct slice rest = buf_bytes(&m->pairs);
	size_t len = strlen(name);

	for (size_t i = 0; i + len + 1 < rest.len; i++)
		if (rest.at[i] == VAR && rest.at[i + 1 + len] == VAL &&
			strncasecmp((const char *)rest.at + i + 1, name, len) == 0)
			return rest.at + i + len + 2;
	return NULL;
}

static bool has(const struct mssp *m, const char *name)
{
	return find(m, name) != NULL;
}

struct slice mssp_name(const struct mssp *m)
{
	struct slice all = buf_bytes(&m->pairs);
	const uint8_t *name = find(m, "NAME");
	size_t len = 0;

	if (name == NULL)
		return slice_of(NULL, 0);
	while (name + len < all.at + all.len && name[len] != VAR && name[len] != VAL)
		len++;
	return slice_of(name, len);
}

/* One of ours, unless the game has said it. */
static bool add_own(const struct mssp *m, struct buf *out, const char *name, const char *value)
{
	return has(m, name) || (buf_addf(out, "%c%s%c", VAR, name, VAL) && add_word(out, value));
}

/* Crawlers know it by two names. */
static bool add_tls(const struct mssp *m, struct buf *out)
{
	const char *port = m->facts.tls;

	return port == NULL || port[0] == '\0' ||
	       (add_own(m, out, "TLS", port) && add_own(m, out, "SSL", port));
}

/* "4000 23": a value each. */
static bool add_ports(const struct mssp *m, struct buf *out)
{
	const char *ports = m->facts.ports;

	if (ports == NULL || ports[0] == '\0' || has(m, "PORT"))
		return true;
	if (!buf_addf(out, "%cPORT%c", VAR, VAL))
		return false;
	for (; *ports != '\0'; ports++)
		if (!buf_add_byte(out, *ports == ' ' ? VAL : (uint8_t)*ports))
			return false;
	return true;
}

bool mssp_add_wire(const struct mssp *m, struct buf *out)
{
	static const char *const we_speak[] = {"ANSI", "UTF-8", "GMCP", "MSDP", "MCCP"};
	char players[16], up[24], codebase[64];

	if (m->update != NULL)
		m->update((struct mssp *)(uintptr_t)m);
	snprintf(players, sizeof players, "%u", m->facts.players);
	snprintf(up, sizeof up, "%llu", (unsigned long long)m->facts.up_since);
	snprintf(codebase, sizeof codebase, "Holdfast %s",
		m->facts.version != NULL ? m->facts.version : "");
	bool ok = buf_add(out, buf_bytes(&m->pairs)) && add_own(m, out, "NAME", "Holdfast") &&
		  add_own(m, out, "PLAYERS", players) && add_own(m, out, "UPTIME", up) &&
		  add_ports(m, out) && add_tls(m, out) && add_own(m, out, "CODEBASE", codebase) &&
		  add_own(m, out, "CHARSET", "UTF-8");
	for (size_t i = 0; ok && i < ARRAY_LEN(we_speak); i++)
		ok = add_own(m, out, we_speak[i], "1");
	return ok;
}

bool mssp_add_text(const struct mssp *m, struct buf *out)
{
	struct buf wire = {0};
	bool ok = mssp_add_wire(m, &wire) && buf_addf(out, "\r\nMSSP-REPLY-START");
	struct slice all = buf_bytes(&wire);

	for (size_t i = 0; ok && i < all.len; i++)
		ok = all.at[i] == VAR   ? buf_addf(out, "\r\n")
		     : all.at[i] == VAL ? buf_add_byte(out, '\t')
					: buf_add_byte(out, all.at[i]);
	buf_free(&wire);
	return ok && buf_addf(out, "\r\nMSSP-REPLY-END\r\n");
}
