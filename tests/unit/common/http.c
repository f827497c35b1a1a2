#include <stdio.h>

#include "common/http_target.h"
#include "common/utf8.h"
#include "tests/unit/common/support_http.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define YES                                                          \
	"HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 12:40:00 GMT\r\n" \
	"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nyes"

static void assert_text(struct buf *b, const char *expected)
{
	assert_string_equal(text_of(b), expected);
	buf_eat(b, b->len);
}

/* What a request is read as, wherever it is cut. */
static void assert_seen(struct slice bytes, const char *seen)
{
	for (size_t cut = 0; cut <= bytes.len; cut++) {
		struct peer p;

		peer_run_cut(&p, bytes, cut);
		assert_int_equal(p.fault, HTTP_FAULT_NONE);
		assert_text(&p.seen, seen);
		peer_close(&p);
	}
}

static void requests_are_read_as_they_are_meant(void **state)
{
	(void)state;
	assert_seen(TEXT(GET("/")), "GET /? |");
	assert_seen(TEXT(GET("/a%20b/%C3%A4/?x=%20&y=/../")), "GET /a b/\xc3\xa4/?x=%20&y=/../ |");
	assert_seen(TEXT(GET("/...") GET("/.well-known/x") GET("/a.b")),
		"GET /...? |GET /.well-known/x? |GET /a.b? |");
	assert_seen(TEXT("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n"), "OPTIONS *? |");
	assert_seen(TEXT("HEAD /x HTTP/1.0\r\n\r\n"), "HEAD /x? |");
	assert_seen(TEXT("GET / HTTP/1.1\r\nHOST:\t[::1]:4080 \r\nX:\xff\r\nEmpty:\r\n\r\n"),
		"GET /? |");
	assert_seen(TEXT("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" GET("/2")),
		"POST /p? hello|GET /2? |");
	assert_seen(
		TEXT("PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
		     "5\r\nhello\r\n0001\r\n!\r\nA\r\n0123456789\r\n0\r\nSum: x\r\n\r\n" GET("/2")),
		"PUT /p? hello!0123456789|GET /2? |");
	assert_seen(
		TEXT("DELETE /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"), "DELETE /p? |");
}

static void what_the_lines_say_is_found(void **state)
{
	static const char text[] = "GET /x HTTP/1.1\r\nHost: Example.org:4080\r\n"
				   "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
				   "Accept: a,, b ,\t c\r\naccept: d\r\n\r\n";
	struct http_parser p;
	struct slice bytes = TEXT(text), list, element;
	const struct http_request *r = &p.request;

	(void)state;
	http_parser_init(&p, &http_usual_limits);
	assert_int_equal(http_feed(&p, &bytes), HTTP_HEAD_IN);
	assert_int_equal(bytes.len, 0);
	assert_true(slice_is(r->host, slice_text("Example.org")));
	assert_true(slice_is(r->upgrade, slice_text("websocket")));
	assert_true(r->keep_alive && !r->has_body && !r->expects_100);
	assert_int_equal(http_field_count(r, "ACCEPT"), 2);
	assert_null(http_field(r, "Accept"));
	assert_non_null(http_field(r, "upgrade"));
	assert_null(http_field(r, "Cookie"));
	for (const char *w = "abcd"; *w != '\0'; w++)
		assert_true(http_field_has(r, "Accept", (char[]){*w, '\0'}));
	assert_false(http_field_has(r, "Accept", "e") || http_field_has(r, "Accept", ""));
	list = slice_text(" ,a, ,b");
	assert_true(http_list_next(&list, &element) && slice_is(element, slice_text("a")));
	assert_true(http_list_next(&list, &element) && slice_is(element, slice_text("b")));
	assert_false(http_list_next(&list, &element));
	assert_true(slice_is_word(slice_text("cHunked"), "chunked"));
	assert_false(slice_is_word(slice_text("chunke"), "chunked"));
	assert_false(slice_is_word(slice_text("chunkedx"), "chunked"));
	assert_false(slice_is_word(slice_text("@"), "`")); /* 0x20 apart, but no letters */
	assert_int_equal(http_feed(&p, &bytes), HTTP_WHOLE);
	http_parser_free(&p);
}

