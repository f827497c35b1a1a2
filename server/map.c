#include "server/map.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/reason.h"
#include "server/game.h"
#include "server/muxlinks.h"
#include "server/script.h"
#include "server/store.h"
#include "server/tell.h"

static char why_text[1200];

/* ---- names ---- */

static bool is_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.-";
	size_t len = strlen(name);

	return len > 0 && len <= MAP_NAME_MAX && name[0] != '.' && strspn(name, letters) == len;
}

bool map_folder(const struct game *game, const char *name, char *out, size_t room, const char **why)
{
	char init[1200];
	struct stat st;

	if (!is_name(name))
		return FAIL(why,
			"map '%.64s': no name of a map: 1 to %d letters, digits, _, - and dots, no "
			"dot in front",
			name, MAP_NAME_MAX);
	if ((size_t)snprintf(out, room, "%s/%s", game->config.maps_dir, name) >= room)
		return FAIL(why, "map '%s': the path of the maps is too long", name);
	snprintf(init, sizeof init, "%.1100s/init.lua", out);
	if (stat(init, &st) != 0 || !S_ISREG(st.st_mode))
		return FAIL(why,
			"map '%s': there is no %s; name the folder of the maps with --maps", name,
			init);
	return true;
}

static int is_listed(const struct dirent *entry)
{
	return is_name(entry->d_name);
}

