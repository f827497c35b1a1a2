#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/buf.h"
#include "server/fetch.h"
#include "server/fetch_url.h"
#include "tests/unit/support_loop.h"

/* Servers on this machine whose answers a test writes down beforehand. */
struct server {
	int listening, connection;
	char request[4000]; /* the last one */
	unsigned requests;
	char peer[ADDRESS_IP_MAX];
	char answer[1000]; /* "" = none yet */
};

static struct server one, two;
static struct fetcher *fr;

static void server_open(struct server *s)
{
	struct address a;
	const char *why;

	*s = (struct server){.connection = -1};
	assert_true(address_parse("127.0.0.1:0", &a, &why));
	s->listening = address_listen(&a, 0, &why);
	assert_true(s->listening >= 0);
}

static void server_close(struct server *s)
{
	close(s->listening);
	if (s->connection >= 0)
		close(s->connection);
}

static void server_run(struct server *s)
{
	size_t had = strlen(s->request);

	if (s->connection < 0) {
		struct address from;

		s->connection = accept4(s->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (s->connection < 0)
			return;
		s->request[0] = '\0';
		had = 0;
		address_of_peer(s->connection, &from);
		address_ip(&from, s->peer);
	}
	ssize_t n = recv(s->connection, s->request + had, sizeof s->request - had - 1, 0);
	if (n > 0)
		s->request[had + (size_t)n] = '\0';
	if (strstr(s->request, "\r\n\r\n") == NULL || s->answer[0] == '\0')
		return;
	s->requests++;
	assert_int_equal(
		send(s->connection, s->answer, strlen(s->answer), MSG_NOSIGNAL), strlen(s->answer));
	close(s->connection);
	s->connection = -1;
}

static int set_up(void **state)
{
	int status = open_test_loop(state);

	server_open(&one);
	server_open(&two);
	fr = fetcher_open(&test_loop);
	assert_non_null(fr);
	return status;
}

static int tear_down(void **state)
{
	fetcher_close(fr);
	server_close(&one);
	server_close(&two);
	return close_test_loop(state);
}

#define FETCH_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static struct {
	unsigned count;
	int status;
	char body[1000], why[300], local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	bool bad_source;
} told;

static void on_answer(void *owner UNUSED, const struct fetch_answer *answer)
{
	told.count++;
	told.status = answer->status;
	told.bad_source = answer->bad_source;
	snprintf(told.body, sizeof told.body, "%.*s", (int)answer->body.len,
		answer->body.len > 0 ? (const char *)answer->body.at : "");
	snprintf(told.why, sizeof told.why, "%s", answer->why != NULL ? answer->why : "");
	address_text(&answer->local, told.local);
	address_text(&answer->remote, told.remote);
}

static const char *url_of(const struct server *s, const char *path)
{
	static char urls[4][200];
	static unsigned next;
	struct address at;

	assert_true(address_of_socket(s->listening, &at));
	char *url = urls[next++ % 4];
	snprintf(url, sizeof urls[0], "http://127.0.0.1:%u%s", (unsigned)ntohs(at.in.sin_port),
		path);
	return url;
}

static struct fetch *begin(struct fetch_request r)
{
	const char *why = "";

	r.method = r.method != NULL ? r.method : "GET";
	struct fetch *f = fetch_begin(fr, &r, on_answer, NULL, &why);
	if (f == NULL)
		fail_msg("%s", why);
	return f;
}

#define BEGIN(...) begin((struct fetch_request){__VA_ARGS__})

static void run_until_told(unsigned count)
{
	for (int i = 0; i < 20000 && told.count < count; i++) {
		run_turn();
		server_run(&one);
		server_run(&two);
		usleep(told.count < count ? 500 : 0);
	}
	assert_int_equal(told.count, count);
}

static void ask(struct fetch_request r)
{
	memset(&told, 0, sizeof told);
	begin(r);
	run_until_told(1);
}

#define ASK(...) ask((struct fetch_request){__VA_ARGS__})

#define FINE "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

