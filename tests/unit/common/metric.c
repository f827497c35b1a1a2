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

static void prometheus_is_told_in_its_own_words_and_units(void **state UNUSED)
{
	static const struct metric of_time[] = {
		{"users_accepted", METRIC_COUNTER, 0, "users accepted since start"},
		{"late_us", METRIC_GAUGE, 8, "how late"}};
	const uint64_t values[] = {7, 1000042};
	struct buf out = {0};

	assert_true(metrics_text(&out, "x", of_time, 2, values));
	assert_string_equal(text_of(&out),
		"# HELP x_users_accepted_total users accepted since start\n"
		"# TYPE x_users_accepted_total counter\nx_users_accepted_total 7\n"
		"# HELP x_late_seconds how late\n# TYPE x_late_seconds gauge\n"
		"x_late_seconds 1.000042\n");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_listed_in_the_order_of_their_table),
		cmocka_unit_test(prometheus_is_told_in_its_own_words_and_units),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