json_t *map_status(const struct game *game)
{
	const struct map *map = &game->map;
	struct dirent **entries;
	char dir[1024];
	const char *why;
	json_t *all = json_array();
	int count = scandir(game->config.maps_dir, &entries, is_listed, alphasort);

	for (int i = 0; i < count; i++) {
		if (map_folder(game, entries[i]->d_name, dir, sizeof dir, &why))
			json_array_append_new(all, json_string(entries[i]->d_name));
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return json_pack("{s:s, s:s*, s:o}", "map", map->name, "failed",
		map->why[0] != '\0' ? map->why : NULL, "maps", all);
}

/* ---- the one that ran last ---- */

/* RUN_DIR/map: "NAME CONFIGURED\n": which map runs, and what sv_map was when it was started. A crash and a
 * restart go on with it; who changes sv_map afterwards means that. After `quit`: "NAME ?\n". */
static bool memory_path(const struct game *game, const char *end, char *out, size_t room)
{
	return (size_t)snprintf(out, room, "%s/map%s", game->config.run_dir, end) < room;
}

struct memory {
	char name[MAP_NAME_MAX + 1], configured[MAP_NAME_MAX + 1];
};

/* All empty if there is none. */
static struct memory recall(const struct game *game)
{
	struct memory m = {0};
	char path[1024];
	FILE *f = memory_path(game, "", path, sizeof path) ? fopen(path, "re") : NULL;

	_Static_assert(MAP_NAME_MAX == 64, "of the next line");
	if (f == NULL)
		return m;
	if (fscanf(f, "%64s %64s", m.name, m.configured) != 2 || !is_name(m.name))
		m = (struct memory){0};
	fclose(f);
	return m;
}

static void remember(const struct game *game, const char *configured)
{
	const struct map *map = &game->map;
	char path[1024], new_path[1024];
	bool ok = memory_path(game, "", path, sizeof path) &&
		  memory_path(game, ".new", new_path, sizeof new_path);
	FILE *f = ok ? fopen(new_path, "we") : NULL;

	ok = f != NULL && fprintf(f, "%s %s\n", map->name, configured) > 0;
	ok = (f == NULL || fclose(f) == 0) && ok && rename(new_path, path) == 0;
	if (!ok)
		log_warn("map %s: cannot be noted in %s: the next start will not know of it",
			map->name, game->config.run_dir);
}

const char *map_to_start(const struct game *game)
{
	static char name[MAP_NAME_MAX + 1];
	const char *sv_map = game->cvars.set.sv_map;
	struct memory m = recall(game);

	snprintf(name, sizeof name, "%s", strcmp(m.configured, sv_map) == 0 ? m.name : sv_map);
	return name;
}

void map_forget(const struct game *game)
{
	if (game->map.name[0] != '\0')
		remember(game, "?");
}

const char *map_listed_from(const struct player *p)
{
	const struct muxlink *m = muxlinks_find(p->game->muxlinks, p->link);
	const char *from = p->game->map.from;

	/* Whoever is listed later was here before, or came while the link was away. And where no map
	 * could be loaded, what was saved waits for the one that will. */
	bool is_first = m != NULL && !m->listed;
	return from[0] != '\0' && is_first && p->game->map.why[0] == '\0' ? from : NULL;
}

void map_restore(struct player *p, const char *from)
{
	struct game *game = p->game;
	json_t *saved = json_incref(p->saved); /* a handler may save something else meanwhile */
	char text[MAP_NAME_MAX + 40];

	if (from != NULL) {
		player_forget_saved(p);
		snprintf(text, sizeof text, "[The game is now: %s.]\n", game->map.name);
		player_send(p, slice_text(text));
	}
	script_restore(game->script, p, saved, from);
	json_decref(saved);
}

/* ---- loading ---- */

static const char nothing_lua[] =
	"local words = 'The game could not be started. Its admins know; please wait, you stay '\n"
	"\t.. 'connected.'\n"
	"game.on('join', function(p) p:send(words) end)\n"
	"game.on('input', function(p) p:send(words) end)\n";

/* What its files change besides itself is undone if they fail. */
static struct script *run_files(
	struct game *game, const char *name, const char *dir, const char **why)
{
	char *mssp = game->mssp; /* a map that says nothing takes back what the one before said */

	game->mssp = NULL;
	game_commit_store(game);
	struct script *s = store_use(game->store, name) ? script_open(game, dir, why) : NULL;
	if (s == NULL) {
		store_rollback(game->store);
		free(game->mssp);
		game->mssp = mssp;
	} else {
		free(mssp);
	}
	game_tell_mssp_to_all(game);
	return s;
}

/* Its cvars are in map->next_cvars then. NULL: nothing has changed. */
static struct script *load(struct game *game, const char *name, const char **why)
{
	struct map *map = &game->map;
	char dir[1024];

	if (!map_folder(game, name, dir, sizeof dir, why) || !script_check(dir, why))
		return NULL;
	if (!cvar_put_aside(&game->cvars, &map->next_cvars)) {
		FAIL(why, "map '%s': not enough memory", name);
		return NULL;
	}
	FAIL(why, "map '%s': not enough memory", name);
	struct script *s = run_files(game, name, dir, why);
	cvar_swap(&game->cvars, &map->next_cvars);
	if (s == NULL)
		cvar_drop(&map->next_cvars);
	store_use(game->store, map->name);
	return s;
}

/* ---- one after the other ---- */

static void begin(struct game *game, struct script *s, const char *name)
{
	struct map *map = &game->map;
	const char *why;

	game->script = s;
	snprintf(map->name, sizeof map->name, "%s", name);
	map->why[0] = '\0';
	cvar_swap(&game->cvars, &map->next_cvars);
	cvar_drop(&map->next_cvars);
	cvar_set(&game->cvars, "sv_map", name, true, &why);
	if (!store_use(game->store, name))
		log_error("map %s: not enough memory for its store", name);
	log_info("map %s: %s", name, map->is_reload ? "reloaded" : "loaded");
	map_hooks_begin(s);
	script_start(s);
}

/* from: the map that has ended; NULL: it was this one. */
static void restore_all(struct game *game, const char *from)
{
	LIST_EACH(node, &game->players)
	{
		struct player *p = container_of(node, struct player, node);

		player_check_role(p);
		if (p->state == PLAYER_HERE)
			map_restore(p, from);
	}
}

/* What the map before has hidden would stay hidden: the new one does not know of it. */
static void show_echo(struct game *game)
{
	LIST_EACH(node, &game->players)
	player_tell(container_of(node, struct player, node), "echo", false, slice_text("on"));
}

static void change_task(struct loop_task *task)
{
	struct map *map = container_of(task, struct map, change);
	struct game *game = container_of(map, struct game, map);
	struct script *next = map->next;
	char from[MAP_NAME_MAX + 1];

	if (game->stop_event_sent)
		return; /* the next program starts the map that has ended in order */
	script_stop(game->script, map->is_reload ? "restart" : "map");
	game_commit_store(game);
	script_close(game->script);
	map->next = NULL;
	if (!map->is_reload)
		show_echo(game);
	/* Where none could be loaded, they are still those of the program before. */
	bool was_loaded = map->why[0] == '\0';
	snprintf(from, sizeof from, "%s", was_loaded ? map->name : map->from);
	begin(game, next, map->next_name);
	bool is_other = from[0] != '\0' && strcmp(from, map->name) != 0;
	restore_all(game, is_other ? from : NULL);
	/* Noted only when nobody's save is of the one before: whatever crashes now, no save is taken for
	 * another map's. */
	game->flush.run(&game->flush);
	remember(game, map->configured);
	map->from[0] = '\0';
}

static bool change(struct game *game, const char *name, bool is_reload, const char **why)
{
	struct map *map = &game->map;

	if (game->stop != STOP_NOT)
		return FAIL(why, "the server is stopping");
	if (map->next != NULL)
		return FAIL(why, "the map is just being changed");
	struct script *next = load(game, name, why);
	if (next == NULL) {
		game->metrics.maps_failed++;
		log_error("map %s: not %s: %s", name, is_reload ? "reloaded" : "started", *why);
		return false;
	}
	game->metrics.maps_changed++;
	map->next = next;
	map->is_reload = is_reload;
	snprintf(map->next_name, sizeof map->next_name, "%s", name);
	/* A script may have asked, and must not be freed under its own feet. */
	loop_at_next_turn(game->loop, &map->change);
	return true;
}

bool map_change(struct game *game, const char *name, const char **why)
{
	return change(game, name, false, why);
}

bool map_reload(struct game *game, const char **why)
{
	char name[MAP_NAME_MAX + 1];

	snprintf(name, sizeof name, "%s", game->map.name);
	return change(game, name, game->map.why[0] == '\0', why);
}

/* ---- life ---- */

void map_open(struct game *game)
{
	struct map *map = &game->map;

	list_init(&map->hooks);
	list_init(&map->next_cvars);
	loop_task_init(&map->change, change_task);
}

/* Nobody's map: it has no cvars, and keeps nothing. */
static bool begin_nothing(struct game *game, const char *name, const char *reason, const char **why)
{
	struct map *map = &game->map;

	log_error("map %s: not started: %s", name, reason);
	log_error("map %s: players are told that admins know: mend it and say reload, or map NAME",
		name);
	game->metrics.maps_failed++;
	snprintf(map->name, sizeof map->name, "%s", name);
	snprintf(map->why, sizeof map->why, "%s", reason);
	game->script = script_open_text(game, "nothing", nothing_lua, why);
	if (game->script == NULL)
		return false;
	map_hooks_begin(game->script);
	script_start(game->script);
	return true;
}

bool map_start(struct game *game, const char **why)
{
	struct map *map = &game->map;
	char name[MAP_NAME_MAX + 1];

	struct memory before = recall(game);
	snprintf(map->configured, sizeof map->configured, "%s", game->cvars.set.sv_map);
	snprintf(name, sizeof name, "%s", map_to_start(game));
	snprintf(map->name, sizeof map->name, "%s", name);
	if (strcmp(before.name, name) != 0)
		snprintf(map->from, sizeof map->from, "%s", before.name);
	if (strcmp(name, map->configured) != 0)
		log_info("map %s: goes on, as an admin has chosen it (sv_map is %s)", name,
			map->configured);
	struct script *s = load(game, name, why);
	if (s == NULL)
		return begin_nothing(game, name, *why, why);
	begin(game, s, name);
	if (map->from[0] == '\0')
		remember(game, map->configured); /* otherwise map_listed does */
	return true;
}

void map_listed(const struct game *game)
{
	if (game->map.from[0] != '\0' && game->map.why[0] == '\0')
		remember(game, game->map.configured);
}

void map_close(struct game *game)
{
	struct map *map = &game->map;

	loop_task_cancel(&map->change);
	script_close(map->next);
	map->next = NULL;
	cvar_drop(&map->next_cvars);
	script_close(game->script);
	game->script = NULL;
}
