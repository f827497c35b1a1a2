/* The words for how a daemon ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/ctl/ending.h"

/* The status of a child that exits with code, or, when number is not 0, dies of that signal. */
static int status_of(int code, int number)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		if (number != 0) {
			signal(number, SIG_DFL);
			kill(getpid(), number);
		}
		_exit(code);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static const char *words(int status)
{
	static char text[ENDING_TEXT_MAX];

	return ending_text(status, text);
}

static void an_exit_status_is_explained(void **state)
{
	(void)state;
	assert_string_equal(words(status_of(0, 0)), "ended normally");
	assert_string_equal(
		words(status_of(3, 0)), "ended with exit status 3 (its console said quit)");
	assert_string_equal(
		words(status_of(78, 0)), "ended with exit status 78 (its configuration is wrong)");
	assert_string_equal(words(status_of(42, 0)), "ended with exit status 42");
}

static void a_kill_and_a_crash_have_different_words_and_the_signals_name(void **state)
{
	(void)state;
	assert_string_equal(words(status_of(0, SIGKILL)), "was killed by signal 9 (SIGKILL)");
	assert_string_equal(words(status_of(0, SIGTERM)), "was killed by signal 15 (SIGTERM)");
	assert_string_equal(words(status_of(0, SIGSEGV)), "crashed with signal 11 (SIGSEGV)");
	assert_string_equal(words(status_of(0, SIGABRT)), "crashed with signal 6 (SIGABRT)");
}

static void a_signal_has_no_exit_code(void **state)
{
	(void)state;
	assert_int_equal(ending_code(status_of(0, SIGKILL)), -1);
	assert_int_equal(ending_code(status_of(ENDING_QUIT, 0)), ENDING_QUIT);
	assert_int_equal(ending_code(status_of(0, 0)), ENDING_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exit_status_is_explained),
		cmocka_unit_test(a_kill_and_a_crash_have_different_words_and_the_signals_name),
		cmocka_unit_test(a_signal_has_no_exit_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
