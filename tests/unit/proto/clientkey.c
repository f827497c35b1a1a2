#include <stdio.h>

#include "tests/unit/proto/support_messages.h"

static struct clientkey deep_key(uint32_t depth)
{
	struct clientkey k = {.depth = depth};

	for (uint32_t i = 0; i < depth && i < CLIENTKEY_DEPTH_MAX; i++)
		k.number[i] = UINT32_MAX - i;
	return k;
}

static void a_key_is_written_as_its_depth_and_its_numbers(void **state UNUSED)
{
	static const uint8_t wire[] = {2, 0, 0, 0, 5, 0, 0, 0, 0xc7, 0, 0, 0};
	struct clientkey k = clientkey_of(5, 199), read;
	uint8_t out[CLIENTKEY_WIRE_MAX];
	const char *why;

	assert_int_equal(clientkey_write(&k, out), sizeof wire);
	assert_memory_equal(out, wire, sizeof wire);
	assert_true(clientkey_read(slice_of(wire, sizeof wire), &read, &why));
	assert_true(clientkey_is(&k, &read));
}

static void every_depth_comes_back_as_it_was(void **state UNUSED)
{
	for (uint32_t depth = 1; depth <= CLIENTKEY_DEPTH_MAX; depth++) {
		struct clientkey k = deep_key(depth), read;
		uint8_t out[CLIENTKEY_WIRE_MAX], spelled[CLIENTKEY_WIRE_MAX];
		char text[CLIENTKEY_TEXT_MAX];
		const char *why;
		size_t len = clientkey_write(&k, out);

		assert_int_equal(len, 4 * (1 + depth));
		assert_int_equal(len, spell_key(depth, k.number, spelled));
		assert_memory_equal(out, spelled, len);
		assert_true(clientkey_read(slice_of(out, len), &read, &why));
		assert_true(clientkey_is(&k, &read));
		assert_true(clientkey_parse(clientkey_text(&k, text), &read));
		assert_true(clientkey_is(&k, &read));
	}
}

static void a_depth_of_0_or_over_10_cannot_be_written(void **state UNUSED)
{
	static const uint32_t depths[] = {0, 11, 255, UINT32_MAX};
	uint8_t out[CLIENTKEY_WIRE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(depths); i++) {
		struct clientkey k = deep_key(depths[i]);

		assert_int_equal(clientkey_write(&k, out), 0);
	}
}

static void expect_refused(struct slice bytes, const char *reason)
{
	struct clientkey k = clientkey_of(1, 2);
	const char *why = NULL;

	assert_false(clientkey_read(bytes, &k, &why));
	assert_string_equal(why, reason);
	assert_true(k.depth == 2 && k.number[0] == 1 && k.number[1] == 2);
}

static void bytes_that_are_no_key_are_refused_with_a_reason(void **state UNUSED)
{
	uint8_t wire[64] = {0};
	struct clientkey k = deep_key(CLIENTKEY_DEPTH_MAX);

	expect_refused(slice_of(NULL, 0), "a key of less than 4 bytes");
	expect_refused(slice_of(wire, 3), "a key of less than 4 bytes");
	expect_refused(slice_of(wire, 4), "a key of depth 0");
	wire[0] = 11;
	expect_refused(slice_of(wire, 48), "a key of a depth over 10");
	memset(wire, 0xff, 4);
	expect_refused(slice_of(wire, 4), "a key of a depth over 10");
	/* 4 * (1 + depth) is 4 again in 32 bits */
	memcpy(wire, (uint8_t[]){0, 0, 0, 0x40}, 4);
	expect_refused(slice_of(wire, 4), "a key of a depth over 10");
	for (uint32_t depth = 1; depth <= CLIENTKEY_DEPTH_MAX; depth++) {
		k.depth = depth;
		size_t len = spell_key(depth, k.number, wire);
		for (size_t n = 4; n <= sizeof wire; n++)
			if (n != len)
				expect_refused(slice_of(wire, n),
					"a key whose length does not fit its depth");
	}
}

static void the_text_is_the_numbers_without_the_depth(void **state UNUSED)
{
	struct clientkey k = clientkey_of(5, 199);
	char text[CLIENTKEY_TEXT_MAX];

	assert_string_equal(clientkey_text(&k, text), "5:199");
	k = deep_key(CLIENTKEY_DEPTH_MAX);
	assert_string_equal(clientkey_text(&k, text),
		"4294967295:4294967294:4294967293:4294967292:4294967291:"
		"4294967290:4294967289:4294967288:4294967287:4294967286");
	k.depth = 0;
	assert_string_equal(clientkey_text(&k, text), "");
	k.depth = 4000; /* nothing behind the tenth is looked at */
	assert_int_equal(strlen(clientkey_text(&k, text)), 109);
}

