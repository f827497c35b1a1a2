#include "multiplexer/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define GET     "GET / HTTP/1.1\r\nHost: localhost:4080\r\n"

/* The status of the answer, as listeners with these origins give it; 0: it is no handshake. */
static unsigned status_of(const char *text, const char *origins, bool loopback)
{
	struct http_parser p;
	struct slice bytes = slice_text(text);
	unsigned status;

	http_parser_init(&p, &http_usual_limits);
	switch (http_feed(&p, &bytes)) {
	case HTTP_HEAD_IN:
		status = handshake_is_meant(&p.request)
				 ? handshake_check(&p.request, origins, loopback).status
				 : 0;
		break;
	case HTTP_BAD:
		status = http_fault_status(p.fault);
		break;
	default:
		fail_msg("not a whole head: %s", text);
		status = 1;
	}
	http_parser_free(&p);
	return status;
}

static void the_handshake_of_the_rfc_is_answered_as_in_the_rfc(void **state)
{
	char accept[HANDSHAKE_ACCEPT_ROOM];

	(void)state;
	handshake_accept_key(slice_text("dGhlIHNhbXBsZSBub25jZQ=="), accept);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void each_way_to_be_no_handshake_has_its_answer(void **state)
{
	static const struct {
		unsigned status;
		const char *text;
	} rows[] = {
		{101, GET UPGRADE KEY VERSION "\r\n"},
		{101, GET "connection: keep-alive, UPGRADE\r\nupgrade: WebSocket\r\n" KEY VERSION
			  "\r\n"},
		{101, GET "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n" KEY VERSION "\r\n"},
		{101, "GET /ws?x=1 HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n"},
		{101, GET UPGRADE KEY VERSION
			"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"},
		{101, GET UPGRADE KEY VERSION "Sec-WebSocket-Protocol: unheard.of\r\n\r\n"},
		{101, GET UPGRADE KEY VERSION "Content-Length: 0\r\n\r\n"},
		{0, GET "\r\n"},
		{0, GET "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"},
		{426, GET KEY VERSION "\r\n"},
		{426, GET VERSION "\r\n"},
		{426, GET "Connection: Upgrade\r\nUpgrade: h2c\r\n" KEY VERSION "\r\n"},
		{400, GET "Upgrade: websocket\r\n" KEY VERSION "\r\n"},
		{400, GET "Connection: keep-alive\r\nUpgrade: websocket\r\n" KEY VERSION "\r\n"},
		{426, GET "Connection: Upgrade\r\nUpgrade: websockets\r\n" KEY VERSION "\r\n"},
		{400, GET UPGRADE VERSION "\r\n"},
		{400, GET UPGRADE KEY KEY VERSION "\r\n"},
		{400, GET UPGRADE "Sec-WebSocket-Key:\r\n" VERSION "\r\n"},
		{400, GET UPGRADE "Sec-WebSocket-Key: short\r\n" VERSION "\r\n"},
		{400, GET UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n" VERSION "\r\n"},
		{400, GET UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=A\r\n" VERSION "\r\n"},
		{400, GET UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j-Q==\r\n" VERSION "\r\n"},
		{400, GET UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==dGhl\r\n" VERSION
				  "\r\n"},
		{426, GET UPGRADE KEY "\r\n"},
		{426, GET UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n"},
		{426, GET UPGRADE KEY "Sec-WebSocket-Version: 14\r\n\r\n"},
		{426, GET UPGRADE KEY "Sec-WebSocket-Version: 13, 8\r\n\r\n"},
		{426, GET UPGRADE KEY "Sec-WebSocket-Version: 013\r\n\r\n"},
		{400, GET UPGRADE KEY VERSION VERSION "\r\n"},
		{400, "POST / HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n"},
		{400, "HEAD / HTTP/1.1\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n"},
		{400, "GET / HTTP/1.0\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n"},
		{505, "GET / HTTP/2.0\r\nHost: a\r\n" UPGRADE KEY VERSION "\r\n"},
		{400, "GET / HTTP/1.1\r\n" UPGRADE KEY VERSION "\r\n"},
		{400, GET UPGRADE KEY VERSION "Content-Length: 1\r\n\r\n"},
		{400, GET UPGRADE KEY VERSION "Transfer-Encoding: chunked\r\n\r\n"},
		{400, "GET http://localhost:4080/ HTTP/1.1\r\nHost: localhost:4080\r\n" UPGRADE KEY
				VERSION "\r\n"},
		{400, "GET ws://localhost:4080/ HTTP/1.1\r\nHost: localhost:4080\r\n" UPGRADE KEY
				VERSION "\r\n"},
		{400, GET UPGRADE KEY VERSION "X: a\r\n b\r\n\r\n"},
		{400, GET UPGRADE KEY VERSION
			"Origin: http://localhost:4080\r\nOrigin: http://b\r\n\r\n"},
		{400, "GET / HTTP/1.1\nHost: localhost:4080\r\n" UPGRADE KEY VERSION "\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned status = status_of(rows[i].text, "same none", true);

		if (status != rows[i].status)
			print_error("%u instead of %u: %s\n", status, rows[i].status, rows[i].text);
		assert_int_equal(status, rows[i].status);
	}
}

static void a_hundred_header_lines_or_a_long_one_are_431(void **state)
{
	struct buf text = {0};

	(void)state;
	assert_true(buf_addf(&text, GET UPGRADE KEY VERSION));
	for (int i = 0; i < 100; i++)
		assert_true(buf_addf(&text, "X-%d: y\r\n", i));
	assert_true(buf_addf(&text, "\r\n") && buf_add_byte(&text, '\0'));
	assert_int_equal(status_of((const char *)text.mem, "same none", true), 431);
	buf_free(&text);
	assert_true(buf_addf(&text, GET UPGRADE KEY VERSION "X: "));
	for (int i = 0; i < 8192; i++)
		assert_true(buf_add_byte(&text, 'y'));
	assert_true(buf_addf(&text, "\r\n\r\n") && buf_add_byte(&text, '\0'));
	assert_int_equal(status_of((const char *)text.mem, "same none", true), 431);
	buf_free(&text);
}

static void pages_of_strangers_may_not_play(void **state)
{
	static const struct {
		bool may;
		const char *origins;
		bool loopback;
		const char *host, *origin; /* NULL: none */
	} rows[] = {
		{true, "same none", true, "localhost:4080", NULL},
		{false, "same", true, "localhost:4080", NULL},
		{true, "same none", true, "localhost:4080", "http://localhost:4080"},
		{true, "same none", true, "LocalHost:4080", "http://localHost:4080"},
		{true, "same none", true, "127.0.0.1:4080", "http://127.0.0.1:4080"},
		{true, "same none", true, "[::1]:4080", "http://[::1]:4080"},
		{true, "same none", true, "localhost:4080", "https://localhost:4080"},
		{false, "same none", true, "localhost:4080", "http://localhost:4081"},
		{false, "same none", true, "localhost:4080", "http://localhost"},
		{false, "same none", true, "localhost:4080", "http://evil.example"},
		{false, "same none", true, "localhost:4080", "null"},
		{false, "same none", true, "localhost:4080", "http://localhost:4080.evil.example"},
		{false, "same none", true, "localhost:4080", "http://localhost:4080/x"},
		{false, "same none", true, "localhost:4080", "localhost:4080"},
		{false, "same none", true, "localhost:4080", "://localhost:4080"},
		{false, "same none", true, "localhost:4080", ""},
		/* a name that a stranger's DNS has made point here */
		{false, "same none", true, "evil.example:4080", "http://evil.example:4080"},
		{false, "same none", true, "127.0.0.1.evil.example",
			"http://127.0.0.1.evil.example"},
		{true, "same none", false, "play.example:4080", "http://play.example:4080"},
		{true, "same https://play.example", true, "play.example", "https://play.example"},
		{true, "https://play.example", true, "localhost:4080", "https://PLAY.example"},
		{false, "https://play.example", true, "localhost:4080", "http://play.example"},
		{false, "https://play.example", true, "localhost:4080", "http://localhost:4080"},
		{false, "https://play.example", true, "localhost:4080", NULL},
		{true, "any", true, "localhost:4080", "http://evil.example"},
		{true, "any", true, "localhost:4080", NULL},
		{true, "none  https://a  https://b", false, "x", "https://b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[1024];

		snprintf(text, sizeof text,
			"GET / HTTP/1.1\r\nHost: %s\r\n" UPGRADE KEY VERSION "%s%s%s\r\n",
			rows[i].host, rows[i].origin != NULL ? "Origin: " : "",
			rows[i].origin != NULL ? rows[i].origin : "",
			rows[i].origin != NULL ? "\r\n" : "");
		unsigned status = status_of(text, rows[i].origins, rows[i].loopback);
		if (status != (rows[i].may ? 101u : 403u))
			print_error("row %zu: %u\n", i, status);
		assert_int_equal(status, rows[i].may ? 101 : 403);
	}
}

static void origins_are_words_that_mean_something(void **state)
{
	const char *why;

	(void)state;
	assert_true(origins_check("same none", &why));
	assert_true(origins_check("any", &why));
	assert_true(origins_check(" https://a.example  http://b:8080 ", &why));
	assert_false(origins_check("", &why));
	assert_false(origins_check("  ", &why));
	assert_false(origins_check("a.example", &why));
	assert_false(origins_check("https://", &why));
	assert_false(origins_check("https://a/", &why));
	assert_false(origins_check("same *", &why));
}

static void the_subprotocol_is_the_one_we_like_best_of_those_offered(void **state)
{
	static const struct {
		const char *offered;
		enum subprotocol chosen;
	} rows[] = {
		{"", SUBPROTOCOL_NONE},
		{"Sec-WebSocket-Protocol: v1.evennia.com\r\n", SUBPROTOCOL_NONE},
		{"Sec-WebSocket-Protocol: binary\r\n", SUBPROTOCOL_BINARY},
		{"Sec-WebSocket-Protocol: json.mudstandards.org, terminal.mudstandards.org\r\n",
			SUBPROTOCOL_TERMINAL},
		{"Sec-WebSocket-Protocol: binary, telnet.mudstandards.org\r\n", SUBPROTOCOL_TELNET},
		{"Sec-WebSocket-Protocol: json.mudstandards.org\r\n"
		 "Sec-WebSocket-Protocol: gmcp.mudstandards.org\r\n",
			SUBPROTOCOL_GMCP},
		{"Sec-WebSocket-Protocol: json.mudstandards.org\r\n", SUBPROTOCOL_JSON},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_parser p;
		struct http_answer a;
		struct handshake h;
		char text[1024], line[128];

		snprintf(text, sizeof text, GET UPGRADE KEY VERSION "%s\r\n", rows[i].offered);
		struct slice bytes = slice_text(text);
		http_parser_init(&p, &http_usual_limits);
		assert_int_equal(http_feed(&p, &bytes), HTTP_HEAD_IN);
		h = handshake_check(&p.request, "same none", true);
		assert_int_equal(h.status, 101);
		assert_int_equal(h.subprotocol, rows[i].chosen);

		struct http_asked asked = http_asked_by(&p.request);
		http_answer_open(&a, &asked, 101, 0);
		handshake_accept(&a, &p.request, &h);
		assert_true(buf_add_byte(&a.out, '\0'));
		snprintf(line, sizeof line, "\r\nSec-WebSocket-Protocol: %s\r\n",
			subprotocol_name(h.subprotocol));
		const char *out = (const char *)a.out.mem;
		assert_int_equal(strstr(out, line) != NULL, h.subprotocol != SUBPROTOCOL_NONE);
		assert_null(strstr(out, "permessage"));
		assert_non_null(
			strstr(out, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
		assert_int_equal(strncmp(out, "HTTP/1.1 101 Switching Protocols\r\n", 34), 0);
		assert_string_equal(out + strlen(out) - 4, "\r\n\r\n");
		http_answer_free(&a);
		http_parser_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_handshake_of_the_rfc_is_answered_as_in_the_rfc),
		cmocka_unit_test(each_way_to_be_no_handshake_has_its_answer),
		cmocka_unit_test(a_hundred_header_lines_or_a_long_one_are_431),
		cmocka_unit_test(pages_of_strangers_may_not_play),
		cmocka_unit_test(origins_are_words_that_mean_something),
		cmocka_unit_test(the_subprotocol_is_the_one_we_like_best_of_those_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
