#include "server/cvar.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/reason.h"

enum { NAME_MAX_BYTES = 63, TEXT_MAX_BYTES = 1000 };

const struct option cvar_table[] = {
#define CVAR(TYPE, name, preset, min, max, flags, help) \
	{#name, OPT_##TYPE, offsetof(struct cvars, name), preset, min, max, flags, help},
#include "server/cvars.def"
};
const size_t cvar_rows = ARRAY_LEN(cvar_table);

/* A cvar of a script. help is NULL while no script has made it; given is what an admin or a file set it
 * to: that stays when the map goes. */
struct script_cvar {
	struct list node;
	char *name, *value, *given, *preset, *help; /* owned */
};

static char why_text[256];

static struct script_cvar *find(const struct cvar_list *l, const char *name)
{
	LIST_EACH(node, &l->scripts)
	{
		struct script_cvar *c = container_of(node, struct script_cvar, node);

		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

static void free_cvar(struct script_cvar *c)
{
	list_remove(&c->node);
	free(c->name);
	free(c->value);
	free(c->given);
	free(c->preset);
	free(c->help);
	free(c);
}

void cvar_open(struct cvar_list *l)
{
	memset(l, 0, sizeof *l);
	list_init(&l->scripts);
	option_presets(cvar_table, cvar_rows, &l->set);
}

void cvar_close(struct cvar_list *l)
{
	cvar_drop(&l->scripts);
	option_free(cvar_table, cvar_rows, &l->set);
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_BYTES && name[0] >= 'a' && name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* What is not could neither be listed nor shown to players. */
static bool is_utf8(const char *text)
{
	json_t *string = json_string(text); /* NULL: it is not */

	json_decref(string);
	return string != NULL;
}

/* A new one in the list, in order of names; NULL when memory is out. */
static struct script_cvar *add(struct cvar_list *l, const char *name, const char *value)
{
	struct script_cvar *c = calloc(1, sizeof *c);
	struct list *before = l->scripts.next;

	if (c == NULL)
		return NULL;
	while (before != &l->scripts &&
		strcmp(container_of(before, struct script_cvar, node)->name, name) < 0)
		before = before->next;
	list_add_last(before, &c->node);
	c->name = strdup(name);
	c->value = strdup(value);
	c->preset = strdup("");
	if (c->name == NULL || c->value == NULL || c->preset == NULL) {
		free_cvar(c);
		return NULL;
	}
	return c;
}

bool cvar_new(struct cvar_list *l, const char *name, const char *preset, const char *help,
	const char **why)
{
	if (!is_name(name))
		return FAIL(why,
			"'%.64s' is no name for a cvar: 1 to 63 of a-z, 0-9 and _, a letter first",
			name);
	if (option_find(cvar_table, cvar_rows, name) != NULL)
		return FAIL(why, "%s: the server has a cvar of this name", name);
	if (strlen(preset) > TEXT_MAX_BYTES)
		return FAIL(why, "%s: the default is over %d bytes", name, TEXT_MAX_BYTES);
	if (!is_utf8(preset) || !is_utf8(help))
		return FAIL(why, "%s: the default or the help is not UTF-8", name);
	struct script_cvar *c = find(l, name);
	if (c == NULL)
		c = add(l, name, preset);
	char *new_preset = strdup(preset), *new_help = strdup(help);
	if (c == NULL || new_preset == NULL || new_help == NULL) {
		free(new_preset);
		free(new_help);
		return FAIL(why, "out of memory");
	}
	free(c->preset);
	free(c->help);
	c->preset = new_preset;
	c->help = new_help;
	return true;
}

const char *cvar_get(const struct cvar_list *l, const char *name)
{
	static char text[TEXT_MAX_BYTES + 100];
	const struct option *o = option_find(cvar_table, cvar_rows, name);
	const struct script_cvar *c = find(l, name);

	if (o != NULL)
		return option_text(o, &l->set, text, sizeof text);
	if (c == NULL || c->help == NULL)
		return NULL;
	snprintf(text, sizeof text, "%s", c->value);
	return text;
}

static bool replace(char **field, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return false;
	free(*field);
	*field = copy;
	return true;
}

static bool set(struct cvar_list *l, const char *name, const char *text, bool starting, bool given,
	const char **why)
{
	const struct option *o = option_find(cvar_table, cvar_rows, name);
	struct script_cvar *c = find(l, name);

	if (o != NULL && (o->flags & OPT_LIVE) == 0 && !starting)
		return FAIL(why, "%s: can only be set in server.cfg or with --set, at start", name);
	if (!is_utf8(text))
		return FAIL(why, "%.64s: the value is not UTF-8", name);
	if (o != NULL)
		return option_set(o, &l->set, text, why);
	if ((c == NULL || c->help == NULL) && !starting)
		return FAIL(why, "%.64s: no such cvar; cvarlist shows all", name);
	if (!is_name(name))
		return FAIL(why, "'%.64s' is no name of a cvar", name);
	if (strlen(text) > TEXT_MAX_BYTES)
		return FAIL(why, "%s: over %d bytes", name, TEXT_MAX_BYTES);
	if (c == NULL)
		c = add(l, name, text);
	return (c != NULL && replace(&c->value, text) && (!given || replace(&c->given, text))) ||
	       FAIL(why, "out of memory");
}

bool cvar_set(
	struct cvar_list *l, const char *name, const char *text, bool starting, const char **why)
{
	return set(l, name, text, starting, true, why);
}

bool cvar_script_set(struct cvar_list *l, const char *name, const char *text, const char **why)
{
	return set(l, name, text, false, false, why);
}

/* ---- one map after the other ---- */

static void move_all(struct list *from, struct list *to)
{
	while (!list_is_empty(from)) {
		struct list *node = from->next;

		list_remove(node);
		list_add_last(to, node);
	}
}

bool cvar_put_aside(struct cvar_list *l, struct list *aside)
{
	bool ok = true;

	list_init(aside);
	move_all(&l->scripts, aside);
	LIST_EACH(node, aside)
	{
		const struct script_cvar *c = container_of(node, struct script_cvar, node);

		if (c->given == NULL)
			continue;
		struct script_cvar *copy = add(l, c->name, c->given);
		ok = ok && copy != NULL && replace(&copy->given, c->given);
	}
	if (!ok) {
		cvar_drop(&l->scripts);
		move_all(aside, &l->scripts);
	}
	return ok;
}

void cvar_swap(struct cvar_list *l, struct list *aside)
{
	struct list between;

	list_init(&between);
	move_all(&l->scripts, &between);
	move_all(aside, &l->scripts);
	move_all(&between, aside);
}

void cvar_drop(struct list *aside)
{
	LIST_EACH(node, aside)
	free_cvar(container_of(node, struct script_cvar, node));
}

bool cvar_is_fixed(const char *name)
{
	const struct option *o = option_find(cvar_table, cvar_rows, name);

	return o != NULL && (o->flags & OPT_LIVE) == 0;
}

bool cvar_is_secret(const char *name)
{
	const struct option *o = option_find(cvar_table, cvar_rows, name);

	return o != NULL && (o->flags & OPT_SECRET) != 0;
}

bool cvar_reads_as(const struct cvar_list *l, const char *name, const char *text)
{
	const struct option *o = option_find(cvar_table, cvar_rows, name);
	char now[TEXT_MAX_BYTES + 100], then[TEXT_MAX_BYTES + 100];
	struct cvars other = {0};
	const char *why;

	option_presets(cvar_table, cvar_rows, &other);
	bool same = o != NULL && option_set(o, &other, text, &why) &&
		    strcmp(option_text(o, &other, then, sizeof then),
			    option_text(o, &l->set, now, sizeof now)) == 0;
	option_free(cvar_table, cvar_rows, &other);
	return same;
}

json_t *cvar_list_json(const struct cvar_list *l, const char *prefix)
{
	json_t *all = json_array();
	size_t len = strlen(prefix);
	char text[TEXT_MAX_BYTES + 100];

	for (size_t i = 0; i < cvar_rows; i++) {
		const struct option *o = &cvar_table[i];

		if (strncmp(o->name, prefix, len) == 0)
			json_array_append_new(
				all, json_pack("{s:s, s:s, s:s, s:s}", "cvar", o->name, "value",
					     option_text(o, &l->set, text, sizeof text), "default",
					     o->preset, "help", o->help));
	}
	LIST_EACH(node, &l->scripts)
	{
		const struct script_cvar *c = container_of(node, struct script_cvar, node);

		if (c->help != NULL && strncmp(c->name, prefix, len) == 0)
			json_array_append_new(
				all, json_pack("{s:s, s:s, s:s, s:s}", "cvar", c->name, "value",
					     c->value, "default", c->preset, "help", c->help));
	}
	return all;
}

const char *cvar_next_unknown(const struct cvar_list *l, const struct list **at)
{
	for (*at = *at == NULL ? l->scripts.next : (*at)->next; *at != &l->scripts;
		*at = (*at)->next) {
		const struct script_cvar *c = container_of(*at, struct script_cvar, node);

		if (c->help == NULL)
			return c->name;
	}
	return NULL;
}