static void hosts_are_on_a_list_or_not(void **state)
{
	static const struct {
		const char *host, *hosts;
		bool listed;
	} rows[] = {
		{"localhost:80", "localhost ip", true},
		{"LOCALHOST", "ip localhost", true},
		{"127.0.0.1:8080", "localhost ip", true},
		{"[::1]:8080", " localhost  ip ", true},
		{"127.0.0.1", "localhost", false},
		{"evil.example", "localhost ip", false},
		{"localhost.evil.example", "localhost ip", false},
		{"127.0.0.1.evil.example", "localhost ip", false},
		{"", "localhost ip", false},
		{"ip", "localhost ip", false},
		{"api.example", "localhost api.example", true},
		{"api.example", "", false},
		{"api.example.", "api.example", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_parser p;
		char text[128];

		snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", rows[i].host);
		struct slice bytes = slice_text(text);
		http_parser_init(&p, &http_usual_limits);
		assert_int_equal(http_feed(&p, &bytes), HTTP_HEAD_IN);
		assert_int_equal(http_host_is_listed(&p.request, rows[i].hosts), rows[i].listed);
		http_parser_free(&p);
	}
}

static void keep_alive_is_the_clients_wish(void **state)
{
	static const struct {
		const char *version, *connection;
		bool keep;
	} rows[] = {
		{"1.1", "", true},
		{"1.1", "Connection: close\r\n", false},
		{"1.1", "Connection: x, Close\r\n", false},
		{"1.1", "Connection: keep-alive\r\n", true},
		{"1.0", "", false},
		{"1.0", "Connection: Keep-Alive\r\n", true},
		{"1.0", "Connection: keep-alive\r\nConnection: close\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct peer p;
		char text[256];

		snprintf(text, sizeof text, "GET / HTTP/%s\r\nHost: a\r\n%s\r\n", rows[i].version,
			rows[i].connection);
		peer_open(&p);
		http_bytes(&p.http, slice_text(text), 0);
		assert_int_equal(p.overs, !rows[i].keep);
		assert_int_equal(
			strstr(text_of(&p.out), "Connection: close\r\n") != NULL, !rows[i].keep);
		assert_int_equal(strstr(text_of(&p.out), "Connection: keep-alive\r\n") != NULL,
			rows[i].keep && rows[i].version[2] == '0');
		peer_close(&p);
	}
}

static void pipelined_requests_wait_for_the_answers_before_them(void **state)
{
	struct peer p;

	(void)state;
	peer_open(&p);
	p.later = true;
	http_bytes(&p.http, TEXT(GET("/1") GET("/2") GET("/3")), 0);
	assert_text(&p.seen, "GET /1? |");
	assert_false(http_wants_bytes(&p.http));
	assert_text(&p.out, "");
	peer_answer(&p, "yes");
	assert_text(&p.seen, "GET /2? |");
	assert_text(&p.out, YES);
	peer_answer(&p, "yes");
	peer_answer(&p, "yes");
	assert_text(&p.seen, "GET /3? |");
	assert_text(&p.out, YES YES);
	assert_true(http_wants_bytes(&p.http));
	peer_answer(&p, "nobody asked");
	assert_text(&p.out, "");
	peer_close(&p);
}

static void a_held_connection_begins_no_new_request(void **state)
{
	struct peer p;

	(void)state;
	peer_open(&p);
	http_bytes(&p.http, TEXT("GET /1 HT"), 0);
	http_hold(&p.http, true, 0);
	http_bytes(&p.http, TEXT("TP/1.1\r\nHost: a\r\n\r\n" GET("/2")), 0);
	assert_text(&p.seen, "GET /1? |");
	assert_false(http_wants_bytes(&p.http));
	http_hold(&p.http, false, 0);
	assert_text(&p.seen, "GET /2? |");
	assert_true(http_wants_bytes(&p.http));
	peer_close(&p);
}

static void ten_thousand_pipelined_requests_are_answered_in_order(void **state)
{
	struct peer p;
	struct buf all = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		assert_true(buf_add(&all, TEXT(GET("/"))));
	peer_open(&p);
	http_bytes(&p.http, buf_bytes(&all), 0);
	assert_int_equal(p.seen.len, 10000 * strlen("GET /? |"));
	assert_int_equal(p.out.len, 10000 * strlen(YES));
	assert_int_equal(p.overs, 0);
	buf_free(&all);
	peer_close(&p);
}

#define POST(more) "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" more "\r\n"

static void who_waits_for_100_is_told_to_go_on(void **state)
{
	struct peer p;

	(void)state;
	peer_open(&p);
	http_bytes(&p.http, TEXT(POST("Expect: 100-Continue\r\n")), 0);
	assert_text(&p.out, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(p.heads, 1);
	http_bytes(&p.http, TEXT("hi"), 0);
	assert_text(&p.out, YES);
	assert_text(&p.seen, "POST /? hi|");
	peer_close(&p);
}

static void a_body_that_is_not_wanted_is_not_read(void **state)
{
	struct peer p;

	(void)state;
	peer_open(&p);
	p.refuse_head = 413;
	http_bytes(&p.http, TEXT(POST("Expect: 100-continue\r\n") "hi" GET("/2")), 0);
	assert_int_equal(strncmp(text_of(&p.out), "HTTP/1.1 413 ", 13), 0);
	assert_non_null(strstr(text_of(&p.out), "Connection: close\r\n"));
	assert_text(&p.seen, "");
	assert_int_equal(p.overs, 1);
	assert_int_equal(p.fault, HTTP_FAULT_NONE);
	peer_close(&p);
}

static void deadlines_are_absolute(void **state)
{
	struct peer p;
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: aaaaaaaaaaaaaaaaa";

	(void)state;
	peer_open(&p); /* a byte a second does not help the head */
	for (size_t i = 0; i < 10; i++) {
		http_bytes(&p.http, slice_of(text + i, 1), i * 1000);
		http_tick(&p.http, i * 1000 + 999);
		assert_int_equal(p.overs, 0);
	}
	http_tick(&p.http, 10000);
	assert_int_equal(p.fault, HTTP_FAULT_SLOW_HEAD);
	assert_int_equal(strncmp(text_of(&p.out), "HTTP/1.1 408 ", 13), 0);
	peer_close(&p);

	peer_open(&p); /* nor the body */
	http_bytes(&p.http, TEXT(POST("")), 9000);
	http_tick(&p.http, 18999);
	http_bytes(&p.http, TEXT("h"), 18999);
	assert_int_equal(p.overs, 0);
	http_tick(&p.http, 19000);
	assert_int_equal(p.fault, HTTP_FAULT_SLOW_BODY);
	peer_close(&p);

	peer_open(&p); /* who says nothing is let go without a word */
	http_tick(&p.http, 10000);
	assert_int_equal(p.overs, 1);
	assert_int_equal(p.fault, HTTP_FAULT_NONE);
	assert_text(&p.out, "");
	peer_close(&p);

	peer_open(&p); /* between two requests there is more time */
	http_bytes(&p.http, TEXT(GET("/")), 1000);
	http_tick(&p.http, 1000);
	assert_int_equal(p.overs, 0);
	peer_close(&p);

	peer_open(&p); /* and an answer may take as long as its owner likes */
	p.later = true;
	http_bytes(&p.http, TEXT(GET("/")), 1000);
	http_tick(&p.http, 1000000);
	assert_int_equal(p.overs, 0);
	peer_close(&p);
}

static void the_end_of_the_client_waits_for_the_answer(void **state)
{
	struct peer p;

	(void)state;
	peer_open(&p);
	p.later = true;
	http_bytes(&p.http, TEXT(GET("/1") GET("/2")), 0);
	http_end(&p.http, 0);
	assert_int_equal(p.overs, 0);
	peer_answer(&p, "yes");
	assert_int_equal(p.overs, 0);
	peer_answer(&p, "yes");
	assert_int_equal(p.overs, 1);
	assert_int_equal(p.fault, HTTP_FAULT_NONE);
	assert_text(&p.out, YES YES);
	peer_close(&p);

	peer_open(&p);
	http_bytes(&p.http, TEXT("GET /"), 0);
	http_end(&p.http, 0);
	assert_int_equal(p.fault, HTTP_FAULT_CUT);
	peer_close(&p);
}

static void another_protocol_gets_what_was_sent_behind_the_request(void **state)
{
	struct slice bytes = TEXT(GET("/ws") "rest");

	(void)state;
	for (size_t cut = 0; cut <= bytes.len; cut++) {
		struct peer p;

		peer_open(&p);
		p.take_over = true;
		http_bytes(&p.http, slice_of(bytes.at, cut), 0);
		http_bytes(&p.http, slice_from(bytes, cut), 0);
		assert_true(slice_is(http_rest(&p.http), slice_text("rest")));
		assert_int_equal(p.overs, 0);
		peer_close(&p);
	}
}

static struct http_answer answer_to(bool head, bool is_10, unsigned status)
{
	struct http_asked asked = {.head = head, .is_10 = is_10, .keep = true};
	struct http_answer a;

	http_answer_open(&a, &asked, status, 0);
	buf_eat(&a.out, a.out.len);
	return a;
}

static void an_answer_is_written_into_memory_that_was_used_before(void **state)
{
	struct http_asked asked = {.keep = true};
	struct http_answer a;
	struct buf room = {0};

	(void)state;
	assert_true(buf_reserve(&room, 2000));
	const uint8_t *mem = room.mem;
	http_answer_open_in(&a, &room, &asked, 204, 0);
	assert_null(room.mem);
	http_answer_lines(&a, "A: 1\r\nB: 2\r\n");
	http_answer_body(&a, NULL, slice_text(""));
	assert_ptr_equal(a.out.mem, mem);
	assert_text(&a.out, "HTTP/1.1 204 No Content\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
			    "A: 1\r\nB: 2\r\n\r\n");
	http_answer_free(&a);
}

static void answers_have_the_body_that_their_kind_has(void **state)
{
	struct http_answer a = answer_to(false, false, 404);

	(void)state;
	http_answer_text(&a, "no such page");
	assert_text(&a.out, "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 29\r\n\r\n"
			    "404 Not Found: no such page.\n");
	http_answer_free(&a);
	a = answer_to(true, false, 200);
	http_answer_body(&a, "text/html", slice_text("12345"));
	assert_text(&a.out, "Content-Type: text/html\r\nContent-Length: 5\r\n\r\n");
	http_answer_free(&a);
	a = answer_to(false, false, 304);
	http_answer_body(&a, "text/html", slice_text("12345"));
	assert_text(&a.out, "\r\n");
	http_answer_free(&a);
	a = answer_to(false, false, 200);
	http_answer_stream(&a, "text/event-stream");
	http_answer_piece(&a, slice_text("hello"));
	http_answer_piece(&a, slice_text(""));
	http_answer_piece(&a, slice_text("0123456789abcdef"));
	http_answer_end(&a);
	assert_text(&a.out, "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
			    "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
	http_answer_free(&a);
	a = answer_to(false, true, 200);
	http_answer_stream(&a, "text/event-stream");
	http_answer_piece(&a, slice_text("hello"));
	http_answer_end(&a);
	assert_text(&a.out, "Content-Type: text/event-stream\r\nConnection: close\r\n\r\nhello");
	assert_false(a.asked.keep);
	http_answer_free(&a);
}

static void nothing_splits_an_answer(void **state)
{
	static const char *const bad[] = {
		"a\r\nSet-Cookie: x", "a\nb", "a\rb", "\x7f", "\x1b[2J", "\xc3\xa4"};
	struct http_answer a = answer_to(false, false, 200);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(http_answer_field(&a, "Location", slice_text(bad[i])));
		assert_false(http_answer_field(&a, bad[i], slice_text("x")));
	}
	assert_false(http_answer_field(&a, "Location", slice_of("a\0b", 3)));
	assert_false(http_answer_field(&a, "", slice_text("x")));
	assert_false(http_answer_field(&a, "A:", slice_text("x")));
	assert_text(&a.out, "");
	assert_true(http_answer_field(&a, "Location", slice_text("/x y\tz")));
	assert_text(&a.out, "Location: /x y\tz\r\n");
	http_answer_free(&a);
}

static void every_fault_has_a_status_with_a_phrase(void **state)
{
	(void)state;
	for (int f = 1; f < HTTP_FAULTS; f++) {
		assert_true(http_status_phrase(http_fault_status((enum http_fault)f))[0] != '\0');
		assert_true(http_fault_text((enum http_fault)f)[0] != '\0');
	}
	assert_string_equal(http_status_phrase(299), "");
}

static void dates_are_those_of_the_rfc(void **state)
{
	(void)state;
	assert_string_equal(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_string_equal(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_string_equal(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
	assert_string_equal(http_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
}

static void queries_are_decoded_in_order_with_duplicates(void **state)
{
	static const char *const expected[][2] = {{"a", "1"}, {"b", ""}, {"", "x"}, {"a", "2 3+"},
		{"c=d", "e=f"}, {"100%", "%4"}, {"\xc3\xa4", "&"}};
	struct http_query q;
	struct slice key, value;
	size_t n = 0;

	(void)state;
	assert_true(http_query_open(
		&q, slice_text("&a=1&b&&=x&a=2+3%2B&c%3Dd=e=f&100%=%4&%C3%A4=%26&")));
	for (; http_query_next(&q, &key, &value); n++) {
		assert_true(n < ARRAY_LEN(expected));
		assert_true(slice_is(key, slice_text(expected[n][0])));
		assert_true(slice_is(value, slice_text(expected[n][1])));
	}
	assert_int_equal(n, ARRAY_LEN(expected));
	http_query_close(&q);
	assert_true(http_query_open(&q, slice_text("")));
	assert_false(http_query_next(&q, &key, &value));
	http_query_close(&q);
}

static void utf8_is_judged_at_the_first_bad_byte(void **state)
{
	static const struct {
		const char *text;
		size_t good; /* bytes that can stand */
		bool whole;
	} rows[] = {
		{"", 0, true},
		{"abc", 3, true},
		{"\xc3\xa4", 2, true},
		{"\xe2\x82\xac", 3, true},
		{"\xf0\x9f\x98\x80", 4, true},
		{"\xf4\x8f\xbf\xbf", 4, true},
		{"\xef\xbf\xbf", 3, true},
		{"\xed\x9f\xbf\xee\x80\x80", 6, true},
		{"\xc3", 1, false},
		{"\xe2\x82", 2, false},
		{"\xf0\x9f\x98", 3, false},
		{"a\x80", 1, false},
		{"\xbf", 0, false},
		{"\xc0\xaf", 0, false},
		{"\xc1\xbf", 0, false},
		{"\xe0\x9f\xbf", 1, false},
		{"\xed\xa0\x80", 1, false},
		{"\xed\xbf\xbf", 1, false},
		{"\xf0\x8f\xbf\xbf", 1, false},
		{"\xf4\x90\x80\x80", 1, false},
		{"\xf5\x80\x80\x80", 0, false},
		{"\xff", 0, false},
		{"\xe2\x28\xa1", 1, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct utf8 u = {0};

		assert_int_equal(utf8_check(&u, slice_text(rows[i].text)), rows[i].good);
		assert_int_equal(utf8_is_valid(slice_text(rows[i].text)), rows[i].whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read_as_they_are_meant),
		cmocka_unit_test(what_the_lines_say_is_found),
		cmocka_unit_test(hosts_are_on_a_list_or_not),
		cmocka_unit_test(keep_alive_is_the_clients_wish),
		cmocka_unit_test(pipelined_requests_wait_for_the_answers_before_them),
		cmocka_unit_test(a_held_connection_begins_no_new_request),
		cmocka_unit_test(ten_thousand_pipelined_requests_are_answered_in_order),
		cmocka_unit_test(who_waits_for_100_is_told_to_go_on),
		cmocka_unit_test(a_body_that_is_not_wanted_is_not_read),
		cmocka_unit_test(deadlines_are_absolute),
		cmocka_unit_test(the_end_of_the_client_waits_for_the_answer),
		cmocka_unit_test(another_protocol_gets_what_was_sent_behind_the_request),
		cmocka_unit_test(an_answer_is_written_into_memory_that_was_used_before),
		cmocka_unit_test(answers_have_the_body_that_their_kind_has),
		cmocka_unit_test(nothing_splits_an_answer),
		cmocka_unit_test(every_fault_has_a_status_with_a_phrase),
		cmocka_unit_test(dates_are_those_of_the_rfc),
		cmocka_unit_test(queries_are_decoded_in_order_with_duplicates),
		cmocka_unit_test(utf8_is_judged_at_the_first_bad_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
