#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/lookup_ident_reply.h"

static struct ident_reply reply;

/* The verdict on text, given in pieces of so many bytes; the ports are 6193 and 23 (RFC 1413). */
static enum ident_verdict verdict_of(struct slice text, size_t piece)
{
	enum ident_verdict v = IDENT_MORE;

	reply = (struct ident_reply){.theirs = 6193, .ours = 23};
	while (text.len > 0 && v == IDENT_MORE) {
		size_t n = size_min(piece, text.len);

		v = ident_reply_feed(&reply, slice_of(text.at, n));
		text = slice_from(text, n);
	}
	return v;
}

static void expect(const char *text, enum ident_verdict verdict, const char *name)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
		if (verdict_of(slice_text(text), piece) != verdict)
			fail_msg("wrong verdict on '%s' in pieces of %zu", text, piece);
		if (name != NULL)
			assert_string_equal(reply.name, name);
	}
}

static void names_are_read_however_the_answer_is_spaced_and_cut(void **state UNUSED)
{
	static const char *const rows[][2] = {
		{"6193, 23 : USERID : UNIX :stjohns\r\n", "stjohns"}, /* the example of the RFC */
		{"6193 , 23:USERID:UNIX:stjohns\n", "stjohns"},
		{"6193,23:USERID:UNIX:stjohns\r", "stjohns"},
		{"\t6193\t,\t23\t:\tUSERID\t:\tUNIX\t:\tstjohns\t\r\n", "stjohns"},
		{"06193,0023:USERID:UNIX:stjohns\n", "stjohns"},
		{"6193,23:USERID:UNIX,US-ASCII:stjohns\n", "stjohns"},
		{"6193,23:USERID:OTHER:a:b : c\n", "abc"},
		{"6193,23:USERID:UNIX:one\r\n6193,23:USERID:UNIX:two\r\n", "one"},
		{"6193,23:USERID:UNIX:~root\n", "root"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect(rows[i][0], IDENT_NAME, rows[i][1]);
}

static void what_is_no_name_of_this_connection_is_none(void **state UNUSED)
{
	static const char *const rows[] = {
		"6195, 23 : ERROR : NO-USER\r\n",
		"6193, 23 : ERROR : HIDDEN-USER\r\n",
		"6193, 23 : ERROR : UNKNOWN-ERROR : x : y\r\n",
		"23, 6193 : USERID : UNIX : stjohns\n",
		"6193, 24 : USERID : UNIX : stjohns\n",
		"61930, 23 : USERID : UNIX : stjohns\n",
		"71729, 23 : USERID : UNIX : stjohns\n", /* 6193 + 65536 */
		"4294973489, 23 : USERID : UNIX : stjohns\n",
		"-6193, 23 : USERID : UNIX : stjohns\n",
		"6193 23 : USERID : UNIX : stjohns\n",
		"6193, 23 USERID : UNIX : stjohns\n",
		"6193, 23 : USERID : stjohns\n",
		"6193, 23 : USERID : : stjohns\n",
		"6193, 23 : USERIDS : UNIX : stjohns\n",
		"6193, 23 : userid : UNIX : stjohns\n",
		"6193, 23 : USERID : UNIX : \n",
		"6193, 23 : USERID : UNIX : \x1b\x7f\n",
		"6193, 23 :\n",
		"6193\n",
		",\n",
		":::::\n",
		"\n",
		"\r\n6193, 23 : USERID : UNIX : stjohns\n",
		"HTTP/1.1 400 Bad Request\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect(rows[i], IDENT_NONE, NULL);
}

static void half_a_line_is_waited_for(void **state UNUSED)
{
	const char text[] = "6193, 23 : USERID : UNIX : stjohns";

	for (size_t len = 0; len < sizeof text; len++)
		assert_int_equal(verdict_of(slice_of(text, len), 1), IDENT_MORE);
}

static void a_thousand_bytes_are_read_and_no_more(void **state UNUSED)
{
	uint8_t text[IDENT_REPLY_MAX + 1];

	memset(text, ' ', sizeof text);
	memcpy(text, "6193,23:USERID:UNIX:stjohns", 27);
	assert_int_equal(verdict_of(slice_of(text, IDENT_REPLY_MAX), 7), IDENT_MORE);
	assert_int_equal(ident_reply_feed(&reply, slice_text("\n")), IDENT_NAME);
	assert_string_equal(reply.name, "stjohns");
	assert_int_equal(verdict_of(slice_of(text, sizeof text), 7), IDENT_NONE);
}

static void every_byte_in_a_name_is_kept_or_left_out(void **state UNUSED)
{
	for (int c = 0; c < 256; c++) {
		char text[] = "6193,23:USERID:UNIX:aXb\n";

		text[21] = (char)c;
		bool ends = c == '\n' || c == '\r';
		assert_int_equal(verdict_of(slice_of(text, sizeof text - 1), 5), IDENT_NAME);
		for (const char *at = reply.name; *at != '\0'; at++)
			assert_non_null(
				strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789._-",
					*at));
		assert_int_equal(reply.name[0], 'a');
		assert_int_equal(reply.name[strlen(reply.name) - 1], ends ? 'a' : 'b');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_however_the_answer_is_spaced_and_cut),
		cmocka_unit_test(what_is_no_name_of_this_connection_is_none),
		cmocka_unit_test(half_a_line_is_waited_for),
		cmocka_unit_test(a_thousand_bytes_are_read_and_no_more),
		cmocka_unit_test(every_byte_in_a_name_is_kept_or_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
