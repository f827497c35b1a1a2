#include "common/render.h"

#include <stdio.h>
#include <stdlib.h>

enum { INDENT = 2, GAP = 2 };

static void add_blanks(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_add_byte(out, ' ');
}

/* Control characters would steer the reader's terminal: C0, DEL, and the C1 of UTF-8 (C2 80..9F).
 * Valid UTF-8 otherwise, as jansson hands out no other. keep is one byte to leave alone. */
static void add_text(struct buf *out, const char *text, char keep)
{
	for (const char *at = text; *at != '\0'; at++) {
		uint8_t byte = (uint8_t)*at, next = (uint8_t)at[1];
		if (byte == 0xc2 && next < 0xa0) {
			buf_addf(out, "\\x%02x\\x%02x", byte, next);
			at++;
		} else if ((byte < 0x20 || byte == 0x7f) && *at != keep) {
			buf_addf(out, "\\x%02x", byte);
		} else {
			buf_add_byte(out, byte);
		}
	}
}

static void add_real(struct buf *out, double real)
{
	char text[40];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	buf_addf(out, "%s", text);
}

/* What a person reads of a key; of one that says that its value is seconds, in *is_seconds, the rest. */
static struct slice heading_of(const char *key, bool *is_seconds)
{
	static const char front[] = "seconds_", end[] = "_s";
	struct slice text = slice_text(key);
	size_t cut = sizeof end - 1;

	*is_seconds = true;
	if (strncmp(key, front, sizeof front - 1) == 0)
		return slice_from(text, sizeof front - 1);
	*is_seconds = text.len > cut && strcmp(key + text.len - cut, end) == 0;
	return slice_of(text.at, text.len - (*is_seconds ? cut : 0));
}

static void add_heading(struct buf *out, const char *key)
{
	struct buf heading = {0};
	bool is_seconds;

	if (buf_add(&heading, heading_of(key, &is_seconds)) && buf_add_byte(&heading, '\0'))
		add_text(out, (const char *)buf_bytes(&heading).at, '\0');
	buf_free(&heading);
}

/* "3 d 4 h", "2 h 13 min", "5 min 20 s", "45 s": the two largest units, for a person. */
static void add_seconds(struct buf *out, json_int_t seconds)
{
	static const struct {
		json_int_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(units) && seconds < units[i].seconds)
		i++;
	buf_addf(out, "%" JSON_INTEGER_FORMAT " %s", seconds / units[i].seconds, units[i].name);
	json_int_t rest = seconds % units[i].seconds;
	if (i + 1 < ARRAY_LEN(units) && rest >= units[i + 1].seconds)
		buf_addf(out, " %" JSON_INTEGER_FORMAT " %s", rest / units[i + 1].seconds,
			units[i + 1].name);
}

/* A value that fits on a line. */
static void add_cell(struct buf *out, const char *key, const json_t *value)
{
	bool is_seconds = false;
	char *dump;

	if (value == NULL)
		return;
	switch (json_typeof(value)) {
	case JSON_STRING:
		add_text(out, json_string_value(value), '\0');
		break;
	case JSON_INTEGER:
		if (key != NULL)
			heading_of(key, &is_seconds);
		if (is_seconds && json_integer_value(value) >= 0)
			add_seconds(out, json_integer_value(value));
		else
			buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		add_real(out, json_real_value(value));
		break;
	case JSON_TRUE:
		buf_addf(out, "yes");
		break;
	case JSON_FALSE:
		buf_addf(out, "no");
		break;
	case JSON_NULL:
		buf_addf(out, "-");
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		dump = json_dumps(value, JSON_COMPACT);
		if (dump != NULL)
			add_text(out, dump, '\0');
		free(dump);
		break;
	}
}

/* Characters, not bytes; none of ours is wide. */
static size_t width(struct slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += (text.at[i] & 0xc0) != 0x80;
	return n;
}

