/* The settings of the game: server.cfg, what seta keeps, what --set says, in this order; and whether a
 * restart would take them. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "server/api/config.h"
#include "server/archive.h"
#include "server/console.h"
#include "server/game.h"
#include "server/register/settings.h"
#include "server/script.h"
#include "server/store.h"

static char why_text[1200];

static bool configure(struct game *game, unsigned mode, const char **why)
{
	const struct game_config *config = &game->config;

	if (config->config_file != NULL && !console_exec_file(game, config->config_file, mode, why))
		return false;
	if (!archive_read(game, mode, why))
		return false;
	for (int i = 0; i < config->set_count; i++)
		if (!console_set(game, config->sets[i], mode, why))
			return false;
	return true;
}

bool game_configure(struct game *game, const char **why)
{
	return configure(game, CONSOLE_STARTING, why);
}

static bool check_store(const struct cvars *set, const char **why)
{
	const char *reason;

	if (set->sv_store[0] == '\0' || store_check(set->sv_store, &reason))
		return true; /* its usual place is made by the start */
	snprintf(why_text, sizeof why_text, "sv_store: %s", reason);
	*why = why_text;
	return false;
}

/* Reads all into a game that nobody plays; with_map: looks at the map too. */
static bool try_settings(const struct game *game, bool with_map, const char **why)
{
	struct game scratch = {.config = game->config};
	char dir[1024];

	cvar_open(&scratch.cvars);
	bool ok = configure(&scratch, CONSOLE_TRYING, why) &&
		  (!with_map ||
			  (map_folder(&scratch, map_to_start(&scratch), dir, sizeof dir, why) &&
				  script_check(dir, why) && check_store(&scratch.cvars.set, why) &&
				  muxdoors_read(&scratch, &scratch.doors, why)));
	muxdoors_free(&scratch.doors);
	cvar_close(&scratch.cvars);
	return ok;
}

void game_reconfigure(struct game *game)
{
	const char *why;

	if (game->config.config_file == NULL)
		log_info("settings: there is no file to read again");
	else if (!try_settings(game, false, &why) || !configure(game, CONSOLE_AGAIN, &why))
		log_error("settings: nothing is changed: %s", why);
	else
		log_info("settings: the live cvars of %s are read again", game->config.config_file);
}

bool game_check(const struct game *game, const char **why)
{
	struct stat st;

	if (stat(game->config.program, &st) != 0 || !S_ISREG(st.st_mode) ||
		access(game->config.program, X_OK) != 0) {
		snprintf(why_text, sizeof why_text, "%s: no program that can be executed",
			game->config.program);
		*why = why_text;
		return false;
	}
	return try_settings(game, true, why);
}

/* A map's own cvars are made while it runs: a name that stands in one of the scripts may be one. */
static bool check_names(const struct game *game, void (*warn)(const char *text), const char **why)
{
	const struct list *at = NULL;
	const char *name;

	*why = why_text;
	while ((name = cvar_next_unknown(&game->cvars, &at)) != NULL) {
		if (script_mentions(game->config.maps_dir, name))
			continue;
		snprintf(why_text, sizeof why_text,
			"%s: is set, but neither the server nor a map has a cvar of this name",
			name);
		if (strncmp(name, "sv_", 3) == 0)
			return false;
		warn(why_text);
	}
	return true;
}

bool game_check_all(const struct game *game, void (*warn)(const char *text), const char **why)
{
	struct api_config api;
	bool ok = api_config_read(&game->cvars.set, &api, why);

	api_config_free(&api);
	return ok && settings_check(&game->cvars.set, why) && check_names(game, warn, why);
}