static void a_text_that_is_no_key_is_not_parsed(void **state UNUSED)
{
	static const char *const texts[] = {"", ":", "5:", ":5", "5::6", "5:6:", "a", "5:a", "5 ",
		" 5", "5: 6", "+5", "-1", "0x10", "5;6", "4294967296", "99999999999999999999:1",
		"1:18446744073709551617", "1:2:3:4:5:6:7:8:9:10:11"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct clientkey k = clientkey_of(1, 2);

		assert_false(clientkey_parse(texts[i], &k));
		assert_true(k.depth == 2 && k.number[0] == 1 && k.number[1] == 2);
	}
}

static void a_text_that_is_a_key_is_parsed(void **state UNUSED)
{
	struct clientkey k, wanted = clientkey_of(5, 199);

	assert_true(clientkey_parse("5:199", &k));
	assert_true(clientkey_is(&k, &wanted));
	assert_true(clientkey_parse("0005:0199", &k));
	assert_true(clientkey_is(&k, &wanted));
	assert_true(clientkey_parse("0", &k));
	assert_true(k.depth == 1 && k.number[0] == 0);
	assert_true(clientkey_parse("1:2:3:4:5:6:7:8:9:4294967295", &k));
	assert_true(k.depth == 10 && k.number[0] == 1 && k.number[9] == UINT32_MAX);
}

static void keys_are_the_same_only_if_depth_and_numbers_are(void **state UNUSED)
{
	struct clientkey a = clientkey_of(5, 199), b = a;

	b.number[2] = 77; /* behind the depth */
	assert_true(clientkey_is(&a, &b));
	b.number[1] = 198;
	assert_false(clientkey_is(&a, &b));
	b = (struct clientkey){.depth = 3, .number = {5, 199, 0}};
	assert_false(clientkey_is(&a, &b));
	a.depth = b.depth = 11; /* no key at all */
	assert_false(clientkey_is(&a, &b));
}

static void n_255_is_a_list_up_to_65535(void **state UNUSED)
{
	static const struct {
		struct clientkey key;
		bool is_list;
	} rows[] = {
		{{2, {0, 255}}, true},
		{{2, {65535, 255}}, true},
		{{2, {65536, 255}}, false},
		{{2, {0, 254}}, false},
		{{2, {255, 240}}, false},
		{{1, {255}}, false},
		{{3, {5, 0, 255}}, false},
		{{3, {0, 255, 1}}, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(clientkey_is_list(&rows[i].key), rows[i].is_list);
}

static void a_key_grows_on_its_way_up_and_is_the_same_again_below(void **state UNUSED)
{
	const struct clientkey user = clientkey_of(5, 1);
	struct clientkey k = user;
	char text[CLIENTKEY_TEXT_MAX];

	for (uint32_t i = 0; i < CLIENTKEY_DEPTH_MAX - 2; i++)
		assert_true(clientkey_grow(&k, 11 + i));
	assert_string_equal(clientkey_text(&k, text), "5:1:11:12:13:14:15:16:17:18");
	assert_false(clientkey_grow(&k, 19));
	assert_string_equal(clientkey_text(&k, text), "5:1:11:12:13:14:15:16:17:18");
	for (uint32_t i = 0; i < CLIENTKEY_DEPTH_MAX - 2; i++)
		assert_true(clientkey_strip(&k));
	assert_memory_equal(&k, &user, sizeof k); /* also behind its depth: keys are hashed whole */
	assert_true(clientkey_strip(&k));
	assert_false(clientkey_strip(&k));
	k.depth = 0;
	assert_false(clientkey_grow(&k, 1));
	k.depth = 11;
	assert_false(clientkey_strip(&k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_written_as_its_depth_and_its_numbers),
		cmocka_unit_test(every_depth_comes_back_as_it_was),
		cmocka_unit_test(a_depth_of_0_or_over_10_cannot_be_written),
		cmocka_unit_test(bytes_that_are_no_key_are_refused_with_a_reason),
		cmocka_unit_test(the_text_is_the_numbers_without_the_depth),
		cmocka_unit_test(a_text_that_is_no_key_is_not_parsed),
		cmocka_unit_test(a_text_that_is_a_key_is_parsed),
		cmocka_unit_test(keys_are_the_same_only_if_depth_and_numbers_are),
		cmocka_unit_test(n_255_is_a_list_up_to_65535),
		cmocka_unit_test(a_key_grows_on_its_way_up_and_is_the_same_again_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
