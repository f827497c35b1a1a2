#include "server/list/filter.h"

#include <stdlib.h>

#include "common/jsontext.h"

static const struct jsontext_most filters_most = {.bytes = 4096, .values = 256, .depth = 4};

/* ---- reading ---- */

static bool row_is_good(const json_t *row)
{
	const char *op = json_string_value(json_object_get(row, "op"));
	const json_t *value = json_object_get(row, "value");

	if (!json_is_string(json_object_get(row, "field")) || op == NULL)
		return false;
	if (strcmp(op, "eq") == 0)
		return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
	return (strcmp(op, "gt") == 0 || strcmp(op, "ge") == 0) &&
	       (json_is_string(value) || json_is_number(value));
}

static bool read_rows(struct filter *f, struct slice text)
{
	json_t *row;
	size_t i;

	json_decref(f->rows);
	f->rows = jsontext_read(text, 0, &filters_most, NULL);
	if (!json_is_array(f->rows) || json_array_size(f->rows) > FILTERS_MAX)
		return false;
	json_array_foreach(f->rows, i, row)
	{
		if (!row_is_good(row))
			return false;
	}
	return true;
}

static bool read_number(struct slice text, size_t most, size_t *out)
{
	size_t n = 0;

	if (text.len == 0 || text.len > 9)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		n = n * 10 + (size_t)(text.at[i] - '0');
	}
	*out = n;
	return n <= most;
}

bool filter_read(struct filter *f, struct slice key, struct slice value, const char **why)
{
	if (slice_is(key, slice_text("filters"))) {
		*why = "filters is not an array of at most 16 {\"field\", \"op\": \"eq|gt|ge\", "
		       "\"value\"}";
		return read_rows(f, value);
	}
	*why = "start and limit are whole numbers, limit at most 1000";
	if (slice_is(key, slice_text("start")))
		return read_number(value, 999999999, &f->start);
	if (slice_is(key, slice_text("limit")))
		return read_number(value, FILTER_LIMIT_MAX, &f->limit);
	return true;
}

void filter_free(struct filter *f)
{
	json_decref(f->rows);
	f->rows = NULL;
}

/* ---- asking ---- */

static int sign(double d)
{
	return d < 0 ? -1 : d > 0;
}

/* False: they cannot be compared. */
static bool compare(const json_t *a, const json_t *b, int *out)
{
	if (json_is_string(a) && json_is_string(b))
		*out = strcmp(json_string_value(a), json_string_value(b));
	else if (json_is_number(a) && json_is_number(b))
		*out = sign(json_number_value(a) - json_number_value(b));
	else if (json_is_boolean(a) && json_is_boolean(b))
		*out = json_is_true(a) - json_is_true(b);
	else
		return false;
	return true;
}

static bool row_passes(const json_t *row, const json_t *server)
{
	const char *field = json_string_value(json_object_get(row, "field"));
	const char *op = json_string_value(json_object_get(row, "op"));
	int order;

	if (!compare(json_object_get(server, field), json_object_get(row, "value"), &order))
		return false;
	return op[0] == 'e' ? order == 0 : op[1] == 't' ? order > 0 : order >= 0;
}

bool filter_passes(const struct filter *f, const json_t *server)
{
	json_t *row;
	size_t i;

	json_array_foreach(f->rows, i, row)
	{
		if (!row_passes(row, server))
			return false;
	}
	return true;
}
