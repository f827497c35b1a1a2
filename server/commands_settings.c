/* Cvars, files of commands, the log; and help. */
#include "server/commands.h"

#include "common/log.h"
#include "server/console.h"
#include "server/game.h"
#include "server/script_command.h"

/* ---- commands ---- */

void cmd_help(struct call *call)
{
	const struct game *game = call->owner;
	json_t *all = command_help(console_commands, console_command_rows, call->who);

	if (game->script != NULL && (call->who & CONSOLE_ADMIN) != 0)
		script_command_help(game->script, all, console_commands, console_command_rows);
	call_answer(call, all);
}

void cmd_cmdlist(struct call *call)
{
	cmd_help(call);
}

void cmd_cvarlist(struct call *call)
{
	const struct game *game = call->owner;

	call_answer(call, cvar_list_json(&game->cvars, call->argc > 1 ? call->argv[1] : ""));
}

void cmd_get(struct call *call)
{
	const struct game *game = call->owner;
	const char *value = cvar_get(&game->cvars, call->argv[1]);

	if (value == NULL)
		call_fail(call, "%s: no such cvar; cvarlist shows all", call->argv[1]);
	else
		call_answer(call, json_pack("{s:s}", call->argv[1], value));
}

void cmd_set(struct call *call)
{
	struct game *game = call->owner;
	const char *name = call->argv[1], *text = call->argv[2], *why;

	if ((call->who & CONSOLE_AGAIN) != 0 && cvar_is_fixed(name)) {
		if (!cvar_reads_as(&game->cvars, name, text))
			log_warn("cvar %s: stays as it is until the next start", name);
		return;
	}
	bool live = (call->who & CONSOLE_LIVE) != 0;
	if (!cvar_set(&game->cvars, name, text, !live, &why))
		call_fail(call, "%s", why);
	else if (live && cvar_is_secret(name))
		log_info("cvar %s: set by %s", name, call->caller);
	else if (live)
		log_info("cvar %s: set to '%s' by %s", name, text, call->caller);
}

void cmd_exec(struct call *call)
{
	const char *why;

	if (!console_exec_file(call->owner, call->argv[1], call->who, &why))
		call_fail(call, "%s", why);
}

void cmd_loglevel(struct call *call)
{
	enum log_level level;

	if (!log_level_parse(call->argv[1], &level))
		call_fail(
			call, "loglevel: '%s' is none of debug, info, warn, error", call->argv[1]);
	else if ((call->who & CONSOLE_TRYING) == 0)
		log_open("server", level);
}
