/* What a player is told to type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/ctl/invite.h"

static const char *words(const char *kind, const char *address)
{
	static char text[INVITE_TEXT_MAX];

	return invite_text(kind, address, text);
}

static void each_kind_has_the_program_that_speaks_it(void **state)
{
	(void)state;
	assert_string_equal(words("telnet-line", "127.0.0.1:4000"), "telnet 127.0.0.1 4000");
	assert_string_equal(words("telnet-char", "192.0.2.7:23"), "telnet 192.0.2.7 23");
	assert_string_equal(words("raw", "127.0.0.1:4001"), "nc 127.0.0.1 4001");
	assert_string_equal(
		words("websocket", "127.0.0.1:4080"), "http://127.0.0.1:4080/ in a browser");
	assert_string_equal(words("websocket", "[::1]:4080"), "http://[::1]:4080/ in a browser");
	assert_string_equal(words("websocket", "*:4080"), "http://127.0.0.1:4080/ in a browser");
}

static void by_tls_it_is_a_program_that_speaks_that(void **state)
{
	(void)state;
	assert_string_equal(words("telnet-line+tls", "*:4443"),
		"openssl s_client -quiet -crlf -connect 127.0.0.1:4443");
	assert_string_equal(words("raw+tls", "[::1]:4443"),
		"openssl s_client -quiet -crlf -connect [::1]:4443");
	assert_string_equal(words("raw+tls", "unix:/tmp/a.sock"),
		"openssl s_client -quiet -crlf -unix /tmp/a.sock");
	assert_string_equal(
		words("websocket+tls", "[::1]:8443"), "https://[::1]:8443/ in a browser");
}

static void ipv6_loses_its_brackets(void **state)
{
	(void)state;
	assert_string_equal(words("telnet-line", "[::1]:4000"), "telnet ::1 4000");
	assert_string_equal(words("raw", "[2001:db8::7]:4000"), "nc 2001:db8::7 4000");
}

static void a_listener_on_every_address_is_reached_at_this_machine(void **state)
{
	(void)state;
	assert_string_equal(words("telnet-line", "*:4000"), "telnet 127.0.0.1 4000");
	assert_string_equal(words("telnet-line", "0.0.0.0:4000"), "telnet 127.0.0.1 4000");
	assert_string_equal(words("telnet-line", "[::]:4000"), "telnet ::1 4000");
}

static void a_socket_in_the_file_system_is_reached_by_nc_whatever_its_kind(void **state)
{
	(void)state;
	assert_string_equal(words("telnet-line", "unix:/tmp/a.sock"), "nc -U /tmp/a.sock");
}

static void what_is_no_address_is_shown_as_it_is(void **state)
{
	(void)state;
	assert_string_equal(words("raw", ""), "");
	assert_string_equal(words("raw", ":4000"), ":4000");
	assert_string_equal(words("raw", "nowhere"), "nowhere");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_the_program_that_speaks_it),
		cmocka_unit_test(by_tls_it_is_a_program_that_speaks_that),
		cmocka_unit_test(ipv6_loses_its_brackets),
		cmocka_unit_test(a_listener_on_every_address_is_reached_at_this_machine),
		cmocka_unit_test(a_socket_in_the_file_system_is_reached_by_nc_whatever_its_kind),
		cmocka_unit_test(what_is_no_address_is_shown_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
