#include "common/metric.h"

#include <inttypes.h>
#include <stdio.h>

json_t *metrics_json(const struct metric *table, size_t rows, const void *values)
{
	json_t *all = json_object();

	for (size_t i = 0; i < rows; i++) {
		uint64_t value;
		memcpy(&value, (const char *)values + table[i].offset, sizeof value);
		if (json_object_set_new(all, table[i].name, json_integer((json_int_t)value)) < 0) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

/* Prometheus wants base units: what we count in microseconds (_us) is told in seconds. */
static bool add_text(struct buf *out, const char *prefix, const struct metric *m, uint64_t value)
{
	size_t len = strlen(m->name);
	bool us = len > 3 && strcmp(m->name + len - 3, "_us") == 0,
	     counts = m->kind == METRIC_COUNTER;
	char name[200];

	snprintf(name, sizeof name, "%s_%.*s%s%s", prefix, (int)(us ? len - 3 : len), m->name,
		us ? "_seconds" : "", counts ? "_total" : "");
	if (!buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, m->help, name,
		    counts ? "counter" : "gauge", name))
		return false;
	return us ? buf_addf(
			    out, "%" PRIu64 ".%06u\n", value / 1000000, (unsigned)(value % 1000000))
		  : buf_addf(out, "%" PRIu64 "\n", value);
}

bool metrics_text(struct buf *out, const char *prefix, const struct metric *table, size_t rows,
	const void *values)
{
	bool ok = true;

	for (size_t i = 0; ok && i < rows; i++) {
		uint64_t value;

		memcpy(&value, (const char *)values + table[i].offset, sizeof value);
		ok = add_text(out, prefix, &table[i], value);
	}
	return ok;
}
