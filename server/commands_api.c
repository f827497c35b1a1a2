/* Tokens of the HTTP API. */
#include "server/commands.h"

#include "common/log.h"
#include "server/api/tokens.h"
#include "server/game.h"

static void new_token(struct call *call)
{
	struct game *game = call->owner;
	const char *scope = call->argc > 3 ? call->argv[3] : "read", *why;
	char text[TOKEN_TEXT_MAX];

	if (call->argc < 3) {
		call_fail(call, "token new: a name is missing");
		return;
	}
	if (!tokens_new(game->store, call->argv[2], scope, text, &why)) {
		call_fail(call, "token new: %s", why);
		return;
	}
	log_info("token %s: made for %s by %s", call->argv[2], scope, call->caller);
	call_answer(call, json_pack("{s:s, s:s, s:s}", "token", text, "scope", scope, "note",
				  "keep it now: it is not shown again"));
}

static void revoke_token(struct call *call)
{
	struct game *game = call->owner;
	const char *why;

	if (call->argc != 3)
		call_fail(call, "token revoke: wants a name");
	else if (!tokens_revoke(game->store, call->argv[2], &why))
		call_fail(call, "token revoke: %s", why);
	else
		log_info("token %s: revoked by %s", call->argv[2], call->caller);
}

void cmd_token(struct call *call)
{
	const struct game *game = call->owner;

	if (strcmp(call->argv[1], "new") == 0)
		new_token(call);
	else if (strcmp(call->argv[1], "list") == 0)
		call_answer(call, tokens_list(game->store));
	else if (strcmp(call->argv[1], "revoke") == 0)
		revoke_token(call);
	else
		call_fail(call, "token: '%s' is none of new, list, revoke", call->argv[1]);
}
