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

/* A value that fits on a line. */
static void add_cell(struct buf *out, const json_t *value)
{
	char *dump;

	if (value == NULL)
		return;
	switch (json_typeof(value)) {
	case JSON_STRING:
		add_text(out, json_string_value(value), '\0');
		break;
	case JSON_INTEGER:
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
			add_text(&cell, key, '\0');
			size_t wide = width(buf_bytes(&cell));
			buf_eat(&cell, cell.len);
			add_cell(&cell, value);
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
			add_cell(&cell, json_object_get(row, key));
		else
			add_text(&cell, key, '\0');
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
		add_text(out, key, '\0');
		if (json_object_size(value) > 0 || json_array_size(value) > 0) {
			buf_addf(out, ":\n");
			add_value(out, value, indent + INDENT);
			continue;
		}
		buf_addf(out, ": ");
		if (json_is_object(value) || json_is_array(value))
			buf_addf(out, "none");
		else
			add_cell(out, value);
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
		add_cell(out, value);
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
