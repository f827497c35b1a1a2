/* What the multiplexer keeps for a player over our death: one small JSON text.
 *
 *   {"n": name, "r": role, "k": colours, "s": what the script saved, "p": the line he is typing,
 *    "c": true}
 *
 * Absent keys are not written. "p" is there only after an orderly stop, its bytes as U+0000..U+00FF,
 * since half a line need not be UTF-8; "c": its last byte was a CR whose LF may still come. */
#include <stdio.h>
#include <stdlib.h>

#include "common/jsontext.h"
#include "common/log.h"
#include "proto/link.h"
#include "server/game.h"
#include "server/grants.h"
#include "server/show.h"
#include "server/value.h"

static char why_text[160];

static json_t *partial_json(const struct line *l)
{
	struct slice bytes = buf_bytes(&l->text);
	struct buf text = {0};
	json_t *json = NULL;
	bool ok = true;

	for (size_t i = 0; ok && i < bytes.len; i++) {
		uint8_t c = bytes.at[i];

		ok = c < 0x80 ? buf_add_byte(&text, c)
			      : buf_add_byte(&text, (uint8_t)(0xc0 | c >> 6)) &&
					buf_add_byte(&text, (uint8_t)(0x80 | (c & 0x3f)));
	}
	if (ok)
		json = json_stringn((const char *)buf_bytes(&text).at, text.len);
	buf_free(&text);
	return json;
}

/* The blob as text, to be freed; NULL when memory is out: half of it would be a loss for ever. */
static char *blob_text(const struct player *p, const char *name, const char *role, json_t *saved,
	bool with_partial)
{
	json_t *blob = json_object();
	char *text = NULL;
	bool ok = true;

	if (name != NULL)
		ok = ok && json_object_set_new(blob, "n", json_string(name)) == 0;
	if (role != NULL)
		ok = ok && json_object_set_new(blob, "r", json_string(role)) == 0;
	if (p->colours != COLOURS_AUTO)
		ok = ok && json_object_set_new(blob, "k", json_string(player_colours_word(p))) == 0;
	if (saved != NULL)
		ok = ok && json_object_set(blob, "s", saved) == 0;
	if (with_partial && p->line.text.len > 0)
		ok = ok && json_object_set_new(blob, "p", partial_json(&p->line)) == 0;
	if (with_partial && p->line.after_cr)
		ok = ok && json_object_set_new(blob, "c", json_true()) == 0;
	if (ok)
		text = json_dumps(blob, JSON_COMPACT);
	json_decref(blob);
	return text;
}

static bool fits(
	const struct player *p, const char *name, const char *role, json_t *saved, const char **why)
{
	char *text = blob_text(p, name, role, saved, false);
	size_t len = text != NULL ? strlen(text) : 0;

	if (text == NULL)
		snprintf(why_text, sizeof why_text, "out of memory");
	else if (len > MSG_PAYLOAD_MAX)
		snprintf(why_text, sizeof why_text,
			"%zu bytes too large: %zu, where %d can be kept (name and role included)",
			len - MSG_PAYLOAD_MAX, len, MSG_PAYLOAD_MAX);
	*why = why_text;
	free(text);
	return len > 0 && len <= MSG_PAYLOAD_MAX;
}

static void save_later(struct player *p)
{
	p->save_due = true;
	player_touch(p);
}

bool player_save(struct player *p, json_t *saved, const char **why)
{
	if (!fits(p, p->name, p->role, saved, why)) {
		json_decref(saved);
		return false;
	}
	json_decref(p->saved);
	p->saved = saved;
	save_later(p);
	return true;
}

void player_forget_saved(struct player *p)
{
	if (p->saved == NULL)
		return;
	json_decref(p->saved);
	p->saved = NULL;
	save_later(p);
}

