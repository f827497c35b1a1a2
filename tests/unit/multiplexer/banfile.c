#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "multiplexer/banfile.h"

static char folder[64], path[100];
static struct banlist list;
static struct ban_clock now;

static int begin(void **state UNUSED)
{
	strcpy(folder, "/tmp/banfile.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/bans", folder);
	banlist_init(&list, 20000);
	now = (struct ban_clock){.ms = 5000, .wall = 1800000000};
	return 0;
}

static int end(void **state UNUSED)
{
	char command[100];

	banlist_free(&list);
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static void put(const char *net, uint32_t seconds, const char *reason, bool lifted)
{
	struct ban b = {.seconds = seconds, .lifted = lifted, .by = "test"};
	const char *why;

	assert_true(net_parse(net, &b.net, &why));
	snprintf(b.reason, sizeof b.reason, "%s", reason);
	assert_int_equal(banlist_put(&list, &b, NULL, &now, &why), BAN_TAKEN);
}

static void write_it(void)
{
	struct banfile f;

	assert_true(banfile_take(&f, &list, &now));
	assert_true(banfile_write(&f, path));
	banfile_free(&f);
}

static unsigned read_it(void)
{
	unsigned bad;
	const char *why;

	banlist_free(&list);
	banlist_init(&list, 20000);
	assert_true(banfile_read(path, &list, &now, &bad, &why));
	return bad;
}

static const struct ban *get(const char *net)
{
	struct net n;
	const char *why;

	assert_true(net_parse(net, &n, &why));
	return banlist_get(&list, &n);
}

static void what_is_written_is_read_again(void **state UNUSED)
{
	char long_reason[BAN_REASON_MAX];

	memset(long_reason, '"', sizeof long_reason - 1);
	long_reason[sizeof long_reason - 1] = '\0';
	put("192.0.2.0/24", 3600, "spam\xc3\xbc", false);
	put("2001:db8::/32", 0, long_reason, false);
	put("192.0.2.9", 0, "", true);
	write_it();
	now.ms = 77; /* another run of the machine, 600 s later */
	now.wall += 600;
	assert_int_equal(read_it(), 0);
	assert_int_equal(list.bans, 2);
	assert_int_equal(list.lifted, 1);
	assert_int_equal(ban_left(get("192.0.2.0/24"), &now), 3000);
	assert_string_equal(get("192.0.2.0/24")->reason, "spam\xc3\xbc");
	assert_string_equal(get("192.0.2.0/24")->by, "test");
	assert_int_equal(get("192.0.2.0/24")->made, 1800000000);
	assert_int_equal(ban_left(get("2001:db8::/32"), &now), 0);
	assert_string_equal(get("2001:db8::/32")->reason, long_reason);
	assert_true(get("192.0.2.9")->lifted);
}

static void no_date_lets_a_ban_last_longer_than_it_had_yet(void **state UNUSED)
{
	put("192.0.2.1", 3600, "", false);
	write_it();
	now.wall -= 20 * 365 * 86400u; /* a machine without a clock of its own */
	assert_int_equal(read_it(), 0);
	assert_int_equal(ban_left(get("192.0.2.1"), &now), 3600);
	now.wall += 30 * 365 * 86400u;
	write_it();
	now.wall += 3600;
	read_it();
	assert_null(get("192.0.2.1"));
}

static void a_missing_file_is_an_empty_one_and_an_empty_one_is_damaged(void **state UNUSED)
{
	char damaged[120];

	assert_int_equal(read_it(), 0);
	assert_int_equal(list.bans, 0);
	fclose(fopen(path, "w"));
	assert_int_equal(read_it(), 1);
	snprintf(damaged, sizeof damaged, "%s.damaged", path);
	assert_int_equal(access(damaged, F_OK), 0);
}

static void wherever_a_file_is_cut_what_is_whole_is_read_and_the_rest_is_told(void **state UNUSED)
{
	char text[4096];

	put("192.0.2.1", 0, "a", false);
	put("192.0.2.2", 0, "b", false);
	put("192.0.2.3", 0, "c", false);
	write_it();
	FILE *f = fopen(path, "r");
	size_t len = fread(text, 1, sizeof text, f);
	fclose(f);
	for (size_t cut = 1; cut < len - 1; cut++) { /* only the last line's end may be missing */
		f = fopen(path, "w");
		fwrite(text, 1, cut, f);
		fclose(f);
		unsigned lines = 0;
		for (size_t i = 0; i < cut; i++)
			lines += text[i] == '\n' || (i + 1 == cut && text[i + 1] == '\n');
		unsigned bad = read_it();
		assert_int_equal(list.bans, lines > 0 ? lines - 1 : 0);
		assert_true(bad > 0);
	}
}

static void what_cannot_be_read_at_all_is_an_error(void **state UNUSED)
{
	unsigned bad;
	const char *why;

	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(banfile_read(path, &list, &now, &bad, &why));
	assert_non_null(strstr(why, path));
}

static void a_file_that_cannot_be_written_leaves_the_old_one(void **state UNUSED)
{
	struct banfile f;
	char fresh[120];

	put("192.0.2.1", 0, "a", false);
	write_it();
	put("192.0.2.2", 0, "b", false);
	snprintf(fresh, sizeof fresh, "%s.new", path);
	assert_int_equal(mkdir(fresh, 0700), 0);
	assert_true(banfile_take(&f, &list, &now));
	assert_false(banfile_write(&f, path));
	banfile_free(&f);
	assert_int_equal(read_it(), 0);
	assert_int_equal(list.bans, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read_again),
		TEST(no_date_lets_a_ban_last_longer_than_it_had_yet),
		TEST(a_missing_file_is_an_empty_one_and_an_empty_one_is_damaged),
		TEST(wherever_a_file_is_cut_what_is_whole_is_read_and_the_rest_is_told),
		TEST(what_cannot_be_read_at_all_is_an_error),
		TEST(a_file_that_cannot_be_written_leaves_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
