#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/upstream.h"

static void addresses_and_names_are_told_apart(void **state UNUSED)
{
	struct upstream all[UPSTREAMS_MAX];
	const char *why;

	assert_int_equal(upstream_parse_all(" unix:/run/x.sock\ttcp:192.0.2.1:4100 tcp:[::1]:4100 "
					    "tcp:game.example.org:4100 ",
				 all, &why),
		4);
	assert_false(all[0].is_tcp);
	assert_string_equal(all[0].text, "unix:/run/x.sock");
	assert_true(all[1].is_tcp);
	assert_int_equal(all[1].address_count, 1);
	assert_int_equal(all[1].addresses[0].sa.sa_family, AF_INET);
	assert_int_equal(all[2].addresses[0].sa.sa_family, AF_INET6);
	assert_string_equal(all[2].host, "");
	assert_int_equal(all[3].address_count, 0);
	assert_string_equal(all[3].host, "game.example.org");
	assert_string_equal(all[3].port, "4100");
}

static void what_cannot_be_dialled_is_refused(void **state UNUSED)
{
	static const char *const bad[] = {"", " ", "game:4100", "127.0.0.1:4100",
		"tcp:", "tcp:4100", "tcp:host", "tcp:host:", "tcp:host:0", "tcp:host:65536",
		"tcp:host:12x", "tcp:10.0.0.300:4100", "tcp:*:4100", "tcp:127.0.0.1:0",
		"tcp:ho st:1", "tcp:h/o:1", "unix:", "tcp:::1:4100", "unix:/a unix:/a",
		"unix:/1 unix:/2 unix:/3 unix:/4 unix:/5 unix:/6 unix:/7 unix:/8 unix:/9"};
	struct upstream all[UPSTREAMS_MAX];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *why = NULL;

		if (upstream_parse_all(bad[i], all, &why) != 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_non_null(why);
	}
}

/* ---- names ---- */

static int found;
static struct address last;

static void on_found(void *owner, const struct address *address, const char *why)
{
	assert_ptr_equal(owner, &found);
	assert_true((address == NULL) == (why != NULL));
	found++;
	if (address != NULL)
		last = *address;
}

static void an_address_is_found_at_once_and_a_name_later(void **state UNUSED)
{
	struct loop loop;
	struct upstream u;
	const char *why;

	assert_int_equal(loop_open(&loop), 0);
	found = 0;
	assert_true(upstream_parse("tcp:192.0.2.1:4100", &u, &why));
	assert_null(upstream_find(&u, &loop, on_found, &found));
	assert_int_equal(found, 1);
	assert_true(upstream_parse("tcp:localhost:4100", &u, &why));
	assert_non_null(upstream_find(&u, &loop, on_found, &found));
	assert_int_equal(found, 1);
	for (int i = 0; found == 1 && i < 10000; i++)
		uv_run(&loop.uv, UV_RUN_ONCE);
	assert_int_equal(found, 2);
	assert_true(address_is_local(&last));
	upstream_search_drop(upstream_find(&u, &loop, on_found, &found));
	uv_run(&loop.uv, UV_RUN_DEFAULT);
	assert_int_equal(found, 2);
	assert_int_equal(loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_names_are_told_apart),
		cmocka_unit_test(what_cannot_be_dialled_is_refused),
		cmocka_unit_test(an_address_is_found_at_once_and_a_name_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
