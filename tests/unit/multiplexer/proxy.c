#include "multiplexer/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define V2 "\r\n\r\n\0\r\nQUIT\n"

/* A literal with its zeros, without the last. */
#define B(text) (text), sizeof(text) - 1

struct good {
	const char *bytes;
	size_t len;
	const char *source, *target; /* NULL: the proxy's own connection */
	const char *tls;
};

/* The first six as haproxy 2.6 sends them. */
static const struct good good[] = {
	{B("PROXY TCP4 127.0.0.8 127.0.0.1 47797 24501\r\n"), "127.0.0.8:47797", "127.0.0.1:24501",
		""},
	{B("PROXY TCP6 ::1 ::1 59882 24501\r\n"), "[::1]:59882", "[::1]:24501", ""},
	{B("PROXY UNKNOWN\r\n"), NULL, NULL, ""},
	{B(V2 "\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\xc1\x68\x5f\xb6"), "127.0.0.1:49512",
		"127.0.0.1:24502", ""},
	{B(V2 "\x20\0\0\0"), NULL, NULL, ""},
	{B(V2 "\x21\x11\0\x1e\x7f\0\0\x01\x7f\0\0\x01\xc1\x68\x5f\xb6"
	      "\x20\0\x0f\x01\0\0\0\0\x21\0\x07TLSv1.3"),
		"127.0.0.1:49512", "127.0.0.1:24502", "TLSv1.3"},
	{B("PROXY UNKNOWN ffff::1 what ever 70000\r\n"), NULL, NULL, ""},
	{B("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n"), "192.0.2.7:1", "[::1]:2", ""},
	{B("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255:65535",
		"255.255.255.255:65535", ""},
	{B(V2 "\x21\x21\0\x24"
	      "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
	      "\x10\0\x0f\xa0"),
		"[2001:db8::1]:4096", "[::1]:4000", ""},
	{B(V2 "\x20\x11\0\x03xyz"), NULL, NULL, ""}, /* LOCAL: whatever it carries */
	{B(V2 "\x21\0\0\x04\x04\0\x01 "), NULL, NULL, ""},
	/* A version that is no version is left out, a field we do not know is passed over. */
	{B(V2 "\x21\x11\0\x1e\x7f\0\0\x01\x7f\0\0\x01\xc1\x68\x5f\xb6"
	      "\x20\0\x0f\x01\0\0\0\0\x21\0\x07TLS\x1b[1m"),
		"127.0.0.1:49512", "127.0.0.1:24502", ""},
	{B(V2 "\x21\x11\0\x12\x7f\0\0\x01\x7f\0\0\x01\xc1\x68\x5f\xb6\x01\0\x03h2c"),
		"127.0.0.1:49512", "127.0.0.1:24502", ""},
	/* The proxy spoke TLS, the user did not. */
	{B(V2 "\x21\x11\0\x1e\x7f\0\0\x01\x7f\0\0\x01\xc1\x68\x5f\xb6"
	      "\x20\0\x0f\0\0\0\0\0\x21\0\x07TLSv1.3"),
		"127.0.0.1:49512", "127.0.0.1:24502", ""},
};

static void is_address(const struct address *a, const char *text)
{
	char found[ADDRESS_TEXT_MAX];

	address_text(a, found);
	assert_string_equal(found, text);
}

static void each_header_is_read_and_what_follows_is_left(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		uint8_t bytes[400];
		struct proxy_header h;
		const char *why = "nothing";

		memcpy(bytes, good[i].bytes, good[i].len);
		memcpy(bytes + good[i].len, "look\r\n", 6);
		assert_int_equal(
			proxy_parse(slice_of(bytes, good[i].len + 6), &h, &why), PROXY_DONE);
		assert_int_equal(h.len, good[i].len);
		assert_int_equal(h.has_addresses, good[i].source != NULL);
		assert_string_equal(h.tls, good[i].tls);
		if (good[i].source != NULL) {
			is_address(&h.source, good[i].source);
			is_address(&h.target, good[i].target);
		}
	}
}

static void a_part_of_a_header_asks_for_more(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		for (size_t len = 0; len < good[i].len; len++) {
			/* A block of its own, so that reading over its end is seen. */
			uint8_t *part = malloc(len + 1);
			struct proxy_header h;
			const char *why = "nothing";

			assert_non_null(part);
			memcpy(part, good[i].bytes, len);
			part = realloc(part, len > 0 ? len : 1);
			assert_int_equal(proxy_parse(slice_of(part, len), &h, &why), PROXY_MORE);
			free(part);
		}
	}
}

