#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/lookup_name.h"

static void names_of_hosts_are_taken_in_small_letters(void **state UNUSED)
{
	static const char *const rows[][2] = {
		{"player.example.org", "player.example.org"},
		{"Player.Example.ORG.", "player.example.org"},
		{"a", "a"},
		{"x_1-2.dyn.example", "x_1-2.dyn.example"},
		{"1.2.3.4.isp.example", "1.2.3.4.isp.example"},
		{"localhost.example.org", "localhost.example.org"},
		{"notlocalhost", "notlocalhost"},
		{"7bit.net", "7bit.net"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[LOOKUP_HOST_MAX + 1];

		if (!lookup_host_name(rows[i][0], out))
			fail_msg("refused: %s", rows[i][0]);
		assert_string_equal(out, rows[i][1]);
	}
}

static void hostile_names_of_hosts_are_refused(void **state UNUSED)
{
	static const char *const rows[] = {"", ".", "..", "a..b", ".a", "a..", "evil\x1b[31m.org",
		"two\nlines", "a b", "a\tb", "gr\xc3\xbc\xc3\x9f", "\xff", "^", "%n%s", "../../etc",
		"a/b", "a\\.b", "a\\032b", "a:b", "\"a\"", "10.0.0.1", "127.1", "1", "0x7f000001",
		"0x7f.1", "017700000001", "1.2.3.4.", "1.2.3.4.5", "example.123", "localhost",
		"LocalHost", "localhost.", "localhost.localdomain", "a.localhost", "a.LOCALHOST.",
		"unix", "unknown", "unresolved", "Unsupported", "-a.org", "a-.org", "a.-b"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[LOOKUP_HOST_MAX + 1];

		if (lookup_host_name(rows[i], out))
			fail_msg("taken: %s", rows[i]);
	}
}

static void a_label_has_63_characters_and_a_name_253(void **state UNUSED)
{
	char name[400], out[LOOKUP_HOST_MAX + 1];

	memset(name, 'x', sizeof name);
	name[63] = '\0';
	assert_true(lookup_host_name(name, out));
	name[63] = 'x';
	name[64] = '\0';
	assert_false(lookup_host_name(name, out));
	for (size_t i = 63; i < sizeof name; i += 64)
		name[i] = '.';
	name[64] = 'x';
	name[253] = '\0';
	assert_true(lookup_host_name(name, out));
	assert_string_equal(out, name);
	name[253] = '.';
	name[254] = '\0';
	assert_true(lookup_host_name(name, out)); /* the dot at the end is not of the name */
	name[253] = 'x';
	assert_false(lookup_host_name(name, out));
}

/* Alone, at the beginning, in the middle and at the end of a label. */
static void every_byte_that_is_none_of_the_letters_is_refused(void **state UNUSED)
{
	for (int c = 1; c < 256; c++) {
		char at[][8] = {"xab.org", "axb.org", "abx.org"}, out[LOOKUP_HOST_MAX + 1];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '_';
		bool inside = ok || c == '-' || c == '.';

		for (size_t i = 0; i < ARRAY_LEN(at); i++) {
			at[i][i] = (char)c;
			if (lookup_host_name(at[i], out) != (i == 1 ? inside : ok))
				fail_msg("byte %d at %zu", c, i);
		}
	}
}

static void names_of_people_keep_what_may_be_shown(void **state UNUSED)
{
	static const struct {
		const char *said, *kept; /* NULL: nothing */
	} rows[] = {
		{"playerx", "playerx"},
		{"  playerx ", "playerx"},
		{"~playerx", "playerx"},
		{"a.b_c-D9", "a.b_c-D9"},
		{"\x1b[31mroot\r", "31mroot"},
		{"%n%s../", "ns.."},
		{"gr\xc3\xbc\xc3\x9f", "gr"},
		{"", NULL},
		{"~ \x1b\xff", NULL},
		{"unresolved", NULL},
		{"~unsupported", NULL},
	};
	char out[LOOKUP_PERSON_MAX + 1], many[200];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool ok = lookup_person_name(slice_text(rows[i].said), out);

		assert_int_equal(ok, rows[i].kept != NULL);
		if (ok)
			assert_string_equal(out, rows[i].kept);
	}
	memset(many, 'n', sizeof many);
	assert_true(lookup_person_name(slice_of(many, sizeof many), out));
	assert_int_equal(strlen(out), LOOKUP_PERSON_MAX);
	assert_true(lookup_person_name(slice_of("a\0b", 3), out));
	assert_string_equal(out, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_hosts_are_taken_in_small_letters),
		cmocka_unit_test(hostile_names_of_hosts_are_refused),
		cmocka_unit_test(a_label_has_63_characters_and_a_name_253),
		cmocka_unit_test(every_byte_that_is_none_of_the_letters_is_refused),
		cmocka_unit_test(names_of_people_keep_what_may_be_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
