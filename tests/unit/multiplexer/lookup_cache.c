#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/lookup_cache.h"
#include "tests/unit/support_ip.h"

static struct address numbered(unsigned n)
{
	struct address a = ip("10.0.0.0:1");

	a.in.sin_addr.s_addr = htonl(0x0a000000u + n);
	return a;
}

/* NULL: it is not known; "": known to have no name. */
static const char *known(struct lookup_cache *c, struct address a, uint64_t now_ms)
{
	const char *name;

	if (!lookup_cache_find(c, &a, now_ms, &name))
		return NULL;
	return name != NULL ? name : "";
}

static unsigned known_of(struct lookup_cache *c, unsigned count)
{
	unsigned found = 0;

	for (unsigned n = 0; n < count; n++)
		found += known(c, numbered(n), 1) != NULL;
	return found;
}

static void what_was_put_is_found_until_its_time_is_over(void **state UNUSED)
{
	struct lookup_cache c = {0};
	struct address a = ip("192.0.2.7:5"), b = ip("[2001:db8::7]:5");

	assert_null(known(&c, a, 0));
	lookup_cache_put(&c, &a, "a.example", 100, 10);
	lookup_cache_put(&c, &b, NULL, 200, 10);
	assert_string_equal(known(&c, a, 99), "a.example");
	assert_string_equal(known(&c, ip("192.0.2.7:99"), 99), "a.example"); /* any port */
	assert_string_equal(known(&c, b, 99), "");
	assert_null(known(&c, a, 100));
	assert_null(known(&c, a, 99)); /* it is gone, not only passed over */
	assert_string_equal(known(&c, b, 199), "");
	lookup_cache_put(&c, &b, "b.example", 300, 10);
	assert_string_equal(known(&c, b, 299), "b.example");
	lookup_cache_clear(&c);
	assert_null(known(&c, b, 299));
}

static void the_oldest_makes_room_and_the_others_stay(void **state UNUSED)
{
	enum { MAX = 100 };
	struct lookup_cache c = {0};

	for (unsigned n = 0; n < 3 * MAX; n++) {
		struct address a = numbered(n);

		lookup_cache_put(&c, &a, "x.example", 1000, MAX);
		if (n == 2 * MAX) { /* put again: it is among the youngest now */
			a = numbered(n - MAX + 1);
			lookup_cache_put(&c, &a, "y.example", 1000, MAX);
		}
	}
	assert_int_equal(known_of(&c, 3 * MAX), MAX);
	for (unsigned n = 2 * MAX + 1; n < 3 * MAX; n++)
		assert_string_equal(known(&c, numbered(n), 1), "x.example");
	assert_string_equal(known(&c, numbered(MAX + 1), 1), "y.example");
	assert_null(known(&c, numbered(2 * MAX), 1));
	/* A smaller limit is kept from the next one on. */
	struct address last = numbered(9999);
	lookup_cache_put(&c, &last, NULL, 1000, 5);
	assert_int_equal(known_of(&c, 10000), 5);
	lookup_cache_put(&c, &last, NULL, 1000, 0);
	assert_int_equal(known_of(&c, 10000), 0);
}

static void ipv4_and_its_mapped_form_are_one_and_others_are_none(void **state UNUSED)
{
	struct lookup_cache c = {0};
	struct address v4 = ip("192.0.2.7:5"), path = ip("unix:/tmp/x"), none = {0};
	struct address mapped = {.in6.sin6_family = AF_INET6, .len = sizeof mapped.in6};

	mapped.in6.sin6_addr.s6_addr[10] = mapped.in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&mapped.in6.sin6_addr.s6_addr[12], &v4.in.sin_addr, 4);
	lookup_cache_put(&c, &v4, "a.example", 100, 10);
	assert_string_equal(known(&c, mapped, 1), "a.example");
	lookup_cache_put(&c, &path, "b.example", 100, 1);
	lookup_cache_put(&c, &none, "c.example", 100, 1);
	assert_string_equal(known(&c, mapped, 1), "a.example"); /* nothing took its place */
	assert_null(known(&c, path, 1));
	assert_null(known(&c, none, 1));
	lookup_cache_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found_until_its_time_is_over),
		cmocka_unit_test(the_oldest_makes_room_and_the_others_stay),
		cmocka_unit_test(ipv4_and_its_mapped_form_are_one_and_others_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
