#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/lock.h"
#include "tests/unit/common/support_common.h"

static char *dir;

static int make_dir(void **state UNUSED)
{
	dir = make_test_dir();
	return 0;
}

static int remove_dir(void **state UNUSED)
{
	remove_test_dir(dir);
	return 0;
}

static void the_second_of_a_kind_is_refused_with_the_pid_of_the_first(void **state UNUSED)
{
	const char *why = NULL;
	char pid[64], text[64] = "";
	FILE *old = fopen(path_in(dir, "mux.lock"), "w");

	assert_non_null(old);
	fputs("99999999999999999999999999\n", old); /* longer than any pid */
	fclose(old);
	int fd = lock_take(dir, "mux", &why);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(lock_take(dir, "mux", &why), -1);
	snprintf(pid, sizeof pid, "already running as pid %ld (", (long)getpid());
	assert_memory_equal(why, pid, strlen(pid));
	assert_non_null(strstr(why, "/mux.lock)"));
	assert_true(pread(fd, text, sizeof text - 1, 0) > 0);
	snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	assert_string_equal(text, pid);

	int other = lock_take(dir, "server", &why); /* another kind does not mind */
	assert_true(other >= 0);
	close(other);
	close(fd);
	fd = lock_take(dir, "mux", &why);
	assert_true(fd >= 0);
	close(fd);
}

static void a_lock_ends_with_its_holder_however_that_ends(void **state UNUSED)
{
	const char *why = NULL;
	int ready[2], status;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (lock_take(dir, "mux", &why) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	char text[64];
	snprintf(text, sizeof text, "already running as pid %ld (", (long)pid);
	assert_int_equal(lock_take(dir, "mux", &why), -1);
	assert_memory_equal(why, text, strlen(text));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	int fd = lock_take(dir, "mux", &why);
	assert_true(fd >= 0);
	close(fd);
}

static void after_an_orderly_end_nobody_is_named(void **state UNUSED)
{
	const char *why = NULL;
	struct stat st;
	int fd = lock_take(dir, "mux", &why);

	assert_true(fd >= 0);
	lock_release(fd);
	lock_release(-1);
	assert_int_equal(stat(path_in(dir, "mux.lock"), &st), 0);
	assert_int_equal(st.st_size, 0);
	fd = lock_take(dir, "mux", &why);
	assert_true(fd >= 0);
	lock_release(fd);
}

static void a_missing_directory_is_made_with_all_above_it(void **state UNUSED)
{
	const char *why = NULL, *deep = path_in(dir, "a/b//c");
	struct stat st;
	mode_t old = umask(0);
	int fd = lock_take(deep, "mux", &why);

	umask(old);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(stat(path_in(dir, "a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(stat(path_in(dir, "a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(stat(path_in(dir, "a/b/c/mux.lock"), &st), 0);
}

static void what_is_no_directory_is_an_error_with_its_name(void **state UNUSED)
{
	const char *why = NULL, *file = path_in(dir, "file");
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fclose(f);
	assert_int_equal(lock_take(file, "mux", &why), -1);
	assert_non_null(strstr(why, "/file: "));
	assert_int_equal(lock_take(path_in(dir, "file/deeper"), "mux", &why), -1);
	assert_int_equal(lock_take("", "mux", &why), -1);
}

static void a_link_that_somebody_laid_there_is_not_followed(void **state UNUSED)
{
	const char *why = NULL;

	assert_int_equal(symlink(path_in(dir, "victim"), path_in(dir, "mux.lock")), 0);
	assert_int_equal(lock_take(dir, "mux", &why), -1);
	assert_int_equal(access(path_in(dir, "victim"), F_OK), -1);
}

#define LOCK_TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCK_TEST(the_second_of_a_kind_is_refused_with_the_pid_of_the_first),
		LOCK_TEST(a_lock_ends_with_its_holder_however_that_ends),
		LOCK_TEST(after_an_orderly_end_nobody_is_named),
		LOCK_TEST(a_missing_directory_is_made_with_all_above_it),
		LOCK_TEST(what_is_no_directory_is_an_error_with_its_name),
		LOCK_TEST(a_link_that_somebody_laid_there_is_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