/* Others will see it on their screens: a text of printable characters. */
static bool is_shown(const char *text, const char **why)
{
	size_t len = strlen(text);
	json_t *utf8 = json_stringn(text, len); /* NULL: it is not UTF-8 */
	bool ok = utf8 != NULL;

	*why = "not UTF-8";
	json_decref(utf8);
	for (size_t i = 0; ok && i < len; i++) {
		uint8_t c = (uint8_t)text[i], next = (uint8_t)text[i + 1];

		ok = c >= 0x20 && c != 0x7f && !(c == 0xc2 && next < 0xa0);
		*why = "a control character is in it";
	}
	return ok;
}

static bool set_text(struct player *p, char **field, const char *text, const char **why)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	*why = "out of memory";
	if (text != NULL && copy == NULL)
		return false;
	free(*field);
	*field = copy;
	save_later(p);
	return true;
}

/* Whether an account of this name may have this role, in the map that runs. */
static bool is_granted(const struct player *p, const char *name, const char *role)
{
	char granted[GRANT_ROLE_MAX + 1];

	return name != NULL && p->game->store != NULL &&
	       grants_role(p->game->store, p->game->map.name, name, granted) &&
	       strcmp(role, granted) == 0;
}

void player_check_role(struct player *p)
{
	if (p->role == NULL || is_granted(p, p->name, p->role))
		return;
	log_info("%s: is no longer %s: it is not granted to '%s'", player_label(p), p->role,
		p->name != NULL ? p->name : "");
	free(p->role);
	p->role = NULL;
	if (p->state == PLAYER_HERE)
		save_later(p);
	else
		p->save_due = true; /* at the end of the listing */
}

static bool set_name(struct player *p, const char *name, const char **why)
{
	bool is_news = name != NULL && (p->name == NULL || strcmp(p->name, name) != 0);

	if (!set_text(p, &p->name, name, why))
		return false;
	if (is_news)
		player_log_name(p);
	return true;
}

bool player_set_name(struct player *p, const char *name, const char **why)
{
	if ((name != NULL && !is_shown(name, why)) || !fits(p, name, p->role, p->saved, why) ||
		!set_name(p, name, why))
		return false;
	player_check_role(p);
	return true;
}

bool player_set_role(struct player *p, const char *role, const char **why)
{
	if (role != NULL && !is_shown(role, why))
		return false;
	if (role != NULL && !is_granted(p, p->name, role)) {
		snprintf(why_text, sizeof why_text,
			"'%.40s' was not granted to '%.64s'; an admin can, on the console: grant "
			"NAME ROLE",
			role, p->name != NULL ? p->name : "");
		*why = why_text;
		return false;
	}
	return fits(p, p->name, role, p->saved, why) && set_text(p, &p->role, role, why);
}

bool player_login(struct player *p, const char *account, const char **why)
{
	char role[GRANT_ROLE_MAX + 1];
	bool has_role = p->game->store != NULL &&
			grants_role(p->game->store, p->game->map.name, account, role);

	return is_shown(account, why) && fits(p, account, has_role ? role : NULL, p->saved, why) &&
	       set_text(p, &p->role, NULL, why) && set_name(p, account, why) &&
	       set_text(p, &p->role, has_role ? role : NULL, why);
}

static const char *const colours_words[] = {[COLOURS_AUTO] = NULL,
	[COLOURS_NONE] = "none",
	[COLOURS_16] = "16",
	[COLOURS_256] = "256",
	[COLOURS_TRUE] = "true"};

const char *player_colours_word(const struct player *p)
{
	return colours_words[p->colours];
}

static bool colours_of(const char *word, uint8_t *colours)
{
	for (size_t i = COLOURS_NONE; i < ARRAY_LEN(colours_words); i++) {
		if (strcmp(colours_words[i], word) == 0) {
			*colours = (uint8_t)i;
			return true;
		}
	}
	return false;
}

