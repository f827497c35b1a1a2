/* What may come instead of a request: each opener is refused as it should, wherever it is cut, and
 * never is a second request found in what follows it. */
#include <stdio.h>

#include "tests/unit/common/support_http.h"

#define H "Host: a\r\n"

/* Every opener is followed by this: a request smuggled behind it must not be served. */
#define SMUGGLED "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

static const struct opener {
	const char *name;
	struct slice bytes;
	enum http_fault fault;
} openers[] = {
#define BAD(NAME, name, text)                                                        \
	{                                                                            \
		name, {(const uint8_t *)(text SMUGGLED), sizeof(text SMUGGLED) - 1}, \
			HTTP_FAULT_##NAME                                            \
	}
	/* the first line */
	BAD(EMPTY_LINE, "a leading CRLF", "\r\nGET / HTTP/1.1\r\n" H "\r\n"),
	BAD(EMPTY_LINE, "a leading LF", "\nGET / HTTP/1.1\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a leading blank", " GET / HTTP/1.1\r\n" H "\r\n"),
	BAD(CONTROL, "a leading tab", "\tGET / HTTP/1.1\r\n" H "\r\n"),
	BAD(BARE_LF, "a first line that ends with LF", "GET / HTTP/1.1\n" H "\r\n"),
	BAD(BARE_LF, "lines that end with LF only", "GET / HTTP/1.1\nHost: a\n\n"),
	BAD(BARE_CR, "a first line that ends with CR", "GET / HTTP/1.1\rHost: a\r\r"),
	BAD(BARE_CR, "a CR in the target", "GET /\rx HTTP/1.1\r\n" H "\r\n"),
	BAD(NUL, "a NUL in the target", "GET /\0x HTTP/1.1\r\n" H "\r\n"),
	BAD(NUL, "a NUL at the very start", "\0GET / HTTP/1.1\r\n" H "\r\n"),
	BAD(CONTROL, "an escape character in the target", "GET /\x1b[2J HTTP/1.1\r\n" H "\r\n"),
	BAD(CONTROL, "a DEL in the target", "GET /\x7f HTTP/1.1\r\n" H "\r\n"),
	BAD(CONTROL, "raw UTF-8 in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n"),
	BAD(CONTROL, "a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
	BAD(REQUEST_LINE, "no version: HTTP/0.9", "GET /\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a method alone", "GET\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "two blanks before the target", "GET  / HTTP/1.1\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "two blanks behind the target", "GET /  HTTP/1.1\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a blank at the end", "GET / HTTP/1.1 \r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a blank in the target", "GET /a b HTTP/1.1\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a fourth word", "GET / HTTP/1.1 x\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a version in lower case", "GET / http/1.1\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a version with two digits", "GET / HTTP/1.10\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a version that is no number", "GET / HTTP/x.y\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a version with a comma", "GET / HTTP/1,1\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "a version without a minor", "GET / HTTP/1\r\n" H "\r\n"),
	BAD(VERSION, "HTTP/2.0", "GET / HTTP/2.0\r\n" H "\r\n"),
	BAD(VERSION, "HTTP/1.2", "GET / HTTP/1.2\r\n" H "\r\n"),
	BAD(VERSION, "HTTP/0.9 in full", "GET / HTTP/0.9\r\n" H "\r\n"),
	BAD(REQUEST_LINE, "the HTTP/2 preface", "PRI * HTTP/2.0 \r\n\r\nSM\r\n\r\n"),
	BAD(VERSION, "the HTTP/2 preface as it is", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	BAD(METHOD, "an unknown method", "BREW / HTTP/1.1\r\n" H "\r\n"),
	BAD(METHOD, "a method in lower case", "get / HTTP/1.1\r\n" H "\r\n"),
	BAD(METHOD, "a method with a bracket", "GE[T / HTTP/1.1\r\n" H "\r\n"),
	BAD(METHOD, "TRACE", "TRACE / HTTP/1.1\r\n" H "\r\n"),
	BAD(METHOD, "CONNECT", "CONNECT a:443 HTTP/1.1\r\n" H "\r\n"),
	BAD(METHOD, "a mail command", "EHLO mail HTTP/1.1\r\n" H "\r\n"),
	BAD(ABSOLUTE, "an absolute target", "GET http://a/ HTTP/1.1\r\n" H "\r\n"),
	BAD(ABSOLUTE, "an absolute target with another scheme",
		"GET ws://a/ HTTP/1.1\r\n" H "\r\n"),
	BAD(TARGET, "an authority as target", "GET a:80 HTTP/1.1\r\n" H "\r\n"),
	BAD(TARGET, "a star for GET", "GET * HTTP/1.1\r\n" H "\r\n"),
	BAD(TARGET, "a target without its slash", "GET index.html HTTP/1.1\r\n" H "\r\n"),
	BAD(TARGET, "a fragment", "GET /#x HTTP/1.1\r\n" H "\r\n"),
	/* the path */
	BAD(ESCAPE, "a percent alone", "GET /% HTTP/1.1\r\n" H "\r\n"),
	BAD(ESCAPE, "a percent with one digit", "GET /%4 HTTP/1.1\r\n" H "\r\n"),
	BAD(ESCAPE, "a percent with no hex", "GET /%zz HTTP/1.1\r\n" H "\r\n"),
	BAD(ESCAPE, "a percent with a sign", "GET /%+1 HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_BYTE, "%00", "GET /a%00.html HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_BYTE, "%0d%0a", "GET /a%0d%0aX:%20y HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_BYTE, "%2f", "GET /..%2f..%2fetc/passwd HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_BYTE, "%5c", "GET /..%5c..%5cboot.ini HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_BYTE, "a backslash", "GET /..\\..\\boot.ini HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_DOTS, "..", "GET /../etc/passwd HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_DOTS, ".. inside", "GET /a/../b HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_DOTS, ".. at the end", "GET /a/.. HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_DOTS, "a dot", "GET /a/./b HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_DOTS, "%2e%2e", "GET /%2e%2e/etc/passwd HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_DOTS, ".%2E", "GET /.%2E/etc/passwd HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_DOTS, "two slashes", "GET //etc/passwd HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_DOTS, "many slashes", "GET //////////////// HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_UTF8, "an overlong slash", "GET /%c0%af HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_UTF8, "a surrogate", "GET /%ed%a0%80 HTTP/1.1\r\n" H "\r\n"),
	BAD(PATH_UTF8, "half a character", "GET /%c3 HTTP/1.1\r\n" H "\r\n"),
	/* header lines */
	BAD(FOLDED, "a folded line", "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"),
	BAD(FOLDED, "a folded line by tab", "GET / HTTP/1.1\r\n" H "X: a\r\n\tb\r\n\r\n"),
	BAD(FOLDED, "a blank before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
	BAD(FIELD, "a blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
	BAD(FIELD, "a tab before the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"),
	BAD(FIELD, "no colon", "GET / HTTP/1.1\r\n" H "nonsense\r\n\r\n"),
	BAD(FIELD, "no name", "GET / HTTP/1.1\r\n" H ": x\r\n\r\n"),
	BAD(FIELD, "a name with a blank", "GET / HTTP/1.1\r\n" H "A B: x\r\n\r\n"),
	BAD(FIELD, "a name with an umlaut", "GET / HTTP/1.1\r\n" H "\xc3\xa4: x\r\n\r\n"),
	BAD(FIELD, "a name with brackets", "GET / HTTP/1.1\r\n" H "A(b): x\r\n\r\n"),
	BAD(NUL, "a NUL in a name", "GET / HTTP/1.1\r\n" H "A\0: x\r\n\r\n"),
	BAD(NUL, "a NUL in a value", "GET / HTTP/1.1\r\n" H "A: \0x\r\n\r\n"),
	BAD(CONTROL, "a control byte in a value", "GET / HTTP/1.1\r\n" H "A: \x01x\r\n\r\n"),
	BAD(BARE_LF, "a LF in a value", "GET / HTTP/1.1\r\n" H "A: x\nB: y\r\n\r\n"),
	BAD(BARE_CR, "a CR in a value", "GET / HTTP/1.1\r\n" H "A: x\rB: y\r\n\r\n"),
	BAD(BARE_CR, "a CR before the line end", "GET / HTTP/1.1\r\n" H "A: x\r\r\n\r\n"),
	BAD(BARE_LF, "an empty line of LF", "GET / HTTP/1.1\r\n" H "\n"),
	BAD(BARE_CR, "an empty line of CR", "GET / HTTP/1.1\r\n" H "\rX"),
	BAD(HOST_MISSING, "no Host", "GET / HTTP/1.1\r\n\r\n"),
	BAD(HOST_MANY, "two Hosts", "GET / HTTP/1.1\r\n" H "host: b\r\n\r\n"),
	BAD(HOST_MANY, "two equal Hosts", "GET / HTTP/1.1\r\n" H H "\r\n"),
	BAD(HOST, "a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
	BAD(HOST, "a Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
	BAD(HOST, "a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
	BAD(HOST, "a Host with a bad port", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"),
	BAD(HOST, "a Host with a long port", "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"),
	BAD(HOST, "a Host with half a bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
	BAD(HOST, "a port without a Host", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
	BAD(EXPECT, "an unknown expectation",
		"POST / HTTP/1.1\r\n" H "Expect: gold\r\nContent-Length: 1\r\n\r\nx"),
	/* how long the body is */
	BAD(LENGTH_CHUNKED, "CL and TE",
		"POST / HTTP/1.1\r\n" H
		"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX"),
	BAD(LENGTH_CHUNKED, "TE and CL",
		"POST / HTTP/1.1\r\n" H
		"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nX"),
	BAD(LENGTH_CHUNKED, "CL and an unknown TE",
		"POST / HTTP/1.1\r\n" H
		"Content-Length: 1\r\nTransfer-Encoding: xchunked\r\n\r\nX"),
	BAD(LENGTH_MANY, "CL twice",
		"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\nXX"),
	BAD(LENGTH_MANY, "CL twice the same",
		"POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-length: 1\r\n\r\nX"),
	BAD(LENGTH, "a list of CLs", "POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\nX"),
	BAD(LENGTH, "a negative CL", "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\nX"),
	BAD(LENGTH, "a CL with a plus", "POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n\r\nXXXXX"),
	BAD(LENGTH, "a hexadecimal CL", "POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n\r\nXXXXX"),
	BAD(LENGTH, "an empty CL", "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"),
	BAD(LENGTH, "a CL with a blank inside",
		"POST / HTTP/1.1\r\n" H "Content-Length: 1 0\r\n\r\nX"),
	BAD(LENGTH, "a CL beyond 2^64",
		"POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\nX"),
	BAD(LENGTH, "a CL of words", "POST / HTTP/1.1\r\n" H "Content-Length: five\r\n\r\nXXXXX"),
	BAD(BODY_LONG, "a CL above the limit",
		"POST / HTTP/1.1\r\n" H "Content-Length: 65537\r\n\r\n"),
	BAD(BODY_LONG, "a CL of 2^53",
		"POST / HTTP/1.1\r\n" H "Content-Length: 9007199254740992\r\n\r\n"),
	BAD(CODING, "TE twice",
		"POST / HTTP/1.1\r\n" H
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	BAD(CODING, "TE: xchunked",
		"POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
	BAD(CODING, "TE: chunked, chunked",
		"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
	BAD(CODING, "TE: gzip, chunked",
		"POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
	BAD(CODING, "TE: chunked, identity",
		"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
	BAD(CODING, "TE: identity", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"),
	BAD(CODING, "TE: chunked;q=1",
		"POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
	BAD(CODING, "an empty TE", "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n"),
	BAD(CODING, "TE of a vertical tab",
		"POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
	BAD(CODING, "TE in HTTP/1.0",
		"POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	BAD(LENGTH_MISSING, "POST in HTTP/1.0 without a length", "POST / HTTP/1.0\r\n\r\nbody"),
/* chunks */
#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
	BAD(CHUNK_SIZE, "a chunk without a size", CHUNKED "\r\n"),
	BAD(CHUNK_SIZE, "a size that is no number", CHUNKED "xyz\r\n"),
	BAD(CHUNK_SIZE, "a negative size", CHUNKED "-1\r\n"),
	BAD(CHUNK_SIZE, "a size with 0x", CHUNKED "0x5\r\nXXXXX\r\n"),
	BAD(CHUNK_SIZE, "a size with a blank before", CHUNKED " 5\r\nXXXXX\r\n"),
	BAD(CHUNK_SIZE, "a size with a blank behind", CHUNKED "5 \r\nXXXXX\r\n"),
	BAD(CHUNK_SIZE, "a size that ends with LF", CHUNKED "5\nXXXXX\r\n"),
	BAD(CHUNK_SIZE, "a size that ends with CR", CHUNKED "5\rXXXXX\r\n"),
	BAD(BODY_LONG, "a size of 2^32", CHUNKED "100000000\r\n"),
	BAD(BODY_LONG, "a size of 2^64", CHUNKED "10000000000000000\r\n"),
	BAD(BODY_LONG, "a size above the limit", CHUNKED "10001\r\n"),
	BAD(CHUNK_SIZE, "a size with ever more zeros", CHUNKED "000000005\r\nXXXXX\r\n"),
	BAD(BODY_LONG, "two chunks above the limit", CHUNKED "1\r\nX\r\n10000\r\n"),
	BAD(CHUNK_EXTENSION, "a chunk extension", CHUNKED "5;a=b\r\nXXXXX\r\n0\r\n\r\n"),
	BAD(CHUNK_EXTENSION, "an empty chunk extension", CHUNKED "5;\r\nXXXXX\r\n0\r\n\r\n"),
	BAD(CHUNK_EXTENSION, "a chunk extension with LF", CHUNKED "5;\nXXXXX\r\n0\r\n\r\n"),
	BAD(CHUNK_END, "a chunk longer than it says", CHUNKED "2\r\nXXX\r\n0\r\n\r\n"),
	BAD(CHUNK_END, "a chunk that ends with LF", CHUNKED "1\r\nX\n0\r\n\r\n"),
	BAD(CHUNK_END, "a chunk that ends with CR", CHUNKED "1\r\nX\r0\r\n\r\n"),
	BAD(TRAILER, "a trailer without a colon", CHUNKED "0\r\nnonsense\r\n\r\n"),
	BAD(TRAILER, "a trailer that is folded", CHUNKED "0\r\nA: x\r\n y\r\n\r\n"),
	BAD(TRAILER, "a trailer with a NUL", CHUNKED "0\r\nA: \0\r\n\r\n"),
	BAD(TRAILER, "a trailer that ends with LF", CHUNKED "0\r\nA: x\nB: y\r\n\r\n"),
	BAD(TRAILER, "a trailer with a blank before the colon", CHUNKED "0\r\nA : x\r\n\r\n"),
	BAD(TRAILER, "no LF at the end", CHUNKED "0\r\n\rX"),
#undef BAD
};

static void check(const struct opener *o, size_t cut)
{
	struct peer p;
	char line[64];
	unsigned status = http_fault_status(o->fault);

	peer_run_cut(&p, o->bytes, cut);
	if (p.fault != o->fault)
		print_error("%s, cut at %zu: %s instead of %s; seen: %s\n", o->name, cut,
			http_fault_name(p.fault), http_fault_name(o->fault), text_of(&p.seen));
	assert_int_equal(p.fault, o->fault);
	assert_string_equal(text_of(&p.seen), "");
	snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
	assert_int_equal(strncmp(text_of(&p.out), line, strlen(line)), 0);
	assert_non_null(strstr(text_of(&p.out), "\r\nConnection: close\r\n"));
	assert_non_null(strstr(text_of(&p.out), http_fault_text(o->fault)));
	assert_null(strstr(text_of(&p.out), "\r\nHTTP/1.1 ")); /* one answer */
	peer_close(&p);
}

static void every_bad_opener_is_refused_by_its_name_wherever_it_is_cut(void **state)
{
	(void)state;
	assert_true(ARRAY_LEN(openers) >= 80);
	for (size_t i = 0; i < ARRAY_LEN(openers); i++)
		for (size_t cut = 0; cut <= openers[i].bytes.len; cut++)
			check(&openers[i], cut);
}

static void every_bad_opener_is_refused_by_its_name_a_byte_at_a_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
		struct peer p;

		peer_open(&p);
		for (size_t at = 0; at < openers[i].bytes.len; at++)
			http_bytes(&p.http, slice_of(openers[i].bytes.at + at, 1), at);
		if (p.fault != openers[i].fault)
			print_error("%s\n", openers[i].name);
		assert_int_equal(p.fault, openers[i].fault);
		assert_int_equal(p.overs, 1);
		assert_string_equal(text_of(&p.seen), "");
		peer_close(&p);
	}
}

/* Feeds count times text after start; the fault that comes of it, and how many bytes were taken. */
static enum http_fault flood(const char *start, const char *text, size_t count, const char *end)
{
	struct peer p;
	enum http_fault fault;

	peer_open(&p);
	http_bytes(&p.http, slice_text(start), 0);
	for (size_t i = 0; i < count; i++)
		http_bytes(&p.http, slice_text(text), 0);
	http_bytes(&p.http, slice_text(end), 0);
	fault = p.fault;
	assert_int_equal(p.overs, fault != HTTP_FAULT_NONE);
	assert_int_equal(p.seen.len > 0, fault == HTTP_FAULT_NONE);
	assert_true(p.http.parser.head.room <= 32768);
	peer_close(&p);
	return fault;
}

static void every_limit_is_exact(void **state)
{
	(void)state;
	/* "GET /" and " HTTP/1.1" are 14 bytes of 8192. */
	assert_int_equal(flood("GET /", "a", 8192 - 14, " HTTP/1.1\r\n" H "\r\n"), HTTP_FAULT_NONE);
	assert_int_equal(
		flood("GET /", "a", 8192 - 13, " HTTP/1.1\r\n" H "\r\n"), HTTP_FAULT_TARGET_LONG);
	assert_int_equal(flood("GET /", "a", 1000000, ""), HTTP_FAULT_TARGET_LONG);
	/* "Host: a\r\n" and "X: \r\n" are 14 bytes of 8192. */
	assert_int_equal(
		flood("GET / HTTP/1.1\r\n" H "X: ", "a", 8192 - 14, "\r\n\r\n"), HTTP_FAULT_NONE);
	assert_int_equal(flood("GET / HTTP/1.1\r\n" H "X: ", "a", 8192 - 13, "\r\n\r\n"),
		HTTP_FAULT_HEAD_LONG);
	assert_int_equal(
		flood("GET / HTTP/1.1\r\n" H "X: ", "a", 1000000, ""), HTTP_FAULT_HEAD_LONG);
	assert_int_equal(flood("GET / HTTP/1.1\r\n" H, "X: a\r\n", 63, "\r\n"), HTTP_FAULT_NONE);
	assert_int_equal(
		flood("GET / HTTP/1.1\r\n" H, "X: a\r\n", 64, "\r\n"), HTTP_FAULT_FIELDS_MANY);
	assert_int_equal(
		flood("GET / HTTP/1.1\r\n" H, "X: a\r\n", 65536, "\r\n"), HTTP_FAULT_FIELDS_MANY);
	assert_int_equal(
		flood("POST / HTTP/1.1\r\n" H "Content-Length: 65536\r\n\r\n", "x", 65536, ""),
		HTTP_FAULT_NONE);
	assert_int_equal(flood(CHUNKED "10000\r\n", "x", 65536, "\r\n0\r\n\r\n"), HTTP_FAULT_NONE);
	assert_int_equal(flood(CHUNKED, "1\r\nX\r\n", 65536, "0\r\n\r\n"), HTTP_FAULT_NONE);
	assert_int_equal(
		flood(CHUNKED, "00000001\r\nX\r\n", 65536, "0\r\n\r\n"), HTTP_FAULT_CHUNK_WASTE);
	assert_int_equal(flood(CHUNKED "0\r\n", "A: b\r\n", 1000, "\r\n"), HTTP_FAULT_NONE);
	assert_int_equal(flood(CHUNKED "0\r\n", "A: b\r\n", 2000, "\r\n"), HTTP_FAULT_TRAILER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bad_opener_is_refused_by_its_name_wherever_it_is_cut),
		cmocka_unit_test(every_bad_opener_is_refused_by_its_name_a_byte_at_a_time),
		cmocka_unit_test(every_limit_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
