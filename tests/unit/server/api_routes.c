#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "server/api/limiter.h"
#include "server/api/routes.h"

static struct routes routes;

static int set_up(void **state)
{
	(void)state;
	routes_open(&routes);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	routes_close(&routes);
	return 0;
}

static enum route_code add(const char *uri, const char *method, int function)
{
	struct route_script script = {.function = function};

	return routes_add(&routes, slice_text(uri), method, &script);
}

static enum route_code drop(const char *uri, const char *method)
{
	int function;

	return routes_remove(&routes, slice_text(uri), method, &function);
}

/* The function that answers; 0: none has the path; -1: none this method. */
static int found(const char *path, enum http_method method, struct route_match *m)
{
	if (routes_find(&routes, slice_text(path), method, m))
		return m->script->function;
	return m->methods == 0 ? 0 : -1;
}

static int get(const char *path)
{
	struct route_match m;

	return found(path, HTTP_METHOD_GET, &m);
}

static void the_codes_come_in_the_stated_order(void **state)
{
	(void)state;
	assert_int_equal(add("/a", "get", 1), ROUTE_DONE);
	assert_int_equal(add("", "get", 1), ROUTE_INVALID);
	assert_int_equal(add("", "get", ROUTE_NO_FUNCTION), ROUTE_INVALID);
	assert_int_equal(add("/a", "brew", 1), ROUTE_INVALID);
	assert_int_equal(add("/a", "", 1), ROUTE_INVALID);
	assert_int_equal(add("/a", "head", 1), ROUTE_INVALID);
	assert_int_equal(add("a", "get", 1), ROUTE_INVALID);
	/* That it is there is found before that the script is missing. */
	assert_int_equal(add("/a", "get", ROUTE_NO_FUNCTION), ROUTE_EXISTS);
	assert_int_equal(add("/a", "get", 2), ROUTE_EXISTS);
	assert_int_equal(add("/b", "get", ROUTE_NO_FUNCTION), ROUTE_INVALID);
	assert_int_equal(get("/b"), 0);
	assert_int_equal(drop("", "get"), ROUTE_INVALID);
	assert_int_equal(drop("/a", "brew"), ROUTE_INVALID);
	assert_int_equal(drop("/b", "get"), ROUTE_EXISTS);
	assert_int_equal(drop("/a", "post"), ROUTE_EXISTS);
	assert_int_equal(drop("/a", "get"), ROUTE_DONE);
	assert_int_equal(drop("/a", "get"), ROUTE_EXISTS);
	assert_int_equal(get("/a"), 0);
}

