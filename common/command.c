#include "common/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void call_answer(struct call *call, json_t *answer)
{
	json_decref(call->answer);
	call->answer = answer;
	if (answer == NULL)
		call_fail(call, "the answer could not be made: out of memory, or not proper UTF-8");
}

void call_fail(struct call *call, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(call->error, sizeof call->error, fmt, args);
	va_end(args);
}

void call_free(struct call *call)
{
	json_decref(call->answer);
	call->answer = NULL;
}

struct call_hold {
	struct list node;         /* of front->holds */
	struct call_front *front; /* NULL: nobody is told */
};

void call_front_open(struct call_front *front,
	void (*done)(struct call_front *front, json_t *answer, const char *error))
{
	list_init(&front->holds);
	front->done = done;
}

void call_front_close(struct call_front *front)
{
	LIST_EACH(node, &front->holds)
	{
		container_of(node, struct call_hold, node)->front = NULL;
		list_remove(node);
	}
}

struct call_hold *call_hold(struct call *call)
{
	struct call_hold *hold = calloc(1, sizeof *hold);

	if (hold == NULL) {
		call_fail(call, "out of memory");
		return NULL;
	}
	list_init(&hold->node);
	hold->front = call->front;
	if (hold->front != NULL)
		list_add_last(&hold->front->holds, &hold->node);
	call->held = true;
	return hold;
}

void call_done(struct call_hold *hold, json_t *answer, const char *error)
{
	struct call_front *front = hold->front;

	list_remove(&hold->node);
	free(hold);
	if (front != NULL)
		front->done(front, answer, error);
	else
		json_decref(answer);
}

static bool refuse(struct call *call, const char *why)
{
	call_fail(call, "%s", why);
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Copies one word from *line to *out, both moved on. False when a quote is left open. */
static bool take_word(const char **line, char **out)
{
	const char *at = *line;
	char *to = *out;
	bool quoted = false;

	for (; *at != '\0' && (quoted || !is_blank(*at)); at++) {
		if (*at == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *at == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		*to++ = *at;
	}
	*to++ = '\0';
	*line = at;
	*out = to;
	return !quoted;
}

bool command_split(struct call *call, const char *line)
{
	char *to = call->words;

	call->argc = 0;
	memset(call->argv, 0, sizeof call->argv);
	if (strlen(line) > COMMAND_LINE_MAX)
		return refuse(call, "the line is too long");
	for (;;) {
		while (is_blank(*line))
			line++;
		if (*line == '\0')
			return true;
		if (call->argc == COMMAND_ARGS_MAX)
			return refuse(call, "too many words");
		call->argv[call->argc++] = to;
		if (!take_word(&line, &to))
			return refuse(call, "a quote (\") is left open");
	}
}

const struct command *command_find(const struct command *table, size_t rows, const char *name)
{
	for (size_t i = 0; i < rows; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

bool command_run(const struct command *table, size_t rows, struct call *call)
{
	if (call->argc == 0)
		return refuse(call, "no command; try help");

	const struct command *c = command_find(table, rows, call->argv[0]);
	if (c == NULL) {
		call_fail(call, "no such command: %.64s; try help", call->argv[0]);
		return false;
	}
	if ((c->who & call->who) == 0) {
		call_fail(call, "not allowed: %s", c->name);
		return false;
	}
	int args = call->argc - 1;
	if (args < c->min || (c->max >= 0 && args > c->max)) {
		call_fail(call, "usage: %s%s%s", c->name, *c->usage != '\0' ? " " : "", c->usage);
		return false;
	}
	call->command = c;
	c->run(call);
	return true;
}

json_t *command_help(const struct command *table, size_t rows, unsigned who)
{
	json_t *help = json_array();

	for (size_t i = 0; i < rows; i++) {
		if ((table[i].who & who) == 0)
			continue;
		json_t *row = json_pack("{s:s, s:s, s:s}", "command", table[i].name, "usage",
			table[i].usage, "help", table[i].help);
		if (json_array_append_new(help, row) < 0) {
			json_decref(help);
			return NULL;
		}
	}
	return help;
}

char *call_words(const struct call *call, int first, char *out, size_t room)
{
	size_t len = 0;

	out[0] = '\0';
	for (int i = first; i < call->argc && len < room; i++)
		len += (size_t)snprintf(
			out + len, room - len, "%s%s", i > first ? " " : "", call->argv[i]);
	return out;
}

void command_answer_help(struct call *call, json_t *rows)
{
	json_t *row, *one = NULL;
	size_t i;

	if (call->argc == 1) {
		call_answer(call, rows);
		return;
	}
	json_array_foreach(rows, i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "command")), call->argv[1]) == 0)
			one = json_pack("[O]", row);
	}
	json_decref(rows);
	if (one != NULL)
		call_answer(call, one);
	else
		call_fail(call, "no such command: %.64s; help lists them all", call->argv[1]);
}
