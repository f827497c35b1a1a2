#include "tests/unit/server/real_game.h"

#include "server/terminal.h"

static int in[2], out[2]; /* as pipe() gives them: the game has in[0] and out[1] */
static struct terminal *terminal;

static int open_terminal(void **state)
{
	set_up(state);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	terminal = terminal_open(&game, in[0], out[1]);
	return terminal == NULL;
}

static int close_terminal(void **state)
{
	terminal_close(terminal);
	terminal_close(terminal);
	int status = tear_down(state);

	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
	return status;
}

static void say(const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(write(in[1], text, len), len);
	turns();
}

/* What it has answered since the last time; valid until the next call. */
static const char *answer(void)
{
	static struct buf text;
	char some[4096];
	ssize_t n;

	buf_eat(&text, text.len);
	while ((n = read(out[0], some, sizeof some)) > 0) {
		assert_true(buf_add(&text, slice_of(some, (size_t)n)));
		turns();
	}
	assert_true(buf_add_byte(&text, '\0'));
	return (const char *)buf_bytes(&text).at;
}

static void a_line_is_run_as_an_admins_command_and_answered(UNUSED void **state)
{
	say("sv_name\n");
	assert_string_equal(answer(), "sv_name: Holdfast\n");
	say("set sv_name \"The ");
	assert_string_equal(answer(), "");
	say("Keep\"\r\nsv_name\n\n# nothing\n");
	assert_string_equal(answer(), "done\nsv_name: The Keep\n");
	say("nonsense\n");
	ASSERT_HAS(answer(), "no such command: nonsense");
	say("quit\n");
	assert_true(is_stopped());
}

static void what_is_too_long_is_not_run_in_part(UNUSED void **state)
{
	static char line[COMMAND_LINE_MAX + 100];

	memset(line, ' ', sizeof line - 1);
	memcpy(line, "set sv_name x", 13);
	memcpy(line + sizeof line - 4, "y\n", 3);
	say(line);
	assert_string_equal(answer(), "the line is too long\n");
	say("sv_name\n");
	assert_string_equal(answer(), "sv_name: Holdfast\n");
}

static void the_end_of_the_input_is_not_the_end_of_the_game(UNUSED void **state)
{
	say("sv_name\n");
	close(in[1]);
	turns();
	ASSERT_HAS(logged(), "console: closed; the game goes on");
	assert_false(is_stopped());
	turns();
	assert_string_equal(logged(), ""); /* once */
	in[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void nobody_waits_for_a_reader_who_does_not_read(UNUSED void **state)
{
	static char some[64 * 1024];
	size_t total = 0;
	ssize_t n;

	/* More than a pipe and the game hold. Were one write to wait, this would never end. */
	for (int i = 0; i < 4000; i++)
		say("cvarlist\n");
	while ((n = read(out[0], some, sizeof some)) > 0) {
		total += (size_t)n;
		turns();
	}
	assert_true(total > 1024 * 1024);
	assert_true(total < 1024 * 1024 + 2 * 64 * 1024);
	say("sv_fps\n");
	assert_string_equal(answer(), "sv_fps: 1\n");
}

static void a_reader_who_is_gone_costs_the_answers_only(UNUSED void **state)
{
	close(out[0]);
	out[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	say("set sv_name gone\n");
	say("set sv_name \"long gone\"\n");
	assert_string_equal(cvar_get(&game.cvars, "sv_name"), "long gone");
}

static void a_socket_is_read_and_answered_too(UNUSED void **state)
{
	struct terminal *other;
	char text[100] = "";
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	other = terminal_open(&game, ends[0], ends[0]);
	assert_non_null(other);
	assert_int_equal(write(ends[1], "sv_fps\n", 7), 7);
	turns();
	assert_int_equal(recv(ends[1], text, sizeof text - 1, MSG_DONTWAIT), 10);
	assert_string_equal(text, "sv_fps: 1\n");
	terminal_close(other);
	close(ends[0]);
	close(ends[1]);
}

static void a_file_is_no_console_and_that_is_logged(UNUSED void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int file = open(path_of("commands"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	logged();
	assert_null(terminal_open(&game, null, out[1]));
	ASSERT_HAS(logged(), "console: not read: neither a terminal nor a pipe");
	assert_null(terminal_open(&game, file, out[1]));
	ASSERT_HAS(logged(), "console: not read: neither a terminal nor a pipe");
	assert_null(terminal_open(&game, 9999, out[1]));
	ASSERT_HAS(logged(), "console: not read: ");
	close(null);
	close(file);
}

static void answers_can_go_to_a_file(UNUSED void **state)
{
	int file = open(path_of("answers"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char text[100] = "";

	terminal_close(terminal);
	terminal = terminal_open(&game, in[0], file);
	say("sv_fps\n");
	assert_int_equal(pread(file, text, sizeof text - 1, 0), 10);
	assert_string_equal(text, "sv_fps: 1\n");
	close(file);
}

/* The shell that started us reads there when we are gone, and a restart when we are back. */
static void the_descriptors_stay_as_they_were(UNUSED void **state)
{
	assert_int_equal(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
	terminal_close(terminal);
	turns();
	terminal = terminal_open(&game, in[0], out[1]);
	say("sv_fps\n");
	assert_string_equal(answer(), "sv_fps: 1\n");
}

#define TERMINAL_TEST(f) cmocka_unit_test_setup_teardown(f, open_terminal, close_terminal)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TERMINAL_TEST(a_line_is_run_as_an_admins_command_and_answered),
		TERMINAL_TEST(what_is_too_long_is_not_run_in_part),
		TERMINAL_TEST(the_end_of_the_input_is_not_the_end_of_the_game),
		TERMINAL_TEST(nobody_waits_for_a_reader_who_does_not_read),
		TERMINAL_TEST(a_reader_who_is_gone_costs_the_answers_only),
		TERMINAL_TEST(a_socket_is_read_and_answered_too),
		TERMINAL_TEST(a_file_is_no_console_and_that_is_logged),
		TERMINAL_TEST(answers_can_go_to_a_file),
		TERMINAL_TEST(the_descriptors_stay_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
