#include "proto/linkkey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define HEX32 "000102030405060708090a0b0c0d0e0fF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"

static char path[64];

static void write_file(const char *text, mode_t mode)
{
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void assert_loaded(const char *text, const char *identity)
{
	const char *why = "";
	struct linkkey *key;

	write_file(text, 0600);
	key = linkkey_load(path, &why);
	if (key == NULL)
		fail_msg("%s", why);
	assert_string_equal(key->identity, identity);
	linkkey_free(key);
}

static void assert_refused(const char *text, const char *reason)
{
	const char *why = "";

	write_file(text, 0600);
	assert_null(linkkey_load(path, &why));
	if (strncmp(why, path, strlen(path)) != 0 || strstr(why, reason) == NULL)
		fail_msg("'%s' instead of '%s'", why, reason);
}

static void a_key_may_stand_among_comments_and_blanks(void **state UNUSED)
{
	assert_loaded("game " HEX32 "\n", "game");
	assert_loaded("# made today\n\n  game-1\t" HEX32 "  \r\n# end", "game-1");
	assert_loaded("x 00112233445566778899aabbccddeeff", "x");
}

static void what_is_malformed_is_refused_with_its_line(void **state UNUSED)
{
	assert_refused("", "holds no key");
	assert_refused("# nothing\n", "holds no key");
	assert_refused("#\ngame\n", ":2: must be an identity");
	assert_refused("game " HEX32 " more\n", ":1: must be an identity");
	assert_refused("game " HEX32 "\nother " HEX32 "\n", ":2: a second key");
	assert_refused("game xyz\n", "hexadecimal");
	assert_refused("game 001\n", "hexadecimal");
	assert_refused("game 00112233445566778899aabbccddee\n", "has 15 bytes");
	assert_refused("game " HEX32 HEX32 "00\n", "has 65 bytes");
	assert_refused("g\303\244me " HEX32 "\n", "printable ASCII");
	assert_refused("gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg " HEX32,
		"over 64 bytes");
}

static void what_others_may_read_is_refused(void **state UNUSED)
{
	static const mode_t modes[] = {0644, 0640, 0602, 0610};
	const char *why;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		write_file("game " HEX32 "\n", modes[i]);
		assert_null(linkkey_load(path, &why));
		assert_non_null(strstr(why, "others may read or write it"));
	}
	write_file("game " HEX32 "\n", 0400);
	struct linkkey *key = linkkey_load(path, &why);
	assert_non_null(key);
	linkkey_free(key);
}

static void what_is_no_file_is_refused_without_waiting(void **state UNUSED)
{
	const char *why;

	unlink(path);
	assert_null(linkkey_load(path, &why));
	assert_non_null(strstr(why, "No such file"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(linkkey_load(path, &why));
	assert_non_null(strstr(why, "is not a file"));
	assert_null(linkkey_load("/tmp", &why));
	assert_non_null(strstr(why, "is not a file"));
}

static void what_is_another_users_is_refused(void **state UNUSED)
{
	const char *why;

	if (geteuid() != 0)
		skip();
	write_file("game " HEX32 "\n", 0600);
	assert_int_equal(chown(path, 12345, 12345), 0);
	assert_null(linkkey_load(path, &why));
	assert_non_null(strstr(why, "belongs to user 12345"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_may_stand_among_comments_and_blanks),
		cmocka_unit_test(what_is_malformed_is_refused_with_its_line),
		cmocka_unit_test(what_others_may_read_is_refused),
		cmocka_unit_test(what_is_no_file_is_refused_without_waiting),
		cmocka_unit_test(what_is_another_users_is_refused),
	};

	snprintf(path, sizeof path, "/tmp/holdfast-unit-linkkey-%d", (int)getpid());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