static const struct {
	const char *bytes;
	size_t len;
	const char *why;
} wrong[] = {
	{B("look\r\n"), "no PROXY header"},
	{B("GET / HTTP/1.1\r\n"), "no PROXY header"},
	{B("proxy TCP4"), "no PROXY header"},
	{B("PROXY\tTCP4"), "no PROXY header"},
	{B("\r\n\r\n\0\r\nQUIT\r"), "no PROXY header"},
	{B("PROXY TCP4 127.0.0.8 127.0.0.1 1 2\n"), "a PROXY line that does not end in CR LF"},
	{B("PROXY TCP4 127.0.0.8 127.0.0.1 1\0 2\r\n"), "a PROXY line that does not end in CR LF"},
	{B("PROXY \r\n"), "a PROXY line that cannot be read"},
	{B("PROXY UNKNOWNS\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP4 ::1 ::1 1 2\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP6 1.2.3.4 ::1 1 2\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n"), "a PROXY line that cannot be read"},
	{B("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n"), "a PROXY line that cannot be read"},
	{B(V2 "\x11"), "a PROXY header of a version that is not 2"},
	{B(V2 "\x22"), "a PROXY header with an unknown command"},
	{B(V2 "\x21\x41"), "a PROXY header with an unknown family"},
	{B(V2 "\x21\x13"), "a PROXY header with an unknown family"},
	{B(V2 "\x21\x11\0\x0b"), "a PROXY header too short for its addresses"},
	{B(V2 "\x21\x21\0\x23"), "a PROXY header too short for its addresses"},
	{B(V2 "\x21\x31\0\xd7"), "a PROXY header too short for its addresses"},
	{B(V2 "\x21\x11\x07\xf1"), "a PROXY header of more than 2048 bytes"},
	{B(V2 "\x21\x11\xff\xff"), "a PROXY header of more than 2048 bytes"},
	{B(V2 "\x21\x11\0\x0e\x7f\0\0\x01\x7f\0\0\x01\xc1\x68\x5f\xb6\x04\0"),
		"a PROXY header whose fields do not fit its length"},
	{B(V2 "\x21\x11\0\x0f\x7f\0\0\x01\x7f\0\0\x01\xc1\x68\x5f\xb6\x04\0\x01"),
		"a PROXY header whose fields do not fit its length"},
	{B(V2 "\x21\x11\0\x13\x7f\0\0\x01\x7f\0\0\x01\xc1\x68\x5f\xb6\x20\0\x04\x01\0\0\0"),
		"a PROXY header whose fields do not fit its length"},
	{B(V2 "\x21\x11\0\x17\x7f\0\0\x01\x7f\0\0\x01\xc1\x68\x5f\xb6"
	      "\x20\0\x08\x01\0\0\0\0\x21\0\x01"),
		"a PROXY header whose fields do not fit its length"},
};

static void what_is_no_header_is_refused_by_name(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct proxy_header h;
		const char *why = "nothing";

		assert_int_equal(
			proxy_parse(slice_of(wrong[i].bytes, wrong[i].len), &h, &why), PROXY_BAD);
		assert_string_equal(why, wrong[i].why);
	}
}

static void a_line_that_never_ends_is_refused_at_107_bytes(void **state UNUSED)
{
	char line[200] = "PROXY TCP4 ";
	struct proxy_header h;
	const char *why = "nothing";

	memset(line + 11, '1', sizeof line - 11);
	assert_int_equal(proxy_parse(slice_of(line, 106), &h, &why), PROXY_MORE);
	assert_int_equal(proxy_parse(slice_of(line, 107), &h, &why), PROXY_BAD);
	assert_string_equal(why, "a PROXY line of more than 107 bytes");
	line[105] = '\r';
	line[106] = '\n'; /* the longest that may be, though no good one */
	assert_int_equal(proxy_parse(slice_of(line, 107), &h, &why), PROXY_BAD);
	assert_string_equal(why, "a PROXY line that cannot be read");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_header_is_read_and_what_follows_is_left),
		cmocka_unit_test(a_part_of_a_header_asks_for_more),
		cmocka_unit_test(what_is_no_header_is_refused_by_name),
		cmocka_unit_test(a_line_that_never_ends_is_refused_at_107_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
