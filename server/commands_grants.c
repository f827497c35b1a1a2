/* Roles of accounts. Only on the console, or an admin could make himself what he is for ever. */
#include "server/commands.h"

#include <stdio.h>
#include <strings.h>

#include "common/log.h"
#include "server/game.h"
#include "server/grants.h"

/* The map that argv[at] names, or the one that runs. */
static const char *map_word(const struct call *call, int at)
{
	const struct game *game = call->owner;

	return call->argc > at ? call->argv[at] : game->map.name;
}

static void check_players(struct game *game)
{
	LIST_EACH(node, &game->players)
	player_check_role(container_of(node, struct player, node));
}

/* The map is a map, or "all": one that is misspelt would never be noticed. */
static bool is_map(struct call *call, const char *map)
{
	const char *why;
	char dir[1024];

	if (strcmp(map, GRANT_ALL) == 0 || map_folder(call->owner, map, dir, sizeof dir, &why))
		return true;
	call_fail(call, "%s", why);
	return false;
}

/* Nobody who is here gets a role: a name alone does not show that he is that account. */
static void tell_who_is_here(struct call *call, const char *account, const char *role)
{
	const struct game *game = call->owner;
	char granted[GRANT_ROLE_MAX + 1], text[GRANT_ACCOUNT_MAX + 100];

	if (!grants_role(game->store, game->map.name, account, granted) ||
		strcmp(granted, role) != 0)
		return; /* another map's */
	LIST_EACH(node, &game->players)
	{
		const struct player *p = container_of(node, struct player, node);

		if (p->state != PLAYER_HERE || p->name == NULL || p->role != NULL ||
			strcasecmp(p->name, account) != 0)
			continue;
		snprintf(text, sizeof text,
			"granted; the '%s' who is here now has it from the next login on", p->name);
		call_answer(call, json_string(text));
		return;
	}
}

void cmd_grant(struct call *call)
{
	struct game *game = call->owner;
	const char *account = call->argv[1], *role = call->argv[2], *map = map_word(call, 3), *why;

	game_commit_store(game);
	if (!is_map(call, map))
		return;
	if (!grants_set(game->store, map, account, role, &why)) {
		call_fail(call, "%s", why);
		return;
	}
	log_info("grant: '%s' of map %s is %s now, by %s", account, map, role, call->caller);
	check_players(game);
	tell_who_is_here(call, account, role);
}

void cmd_revoke(struct call *call)
{
	struct game *game = call->owner;
	const char *account = call->argv[1], *map = map_word(call, 2), *why;

	game_commit_store(game);
	if (!grants_remove(game->store, map, account, &why)) {
		call_fail(call, "%s", why);
		return;
	}
	log_info("grant: '%s' of map %s has no role any more, by %s", account, map, call->caller);
	check_players(game);
}

void cmd_grants(struct call *call)
{
	const struct game *game = call->owner;

	call_answer(call, grants_list(game->store));
}
