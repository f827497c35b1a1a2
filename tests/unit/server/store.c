#include "server/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { MEGABYTE = 1024 * 1024 };

static char dir[] = "/tmp/holdfast-store-XXXXXX", path[80];
static struct store *s;

static void open_it(const char *map)
{
	const char *why = "";

	s = store_open(path, map, 64 * MEGABYTE, &why);
	if (s == NULL)
		fail_msg("%s", why);
}

static int set_up(void **state UNUSED)
{
	snprintf(dir, sizeof dir, "/tmp/holdfast-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/store.db", dir);
	open_it("anteroom");
	return 0;
}

static int tear_down(void **state UNUSED)
{
	char command[100];

	store_close(s);
	s = NULL;
	snprintf(command, sizeof command, "rm -r %s", dir);
	return system(command);
}

static void set(const char *name, const char *key, const char *value)
{
	const char *why = "";
	struct slice v = value != NULL ? slice_text(value) : slice_of(NULL, 0);

	if (!store_set(s, name, slice_text(key), v, &why))
		fail_msg("%s", why);
}

/* "" for what is not there: no value is empty. */
static const char *get(const char *name, const char *key)
{
	static char text[200];
	struct slice value;

	if (!store_get(s, name, slice_text(key), &value))
		return "";
	snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.at);
	return text;
}

static void commit(void)
{
	const char *why = "";

	if (!store_commit(s, &why))
		fail_msg("%s", why);
}

static void what_is_set_is_there_at_once_and_after_opening_again(void **state UNUSED)
{
	assert_string_equal(get("people", "ann"), "");
	set("people", "ann", "1");
	set("people", "ann", "2");
	set("people", "bob", "3");
	set("rooms", "ann", "4");
	assert_false(sqlite3_get_autocommit(store_db(s))); /* it is in a transaction */
	assert_string_equal(get("people", "ann"), "2");
	commit();
	assert_true(sqlite3_get_autocommit(store_db(s)));
	set("people", "bob", NULL);
	set("people", "nobody", NULL);
	store_close(s);
	open_it("anteroom");
	assert_string_equal(get("people", "ann"), "2");
	assert_string_equal(get("people", "bob"), "");
	assert_string_equal(get("rooms", "ann"), "4");
}

static void another_map_has_a_store_of_its_own(void **state UNUSED)
{
	set("people", "ann", "1");
	store_close(s);
	open_it("chess");
	assert_string_equal(get("people", "ann"), "");
	set("people", "ann", "2");
	store_close(s);
	open_it("anteroom");
	assert_string_equal(get("people", "ann"), "1");
}

static void any_bytes_are_keys_and_values(void **state UNUSED)
{
	uint8_t key[STORE_KEY_MAX], bytes[512];
	const char *why;
	struct slice value;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	memcpy(key, bytes, sizeof key);
	assert_true(
		store_set(s, "n", slice_of(key, sizeof key), slice_of(bytes, sizeof bytes), &why));
	commit();
	assert_true(store_get(s, "n", slice_of(key, sizeof key), &value));
	assert_int_equal(value.len, sizeof bytes);
	assert_memory_equal(value.at, bytes, sizeof bytes);
	assert_false(store_get(s, "n", slice_of(key, sizeof key - 1), &value));
}

static void keys_come_in_the_order_of_their_bytes(void **state UNUSED)
{
	static const char *const keys[] = {"b", "a", "\xff", "ab", "B"};
	static const char *const sorted[] = {"B", "a", "ab", "b", "\xff"};
	struct slice after = slice_of("", 0), key, value;
	char last[8];

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		set("n", keys[i], keys[i]);
	set("other", "aa", "x");
	for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
		assert_true(store_next(s, "n", after, &key, &value));
		assert_true(slice_is(key, slice_text(sorted[i])));
		assert_true(slice_is(value, key));
		snprintf(last, sizeof last, "%.*s", (int)key.len, (const char *)key.at);
		after = slice_text(last);
		set("n", last, NULL); /* removing while going through is no harm */
	}
	assert_false(store_next(s, "n", after, &key, &value));
}

static void clearing_a_name_leaves_the_others(void **state UNUSED)
{
	const char *why;

	set("n", "a", "1");
	set("n", "b", "2");
	set("m", "a", "3");
	assert_true(store_clear(s, "n", &why));
	assert_string_equal(get("n", "a"), "");
	assert_string_equal(get("n", "b"), "");
	assert_string_equal(get("m", "a"), "3");
}