static void say(struct server *s, const char *answer)
{
	snprintf(s->answer, sizeof s->answer, "%s", answer);
}

static void redirect(struct server *s, const char *status, const char *to)
{
	snprintf(s->answer, sizeof s->answer,
		"HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", status, to);
}

/* ---- the tests ---------------------------------------------------------------------------------- */

static void a_url_is_http_with_a_host_and_nothing_hidden_in_it(void **state UNUSED)
{
	static const char *const good[] = {"http://example.org", "https://example.org:8443/a?b=c#d",
		"HTTP://EXAMPLE.ORG/", "http://[2001:db8::1]:80/", "http://192.0.2.1/"};
	static const struct {
		const char *url, *why;
	} bad[] = {
		{"", "no URL"},
		{"example.org", "no URL"},
		{"http://", "no URL"},
		{"http://ex ample.org/", "blank"},
		{"http://example.org/\r\nHost: x", "unprintable"},
		{"http://example.org/\x7f", "unprintable"},
		{"file:///etc/passwd", "http:// or https://"},
		{"ftp://example.org/", "http:// or https://"},
		{"gopher://example.org/", "http:// or https://"},
		{"http://me@example.org/", "no name and no password"},
		{"http://me:secret@example.org/", "no name and no password"},
		{"http://:secret@example.org/", "no name and no password"},
		{"http://example.org:99999/", "no URL"},
	};
	const char *why = "";
	char url[FETCH_URL_MAX + 2];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!fetch_url_check(good[i], &why))
			fail_msg("%s: %s", good[i], why);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_false(fetch_url_check(bad[i].url, &why));
		if (strstr(why, bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].url, why);
	}
	snprintf(url, sizeof url, "http://example.org/");
	memset(url + strlen(url), 'x', sizeof url - strlen(url));
	url[FETCH_URL_MAX] = '\0';
	assert_true(fetch_url_check(url, &why));
	url[FETCH_URL_MAX] = 'x';
	url[FETCH_URL_MAX + 1] = '\0';
	assert_false(fetch_url_check(url, &why));
}

static void a_request_is_answered_with_both_ends_of_its_connection(void **state UNUSED)
{
	say(&one, FINE);
	ASK(.url = url_of(&one, "/x"));
	assert_int_equal(told.status, 200);
	assert_string_equal(told.body, "fine");
	assert_non_null(strstr(url_of(&one, ""), told.remote));
	assert_memory_equal(told.local, "127.0.0.1:", 10);
	assert_memory_equal(one.request, "GET /x HTTP/1.1\r\n", 17);
}

static void each_method_is_said_and_a_body_goes_with_it(void **state UNUSED)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};

	say(&one, FINE);
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		ASK(.url = url_of(&one, "/"), .method = methods[i],
			.content_type = "application/json", .body = slice_text("{}"));
		assert_int_equal(told.status, 200);
		assert_memory_equal(one.request, methods[i], strlen(methods[i]));
		assert_non_null(strstr(one.request, "Content-Type: application/json\r\n"));
		assert_non_null(strstr(one.request, "Content-Length: 2\r\n"));
	}
	ASK(.url = url_of(&one, "/"), .method = "DELETE");
	assert_memory_equal(one.request, "DELETE / ", 9);
	assert_null(strstr(one.request, "Content-Type"));
	ASK(.url = url_of(&one, "/"), .method = "HEAD");
	assert_memory_equal(one.request, "HEAD / ", 7);
	assert_int_equal(told.status, 200);
}

