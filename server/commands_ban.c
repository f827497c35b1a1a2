#include "server/commands.h"

#include "common/bancall.h"
#include "common/log.h"
#include "server/game.h"

void cmd_ban(struct call *call)
{
	struct game *game = call->owner;
	const char *word = call->argv[1], *why;
	const struct player *p = NULL;
	struct clientkey key;
	struct net net;
	struct ban ban;

	/* What looks like a network and is none is told so. */
	if (!net_parse(word, &net, &why) && (p = call_player(call, word)) == NULL &&
		(strpbrk(word, "./:") == NULL || clientkey_parse(word, &key)))
		return;
	call->error[0] = '\0';
	if (!bancall_ban(call, p != NULL ? p->ip : word, &ban))
		return;
	if (bans_make(&game->bans, &ban, &why))
		log_info("ban: %s asked for by %s", word, call->caller);
	else
		call_fail(call, "ban: %s", why);
}

void cmd_unban(struct call *call)
{
	struct game *game = call->owner;
	struct ban_clock now = ban_clock_now();
	const struct ban *there;
	const char *why;
	struct ban ban;

	if (!bancall_unban(call, &ban))
		return;
	there = banlist_get(&game->bans.list, &ban.net);
	if (there == NULL || !ban_is_on(there, &now))
		call_fail(call, "unban: %s is not banned; `bans` lists what is", call->argv[1]);
	else if (!bans_make(&game->bans, &ban, &why))
		call_fail(call, "unban: %s", why);
	else
		log_info("unban: %s asked for by %s", call->argv[1], call->caller);
}

void cmd_bans(struct call *call)
{
	const struct game *game = call->owner;
	struct ban_clock now = ban_clock_now();

	call_answer(call, banlist_json(&game->bans.list, &now));
}
