/* The settings of the game: server.cfg, what seta keeps, what --set says, in this order; and whether a
 * restart would take them. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "server/archive.h"
#include "server/console.h"
#include "server/game.h"
#include "server/script.h"

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

/* Reads all into a game that nobody plays; with_map: looks at the map too. */
static bool try_settings(const struct game *game, bool with_map, const char **why)
{
	struct game scratch = {.config = game->config};
	char dir[1024];

	cvar_open(&scratch.cvars);
	bool ok =
		configure(&scratch, CONSOLE_TRYING, why) &&
		(!with_map || (map_folder(&scratch, map_to_start(&scratch), dir, sizeof dir, why) &&
				      script_check(dir, why) &&
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