/* Row M08. */
static void what_is_secret_is_not_shown_to_another_host(void **state UNUSED)
{
	static const char *const headers[] = {
		"X-Callback-Token: 0123456789", "Authorization: Bearer secret", NULL};
	static const char *const statuses[] = {"301 x", "302 x", "303 x", "307 x", "308 x"};

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		redirect(&one, statuses[i], url_of(&two, "/there"));
		say(&two, FINE);
		ASK(.url = url_of(&one, "/"), .headers = headers, .follow = true, .method = "PUT",
			.content_type = "text/plain", .body = slice_text("b"));
		assert_int_equal(told.status, 200);
		assert_non_null(strstr(one.request, "X-Callback-Token: 0123456789\r\n"));
		assert_non_null(strstr(one.request, "Authorization: Bearer secret\r\n"));
		assert_non_null(strstr(two.request, " /there "));
		assert_null(strstr(two.request, "0123456789"));
		assert_null(strstr(two.request, "secret"));
		bool again = statuses[i][2] != '3';
		assert_int_equal(strstr(two.request, "Content-Type: text/plain") != NULL, again);
		assert_int_equal(strncmp(two.request, "PUT", 3) == 0, again);
	}
	assert_null(strstr(told.why, "secret"));
}

static void a_redirect_that_is_not_to_be_followed_is_the_answer(void **state UNUSED)
{
	redirect(&one, "302 x", url_of(&two, "/"));
	ASK(.url = url_of(&one, "/"));
	assert_int_equal(told.status, 302);
	assert_int_equal(two.connection, -1);
	assert_int_equal(two.requests, 0);
}

static void a_header_that_would_be_two_is_refused(void **state UNUSED)
{
	static const char *const headers[] = {"X: y\r\nZ: w", NULL};
	const char *why;

	assert_null(fetch_begin(fr,
		&(struct fetch_request){
			.method = "GET", .url = url_of(&one, "/"), .headers = headers},
		on_answer, NULL, &why));
}

static void one_comes_from_the_address_it_was_told(void **state UNUSED)
{
	struct address from;
	const char *why;

	say(&one, FINE);
	assert_true(address_parse("127.0.0.5:0", &from, &why));
	ASK(.url = url_of(&one, "/"), .from = &from, .family = FAMILY_V4);
	assert_int_equal(told.status, 200);
	assert_string_equal(one.peer, "127.0.0.5");
	assert_memory_equal(told.local, "127.0.0.5:", 10);
	assert_true(address_parse("192.0.2.1:0", &from, &why));
	ASK(.url = url_of(&one, "/"), .from = &from, .family = FAMILY_V4);
	assert_int_equal(told.status, 0);
	assert_true(told.bad_source);
	assert_int_equal(one.requests, 1);
}

static void only_the_family_that_is_wanted_is_used(void **state UNUSED)
{
	say(&one, FINE);
	ASK(.url = url_of(&one, "/"), .family = FAMILY_V6);
	assert_int_equal(told.status, 0);
	assert_int_equal(one.requests, 0);
}

static void this_machine_is_no_place_on_the_internet(void **state UNUSED)
{
	say(&one, FINE);
	ASK(.url = url_of(&one, "/"), .public_only = true);
	assert_int_equal(told.status, 0);
	assert_non_null(strstr(told.why, "127.0.0.1 is this machine itself"));
	assert_int_equal(one.requests, 0);
}

