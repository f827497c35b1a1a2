#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "server/api/ports.h"

static void each_form_is_read(void **state)
{
	static const struct {
		const char *text, *at;
		bool dual;
	} rows[] = {{"8080", "0.0.0.0:8080", false}, {"1.2.3.4:80", "1.2.3.4:80", false},
		{"[::1]:8080", "[::1]:8080", false}, {"+8080", "[::]:8080", true},
		{" 8080 ", "0.0.0.0:8080", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ports ports;
		const char *why;
		char text[ADDRESS_TEXT_MAX];

		assert_true(ports_parse(rows[i].text, &ports, &why));
		assert_int_equal(ports.count, 1);
		address_text(&ports.at[0].at, text);
		assert_string_equal(text, rows[i].at);
		assert_int_equal(ports.at[0].dual, rows[i].dual);
	}
}

static void several_stand_with_commas_between(void **state)
{
	struct ports ports;
	const char *why;

	(void)state;
	assert_true(ports_parse("8080, 127.0.0.1:8081 ,[::1]:8082,+8083", &ports, &why));
	assert_int_equal(ports.count, 4);
	assert_string_equal(ports.at[1].text, "127.0.0.1:8081");
}

static void a_bad_element_is_refused_and_named(void **state)
{
	static const char *const bad[] = {"", "x", "65536", "-1", "80a", "8080s", "8080r", "+",
		"+x", "+1.2.3.4:80", "1.2.3.4", "1.2.3:80", "::1:80", "[::1]", "[::g]:80", "*:80",
		"localhost:80", "8080,", ",8080", "8080,,8081", "8080 8081", "unix:/tmp/x",
		"8080;8081"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct ports ports;
		const char *why = "";

		if (ports_parse(bad[i], &ports, &why))
			fail_msg("'%s' is taken", bad[i]);
		assert_true(strlen(why) > 5);
	}
	struct ports ports;
	const char *why;
	assert_false(ports_parse("8080,nonsense,8081", &ports, &why));
	assert_non_null(strstr(why, "'nonsense'"));
}

static void one_that_cannot_be_bound_keeps_all_from_listening(void **state)
{
	struct ports ports;
	const char *why;
	int sockets[PORTS_MAX], again[PORTS_MAX];
	struct address at;
	char text[300], name[ADDRESS_TEXT_MAX];

	(void)state;
	assert_true(ports_parse("127.0.0.1:0", &ports, &why));
	assert_true(ports_listen(&ports, sockets, &why));
	assert_true(address_of_socket(sockets[0], &at));
	address_text(&at, name);
	snprintf(text, sizeof text, "127.0.0.1:0,%s", name);
	assert_true(ports_parse(text, &ports, &why));
	int next = dup(0); /* the number that the next descriptor would have */
	close(next);
	assert_false(ports_listen(&ports, again, &why));
	assert_non_null(strstr(why, name));
	int same = dup(0);
	assert_int_equal(same, next);
	close(same);
	close(sockets[0]);
}

static void dual_stack_hears_both(void **state)
{
	struct ports ports;
	const char *why;
	int sockets[PORTS_MAX];
	struct address at;

	(void)state;
	assert_true(ports_parse("+0", &ports, &why));
	if (!ports_listen(&ports, sockets, &why))
		return; /* a machine without IPv6 */
	assert_true(address_of_socket(sockets[0], &at));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = at.in6.sin6_port};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	close(fd);
	close(sockets[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_read),
		cmocka_unit_test(several_stand_with_commas_between),
		cmocka_unit_test(a_bad_element_is_refused_and_named),
		cmocka_unit_test(one_that_cannot_be_bound_keeps_all_from_listening),
		cmocka_unit_test(dual_stack_hears_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
