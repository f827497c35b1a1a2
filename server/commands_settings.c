/* Cvars, files of commands, the log; and help. */
#include "server/commands.h"

#include "common/log.h"
#include "server/archive.h"
#include "server/console.h"
#include "server/game.h"

/* ---- commands ---- */

void cmd_help(struct call *call)
{
	command_answer_help(call, call_rows(call));
}

void cmd_cmdlist(struct call *call)
{
	call_answer(call, call_rows(call));
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

static void log_change(const struct call *call, const char *name, const char *text)
{
	if (cvar_is_secret(name))
		log_info("cvar %s: set by %s", name, call->caller);
	else
		log_info("cvar %s: set to '%s' by %s", name, text, call->caller);
}

void cmd_set(struct call *call)
{
	struct game *game = call->owner;
	const char *name = call->argv[1], *text = call->argv[2], *why;
	bool live = (call->who & CONSOLE_LIVE) != 0;

	if ((call->who & CONSOLE_AGAIN) != 0 && cvar_is_fixed(name)) {
		if (!cvar_reads_as(&game->cvars, name, text))
			log_warn("cvar %s: stays as it is until the next start", name);
		return;
	}
	if (!cvar_set(&game->cvars, name, text, !live, &why))
		call_fail(call, "%s", why);
	else if (live)
		log_change(call, name, text);
}

/* One that holds from the next start on is only looked at. */
static bool set_or_try(struct game *game, const char *name, const char *text, const char **why)
{
	struct cvar_list scratch;
	bool ok;

	if (!cvar_is_fixed(name))
		return cvar_set(&game->cvars, name, text, false, why);
	cvar_open(&scratch);
	ok = cvar_set(&scratch, name, text, true, why);
	cvar_close(&scratch);
	return ok;
}

void cmd_seta(struct call *call)
{
	struct game *game = call->owner;
	const char *name = call->argv[1], *text = call->argc > 2 ? call->argv[2] : NULL, *why;

	if (text == NULL && cvar_get(&game->cvars, name) == NULL) {
		call_fail(call, "%.64s: no such cvar; cvarlist shows all", name);
	} else if (text != NULL && !set_or_try(game, name, text, &why)) {
		call_fail(call, "%s", why);
	} else if (!archive_set(game, name, text, &why)) {
		call_fail(call, "not kept: %s", why);
	} else if (text == NULL) {
		log_info("cvar %s: not kept any more, by %s", name, call->caller);
	} else {
		log_change(call, name, text);
		if (cvar_is_fixed(name))
			call_answer(call, json_string("kept for the next start"));
	}
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
