/* Who is let in, and who has to go. */
#include "server/commands.h"

#include <stdio.h>
#include <strings.h>

#include "common/log.h"
#include "server/game.h"
#include "server/show.h"

struct player *call_player(struct call *call, const char *word)
{
	struct game *game = call->owner;
	struct player *by_key = player_find_text(game, word);

	if (by_key != NULL && by_key->state == PLAYER_HERE)
		return by_key;
	LIST_EACH(node, &game->players)
	{
		struct player *p = container_of(node, struct player, node);

		if (p->state == PLAYER_HERE && p->name != NULL && strcasecmp(p->name, word) == 0)
			return p;
	}
	call_fail(call, "no such player: %s; `players` lists them", word);
	return NULL;
}

/* C0, DEL, and the C1 of UTF-8. */
char *call_shown_words(const struct call *call, int first, char *out, size_t room)
{
	call_words(call, first, out, room);
	for (uint8_t *at = (uint8_t *)out; *at != '\0'; at++) {
		if (*at < 0x20 || *at == 0x7f)
			*at = '?';
		else if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			at[0] = at[1] = '?';
	}
	return out;
}

void cmd_say(struct call *call)
{
	char words[COMMAND_LINE_MAX + 1], text[sizeof words + 16];

	call_shown_words(call, 1, words, sizeof words);
	snprintf(text, sizeof text, "[Admin: %s]\n", words);
	game_show_all(call->owner, &(struct markup){.bytes = slice_text(text)});
	log_info("say: %s, by %s", words, call->caller);
}

void cmd_kick(struct call *call)
{
	struct player *p = call_player(call, call->argv[1]);
	char reason[512], words[600];

	if (p == NULL)
		return;
	call_shown_words(call, 2, reason, sizeof reason);
	snprintf(words, sizeof words, "You were disconnected by an admin%s%s",
		reason[0] != '\0' ? ": " : ".", reason);
	log_info("kick: %s, by %s", player_label(p), call->caller);
	player_kick(p, words);
}

/* The multiplexer's answer comes later; until then the mode shown is the old one. */
void cmd_accept(struct call *call)
{
	struct game *game = call->owner;
	bool local = call->argc > 1 && strcmp(call->argv[1], "localhost") == 0;

	if (call->argc == 1 || strcmp(call->argv[1], "show") == 0) {
		call_answer(call, json_pack("{s:s}", "accept", game_accept_word(game)));
	} else if (!local && strcmp(call->argv[1], "all") != 0) {
		call_fail(call, "accept: '%s' is none of localhost, all, show", call->argv[1]);
	} else if (!game_accept(game, local)) {
		call_fail(call,
			"accept: the multiplexer is not connected; ask it itself: holdfastctl "
			"accept %s",
			call->argv[1]);
	} else {
		log_info("accept: %s asked for by %s", call->argv[1], call->caller);
	}
}
