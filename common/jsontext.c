#include "common/jsontext.h"

#include <stdio.h>

const struct jsontext_most jsontext_message = {
	.bytes = 64 * 1024, .values = 32 * 1024, .depth = 64};

/* Counts brackets and commas outside strings. NULL, or what is too much. */
static const char *too_much(struct slice text, const struct jsontext_most *most)
{
	size_t depth = 0, values = 1;
	bool quoted = false;

	if (text.len > most->bytes)
		return "too large";
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.at[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
			continue;
		}
		quoted = c == '"';
		values += c == ',' || c == '[' || c == '{';
		depth += c == '[' || c == '{';
		depth -= (c == ']' || c == '}') && depth > 0;
		if (depth > most->depth)
			return "nested too deeply";
	}
	return values > most->values ? "too large" : NULL;
}

json_t *jsontext_read(
	struct slice text, size_t flags, const struct jsontext_most *most, json_error_t *why)
{
	const char *fault = too_much(text, most);

	if (fault == NULL)
		return json_loadb(text.len > 0 ? (const char *)text.at : "", text.len, flags, why);
	if (why != NULL) {
		*why = (json_error_t){.line = -1, .column = -1};
		snprintf(why->text, sizeof why->text, "%s", fault);
	}
	return NULL;
}
