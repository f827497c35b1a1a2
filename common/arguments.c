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

void arguments_print(const struct argument *table, size_t rows)
{
	for (size_t i = 0; i < rows; i++) {
		char form[64];

		snprintf(form, sizeof form, "%s%s%s", table[i].name,
			table[i].value != NULL ? " " : "",
			table[i].value != NULL ? table[i].value : "");
		printf("  %-20s %s\n", form, table[i].help);
	}
}
