/* Asking a daemon: the real admin socket's place is taken by a child that says what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/ctl/client.h"

static char dir[] = "/tmp/holdfast-ctl-XXXXXX";
static char path[64];
static const char *const status_words[] = {"status"};

static int make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/a.sock", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

/* A daemon for one request: answers with that, in pieces, then closes. */
static pid_t play_daemon(const char *answer, size_t piece)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t pid;

	unlink(path);
	memcpy(sun.sun_path, path, sizeof path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof sun), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	if (pid == 0) {
		int client = accept(fd, NULL, NULL);
		char request[2000];
		ssize_t n = read(client, request, sizeof request);

		signal(SIGPIPE, SIG_IGN);
		if (n < 1 || request[n - 1] != '\n')
			_exit(1);
		for (size_t at = 0; at < strlen(answer); at += piece)
			if (write(client, answer + at, size_min(piece, strlen(answer) - at)) < 0)
				_exit(1);
		/* Silence, not an end, when there is nothing to say. */
		if (answer[0] == '\0')
			pause();
		_exit(0);
	}
	close(fd);
	assert_true(pid > 0);
	return pid;
}

static void end_daemon(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static json_t *ask(const char **why)
{
	*why = NULL;
	return client_ask(path, 1, status_words, 5000, why);
}

static void an_answer_is_whole_in_however_many_pieces_it_comes(void **state)
{
	static const char answer[] = "{\"ok\": true, \"answer\": {\"users\": 3}}\n";

	(void)state;
	for (size_t piece = 1; piece < sizeof answer; piece += 6) {
		pid_t pid = play_daemon(answer, piece);
		const char *why;
		json_t *reply = ask(&why);

		assert_non_null(reply);
		assert_int_equal(json_integer_value(json_object_get(
					 json_object_get(reply, "answer"), "users")),
			3);
		json_decref(reply);
		end_daemon(pid);
	}
}

static void nobody_there_is_said_as_such(void **state)
{
	const char *why;

	(void)state;
	unlink(path);
	assert_null(ask(&why));
	assert_non_null(strstr(why, "Nothing answers at /tmp/holdfast-ctl-"));
}

static void a_close_before_the_answer_is_not_an_answer(void **state)
{
	pid_t pid = play_daemon("{\"ok\": true", 100);
	const char *why;

	(void)state;
	assert_null(ask(&why));
	assert_non_null(strstr(why, "closed before it answered"));
	end_daemon(pid);
}

static void something_else_that_answers_is_not_believed(void **state)
{
	static const char *const lines[] = {
		"HTTP/1.1 400 Bad Request\r\n", "[]\n", "{}\n", "{\"ok\": 1}\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		pid_t pid = play_daemon(lines[i], 100);
		const char *why;

		assert_null(ask(&why));
		assert_non_null(strstr(why, "not a daemon of Holdfast"));
		end_daemon(pid);
	}
}

static void a_daemon_that_says_nothing_is_given_up(void **state)
{
	pid_t pid = play_daemon("", 1);
	const char *why;

	(void)state;
	assert_null(client_ask(path, 1, status_words, 50, &why));
	assert_non_null(strstr(why, "gave no answer in time"));
	end_daemon(pid);
}

static void what_cannot_be_sent_is_refused_here(void **state)
{
	const char *const not_utf8[] = {"kick", "\xff"};
	char words[2000];
	const char *const too_long[] = {"kick", words};
	const char *why;

	(void)state;
	memset(words, 'x', sizeof words);
	words[sizeof words - 1] = '\0';
	assert_null(client_ask(path, 2, not_utf8, 1000, &why));
	assert_non_null(strstr(why, "not UTF-8"));
	assert_null(client_ask(path, 2, too_long, 1000, &why));
	assert_non_null(strstr(why, "too long"));
	assert_null(client_ask(words, 1, status_words, 1000, &why));
	assert_non_null(strstr(why, "too long for a socket"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_whole_in_however_many_pieces_it_comes),
		cmocka_unit_test(nobody_there_is_said_as_such),
		cmocka_unit_test(a_close_before_the_answer_is_not_an_answer),
		cmocka_unit_test(something_else_that_answers_is_not_believed),
		cmocka_unit_test(a_daemon_that_says_nothing_is_given_up),
		cmocka_unit_test(what_cannot_be_sent_is_refused_here),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
