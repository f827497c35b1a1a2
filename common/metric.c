#include "common/metric.h"

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
