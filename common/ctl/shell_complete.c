#include "common/ctl/shell.h"

#include <stdio.h>
#include <strings.h>

#include "common/command.h"

/* Where the word begins that the line ends in, and whether a quote is open there. */
static size_t last_word(const char *line, bool *quoted)
{
	size_t from = 0;

	*quoted = false;
	for (size_t i = 0; line[i] != '\0'; i++) {
		if (line[i] == '"')
			*quoted = !*quoted;
		else if (*quoted && line[i] == '\\' && line[i + 1] != '\0')
			i++;
		else if (!*quoted && (line[i] == ' ' || line[i] == '\t'))
			from = i + 1;
	}
	return from;
}

/* As far as both are the same, whatever the case; not into the middle of a character. */
static size_t common_length(const char *a, const char *b, size_t len)
{
	size_t same = 0;

	while (same < len && strncasecmp(a + same, b + same, 1) == 0 && a[same] != '\0')
		same++;
	while (same > 0 && ((uint8_t)a[same] & 0xc0) == 0x80)
		same--;
	return same;
}

/* Nothing that others typed may steer this terminal. */
static bool is_printable(const char *text)
{
	for (const uint8_t *at = (const uint8_t *)text; *at != '\0'; at++)
		if (*at < 0x20 || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0))
			return false;
	return true;
}

/* Those of the reply that can be shown. New reference. */
static json_t *choices_of(const json_t *reply)
{
	json_t *all = json_array(), *word;
	size_t i;

	json_array_foreach(json_object_get(reply, "answer"), i, word)
	{
		if (json_is_string(word) && is_printable(json_string_value(word)))
			json_array_append(all, word);
	}
	return all;
}

/* word as it is typed: in quotes, if it must be; closed: it is the whole word. */
static void write_word(char *out, size_t room, const char *word, size_t len, bool closed)
{
	bool quotes = strcspn(word, " \t\"") < len;
	size_t used = 0;

	if (quotes)
		out[used++] = '"';
	for (size_t i = 0; i < len && used < room - 5; i++) {
		if (quotes && (word[i] == '"' || word[i] == '\\'))
			out[used++] = '\\';
		out[used++] = word[i];
	}
	if (quotes && closed)
		out[used++] = '"';
	if (closed)
		out[used++] = ' ';
	out[used] = '\0';
}

static void choose(json_t *choices, const char *begun, struct shell_completion *out)
{
	const char *first = json_string_value(json_array_get(choices, 0));
	size_t count = json_array_size(choices), len = first != NULL ? strlen(first) : 0;
	const json_t *word;
	size_t i;

	json_array_foreach(choices, i, word) len =
		common_length(first, json_string_value(word), len);
	if (count == 1 || (count > 1 && len > strlen(begun)))
		write_word(out->text, sizeof out->text, first, len, count == 1);
	else if (count > 1)
		out->choices = json_incref(choices);
}

void shell_complete(const struct shell *shell, struct slice line, struct shell_completion *out)
{
	char text[COMMAND_LINE_MAX + 4];
	struct call call = {0};
	bool quoted;

	*out = (struct shell_completion){0};
	if (line.len > COMMAND_LINE_MAX)
		return;
	snprintf(text, sizeof text, "%.*s", (int)line.len, (const char *)line.at);
	out->from = last_word(text, &quoted);
	bool begins = text[out->from] == '\0'; /* a word of no letters yet */
	snprintf(text + line.len, sizeof text - line.len, "%s%s", quoted ? "\"" : "",
		begins ? " \"\"" : "");
	if (!command_split(&call, text) || call.argc + 1 > COMMAND_ARGS_MAX)
		return;
	for (int i = call.argc; i > 0; i--)
		call.argv[i] = call.argv[i - 1];
	call.argv[0] = "complete";
	json_t *reply = shell->ask(shell->owner, call.argc + 1, call.argv);
	json_t *choices = choices_of(reply);
	choose(choices, call.argv[call.argc], out);
	json_decref(choices);
	json_decref(reply);
}
