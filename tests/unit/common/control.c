#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/control.h"
#include "tests/unit/common/support_common.h"

static char *dir;
static struct control *control;
static struct buf callers; /* of the commands that ran */
static int runs;

static void cmd_echo(struct call *call)
{
	runs++;
	assert_ptr_equal(call->owner, &runs);
	buf_eat(&callers, callers.len);
	buf_addf(&callers, "%s", call->caller);
	if (call->argc > 1)
		call_answer(call, json_string(call->argv[1]));
}

static void cmd_big(struct call *call)
{
	char text[50001];

	runs++;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	call_answer(call, json_string(text));
}

static void cmd_stop(struct call *call)
{
	runs++;
	control_close(control);
	control = NULL;
	call_answer(call, json_string("stopping"));
}

static const struct command table[] = {
	{"echo", 0, 1, 1, "[<word>]", "says it back", cmd_echo},
	{"big", 0, 0, 1, "", "answers at length", cmd_big},
	{"stop", 0, 0, 1, "", "closes the admin socket", cmd_stop},
	{"secret", 0, 0, 2, "", "is not for this socket", cmd_echo},
};

static const char *path(void)
{
	return path_in(dir, "x.sock");
}

static struct control *open_control(const char **why)
{
	struct control_config config = {
		.path = path(), .table = table, .rows = ARRAY_LEN(table), .who = 1, .owner = &runs};

	return control_open(&test_loop, &config, why);
}

static int start(void **state)
{
	const char *why = NULL;

	if (open_test_loop(state) < 0)
		return -1;
	dir = make_test_dir();
	runs = 0;
	control = open_control(&why);
	return control != NULL ? 0 : -1;
}

static int finish(void **state)
{
	control_close(control);
	control_close(NULL);
	int status = close_test_loop(state);
	if (access(path(), F_OK) == 0)
		status = -1;
	remove_test_dir(dir);
	buf_free(&callers);
	return status;
}

