/* What a line that is begun can go on with: for consoles that complete it. */
#include "server/commands.h"

#include "common/complete.h"
#include "server/console.h"
#include "server/game.h"
#include "server/grants.h"
#include "server/script_command.h"

json_t *call_rows(const struct call *call)
{
	const struct game *game = call->owner;
	json_t *all = command_help(console_commands, console_command_rows, call->who);

	if (game->script != NULL && (call->who & CONSOLE_ADMIN) != 0)
		script_command_help(game->script, all, console_commands, console_command_rows);
	return all;
}

static void add_players(struct game *game, bool names, const char *beginning, json_t *all)
{
	LIST_EACH(node, &game->players)
	{
		const struct player *p = container_of(node, struct player, node);
		char key[PLAYER_KEY_TEXT_MAX];

		if (p->state != PLAYER_HERE)
			continue;
		if (names && p->name != NULL)
			complete_add(all, p->name, beginning);
		if (!names)
			complete_add(all, player_key_text(p, key), beginning);
	}
}

/* The values of a member of all objects in rows, whose reference is taken. */
static void add_member(json_t *rows, const char *member, const char *beginning, json_t *all)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *text = json_string_value(json_object_get(row, member));

		if (text != NULL)
			complete_add(all, text, beginning);
	}
	json_decref(rows);
}

static void add_maps(struct game *game, const char *beginning, json_t *all)
{
	json_t *status = map_status(game);
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(status, "maps"), i, name)
		complete_add(all, json_string_value(name), beginning);
	json_decref(status);
}

static void add_kind(void *owner, const char *kind, const char *beginning, json_t *all)
{
	const struct call *call = owner;
	struct game *game = call->owner;

	if (strcmp(kind, "cvar") == 0)
		add_member(cvar_list_json(&game->cvars, beginning), "cvar", beginning, all);
	else if (strcmp(kind, "command") == 0)
		add_member(call_rows(call), "command", beginning, all);
	else if (strcmp(kind, "map") == 0)
		add_maps(game, beginning, all);
	else if (strcmp(kind, "name") == 0 || strcmp(kind, "player") == 0)
		add_players(game, true, beginning, all);
	else if (strcmp(kind, "key") == 0)
		add_players(game, false, beginning, all);
	if (strcmp(kind, "account") == 0) {
		add_member(grants_list(game->store), "account", beginning, all);
		add_players(game, true, beginning, all);
	} else if (strcmp(kind, "role") == 0) {
		complete_add(all, "admin", beginning);
		add_member(grants_list(game->store), "role", beginning, all);
	}
}

void cmd_complete(struct call *call)
{
	const struct game *game = call->owner;
	json_t *rows = call_rows(call), *all = complete_line(call, rows, add_kind, call);
	const char *beginning = call->argc > 1 ? call->argv[call->argc - 1] : "";

	if (call->argc == 2) /* a cvar's name alone shows it */
		add_member(cvar_list_json(&game->cvars, beginning), "cvar", beginning, all);
	json_decref(rows);
	call_answer(call, all);
}
