#include "multiplexer/opener.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define B(text) (text), sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t len;
	const char *name; /* NULL: what a person may type, or not all of it yet */
} rows[] = {
	{B("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP"},
	{B("GET / HTTP/1.0\n"), "HTTP"},
	{B("OPTIONS * HTTP/1.1\r\n"), "HTTP"},
	{B("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP"},
	{B("GET /a b HTTP/1.1\r\n"), "HTTP"},
	{B("\x16\x03\x01\x02\x00\x01"), "TLS"},
	{B("\x16\x03\x03"), "TLS"},
	{B("\x16"), "TLS"},
	{B("SSH-2.0-OpenSSH_9.2p1\r\n"), "SSH"},
	{B(""), NULL},
	{B("\n"), NULL},
	{B("\r\n"), NULL},
	{B("GET LAMP\r\n"), NULL},
	{B("GET / HTTP/1.1"), NULL},
	{B("get / HTTP/1.1\r\n"), NULL},
	{B("say GET / HTTP/1.1\r\n"), NULL},
	{B("GO HTTP/1.1\r\n"), NULL},
	{B("GET HTTP/1.1\r\n"), NULL},
	{B("\x16\x17"), NULL},
	{B("SSH"), NULL},
	{B("\xff\xfb\x18"), NULL},
};

static void each_opener_is_known_and_nothing_that_people_type(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		/* A block of its own, so that reading over its end is seen. */
		char *bytes = malloc(rows[i].len + 1);

		assert_non_null(bytes);
		bytes = realloc(bytes, rows[i].len > 0 ? rows[i].len : 1);
		memcpy(bytes, rows[i].bytes, rows[i].len);
		const struct opener *o = opener_find(slice_of(bytes, rows[i].len));
		if (rows[i].name == NULL)
			assert_null(o);
		else if (o == NULL)
			fail_msg("row %zu: not known as %s", i, rows[i].name);
		else
			assert_string_equal(o->name, rows[i].name);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_opener_is_known_and_nothing_that_people_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
