#include "common/arguments.h"

#include <stdio.h>

/* The row that word names; *value is what stands behind a '=', or NULL. */
static const struct argument *find(
	const struct argument *table, size_t rows, const char *word, const char **value)
{
	const char *equals = strchr(word, '=');
	size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);

	*value = equals != NULL ? equals + 1 : NULL;
	for (size_t i = 0; i < rows; i++)
		if (strlen(table[i].name) == len && strncmp(table[i].name, word, len) == 0)
			return &table[i];
	return NULL;
}

int arguments_read(
	const struct argument *table, size_t rows, int argc, char **argv, const char **why)
{
	static char text[256];
	int i = 1;

	*why = text;
	for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		const char *value;

		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		const struct argument *a = find(table, rows, argv[i], &value);
		if (a == NULL) {
			snprintf(text, sizeof text, "%s: no such argument; try --help", argv[i]);
			return -1;
		}
		if (a->value == NULL && value != NULL) {
			snprintf(text, sizeof text, "%s: takes no value", a->name);
			return -1;
		}
		if (a->value != NULL && value == NULL)
			value = ++i < argc ? argv[i] : NULL;
		if (a->value != NULL && value == NULL) {
			snprintf(text, sizeof text, "%s: %s is missing behind it", a->name,
				a->value);
			return -1;
		}
		if (a->add != NULL)
			a->add(a->to, value);
		else if (a->value != NULL)
			*a->text = value;
		else
			*a->flag = true;
	}
	return i;
}

enum { INDENT = 2, HELP_AT = 26, COLUMNS = 80 };

/* How much of the text, which has no blank in front, fits in so many columns: whole words, or one. */
static size_t line_len(const char *text, size_t room)
{
	size_t len = strcspn(text, " ");

	for (size_t more; text[len] != '\0'; len += more) {
		more = 1 + strcspn(text + len + 1, " ");
		if (len + more > room)
			break;
	}
	return len;
}

void arguments_print_row(const char *form, const char *help)
{
	int column = printf("%*s%s", INDENT, "", form);

	if (column + 2 > HELP_AT) {
		putchar('\n');
		column = 0;
	}
	while (*help != '\0') {
		size_t len = line_len(help, COLUMNS - HELP_AT);

		printf("%*s%.*s\n", HELP_AT - column, "", (int)len, help);
		help += len;
		help += strspn(help, " ");
		column = 0;
	}
}

void arguments_print(const struct argument *table, size_t rows)
{
	for (size_t i = 0; i < rows; i++) {
		char form[64];

		snprintf(form, sizeof form, "%s%s%s", table[i].name,
			table[i].value != NULL ? " " : "",
			table[i].value != NULL ? table[i].value : "");
		arguments_print_row(form, table[i].help);
	}
}
