#include <stdio.h>
#include <string.h>

#include "common/secret.h"
#include "tests/unit/common/support_common.h"

static struct secret *add(struct secrets *all, size_t len, uint8_t fill)
{
	static uint8_t bytes[SECRET_MAX + 1];

	memset(bytes, fill, sizeof bytes);
	return secret_new(all, slice_of(bytes, len));
}

static bool is(const struct secret *s, size_t len, uint8_t fill)
{
	if (s->len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s->bytes[i] != fill)
			return false;
	return true;
}

static void every_length_is_kept_as_it_is(void **state UNUSED)
{
	static struct secret *s[SECRET_MAX + 1];
	struct secrets all = {0};

	for (size_t len = 0; len <= SECRET_MAX; len++) {
		s[len] = add(&all, len, (uint8_t)(len % 251));
		assert_non_null(s[len]);
		assert_int_equal((uintptr_t)s[len] % _Alignof(struct secret), 0);
	}
	for (size_t len = 0; len <= SECRET_MAX; len++)
		assert_true(is(s[len], len, (uint8_t)(len % 251)));
	assert_int_equal(all.count, SECRET_MAX + 1);
	assert_null(add(&all, SECRET_MAX + 1, 1));
	for (size_t len = 0; len <= SECRET_MAX; len++)
		secret_free(s[len]);
	secret_free(NULL);
	assert_int_equal(all.count, 0);
	assert_int_equal(all.bytes, 0);
	secrets_free(&all);
	assert_int_equal(all.slabs, 0);
}

static void what_is_freed_is_wiped_at_once(void **state UNUSED)
{
	struct secrets all = {0};
	struct secret *stays = add(&all, 1000, 7); /* so that the slab does */
	struct secret *s = add(&all, 1000, 0xAA);
	const uint8_t *bytes = s->bytes;

	secret_free(s);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(bytes[i], 0);
	secret_free(stays);
	secrets_free(&all);
}

static void ten_thousand_of_the_largest_take_a_tenth_more_than_their_bytes_at_most(
	void **state UNUSED)
{
	enum { COUNT = 10000 };
	static struct secret *s[COUNT];
	struct secrets all = {0};

	for (int i = 0; i < COUNT; i++)
		assert_non_null(s[i] = add(&all, SECRET_MAX, (uint8_t)i));
	assert_int_equal(all.bytes, (size_t)COUNT * SECRET_MAX);
	assert_true(all.slabs * SECRET_SLAB <= all.bytes + all.bytes / 10);
	for (int i = 0; i < COUNT; i++) {
		assert_true(is(s[i], SECRET_MAX, (uint8_t)i));
		secret_free(s[i]);
	}
	assert_true(all.slabs <= 1);
	secrets_free(&all);
}

static void small_ones_do_not_cost_a_page_each(void **state UNUSED)
{
	enum { COUNT = 10000 };
	static struct secret *s[COUNT];
	struct secrets all = {0};

	for (int i = 0; i < COUNT; i++)
		assert_non_null(s[i] = add(&all, 40, (uint8_t)i));
	assert_true(all.slabs * SECRET_SLAB <= (size_t)COUNT * 60);
	for (int i = 0; i < COUNT; i++)
		secret_free(s[i]);
	secrets_free(&all);
}

/* Values come and go in any order; none is ever touched by another. */
static void no_value_is_touched_by_the_coming_and_going_of_others(void **state UNUSED)
{
	enum { SLOTS = 500, STEPS = 200000 };
	static struct secret *s[SLOTS];
	static struct {
		size_t len;
		uint8_t fill;
	} want[SLOTS];
	struct secrets all = {0};
	size_t count = 0;

	for (int step = 0; step < STEPS; step++) {
		unsigned i = random_number() % SLOTS;

		if (s[i] != NULL) {
			assert_true(is(s[i], want[i].len, want[i].fill));
			secret_free(s[i]);
			s[i] = NULL;
			count--;
		} else {
			want[i].len = random_number() % (random_number() % 3 == 0 ? 4045 : 300);
			want[i].fill = (uint8_t)(1 + random_number() % 255);
			s[i] = add(&all, want[i].len, want[i].fill);
			assert_non_null(s[i]);
			count++;
		}
		assert_int_equal(all.count, count);
	}
	for (unsigned i = 0; i < SLOTS; i++)
		secret_free(s[i]);
	secrets_free(&all);
	assert_int_equal(all.slabs, 0);
}

/* The flags that the kernel shows for the memory at p. */
static void flags_of(const void *p, char *flags, size_t room)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	char line[512];
	unsigned long from, to;
	bool here = false;

	assert_non_null(smaps);
	flags[0] = '\0';
	while (fgets(line, sizeof line, smaps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (uintptr_t)p >= from && (uintptr_t)p < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			snprintf(flags, room, "%s", line);
	}
	fclose(smaps);
}

static void no_core_dump_holds_them(void **state UNUSED)
{
	enum { COUNT = 13, STEP = 337 };
	struct secret *kept[COUNT];
	struct secrets all = {0};
	char flags[512];

	for (size_t i = 0; i < COUNT; i++) {
		struct secret *s = kept[i] = add(&all, i * STEP, 1);

		flags_of(s, flags, sizeof flags);
		if (strstr(flags, " dd") == NULL)
			fail_msg("%zu bytes: %s", i * STEP, flags);
	}
	flags_of(flags, flags, sizeof flags);
	assert_null(strstr(flags, " dd")); /* the stack is: the test can tell */
	for (size_t i = 0; i < COUNT; i++)
		secret_free(kept[i]);
	secrets_free(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_is_kept_as_it_is),
		cmocka_unit_test(what_is_freed_is_wiped_at_once),
		cmocka_unit_test(
			ten_thousand_of_the_largest_take_a_tenth_more_than_their_bytes_at_most),
		cmocka_unit_test(small_ones_do_not_cost_a_page_each),
		cmocka_unit_test(no_value_is_touched_by_the_coming_and_going_of_others),
		cmocka_unit_test(no_core_dump_holds_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
