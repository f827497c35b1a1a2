/* Words for exit codes and signals. */
#include "common/ctl/ending.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static const char *code_meaning(int code)
{
	switch (code) {
	case 1:
		return " (it could not start; its last line says why)";
	case ENDING_QUIT:
		return " (its console said quit)";
	case ENDING_USAGE:
		return " (its command line is wrong)";
	case ENDING_CONFIG:
		return " (its configuration is wrong)";
	case ENDING_NO_PROGRAM:
		return " (the program could not be started)";
	default:
		return "";
	}
}

/* Signals that a program brings on itself, by a fault of its own. */
static bool is_crash(int number)
{
	return number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE ||
	       number == SIGABRT || number == SIGSYS || number == SIGTRAP;
}

int ending_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *ending_text(int status, char out[static ENDING_TEXT_MAX])
{
	int code = ending_code(status);

	if (code == ENDING_OK) {
		snprintf(out, ENDING_TEXT_MAX, "ended normally");
	} else if (code > 0) {
		snprintf(out, ENDING_TEXT_MAX, "ended with exit status %d%s", code,
			code_meaning(code));
	} else {
		int number = WTERMSIG(status);
		const char *name = sigabbrev_np(number);

		snprintf(out, ENDING_TEXT_MAX, "%s signal %d (SIG%s)%s",
			is_crash(number) ? "crashed with" : "was killed by", number,
			name != NULL ? name : "?", WCOREDUMP(status) ? ", core dumped" : "");
	}
	return out;
}
