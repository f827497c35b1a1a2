#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/list/filter.h"

static bool passes(const char *rows, const char *server)
{
	struct filter f = {0};
	const char *why = "";
	json_t *json = json_loads(server, 0, NULL);

	if (!filter_read(&f, slice_text("filters"), slice_text(rows), &why))
		fail_msg("%s: %s", rows, why);
	bool ok = filter_passes(&f, json);
	json_decref(json);
	filter_free(&f);
	return ok;
}

#define SERVER "{\"name\": \"Keep\", \"currentPlayers\": 5, \"password\": false, \"part\": 0.5}"

static void each_row_has_to_hold(void **state UNUSED)
{
	static const struct {
		const char *rows;
		bool passes;
	} table[] = {
		{"[]", true},
		{"[{\"field\":\"name\",\"op\":\"eq\",\"value\":\"Keep\"}]", true},
		{"[{\"field\":\"name\",\"op\":\"eq\",\"value\":\"keep\"}]", false},
		{"[{\"field\":\"currentPlayers\",\"op\":\"gt\",\"value\":4}]", true},
		{"[{\"field\":\"currentPlayers\",\"op\":\"gt\",\"value\":5}]", false},
		{"[{\"field\":\"currentPlayers\",\"op\":\"ge\",\"value\":5}]", true},
		{"[{\"field\":\"currentPlayers\",\"op\":\"ge\",\"value\":5.5}]", false},
		{"[{\"field\":\"part\",\"op\":\"gt\",\"value\":0}]", true},
		{"[{\"field\":\"password\",\"op\":\"eq\",\"value\":false}]", true},
		{"[{\"field\":\"password\",\"op\":\"eq\",\"value\":true}]", false},
		{"[{\"field\":\"name\",\"op\":\"ge\",\"value\":\"A\"}]", true},
		{"[{\"field\":\"name\",\"op\":\"eq\",\"value\":5}]", false},
		{"[{\"field\":\"nothing\",\"op\":\"eq\",\"value\":5}]", false},
		{"[{\"field\":\"name\",\"op\":\"eq\",\"value\":\"Keep\"},"
		 "{\"field\":\"currentPlayers\",\"op\":\"gt\",\"value\":9}]",
			false},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (passes(table[i].rows, SERVER) != table[i].passes)
			fail_msg("%s", table[i].rows);
}

static void what_is_no_filter_is_refused(void **state UNUSED)
{
	static const char *const bad[] = {"", "{}", "5", "[5]", "[{}]",
		"[{\"field\":\"a\",\"op\":\"lt\",\"value\":1}]",
		"[{\"field\":\"a\",\"op\":\"eq\",\"value\":null}]",
		"[{\"field\":\"a\",\"op\":\"gt\",\"value\":true}]",
		"[{\"field\":5,\"op\":\"eq\",\"value\":1}]", "[{\"field\":\"a\",\"value\":1}]",
		"[{\"field\":\"a\",\"op\":\"eq\"}]", "[1"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct filter f = {0};
		const char *why = NULL;

		if (filter_read(&f, slice_text("filters"), slice_text(bad[i]), &why))
			fail_msg("'%s' was taken", bad[i]);
		assert_non_null(why);
		filter_free(&f);
	}
}

static void start_and_limit_are_bounded_numbers(void **state UNUSED)
{
	struct filter f = {.limit = FILTER_LIMIT};
	const char *why;

	assert_true(filter_read(&f, slice_text("start"), slice_text("20"), &why));
	assert_true(filter_read(&f, slice_text("limit"), slice_text("1000"), &why));
	assert_true(filter_read(&f, slice_text("other"), slice_text("x"), &why));
	assert_int_equal(f.start, 20);
	assert_int_equal(f.limit, 1000);
	assert_false(filter_read(&f, slice_text("limit"), slice_text("1001"), &why));
	assert_false(filter_read(&f, slice_text("start"), slice_text("-1"), &why));
	assert_false(filter_read(&f, slice_text("start"), slice_text(""), &why));
	assert_false(filter_read(&f, slice_text("start"), slice_text("99999999999"), &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_has_to_hold),
		cmocka_unit_test(what_is_no_filter_is_refused),
		cmocka_unit_test(start_and_limit_are_bounded_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
