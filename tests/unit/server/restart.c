#include "tests/unit/server/real_game.h"

#include <inttypes.h>

/* The countdown before a restart, and the trial of the new program. The program is a shell script. */

static struct mux m;

static void write_program(const char *text)
{
	write_file(path_of("program"), text);
	assert_int_equal(chmod(path_of("program"), 0700), 0);
}

static int set_up_restart(void **state)
{
	static char program[200];

	set_up_empty(state);
	end_game();
	snprintf(program, sizeof program, "%s", path_of("program"));
	config.program = program;
	write_program("#!/bin/sh\nexit 0\n");
	open_game();
	write_map("anteroom", MAP); /* the default, which the next start would take */
	start_game(MAP);
	m = mux_ready();
	logged();
	return 0;
}

static int tear_down_restart(void **state)
{
	mux_close(&m);
	return tear_down(state);
}

#define RESTART_TEST(f) cmocka_unit_test_setup_teardown(f, set_up_restart, tear_down_restart)

/* What a command answers in the end, as an admin at the socket has it. */
static char answered[500];

static void on_done(UNUSED struct call_front *front, json_t *answer, const char *error)
{
	const char *text = json_string_value(answer);

	if (text == NULL)
		text = "done";
	snprintf(answered, sizeof answered, "%s", error != NULL ? error : text);
	json_decref(answer);
}

static struct call_front front;

static const char *run(const char *line)
{
	struct buf out = {0};

	answered[0] = '\0';
	call_front_open(&front, on_done);
	console_run_from(&game, line, &front, &out);
	if (out.len > 0)
		snprintf(answered, sizeof answered, "%.*s", (int)out.len,
			(const char *)buf_bytes(&out).at);
	buf_free(&out);
	for (int i = 0; i < 4000 && answered[0] == '\0'; i++) {
		usleep(2000);
		turns();
	}
	return answered;
}

static void until_stopped(void)
{
	for (int i = 0; i < 4000 && game.stop == STOP_NOT; i++) {
		usleep(2000);
		turns();
	}
	assert_int_equal(game.stop, STOP_RESTART);
}

static void a_good_program_is_started_at_once(UNUSED void **state)
{
	assert_string_equal(run("restart"), "done");
	assert_int_equal(game.stop, STOP_RESTART);
}