static int dial(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(name.sun_path, sizeof name.sun_path, "%s", path());
	if (connect(fd, (struct sockaddr *)&name, sizeof name) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void ask(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads one line while the loop turns; without its end. "" when the connection ended. */
static const char *answer(int fd)
{
	static char line[60000];
	size_t len = 0;

	for (int patience = 20000; patience > 0;) {
		ssize_t n = recv(fd, line + len, sizeof line - len, MSG_PEEK);
		if (n > 0) {
			char *end = memchr(line + len, '\n', (size_t)n);
			n = end != NULL ? end + 1 - (line + len) : n;
			assert_int_equal(recv(fd, line + len, (size_t)n, 0), n);
			len += (size_t)n;
			assert_true(len < sizeof line);
			if (end == NULL)
				continue;
			*end = '\0';
			return line;
		}
		if (n == 0 || errno != EAGAIN) {
			assert_int_equal(len, 0);
			return "";
		}
		run_turn();
		wait_ms(1);
		patience--;
	}
	fail_msg("no answer");
	return NULL;
}

static void a_request_is_answered_and_the_caller_is_known(void **state UNUSED)
{
	char wanted[128];
	int fd = dial();

	ask(fd, "{\"argv\": [\"echo\", \"hello\"]}\n");
	assert_string_equal(answer(fd), "{\"ok\":true,\"answer\":\"hello\"}");
	snprintf(wanted, sizeof wanted, "(pid %ld)", (long)getpid());
	assert_memory_equal(text_of(&callers), "admin ", 6);
	assert_non_null(strstr(text_of(&callers), wanted));
	if (geteuid() == 0) {
		snprintf(wanted, sizeof wanted, "admin root (pid %ld)", (long)getpid());
		assert_string_equal(text_of(&callers), wanted);
	}
	ask(fd, "{\"argv\": [\"echo\"]}\n");
	assert_string_equal(answer(fd), "{\"ok\":true,\"answer\":null}");
	close(fd);
}

static void requests_are_answered_in_order_however_their_bytes_arrive(void **state UNUSED)
{
	static const char requests[] = "{\"argv\":[\"echo\",\"1\"]}\n{\"argv\":[\"nope\"]}\n"
				       "{\"argv\":[\"echo\",\"gr\\u00fc\xc3\x9f\"]}\n";
	int fd = dial();

	for (int way = 0; way < 2; way++) {
		if (way == 0)
			ask(fd, requests);
		for (size_t i = 0; way == 1 && requests[i] != '\0'; i++) {
			char one[2] = {requests[i], '\0'};
			ask(fd, one);
			run_turn();
		}
		assert_string_equal(answer(fd), "{\"ok\":true,\"answer\":\"1\"}");
		assert_string_equal(
			answer(fd), "{\"ok\":false,\"error\":\"no such command: nope; try help\"}");
		assert_string_equal(answer(fd), "{\"ok\":true,\"answer\":\"gr\xc3\xbc\xc3\x9f\"}");
	}
	close(fd);
}

static void what_is_no_request_is_refused_and_the_connection_stays(void **state UNUSED)
{
	static const char *const requests[] = {"\n", "hello\n", "{}\n", "[]\n", "17\n",
		"{\"argv\": \"echo\"}\n", "{\"argv\": [1]}\n", "{\"argv\": [\"echo\", null]}\n",
		"{\"argv\": []}\n", "{\"argv\": [\"secret\"]}\n",
		"{\"argv\": [\"echo\"], \"more\": 1}\n",
		"{\"argv\": [\"echo\"], \"argv\": [\"echo\"]}\n", "{\"argv\": [\"echo\"]} x\n",
		"{\"argv\": [\"echo\", \"\\u0000\"]}\n", "{\"argv\": [\"\xff\"]}\n",
		"{\"argv\": [\"echo\", \"a\", \"b\"]}\n",
		("{\"argv\": [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
		 "\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}\n")};
	static const char no[] = "{\"ok\":false,\"error\":\"";
	int fd = dial();

	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		ask(fd, requests[i]);
		assert_memory_equal(answer(fd), no, sizeof no - 1);
	}
	assert_int_equal(runs, 0);
	/* A name cut in the middle of a character still makes a proper answer. */
	char line[256] = "{\"argv\":[\"";
	memset(line + strlen(line), 'x', 63);
	strcat(line, "\xc3\xbc\"]}\n");
	ask(fd, line);
	const char *text = answer(fd);
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	assert_true(json_is_false(json_object_get(json, "ok")));
	json_decref(json);
	ask(fd, "{\"argv\": [\"echo\"]}\n");
	assert_string_equal(answer(fd), "{\"ok\":true,\"answer\":null}");
	close(fd);
}

static void a_line_over_the_limit_is_refused_and_closed(void **state UNUSED)
{
	char line[COMMAND_LINE_MAX + 3];

	for (size_t len = COMMAND_LINE_MAX; len <= COMMAND_LINE_MAX + 1; len++) {
		int fd = dial();
		memset(line, 'x', sizeof line);
		line[len] = '\n';
		line[len + 1] = '\0';
		ask(fd, line);
		if (len == COMMAND_LINE_MAX) {
			assert_non_null(strstr(answer(fd), "not JSON"));
		} else {
			assert_non_null(strstr(answer(fd), "too long"));
			assert_string_equal(answer(fd), "");
		}
		close(fd);
	}
	int fd = dial(); /* without any end */
	line[COMMAND_LINE_MAX + 1] = '\0';
	ask(fd, line);
	assert_non_null(strstr(answer(fd), "too long"));
	assert_string_equal(answer(fd), "");
	close(fd);
}

static void an_admin_that_does_not_read_waits_alone(void **state UNUSED)
{
	int slow = dial(), quick = dial(), asked = 0;

	/* It asks for fifty kilobytes each, more than its socket holds. */
	for (; asked < 200; asked++)
		ask(slow, "{\"argv\":[\"big\"]}\n");
	for (int i = 0; i < 300; i++)
		run_turn();
	int ran = runs;
	assert_in_range(ran, 1, 30); /* not all were run: their answers had no room */
	ask(quick, "{\"argv\":[\"echo\"]}\n");
	assert_string_equal(answer(quick), "{\"ok\":true,\"answer\":null}");
	for (int i = 0; i < asked; i++)
		assert_int_equal(
			strlen(answer(slow)), 50000 + strlen("{\"ok\":true,\"answer\":\"\"}"));
	assert_int_equal(runs, asked + 1);
	close(slow);
	close(quick);
}

static void what_was_asked_before_the_end_is_answered(void **state UNUSED)
{
	int fd = dial();

	ask(fd, "{\"argv\":[\"echo\",\"1\"]}\n{\"argv\":[\"echo\",\"2\"]}\n{\"argv\":[\"ec");
	shutdown(fd, SHUT_WR);
	assert_string_equal(answer(fd), "{\"ok\":true,\"answer\":\"1\"}");
	assert_string_equal(answer(fd), "{\"ok\":true,\"answer\":\"2\"}");
	assert_string_equal(answer(fd), "");
	assert_int_equal(runs, 2);
	close(fd);

	/* Up to more than its socket holds, so that some or other of the last answers must wait. */
	for (int count = 1; count < 12; count++) {
		fd = dial();
		for (int i = 0; i < count; i++)
			ask(fd, "{\"argv\":[\"big\"]}\n");
		shutdown(fd, SHUT_WR);
		for (int i = 0; i < 50; i++)
			run_turn();
		for (int i = 0; i < count; i++)
			assert_true(strlen(answer(fd)) > 50000);
		assert_string_equal(answer(fd), "");
		close(fd);
	}
}

static void one_connection_too_many_is_told_so_and_room_comes_back(void **state UNUSED)
{
	int fds[16], more;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial();
		ask(fds[i], "{\"argv\":[\"echo\"]}\n");
		assert_string_equal(answer(fds[i]), "{\"ok\":true,\"answer\":null}");
	}
	more = dial();
	assert_non_null(strstr(answer(more), "too many connections"));
	assert_string_equal(answer(more), "");
	close(more);
	close(fds[0]);
	for (int i = 0; i < 10; i++)
		run_turn();
	fds[0] = dial();
	ask(fds[0], "{\"argv\":[\"echo\"]}\n");
	assert_string_equal(answer(fds[0]), "{\"ok\":true,\"answer\":null}");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

static void only_root_and_our_own_user_may_ask(void **state UNUSED)
{
	struct stat st;
	int out[2], status;

	assert_int_equal(stat(path(), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	if (geteuid() != 0)
		skip();                           /* we can be nobody else */
	assert_int_equal(chmod(path(), 0666), 0); /* as if somebody had opened the door */
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(pipe(out), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char got[512];
		if (setuid(65534) < 0)
			_exit(1);
		int fd = dial();
		fcntl(fd, F_SETFL, 0);
		if (fd < 0 || send(fd, "{\"argv\":[\"echo\"]}\n", 18, MSG_NOSIGNAL) != 18)
			_exit(2);
		ssize_t n = recv(fd, got, sizeof got, 0);
		_exit(n > 0 && write(out[1], got, (size_t)n) == n ? 0 : 3);
	}
	pid_t ended = 0; /* RUN_UNTIL may ask twice, a child can be waited for once */
	RUN_UNTIL(ended == pid || (ended = waitpid(pid, &status, WNOHANG)) == pid);
	assert_int_equal(status, 0);
	assert_int_equal(runs, 0);
	char got[512] = "";
	assert_true(read(out[0], got, sizeof got - 1) > 0);
	assert_non_null(strstr(got, "not allowed"));
	close(out[0]);
	close(out[1]);
}

static void the_command_that_closes_the_socket_is_still_answered(void **state UNUSED)
{
	int fd = dial(), idle = dial();

	ask(fd, "{\"argv\":[\"stop\"]}\n{\"argv\":[\"echo\"]}\n");
	assert_string_equal(answer(fd), "{\"ok\":true,\"answer\":\"stopping\"}");
	assert_string_equal(answer(fd), "");
	assert_string_equal(answer(idle), "");
	assert_int_equal(runs, 1);
	assert_int_equal(dial(), -1);
	loop_run(&test_loop); /* ends: nothing of it is left open */
	close(fd);
	close(idle);
}

static void a_closing_does_not_wait_long_for_an_admin_that_does_not_read(void **state UNUSED)
{
	int fd = dial();

	for (int i = 0; i < 30; i++)
		ask(fd, "{\"argv\":[\"big\"]}\n");
	for (int i = 0; i < 50; i++)
		run_turn();
	control_close(control);
	control_close(control);
	control = NULL;
	loop_run(&test_loop); /* would wait for ever */
	close(fd);
}

static void a_second_one_is_refused_and_the_file_of_a_successor_is_left_alone(void **state UNUSED)
{
	const char *why = NULL;

	assert_null(open_control(&why));
	assert_non_null(strstr(why, "answers"));
	assert_int_equal(unlink(path()), 0);
	struct control *successor = open_control(&why);
	assert_non_null(successor);
	control_close(control);
	control = successor;
	for (int i = 0; i < 5; i++)
		run_turn();
	int fd = dial();
	assert_true(fd >= 0);
	ask(fd, "{\"argv\":[\"echo\"]}\n");
	assert_string_equal(answer(fd), "{\"ok\":true,\"answer\":null}");
	close(fd);
}

static void a_path_that_does_not_fit_is_refused(void **state UNUSED)
{
	char longer[200];
	const char *why = NULL;
	struct control_config config = {.path = longer, .table = table, .rows = 1};

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_null(control_open(&test_loop, &config, &why));
	assert_non_null(strstr(why, "107"));
}

#define CONTROL_TEST(f) cmocka_unit_test_setup_teardown(f, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(a_request_is_answered_and_the_caller_is_known),
		CONTROL_TEST(requests_are_answered_in_order_however_their_bytes_arrive),
		CONTROL_TEST(what_is_no_request_is_refused_and_the_connection_stays),
		CONTROL_TEST(a_line_over_the_limit_is_refused_and_closed),
		CONTROL_TEST(an_admin_that_does_not_read_waits_alone),
		CONTROL_TEST(what_was_asked_before_the_end_is_answered),
		CONTROL_TEST(one_connection_too_many_is_told_so_and_room_comes_back),
		CONTROL_TEST(only_root_and_our_own_user_may_ask),
		CONTROL_TEST(the_command_that_closes_the_socket_is_still_answered),
		CONTROL_TEST(a_closing_does_not_wait_long_for_an_admin_that_does_not_read),
		CONTROL_TEST(a_second_one_is_refused_and_the_file_of_a_successor_is_left_alone),
		CONTROL_TEST(a_path_that_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
