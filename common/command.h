/* Commands in a table: one word, its arguments, who may, and one function. */
#ifndef COMMON_COMMAND_H
#define COMMON_COMMAND_H

#include <jansson.h>

#include "common/defs.h"
#include "common/list.h"

enum { COMMAND_ARGS_MAX = 16, COMMAND_LINE_MAX = 1024 };

struct call;

/* A row of a commands.def. who is a set of bits of the daemon's own; a caller needs one of them. */
struct command {
	const char *name;
	int min, max; /* arguments, the command's own name not counted; max -1 = any */
	unsigned who;
	const char *usage; /* "<key> [<reason>]" */
	const char *help;  /* one sentence */
	void (*run)(struct call *call);
};

/* Who gave a command, if he can be told how it went later than at once. */
struct call_front {
	struct list holds; /* struct call_hold: of the commands that are still at it */
	/* Takes the reference of answer; error: NULL = it is done. */
	void (*done)(struct call_front *front, json_t *answer, const char *error);
};

void call_front_open(struct call_front *front,
	void (*done)(struct call_front *front, json_t *answer, const char *error));
void call_front_close(struct call_front *front); /* he is gone: nobody is told */

/* One use of a command. The handler reads argv, and answers with at most one of call_answer and
 * call_fail; saying nothing means "done". */
struct call {
	void *owner;        /* borrowed: the daemon (struct mux, struct game) */
	const char *caller; /* borrowed: who asks, for the log: "console", "admin root (pid 812)" */
	unsigned who;       /* what the caller is */
	const struct command *command; /* borrowed: the row that runs */
	int argc;                      /* argv[0] is the command's name */
	const char *argv[COMMAND_ARGS_MAX];
	struct call_front *front; /* borrowed: NULL = only what is said at once reaches him */
	bool held;                /* the answer comes later */
	json_t *answer;           /* owned: NULL = "done" */
	char error[256];          /* "" = no error */
	/* What argv points into after command_split. */
	char words[COMMAND_LINE_MAX + COMMAND_ARGS_MAX];
};

/* Takes the reference; a later answer replaces it. NULL (a json_pack that failed) is an error. */
void call_answer(struct call *call, json_t *answer);
void call_fail(struct call *call, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The call is answered later, by call_done: once, in any case, which frees it. NULL when memory is out. */
struct call_hold *call_hold(struct call *call);
void call_done(struct call_hold *hold, json_t *answer, const char *error); /* as front->done */

/* The words from argv[first] on with single blanks between them, cut to room bytes. Returns out. */
char *call_words(const struct call *call, int first, char *out, size_t room);

/* Cuts a line into argv: words are separated by blanks; "..." holds blanks, with \" and \\ inside.
 * False with call->error set: a quote left open, too many words, a line over COMMAND_LINE_MAX. */
bool command_split(struct call *call, const char *line);

/* The row of that name; NULL: none. */
const struct command *command_find(const struct command *table, size_t rows, const char *name);

/* Finds argv[0] in the table, checks right and argument count, runs it. False with call->error set:
 * unknown ("no such command: foo; try help"), not allowed, wrong count (with the usage). True says
 * that it ran; it may have failed by itself, see call->error. */
bool command_run(const struct command *table, size_t rows, struct call *call);

/* What `help` answers: an array of {command, usage, help} of all that who may use. New reference. */
json_t *command_help(const struct command *table, size_t rows, unsigned who);

/* The answer of `help [<command>]`: rows, or the one of that name. Takes the reference. */
void command_answer_help(struct call *call, json_t *rows);

/* Frees what the call holds; the struct itself is the caller's. */
void call_free(struct call *call);

#endif
