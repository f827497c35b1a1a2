#include "common/metric.h"
#include "tests/unit/common/support_common.h"

struct metrics {
	uint64_t users_accepted;
	uint64_t users_now;
};

static const struct metric table[] = {
	{"users_now", METRIC_GAUGE, offsetof(struct metrics, users_now), "users connected now"},
	{"users_accepted", METRIC_COUNTER, offsetof(struct metrics, users_accepted),
		"users accepted since start"},
};

static void metrics_are_listed_in_the_order_of_their_table(void **state UNUSED)
{
	struct metrics metrics = {.users_accepted = 5000000000};

	metrics.users_now++;
	json_t *json = metrics_json(table, ARRAY_LEN(table), &metrics);
	char *text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, "{\"users_now\":1,\"users_accepted\":5000000000}");
	free(text);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_listed_in_the_order_of_their_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
