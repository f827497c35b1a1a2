/* Settings by name: those of cvars.def, and those that scripts make with cvar.new. */
#ifndef SERVER_CVAR_H
#define SERVER_CVAR_H

#include <jansson.h>

#include "common/list.h"
#include "common/option.h"

struct cvars {
#define CVAR(TYPE, name, preset, min, max, flags, help) opt_##TYPE name;
#include "server/cvars.def"
};

extern const struct option cvar_table[];
extern const size_t cvar_rows;

/* All of them. C reads its own as plain fields: game->cvars.set.sv_fps. */
struct cvar_list {
	struct cvars set;    /* of cvars.def */
	struct list scripts; /* owned: those of scripts, and names that were set before any script
	                      * asked for them */
};

void cvar_open(struct cvar_list *l);
void cvar_close(struct cvar_list *l);

/* What a script asks for: a text of at most 1000 bytes. A name is 1..63 of a-z, 0-9 and _, and begins
 * with a letter. If the name was made before, or already set by server.cfg, its value stays. False
 * with *why a sentence (valid until the next call): a bad name, one of cvars.def, a text too long. */
bool cvar_new(struct cvar_list *l, const char *name, const char *preset, const char *help,
	const char **why);

/* The value as text that cvar_set reads back, valid until the next call; NULL: no such cvar. */
const char *cvar_get(const struct cvar_list *l, const char *name);

/* False with *why a sentence: no such cvar, out of bounds, only at start (unless starting). While
 * starting, a name that nobody knows yet is kept for the script that will make it. */
bool cvar_set(
	struct cvar_list *l, const char *name, const char *text, bool starting, const char **why);

/* The same for a script that says so: what it sets of its map's cvars goes with the map. */
bool cvar_script_set(struct cvar_list *l, const char *name, const char *text, const char **why);

/* Before a map is loaded while another runs: the cvars of that one are in *aside (which is made here)
 * and l has none but what an admin or a file set, for whoever makes a cvar of that name. False, and
 * nothing changed, when memory is out. */
bool cvar_put_aside(struct cvar_list *l, struct list *aside);
void cvar_swap(struct cvar_list *l, struct list *aside); /* what is in l and aside change places */
void cvar_drop(struct list *aside);

/* One of cvars.def that can only be set at start. */
bool cvar_is_fixed(const char *name);

bool cvar_is_secret(const char *name);

/* Whether setting such a one to text would change nothing. */
bool cvar_reads_as(const struct cvar_list *l, const char *name, const char *text);

/* For cvarlist: an array of {cvar, value, default, help}, by name those that begin with prefix. */
json_t *cvar_list_json(const struct cvar_list *l, const char *prefix);

/* The next name that was set and that nobody made, from after *at on (NULL: the first); NULL: none.
 * For a warning once the map is loaded. */
const char *cvar_next_unknown(const struct cvar_list *l, const struct list **at);

#endif