static bool is_table(const json_t *rows)
{
	size_t i;
	json_t *row;

	json_array_foreach(rows, i, row) if (!json_is_object(row)) return false;
	return true;
}

/* The union of all rows' keys, in order of appearance, each with its column's width. */
static json_t *columns_of(const json_t *rows)
{
	json_t *columns = json_object(), *row, *value;
	struct buf cell = {0};
	const char *key;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_object_foreach(row, key, value)
		{
			json_t *old = json_object_get(columns, key);
			add_heading(&cell, key);
			size_t wide = width(buf_bytes(&cell));
			buf_eat(&cell, cell.len);
			add_cell(&cell, key, value);
			if (width(buf_bytes(&cell)) > wide)
				wide = width(buf_bytes(&cell));
			buf_eat(&cell, cell.len);
			if (old == NULL || (size_t)json_integer_value(old) < wide)
				json_object_set_new(columns, key, json_integer((json_int_t)wide));
		}
	}
	buf_free(&cell);
	return columns;
}

/* One line of a table: row's cells, or the headings when it is NULL. Nothing trails. */
static void add_row(struct buf *out, const json_t *columns, const json_t *row, size_t indent)
{
	struct buf cell = {0};
	const char *key;
	json_t *wide;
	size_t owed = indent; /* blanks to add before the next cell that has something */

	json_object_foreach((json_t *)(uintptr_t)columns, key, wide)
	{
		if (row != NULL)
			add_cell(&cell, key, json_object_get(row, key));
		else
			add_heading(&cell, key);
		struct slice text = buf_bytes(&cell);
		if (text.len > 0) {
			add_blanks(out, owed);
			owed = 0;
			buf_add(out, text);
		}
		owed += (size_t)json_integer_value(wide) - width(text) + GAP;
		buf_eat(&cell, cell.len);
	}
	buf_add_byte(out, '\n');
	buf_free(&cell);
}

static void add_value(struct buf *out, const json_t *value, size_t indent);

static void add_array(struct buf *out, const json_t *rows, size_t indent)
{
	size_t i;
	json_t *row;

	if (json_array_size(rows) == 0) {
		add_blanks(out, indent);
		buf_addf(out, "none\n");
		return;
	}
	if (!is_table(rows)) {
		json_array_foreach(rows, i, row) add_value(out, row, indent);
		return;
	}
	json_t *columns = columns_of(rows);
	add_row(out, columns, NULL, indent);
	json_array_foreach(rows, i, row) add_row(out, columns, row, indent);
	json_decref(columns);
}

static void add_object(struct buf *out, const json_t *object, size_t indent)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		add_blanks(out, indent);
		if (json_is_string(value))
			add_text(out, key, '\0');
		else
			add_heading(out, key);
		if (json_object_size(value) > 0 || json_array_size(value) > 0) {
			buf_addf(out, ":\n");
			add_value(out, value, indent + INDENT);
			continue;
		}
		buf_addf(out, ": ");
		if (json_is_object(value) || json_is_array(value))
			buf_addf(out, "none");
		else
			add_cell(out, key, value);
		buf_add_byte(out, '\n');
	}
}

static void add_value(struct buf *out, const json_t *value, size_t indent)
{
	if (json_is_array(value)) {
		add_array(out, value, indent);
	} else if (json_is_object(value)) {
		add_object(out, value, indent);
	} else {
		add_blanks(out, indent);
		add_cell(out, NULL, value);
		buf_add_byte(out, '\n');
	}
}

void render_json(struct buf *out, const json_t *answer)
{
	if (answer == NULL || json_is_null(answer)) {
		buf_addf(out, "done\n");
	} else if (json_is_string(answer)) {
		const char *text = json_string_value(answer);
		size_t len = strlen(text);
		add_text(out, text, '\n'); /* a text may have lines */
		if (len == 0 || text[len - 1] != '\n')
			buf_add_byte(out, '\n');
	} else {
		add_value(out, answer, 0);
	}
}