bool player_set_colours(struct player *p, const char *word, const char **why)
{
	uint8_t before = p->colours, wanted = COLOURS_AUTO;

	*why = "none, 16, 256 or true is wanted, or nil";
	if (word != NULL && !colours_of(word, &wanted))
		return false;
	p->colours = wanted;
	if (!fits(p, p->name, p->role, p->saved, why)) {
		p->colours = before;
		return false;
	}
	player_look_again(p);
	save_later(p);
	return true;
}

bool player_has_saved(const struct player *p)
{
	return p->name != NULL || p->role != NULL || p->saved != NULL || p->colours != COLOURS_AUTO;
}

static bool send_blob(struct link *out, const struct player *p, const char *text)
{
	if (strcmp(text, "{}") == 0)
		return link_send_delete_subclient_saved_info(
			out, &(struct msg_delete_subclient_saved_info){.who = p->key});
	return link_send_save_subclient_info(
		out, &(struct msg_save_subclient_info){.who = p->key, .data = slice_text(text)});
}

void player_store(struct player *p, bool with_partial)
{
	struct link *out = player_out(p);
	char *text = blob_text(p, p->name, p->role, p->saved, with_partial);

	if (text != NULL && with_partial && strlen(text) > MSG_PAYLOAD_MAX) {
		log_warn("%s: the half line he is typing does not fit behind what is saved; it is "
			 "lost",
			player_label(p));
		free(text);
		text = blob_text(p, p->name, p->role, p->saved, false);
	}
	if (text != NULL && out != NULL && send_blob(out, p, text)) {
		p->game->metrics.saves++;
		p->save_due = false;
	}
	free(text);
}

/* The bytes of "p" back. */
static void restore_partial(struct line *l, const char *text, size_t len)
{
	struct slice bytes = slice_of(text, len);

	while (bytes.len > 0 && l->text.len < l->max) {
		uint8_t c = bytes.at[0];
		bool two = c >= 0xc2 && c <= 0xc3 && bytes.len > 1;

		if (!buf_add_byte(&l->text, two ? (uint8_t)(c << 6 | (bytes.at[1] & 0x3f)) : c))
			return;
		bytes = slice_from(bytes, two ? 2 : 1);
	}
}

static char *copy_string(const json_t *json)
{
	return json_is_string(json) ? strdup(json_string_value(json)) : NULL;
}

static void restore_colours(struct player *p, const json_t *json)
{
	if (!json_is_string(json) || !colours_of(json_string_value(json), &p->colours))
		p->colours = COLOURS_AUTO;
	player_look_again(p);
}

/* What a script saved, with our own braces around it. */
static const struct jsontext_most blob_most = {
	.bytes = MSG_PAYLOAD_MAX, .values = MSG_PAYLOAD_MAX, .depth = VALUE_DEPTH_MAX + 1};

void player_restore(struct player *p, struct slice blob)
{
	json_error_t error;
	json_t *json =
		jsontext_read(blob, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &blob_most, &error);
	const json_t *partial = json_object_get(json, "p");

	if (!json_is_object(json)) { /* jansson's own words show what is in it: not for a log */
		log_warn("%s: what was saved for him makes no sense (%zu bytes, no JSON object "
			 "from byte %d on); he starts anew",
			player_label(p), blob.len, json == NULL ? error.position : 0);
		json_decref(json);
		return;
	}
	line_erase(&p->line); /* a listing that broke off may have told us before */
	free(p->name);
	free(p->role);
	p->name = copy_string(json_object_get(json, "n"));
	p->role = copy_string(json_object_get(json, "r"));
	player_check_role(p);
	restore_colours(p, json_object_get(json, "k"));
	json_decref(p->saved);
	p->saved = json_incref(json_object_get(json, "s"));
	if (json_is_string(partial))
		restore_partial(&p->line, json_string_value(partial), json_string_length(partial));
	p->line.after_cr = json_is_true(json_object_get(json, "c"));
	/* The half line is ours now: a later server must not type it a second time. */
	if (partial != NULL || p->line.after_cr)
		p->save_due = true; /* at the end of the listing, before READY */
	json_decref(json);
}
