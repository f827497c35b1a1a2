#include "common/option.h"
#include "common/reason.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* One parsed value, whatever its type. */
struct value {
	bool on;
	uint64_t number; /* UINT, SIZE, TIME */
	double real;
};

struct unit {
	const char *name;
	uint64_t worth;
};

/* Largest first: option_text takes the first that divides. */
static const struct unit size_units[] = {{"MiB", 1024 * 1024}, {"KiB", 1024}, {NULL, 0}};
static const struct unit time_units[] = {
	{"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct unit no_units[] = {{NULL, 0}};

static const char *const forms[] = {
	[OPT_BOOL] = "on or off",
	[OPT_UINT] = "a whole number",
	[OPT_SIZE] = "a size such as 65536, 64 KiB or 1 MiB",
	[OPT_TIME] = "a time such as 500 ms, 5 s, 10 min or 1 h",
	[OPT_REAL] = "a number such as 0.5",
	[OPT_TEXT] = "a text",
};

static const struct unit *units_of(enum option_type type)
{
	return type == OPT_SIZE ? size_units : type == OPT_TIME ? time_units : no_units;
}

static char why_text[512];

static bool parse_bool(const char *text, bool *on)
{
	static const char *const words[][2] = {
		{"off", "on"}, {"no", "yes"}, {"false", "true"}, {"0", "1"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		for (int value = 0; value < 2; value++) {
			if (strcmp(text, words[i][value]) == 0) {
				*on = value == 1;
				return true;
			}
		}
	}
	return false;
}

/* Digits, and perhaps blanks and a unit; nothing else, and no more than 64 bits hold. */
static bool parse_number(const char *text, const struct unit *units, uint64_t *number)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		unsigned digit = (unsigned)(*text - '0');
		if (n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (*text == '\0') {
		*number = n;
		return true;
	}
	while (*text == ' ')
		text++;
	for (; units->name != NULL; units++) {
		if (strcmp(text, units->name) != 0)
			continue;
		if (n > UINT64_MAX / units->worth)
			return false;
		*number = n * units->worth;
		return true;
	}
	return false;
}

/* strtod alone would also read blanks, hexadecimal, "inf" and "nan". */
static bool parse_real(const char *text, double *real)
{
	char *end;

	if (*text == '\0' || text[strspn(text, "0123456789.eE+-")] != '\0')
		return false;
	double value = strtod(text, &end);
	if (*end != '\0' || !isfinite(value))
		return false;
	*real = value;
	return true;
}

static bool parse(enum option_type type, const char *text, struct value *v)
{
	switch (type) {
	case OPT_BOOL:
		return parse_bool(text, &v->on);
	case OPT_UINT:
		return parse_number(text, no_units, &v->number) && v->number <= UINT32_MAX;
	case OPT_SIZE:
	case OPT_TIME:
		return parse_number(text, units_of(type), &v->number);
	case OPT_REAL:
		return parse_real(text, &v->real);
	case OPT_TEXT:
		v->number = strlen(text); /* the bounds of a text are those of its length */
		return true;
	}
	return false;
}

/* Less than 0, 0, more than 0; as strcmp. */
static int compare(enum option_type type, const struct value *a, const struct value *b)
{
	if (type == OPT_REAL)
		return (a->real > b->real) - (a->real < b->real);
	return (a->number > b->number) - (a->number < b->number);
}

static bool parse_bound(const struct option *o, const char *text, struct value *v)
{
	if (text == NULL || *text == '\0')
		return false;
	if (o->type == OPT_TEXT)
		return parse(OPT_UINT, text, v);
	return parse(o->type, text, v);
}

static bool check(const struct option *o, const char *text, struct value *v, const char **why)
{
	const char *shown = o->flags & OPT_SECRET ? "***" : text;
	struct value bound;

	if (!parse(o->type, text, v))
		return FAIL(why, "%s: '%.100s' is not %s", o->name, shown, forms[o->type]);
	if (o->type == OPT_TEXT) {
		if (parse_bound(o, o->min, &bound) && compare(o->type, v, &bound) < 0)
			return FAIL(why, "%s: the text has less than %s bytes", o->name, o->min);
		if (parse_bound(o, o->max, &bound) && compare(o->type, v, &bound) > 0)
			return FAIL(why, "%s: the text has more than %s bytes", o->name, o->max);
		return true;
	}
	if (parse_bound(o, o->min, &bound) && compare(o->type, v, &bound) < 0)
		return FAIL(why, "%s: %.100s is less than %s", o->name, shown, o->min);
	if (parse_bound(o, o->max, &bound) && compare(o->type, v, &bound) > 0)
		return FAIL(why, "%s: %.100s is more than %s", o->name, shown, o->max);
	return true;
}

bool option_set(const struct option *o, void *values, const char *text, const char **why)
{
	void *field = (char *)values + o->offset;
	struct value v = {0};

	if (!check(o, text, &v, why))
		return false;
	switch (o->type) {
	case OPT_BOOL:
		*(opt_BOOL *)field = v.on;
		break;
	case OPT_UINT:
		*(opt_UINT *)field = (uint32_t)v.number;
		break;
	case OPT_SIZE:
		*(opt_SIZE *)field = v.number;
		break;
	case OPT_TIME:
		*(opt_TIME *)field = v.number;
		break;
	case OPT_REAL:
		*(opt_REAL *)field = v.real;
		break;
	case OPT_TEXT: {
		char *copy = strdup(text);
		if (copy == NULL)
			return FAIL(why, "%s: out of memory", o->name);
		free(*(opt_TEXT *)field);
		*(opt_TEXT *)field = copy;
		break;
	}
	}
	return true;
}

void option_presets(const struct option *table, size_t rows, void *values)
{
	for (size_t i = 0; i < rows; i++) {
		const char *why;
		if (option_set(&table[i], values, table[i].preset, &why))
			continue;
		fprintf(stderr, "the preset of an option is wrong: %s\n", why);
		abort();
	}
}

void option_free(const struct option *table, size_t rows, void *values)
{
	for (size_t i = 0; i < rows; i++) {
		if (table[i].type != OPT_TEXT)
			continue;
		opt_TEXT *field = (opt_TEXT *)(void *)((char *)values + table[i].offset);
		free(*field);
		*field = NULL;
	}
}

const struct option *option_find(const struct option *table, size_t rows, const char *name)
{
	for (size_t i = 0; i < rows; i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

static void number_text(uint64_t n, const struct unit *u, char *out, size_t room)
{
	while (n > 0 && u->name != NULL && n % u->worth != 0)
		u++;
	if (n > 0 && u->name != NULL)
		snprintf(out, room, "%" PRIu64 " %s", n / u->worth, u->name);
	else
		snprintf(out, room, "%" PRIu64, n);
}

static void real_text(double real, char *out, size_t room)
{
	char text[40];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	snprintf(out, room, "%s", text);
}

char *option_text(const struct option *o, const void *values, char *out, size_t room)
{
	const void *field = (const char *)values + o->offset;

	if (o->flags & OPT_SECRET) {
		snprintf(out, room, "***");
		return out;
	}
	switch (o->type) {
	case OPT_BOOL:
		snprintf(out, room, "%s", *(const opt_BOOL *)field ? "on" : "off");
		break;
	case OPT_UINT:
		number_text(*(const opt_UINT *)field, no_units, out, room);
		break;
	case OPT_SIZE:
	case OPT_TIME:
		number_text(*(const uint64_t *)field, units_of(o->type), out, room);
		break;
	case OPT_REAL:
		real_text(*(const opt_REAL *)field, out, room);
		break;
	case OPT_TEXT: {
		const char *text = *(char *const *)field;
		snprintf(out, room, "%s", text != NULL ? text : "");
		break;
	}
	}
	return out;
}