static void methods_are_known_in_any_case(void **state)
{
	static const char *const words[] = {"get", "POST", "Put", "paTCH", "delete"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		assert_int_equal(add("/a", words[i], (int)i + 1), ROUTE_DONE);
	assert_int_equal(add("/a", "GET", 9), ROUTE_EXISTS);
	assert_int_equal(add("/a", "DELETE", 9), ROUTE_EXISTS);
}

static void a_path_fits_exactly(void **state)
{
	(void)state;
	add("/a/b", "get", 1);
	assert_int_equal(get("/a/b"), 1);
	assert_int_equal(get("/a/b/"), 0);
	assert_int_equal(get("/a"), 0);
	assert_int_equal(get("/A/b"), 0);
	assert_int_equal(get("/a/bb"), 0);
	assert_int_equal(get("/"), 0);
	add("/", "get", 2);
	assert_int_equal(get("/"), 2);
	add("/with blank/\xc3\xa4", "get", 3);
	assert_int_equal(get("/with blank/\xc3\xa4"), 3);
}

static void parts_are_handed_over_and_an_exact_route_wins(void **state)
{
	struct route_match m;

	(void)state;
	add("/room/{name}/exit/{to}", "get", 1);
	assert_int_equal(found("/room/hall/exit/north", HTTP_METHOD_GET, &m), 1);
	assert_int_equal(m.part_count, 2);
	assert_true(slice_is(m.parts[0].name, slice_text("name")));
	assert_true(slice_is(m.parts[0].value, slice_text("hall")));
	assert_true(slice_is(m.parts[1].name, slice_text("to")));
	assert_true(slice_is(m.parts[1].value, slice_text("north")));
	assert_int_equal(get("/room//exit/north"), 0);
	assert_int_equal(get("/room/hall/exit/"), 0);
	assert_int_equal(get("/room/hall/exit/north/x"), 0);
	add("/{any}", "get", 2);
	add("/who", "get", 3);
	assert_int_equal(get("/who"), 3);
	assert_int_equal(get("/else"), 2);
	assert_int_equal(get("/"), 0);
	/* An exact route has another method only: the one with a part answers. */
	add("/{any}", "post", 4);
	assert_int_equal(found("/who", HTTP_METHOD_POST, &m), 4);
}

static void a_path_that_reads_like_a_route_with_parts_is_no_exact_one(void **state)
{
	struct route_match m;

	(void)state;
	assert_int_equal(add("/p/{a}", "get", 1), 0);
	assert_int_equal(found("/p/{a}", HTTP_METHOD_GET, &m), 1);
	assert_int_equal(m.part_count, 1);
	assert_true(slice_is(m.parts[0].value, slice_text("{a}")));
	assert_int_equal(add("/p/{b}", "get", 2), 0);
	assert_int_equal(found("/p/{b}", HTTP_METHOD_GET, &m), 1); /* the first that fits */
	assert_int_equal(drop("/p/{a}", "get"), 0);
	assert_int_equal(found("/p/{b}", HTTP_METHOD_GET, &m), 2);
	assert_int_equal(found("/p/", HTTP_METHOD_GET, &m), 0);
	assert_int_equal(m.part_count, 0);
}

static void other_methods_of_a_path_are_told(void **state)
{
	struct route_match m;
	char allow[64];

	(void)state;
	add("/a", "get", 1);
	add("/a", "post", 2);
	add("/{x}", "delete", 3);
	assert_int_equal(found("/a", HTTP_METHOD_PUT, &m), -1);
	assert_string_equal(routes_allow(m.methods, allow), "GET, HEAD, POST, DELETE");
	assert_int_equal(found("/b", HTTP_METHOD_GET, &m), -1);
	assert_string_equal(routes_allow(m.methods, allow), "DELETE");
	assert_int_equal(found("/a", HTTP_METHOD_HEAD, &m), 1);
	assert_int_equal(found("/a", HTTP_METHOD_OPTIONS, &m), -1);
}

static void there_are_bounds(void **state)
{
	char uri[ROUTE_URI_MAX + 2];

	(void)state;
	memset(uri, 'a', sizeof uri);
	uri[0] = '/';
	uri[ROUTE_URI_MAX] = '\0';
	assert_int_equal(add(uri, "get", 1), ROUTE_DONE);
	uri[ROUTE_URI_MAX] = 'a';
	uri[ROUTE_URI_MAX + 1] = '\0';
	assert_int_equal(add(uri, "get", 1), ROUTE_INVALID);
	assert_int_equal(add("/{a}/{a}/{a}/{a}/{a}/{a}/{a}/{a}", "get", 1), ROUTE_DONE);
	assert_int_equal(add("/{a}/{a}/{a}/{a}/{a}/{a}/{a}/{a}/{a}", "get", 1), ROUTE_INVALID);
	for (unsigned i = 2; i < ROUTES_MAX; i++) {
		snprintf(uri, sizeof uri, "/%u", i);
		assert_int_equal(add(uri, "get", 1), ROUTE_DONE);
	}
	assert_int_equal(add("/one-more", "get", 1), ROUTE_FAULT);
	assert_int_equal(add("/2", "post", 1), ROUTE_DONE); /* is there already */
}

static struct address from(const char *text)
{
	struct address a;
	const char *why;

	assert_true(address_parse(text, &a, &why));
	return a;
}

static void an_address_may_ask_so_often_and_no_more(void **state)
{
	struct limiter *l = limiter_new(10);
	struct address one = from("192.0.2.1:1"), other = from("192.0.2.2:1"),
		       same = from("192.0.2.1:2"), local = from("127.0.0.1:1"),
		       six = from("[2001:db8::1]:1"), six_too = from("[2001:db8::ffff]:1");

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		assert_true(limiter_take(l, &one, 1000));
	assert_false(limiter_take(l, &one, 1000));
	assert_false(limiter_take(l, &same, 1000));
	assert_true(limiter_take(l, &other, 1000));
	assert_true(limiter_take(l, &one, 1100));
	assert_false(limiter_take(l, &one, 1100));
	for (unsigned i = 0; i < 100; i++)
		assert_true(limiter_take(l, &local, 1000));
	for (unsigned i = 0; i < 20; i++)
		assert_true(limiter_take(l, i % 2 ? &six : &six_too, 1000));
	assert_false(limiter_take(l, &six, 1000));
	assert_true(limiter_take(l, &one, 1000000));
	limiter_free(l);
}

#define ROUTE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(the_codes_come_in_the_stated_order),
		ROUTE_TEST(methods_are_known_in_any_case),
		ROUTE_TEST(a_path_fits_exactly),
		ROUTE_TEST(parts_are_handed_over_and_an_exact_route_wins),
		ROUTE_TEST(a_path_that_reads_like_a_route_with_parts_is_no_exact_one),
		ROUTE_TEST(other_methods_of_a_path_are_told),
		ROUTE_TEST(there_are_bounds),
		cmocka_unit_test(an_address_may_ask_so_often_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
