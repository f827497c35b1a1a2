/* Whether all scripts of a map compile, before anything depends on it; and whether they know a name. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "server/script_state.h"

enum { DEPTH_MAX = 8, FILES_MAX = 2000, CHECK_MEMORY = 256 * 1024 * 1024 };

static char why_text[900];

struct walk {
	const char *dir;
	lua_State *L;     /* each is compiled; or NULL: */
	const char *word; /* it is looked for */
	unsigned files;
	bool good; /* go on */
};

static bool is_letter(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = line; (at = strstr(at, word)) != NULL; at++)
		if ((at == line || !is_letter(at[-1])) && !is_letter(at[len]))
			return true;
	return false;
}

/* Ends the walk when the word is there. */
static void search_file(struct walk *w, const char *path)
{
	char full[2300], *line = NULL;
	size_t room = 0;

	snprintf(full, sizeof full, "%.1000s/%.1200s", w->dir, path);
	FILE *f = fopen(full, "re");
	while (f != NULL && w->good && getline(&line, &room, f) >= 0)
		w->good = !has_word(line, w->word);
	free(line);
	if (f != NULL)
		fclose(f);
}

/* path is seen from the map's folder. */
static void check_file(struct walk *w, const char *path)
{
	if (w->files++ > FILES_MAX)
		return;
	if (w->L == NULL) {
		search_file(w, path);
		return;
	}
	struct script *s = script_of(w->L);
	if (script_load_file(w->L, s->dir, s->name, path) != LUA_OK) {
		script_describe(w->L, why_text, sizeof why_text);
		w->good = false;
	}
	lua_settop(w->L, 0);
}

static bool is_script(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".lua") == 0;
}

/* Below the map's folder; "" is itself. Hidden ones are editors' affairs. */
static void check_folder(struct walk *w, const char *below, unsigned depth)
{
	char path[1200], full[2300];
	struct dirent **entries;
	struct stat is;

	snprintf(full, sizeof full, "%.1000s/%.1200s", w->dir, below);
	int count = depth < DEPTH_MAX ? scandir(full, &entries, NULL, alphasort) : -1;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		snprintf(path, sizeof path, "%.900s%s%s", below, below[0] != '\0' ? "/" : "", name);
		snprintf(full, sizeof full, "%.1000s/%s", w->dir, path);
		if (!w->good || name[0] == '.' || stat(full, &is) != 0)
			;
		else if (S_ISDIR(is.st_mode))
			check_folder(w, path, depth + 1);
		else if (S_ISREG(is.st_mode) && is_script(name))
			check_file(w, path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* (): true, or false and why_text set. */
static int l_check(lua_State *L)
{
	struct walk w = {.L = L, .dir = script_of(L)->dir, .good = true};

	check_file(&w, "init.lua");
	if (w.good)
		check_folder(&w, "", 0);
	lua_pushboolean(L, w.good);
	return 1;
}

bool script_check(const char *dir, const char **why)
{
	*why = why_text;
	snprintf(why_text, sizeof why_text, "not enough memory");
	struct script *s = script_new(NULL, dir, CHECK_MEMORY);
	if (s == NULL)
		return false;
	lua_pushcfunction(s->L, l_check);
	bool good = lua_pcall(s->L, 0, 1, 0) == LUA_OK && lua_toboolean(s->L, -1);
	script_close(s);
	return good;
}

bool script_mentions(const char *dir, const char *word)
{
	struct walk w = {.dir = dir, .word = word, .good = true};

	check_folder(&w, "", 0);
	return !w.good;
}
