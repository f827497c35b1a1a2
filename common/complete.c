#include "common/complete.h"

#include <stdio.h>
#include <strings.h>

enum {
	KIND_MAX = 40,
	WORDS_MAX = 200 /* nobody reads more */
};

void complete_add(json_t *all, const char *word, const char *beginning)
{
	const json_t *old;
	size_t i;

	if (strncasecmp(word, beginning, strlen(beginning)) != 0 ||
		json_array_size(all) >= WORDS_MAX)
		return;
	json_array_foreach(all, i, old) if (strcmp(json_string_value(old), word) == 0) return;
	json_array_append_new(all, json_string(word));
}

/* One argument of a usage: alternatives with | between them, inside <> too; brackets are passed over. */
static void add_argument(
	struct slice argument, const char *beginning, complete_kind kind, void *owner, json_t *all)
{
	char word[KIND_MAX];
	size_t len = 0;
	bool is_kind = false;

	for (size_t i = 0; i <= argument.len; i++) {
		char c = i < argument.len ? (char)argument.at[i] : '|';

		if (strchr("|<>[].", c) == NULL) {
			if (len < sizeof word - 1)
				word[len++] = c;
			continue;
		}
		word[len] = '\0';
		if (len > 0 && is_kind)
			kind(owner, word, beginning, all);
		else if (len > 0)
			complete_add(all, word, beginning);
		len = 0;
		is_kind = c == '<' || (is_kind && c == '|');
	}
}

/* The nth argument (from 0) of one form of a usage, and what may stand there instead of it. */
static void add_form(struct slice form, int nth, const char *beginning, complete_kind kind,
	void *owner, json_t *all)
{
	for (size_t at = 0; at < form.len && nth >= 0;) {
		size_t end = at;

		while (end < form.len && form.at[end] != ' ')
			end++;
		struct slice argument = slice_of(form.at + at, end - at);
		if (argument.len > 0 && nth-- == 0) {
			add_argument(argument, beginning, kind, owner, all);
			nth = argument.at[0] == '[' ? 0 : -1;
		}
		at = end + 1;
	}
}

/* Forms have " | " between them: "[<seconds>] [<reason>] | cancel". */
static void add_usage(const char *usage, int nth, const char *beginning, complete_kind kind,
	void *owner, json_t *all)
{
	const char *bar;

	for (; (bar = strstr(usage, " | ")) != NULL; usage = bar + 3)
		add_form(slice_of(usage, (size_t)(bar - usage)), nth, beginning, kind, owner, all);
	add_form(slice_text(usage), nth, beginning, kind, owner, all);
}

json_t *complete_line(const struct call *call, const json_t *rows, complete_kind kind, void *owner)
{
	const char *beginning = call->argc > 1 ? call->argv[call->argc - 1] : "";
	json_t *all = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "command"));
		const char *usage = json_string_value(json_object_get(row, "usage"));

		if (call->argc <= 2)
			complete_add(all, name, beginning);
		else if (strcmp(name, call->argv[1]) == 0)
			add_usage(usage, call->argc - 3, beginning, kind, owner, all);
	}
	return all;
}