static void an_answer_that_is_too_long_is_none(void **state UNUSED)
{
	say(&one, "HTTP/1.1 200 OK\r\n\r\n12345678901");
	ASK(.url = url_of(&one, "/"), .answer_max = 10);
	assert_string_equal(told.why, "the answer has over 10 bytes");
	say(&one, "HTTP/1.1 200 OK\r\n\r\n1234567890");
	ASK(.url = url_of(&one, "/"), .answer_max = 10);
	assert_string_equal(told.body, "1234567890");
	say(&one, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901");
	ASK(.url = url_of(&one, "/"), .answer_max = 10);
	assert_string_equal(told.why, "the answer has over 10 bytes");
}

static void one_that_is_too_late_is_given_up(void **state UNUSED)
{
	ASK(.url = url_of(&one, "/"), .total_ms = 50);
	assert_int_equal(told.status, 0);
	assert_non_null(strstr(told.why, "timed out"));
}

static void assert_no_room(void)
{
	const char *why;

	assert_null(fetch_begin(fr,
		&(struct fetch_request){.method = "GET", .url = "http://127.0.0.1/"}, on_answer,
		NULL, &why));
	assert_string_equal(why, "too many requests wait already");
}

static void four_are_under_way_and_the_others_wait_up_to_a_limit(void **state UNUSED)
{
	memset(&told, 0, sizeof told);
	for (int i = 0; i < FETCH_WAITING_MAX; i++)
		BEGIN(.url = url_of(&one, "/"));
	assert_int_equal(told.count, 0);
	run_turn();
	for (int i = 0; i < FETCH_AT_ONCE; i++)
		BEGIN(.url = url_of(&one, "/"));
	assert_no_room();
	say(&one, FINE);
	run_until_told(FETCH_AT_ONCE + FETCH_WAITING_MAX);
	assert_int_equal(one.requests, FETCH_AT_ONCE + FETCH_WAITING_MAX);
}

static void what_is_cancelled_is_not_told_and_makes_room(void **state UNUSED)
{
	enum { ALL = FETCH_AT_ONCE + FETCH_WAITING_MAX };
	struct fetch *f[ALL];

	memset(&told, 0, sizeof told);
	for (int i = 0; i < FETCH_AT_ONCE; i++)
		f[i] = BEGIN(.url = url_of(&one, "/"));
	run_turn();
	for (int i = FETCH_AT_ONCE; i < ALL; i++)
		f[i] = BEGIN(.url = url_of(&one, "/"));
	assert_no_room();
	for (int i = 0; i < ALL; i++)
		fetch_cancel(f[i]);
	BEGIN(.url = url_of(&one, "/last"));
	say(&one, FINE);
	run_until_told(1);
	assert_non_null(strstr(one.request, "/last"));
}

static void close_and_begin(void *owner, const struct fetch_answer *answer)
{
	const char *why;

	on_answer(owner, answer);
	fetcher_close(fr);
	assert_null(fetch_begin(fr,
		&(struct fetch_request){.method = "GET", .url = "http://127.0.0.1/"}, on_answer,
		NULL, &why));
	fr = NULL;
}

static void all_may_end_in_the_middle_of_an_answer(void **state UNUSED)
{
	const char *why;

	memset(&told, 0, sizeof told);
	say(&one, FINE);
	for (int i = 0; i < 8; i++)
		fetch_begin(fr, &(struct fetch_request){.method = "GET", .url = url_of(&one, "/")},
			close_and_begin, NULL, &why);
	run_until_told(1);
	for (int i = 0; i < 5; i++)
		run_turn();
	assert_int_equal(told.count, 1);
}

static void many_names_that_nobody_has_are_all_told_so(void **state UNUSED)
{
	memset(&told, 0, sizeof told);
	for (int i = 0; i < 8; i++)
		BEGIN(.url = "http://nobody.invalid/", .total_ms = 200);
	run_until_told(8);
	assert_int_equal(told.status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_http_with_a_host_and_nothing_hidden_in_it),
		FETCH_TEST(a_request_is_answered_with_both_ends_of_its_connection),
		FETCH_TEST(each_method_is_said_and_a_body_goes_with_it),
		FETCH_TEST(what_is_secret_is_not_shown_to_another_host),
		FETCH_TEST(a_redirect_that_is_not_to_be_followed_is_the_answer),
		FETCH_TEST(a_header_that_would_be_two_is_refused),
		FETCH_TEST(one_comes_from_the_address_it_was_told),
		FETCH_TEST(only_the_family_that_is_wanted_is_used),
		FETCH_TEST(this_machine_is_no_place_on_the_internet),
		FETCH_TEST(an_answer_that_is_too_long_is_none),
		FETCH_TEST(one_that_is_too_late_is_given_up),
		FETCH_TEST(four_are_under_way_and_the_others_wait_up_to_a_limit),
		FETCH_TEST(what_is_cancelled_is_not_told_and_makes_room),
		FETCH_TEST(all_may_end_in_the_middle_of_an_answer),
		FETCH_TEST(many_names_that_nobody_has_are_all_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
