#include "common/ctl/shell.h"

#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/command.h"

enum { HISTORY = 500, SHOWN_WIDTH = 78 };

bool shell_has_input(void)
{
	struct stat st;

	return isatty(STDIN_FILENO) ||
	       (fstat(STDIN_FILENO, &st) == 0 && !S_ISCHR(st.st_mode) && !S_ISDIR(st.st_mode));
}

static bool is_empty(const char *line)
{
	line += strspn(line, " \t\r\n");
	return line[0] == '\0' || line[0] == '#' || (line[0] == '/' && line[1] == '/');
}

/* False: it was refused, which has been shown. */
static bool run_words(const struct shell *shell, const struct call *call)
{
	json_t *reply = shell->ask(shell->owner, call->argc, call->argv);
	bool ok = json_is_true(json_object_get(reply, "ok"));

	shell->show(shell->owner, reply);
	fflush(stdout);
	json_decref(reply);
	return ok;
}

/* ---- from a pipe ---- */

static bool run_line(const struct shell *shell, const char *line)
{
	struct call call = {0};

	if (command_split(&call, line))
		return run_words(shell, &call);
	fprintf(stderr, "holdfastctl: %s\n", call.error);
	return false;
}

static int run_pipe(const struct shell *shell)
{
	char line[COMMAND_LINE_MAX + 2];
	int status = 0;

	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "exit") == 0)
			break;
		if (!is_empty(line) && !run_line(shell, line))
			status = 1;
	}
	return status;
}

/* ---- at a terminal ---- */

struct prompt {
	const struct shell *shell;
	char text[40];
};

static char *prompt_text(EditLine *el)
{
	struct prompt *p;

	el_get(el, EL_CLIENTDATA, &p);
	return p->text;
}

static void show_choices(const json_t *choices)
{
	const json_t *word;
	size_t i, column = 0;

	putchar('\n');
	json_array_foreach(choices, i, word)
	{
		const char *text = json_string_value(word);

		if (column > 0 && column + strlen(text) + 2 > SHOWN_WIDTH) {
			putchar('\n');
			column = 0;
		}
		column += (size_t)printf("%s%s", column > 0 ? "  " : "", text);
	}
	putchar('\n');
	fflush(stdout);
}

static unsigned char on_tab(EditLine *el, int c UNUSED)
{
	const LineInfo *line = el_line(el);
	size_t before = (size_t)(line->cursor - line->buffer);
	struct shell_completion to;
	struct prompt *p;

	el_get(el, EL_CLIENTDATA, &p);
	shell_complete(p->shell, slice_of(line->buffer, before), &to);
	if (to.text[0] != '\0') {
		el_deletestr(el, (int)(before - to.from));
		el_insertstr(el, to.text);
	}
	bool shown = to.choices != NULL;
	if (shown)
		show_choices(to.choices);
	json_decref(to.choices);
	return shown ? CC_REDISPLAY : to.text[0] != '\0' ? CC_REFRESH : CC_REFRESH_BEEP;
}

/* Who types quit most often only means to leave. */
static bool is_confirmed(const struct shell *shell, const char *word, bool *asked)
{
	bool ends = shell->ends != NULL && strcmp(word, shell->ends) == 0, again = *asked;

	*asked = ends;
	if (!ends || again)
		return true;
	printf("This ends the %s itself. Type %s again if that is meant; exit leaves this console.\n",
		shell->name, word);
	return false;
}

static void run_typed(const struct shell *shell, const char *line, bool *asked, bool *leave)
{
	struct call call = {0};

	if (!command_split(&call, line))
		printf("%s\n", call.error);
	else if (strcmp(call.argv[0], "exit") == 0)
		*leave = true;
	else if (is_confirmed(shell, call.argv[0], asked))
		run_words(shell, &call);
}

static void run_terminal(const struct shell *shell, EditLine *el, History *list)
{
	bool leave = false, asked = false;
	HistEvent event;
	const char *line;
	int count;

	printf("Type help for the commands, Tab to complete one; exit or Ctrl-D leaves.\n");
	while (!leave && (line = el_gets(el, &count)) != NULL && count > 0) {
		char copy[COMMAND_LINE_MAX + 2];

		if (is_empty(line))
			continue;
		history(list, &event, H_ENTER, line);
		if (snprintf(copy, sizeof copy, "%s", line) >= (int)sizeof copy)
			printf("the line is too long\n");
		else
			run_typed(shell, copy, &asked, &leave);
	}
	if (!leave)
		putchar('\n');
}

/* What is typed may be in any script, whatever the locale says. */
static void use_utf8(void)
{
	if (setlocale(LC_CTYPE, "") == NULL || MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
}

int shell_run(const struct shell *shell)
{
	struct prompt prompt = {.shell = shell};
	HistEvent event;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return run_pipe(shell);
	use_utf8();
	snprintf(prompt.text, sizeof prompt.text, "%s> ", shell->name);
	EditLine *el = el_init("holdfastctl", stdin, stdout, stderr);
	History *list = history_init();
	if (el == NULL || list == NULL)
		return run_pipe(shell); /* a terminal that libedit does not know */
	history(list, &event, H_SETSIZE, HISTORY);
	history(list, &event, H_SETUNIQUE, 1);
	el_set(el, EL_CLIENTDATA, &prompt);
	el_set(el, EL_PROMPT, prompt_text);
	el_set(el, EL_EDITOR, "emacs");
	el_set(el, EL_HIST, history, list);
	el_set(el, EL_ADDFN, "complete-word", "completes the word", on_tab);
	el_set(el, EL_BIND, "^I", "complete-word", NULL);
	el_set(el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(el, NULL);
	/* Ctrl-C gives up the line; while a command is asked it ends us, as ever. */
	el_set(el, EL_SETTY, "-d", "-isig", NULL);
	el_set(el, EL_BIND, "^C", "em-kill-line", NULL);
	run_terminal(shell, el, list);
	history_end(list);
	el_end(el);
	return 0;
}