static void lengths_that_are_not_allowed_are_refused_by_number(void **state UNUSED)
{
	static char big[STORE_VALUE_MAX + 1];
	const char *why = "";

	memset(big, 'x', sizeof big);
	assert_false(store_set(s, "n", slice_text(""), slice_text("1"), &why));
	assert_string_equal(why, "store: a key of 0 bytes; 1 to 255 are allowed");
	assert_false(store_set(s, "n", slice_of(big, 256), slice_text("1"), &why));
	assert_string_equal(why, "store: a key of 256 bytes; 1 to 255 are allowed");
	assert_false(store_set(s, "", slice_text("k"), slice_text("1"), &why));
	assert_string_equal(why, "store: a name of 0 bytes; 1 to 64 are allowed");
	assert_false(store_set(s, "n", slice_text("k"), slice_of(big, sizeof big), &why));
	assert_string_equal(why, "store: a value of 1048577 bytes; 1 to 1048576 are allowed");
	assert_true(sqlite3_get_autocommit(store_db(s)));
	assert_true(store_set(s, "n", slice_text("k"), slice_of(big, sizeof big - 1), &why));
}

/* In a process of its own that is killed: what it had committed is there, what not is not. */
static void kill_minus_9_takes_only_what_was_not_committed(void **state UNUSED)
{
	int status;

	store_close(s);
	s = NULL;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		open_it("anteroom");
		set("n", "committed", "1");
		commit();
		set("n", "open", "2");
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	open_it("anteroom");
	assert_string_equal(get("n", "committed"), "1");
	assert_string_equal(get("n", "open"), "");
}

static void a_full_store_says_so_and_keeps_what_it_has(void **state UNUSED)
{
	static char big[100 * 1024];
	const char *why = "";
	char key[20];
	int i = 0;

	store_close(s);
	unlink(path);
	s = store_open(path, "anteroom", MEGABYTE, &why);
	assert_non_null(s);
	memset(big, 'x', sizeof big);
	set("n", "first", "1");
	commit();
	do {
		snprintf(key, sizeof key, "%d", i++);
	} while (i < 100 && store_set(s, "n", slice_text(key), slice_of(big, sizeof big), &why));
	assert_in_range(i, 5, 11);
	assert_non_null(strstr(why, "store.db: database or disk is full"));
	store_commit(s, &why); /* whatever became of the rest */
	assert_string_equal(get("n", "first"), "1");
	set("n", "second", "2"); /* small things may go on */
	commit();
	assert_string_equal(get("n", "second"), "2");
}

static void what_is_no_store_is_refused_and_left_alone(void **state UNUSED)
{
	const char *why = "";
	struct stat before, after;

	store_close(s);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("this is somebody's letter\n", f);
	fclose(f);
	assert_int_equal(stat(path, &before), 0);
	s = store_open(path, "anteroom", MEGABYTE, &why);
	assert_null(s);
	assert_non_null(strstr(why, "store.db: file is not a database"));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	s = store_open("/proc/nowhere/store.db", "anteroom", MEGABYTE, &why);
	assert_null(s);
	assert_non_null(strstr(why, "store /proc/nowhere/store.db: unable to open database file"));
}

static void the_file_is_for_its_owner_alone(void **state UNUSED)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void a_place_where_nothing_can_be_written_is_named(void **state UNUSED)
{
	char other[100];
	const char *why = "";

	assert_true(store_check(path, &why));
	assert_true(store_check("store.db", &why));
	assert_true(store_check(":memory:", &why));
	snprintf(other, sizeof other, "%s/new.db", dir);
	assert_true(store_check(other, &why));
	assert_int_equal(access(other, F_OK), -1);
	assert_false(store_check("/nonexist/x.db", &why));
	assert_string_equal(why, "/nonexist/: No such file or directory");
	assert_false(store_check(dir, &why));
	assert_non_null(strstr(why, ": is no file"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_is_set_is_there_at_once_and_after_opening_again),
		STORE_TEST(another_map_has_a_store_of_its_own),
		STORE_TEST(any_bytes_are_keys_and_values),
		STORE_TEST(keys_come_in_the_order_of_their_bytes),
		STORE_TEST(clearing_a_name_leaves_the_others),
		STORE_TEST(lengths_that_are_not_allowed_are_refused_by_number),
		STORE_TEST(kill_minus_9_takes_only_what_was_not_committed),
		STORE_TEST(a_full_store_says_so_and_keeps_what_it_has),
		STORE_TEST(what_is_no_store_is_refused_and_left_alone),
		STORE_TEST(a_place_where_nothing_can_be_written_is_named),
		STORE_TEST(the_file_is_for_its_owner_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