static void a_program_that_would_not_start_is_refused_with_its_words(UNUSED void **state)
{
	static const char *const rows[][2] = {
		{"#!/bin/sh\necho begin >&2; echo 'cvars: no sv_x' >&2; exit 78\n",
			"cvars: no sv_x"},
		{"#!/bin/sh\nexit 3\n", "--check-config ended with 3"},
		{"#!/bin/sh\nkill -SEGV $$\n", "--check-config was ended by signal 11"},
		{"#!/bin/sh\nprintf 'a\\033[2J\\377' >&2; exit 1\n", "a\\x1b[2J\\xff"},
		{"no_program\n", "not found"},
		{"#!/bin/sh\n[ \"$1\" = --check-config ] && exit 1\n", "ended with 1"},
		{"#!/bin/sh\nhead -c 100000 /dev/zero | tr '\\0' x >&2; exit 1\n", "xxxx"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		write_program(rows[i][0]);
		ASSERT_HAS(run("restart"), "not restarted, since it would not come up again: ");
		ASSERT_HAS(answered, rows[i][1]);
		assert_int_equal(game.stop, STOP_NOT);
	}
	/* It is told that it is for this: then it puts up with what a start does. */
	write_program("#!/bin/sh\n[ \"$HOLDFAST_TRIAL\" = 1 ] && [ -n \"$PATH\" ]\n");
	assert_string_equal(run("restart"), "done");
}

static void one_that_never_ends_is_not_waited_for(UNUSED void **state)
{
	write_program("#!/bin/sh\nexec sleep 60\n");
	answered[0] = '\0';
	call_front_open(&front, on_done);
	struct buf out = {0};
	console_run_from(&game, "restart", &front, &out);
	turns();
	assert_string_equal(answered, "");
	seconds_ahead += 9;
	for (int i = 0; i < 4000 && answered[0] == '\0'; i++) {
		usleep(2000);
		turns();
	}
	ASSERT_HAS(answered, "--check-config took over 8 seconds");
	assert_int_equal(game.stop, STOP_NOT);
	buf_free(&out);
}

static void players_are_told_again_and_again_until_it_happens(UNUSED void **state)
{
	/* after so many seconds: what is said; "" = nothing */
	static const struct {
		time_t after;
		const char *text;
	} rows[] = {{1, ""}, {4, "in 1 minute: new rooms."}, {10, ""},
		{20, "in 30 seconds: new rooms."}, {19, ""}, {1, "in 10 seconds"},
		{5, "in 5 seconds"}, {1, "in 4 seconds"}, {2, "in 2 seconds"},
		{1, "in 1 second: new rooms. You stay connected.]"}};

	assert_string_equal(run("restart 65 new\trooms"), "in 65 s; restart cancel calls it off");
	ASSERT_HAS(heard(&m), "0:255 [The game restarts in 65 seconds: new rooms. You stay "
			      "connected.]\\r\\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		pass_seconds(rows[i].after);
		const char *all = heard(&m);
		if (rows[i].text[0] == '\0')
			ASSERT_HAS_NOT(all, "restarts");
		else
			ASSERT_HAS(all, rows[i].text);
		assert_int_equal(game.stop, STOP_NOT);
	}
	pass_seconds(1);
	until_stopped();
	ASSERT_HAS(logged(), "restarting: restart by console: new rooms");
}

static void a_second_restart_replaces_the_first(UNUSED void **state)
{
	run("restart 300");
	ASSERT_HAS(heard(&m), "in 5 minutes. You stay");
	assert_int_equal(restart_left_s(&game), 300);
	run("restart 20 sooner");
	const char *all = heard(&m);
	ASSERT_HAS(all, "in 20 seconds: sooner");
	ASSERT_HAS_NOT(all, "called off");
	assert_int_equal(restart_left_s(&game), 20);
	pass_seconds(21);
	until_stopped();
}

static void a_restart_can_be_called_off(UNUSED void **state)
{
	ASSERT_HAS(run("restart cancel"), "there is no restart to call off");
	run("restart 20");
	heard(&m);
	ASSERT_HAS(run("restart cancel"), "done");
	ASSERT_HAS(heard(&m), "[The restart is called off.]");
	assert_int_equal(restart_left_s(&game), -1);
	pass_seconds(30);
	assert_string_equal(heard(&m), "");
	assert_int_equal(game.stop, STOP_NOT);
	ASSERT_HAS(run("restart 1000000"), "at most 86400 seconds");
}

static void a_time_is_read_as_for_a_ban_and_what_is_none_is_no_reason(UNUSED void **state)
{
	static const struct {
		const char *line;
		int64_t seconds;
	} good[] = {{"restart 60s new rooms", 60}, {"restart 5m", 300}, {"restart 90", 90},
		{"restart 24h", 86400}};
	static const char *const bad[] = {
		"60x", "-5", "7y", "5mm", "0s", "99999999999999999999", "3new", "--help", "-"};
	static const char *const far[] = {"86401", "2d", "999999999", "999999999w"};
	char line[60];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		ASSERT_HAS(run(good[i].line), " s; restart cancel calls it off");
		assert_int_equal(restart_left_s(&game), good[i].seconds);
		ASSERT_HAS(run("restart cancel"), "done");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(line, sizeof line, "restart %s new rooms", bad[i]);
		ASSERT_HAS(run(line), "is no time such as 60, 90s or 5m; put a reason after");
		assert_int_equal(restart_left_s(&game), -1);
		assert_int_equal(game.stop, STOP_NOT);
	}
	for (size_t i = 0; i < ARRAY_LEN(far); i++) {
		snprintf(line, sizeof line, "restart %s", far[i]);
		ASSERT_HAS(run(line), "at most 86400 seconds ahead");
		assert_int_equal(game.stop, STOP_NOT);
	}
	assert_string_equal(run("restart 0 now"), "done");
	assert_int_equal(game.stop, STOP_RESTART);
}

static void a_reason_begins_with_a_letter(UNUSED void **state)
{
	assert_string_equal(run("restart forever young"), "done");
	ASSERT_HAS(logged(), "restarting: restart by console: forever young");
}

static void one_that_went_bad_meanwhile_is_put_off(UNUSED void **state)
{
	run("restart 5");
	heard(&m);
	write_program("#!/bin/sh\necho broken >&2\nexit 1\n");
	pass_seconds(6);
	const char *all = "";
	for (int i = 0; i < 4000 && all[0] == '\0'; i++) {
		usleep(2000);
		all = heard(&m);
	}
	ASSERT_HAS(all, "[The restart is put off.]");
	assert_int_equal(game.stop, STOP_NOT);
	ASSERT_HAS(logged(), "error holdfast: restart: not restarted");
}

static void an_end_while_a_restart_is_planned_or_tried_is_an_end(UNUSED void **state)
{
	write_program("#!/bin/sh\nsleep 0.2\n");
	run("restart 5");
	struct buf out = {0};
	call_front_open(&front, on_done);
	console_run_from(&game, "restart", &front, &out);
	assert_string_equal(run("quit"), "done\n");
	assert_int_equal(game.stop, STOP_QUIT);
	buf_free(&out);
	/* And the trial that runs is left to tear_down. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RESTART_TEST(a_good_program_is_started_at_once),
		RESTART_TEST(a_program_that_would_not_start_is_refused_with_its_words),
		RESTART_TEST(one_that_never_ends_is_not_waited_for),
		RESTART_TEST(players_are_told_again_and_again_until_it_happens),
		RESTART_TEST(a_second_restart_replaces_the_first),
		RESTART_TEST(a_restart_can_be_called_off),
		RESTART_TEST(a_time_is_read_as_for_a_ban_and_what_is_none_is_no_reason),
		RESTART_TEST(a_reason_begins_with_a_letter),
		RESTART_TEST(one_that_went_bad_meanwhile_is_put_off),
		RESTART_TEST(an_end_while_a_restart_is_planned_or_tried_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
