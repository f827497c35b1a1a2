#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/mux.h"
#include "multiplexer/servers.h"

enum { STANDBY_AFTER_MS = 5000 };

static char run_dir[] = "/run/here";
static struct mux mux = {.run_dir = run_dir};

static struct servers three(void)
{
	struct servers s = {0};
	const char *why;

	assert_true(servers_configure(&s, &mux, "unix:/a unix:/b unix:/c", NULL, &why));
	return s;
}

static const char *at(struct servers *s)
{
	return servers_at(s)->upstream.text;
}

static void without_a_setting_it_is_the_socket_in_the_run_directory(void **state UNUSED)
{
	struct servers s = {0};
	const char *why;

	assert_true(servers_configure(&s, &mux, "", NULL, &why));
	assert_int_equal(s.count, 1);
	assert_string_equal(at(&s), "unix:/run/here/link.sock");
}

static void the_next_one_gets_its_turn_when_the_first_was_waited_for(void **state UNUSED)
{
	struct servers s = three();

	servers_wait(&s, 1000, STANDBY_AFTER_MS);
	servers_next(&s, 1000 + STANDBY_AFTER_MS - 1);
	assert_string_equal(at(&s), "unix:/a");
	servers_next(&s, 1000 + STANDBY_AFTER_MS);
	assert_string_equal(at(&s), "unix:/b");
	servers_next(&s, 1000 + STANDBY_AFTER_MS);
	assert_string_equal(at(&s), "unix:/c");
	servers_next(&s, 1000 + STANDBY_AFTER_MS);
	assert_string_equal(at(&s), "unix:/a");
}

static void the_link_stays_the_one_at_hand_wherever_it_stands_now(void **state UNUSED)
{
	struct servers s = three();
	const char *why;

	assert_true(servers_configure(&s, &mux, "unix:/x unix:/b", "unix:/b", &why));
	assert_string_equal(at(&s), "unix:/b");
	assert_true(servers_configure(&s, &mux, "unix:/x unix:/y", "unix:/b", &why));
	assert_string_equal(at(&s), "unix:/x");
}

static void a_bad_setting_changes_nothing(void **state UNUSED)
{
	struct servers s = three();
	const char *why = NULL;

	assert_false(servers_configure(&s, &mux, "nonsense", "unix:/b", &why));
	assert_non_null(why);
	assert_int_equal(s.count, 3);
	assert_string_equal(at(&s), "unix:/a");
}

static void that_nobody_is_there_is_said_again_when_one_has_answered(void **state UNUSED)
{
	struct servers s = three();

	s.each[0].said_nobody = s.each[2].said_unproved = true;
	servers_answered(&s);
	assert_false(s.each[0].said_nobody);
	assert_false(s.each[2].said_unproved);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_setting_it_is_the_socket_in_the_run_directory),
		cmocka_unit_test(the_next_one_gets_its_turn_when_the_first_was_waited_for),
		cmocka_unit_test(the_link_stays_the_one_at_hand_wherever_it_stands_now),
		cmocka_unit_test(a_bad_setting_changes_nothing),
		cmocka_unit_test(that_nobody_is_there_is_said_again_when_one_has_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
