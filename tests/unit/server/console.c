#include "tests/unit/server/real_game.h"

/* What a line answers; valid until the next call. */
static const char *run(const char *line)
{
	static struct buf out;

	buf_eat(&out, out.len);
	console_run(&game, line, &out);
	buf_add_byte(&out, '\0');
	return (const char *)buf_bytes(&out).at;
}

/* A file of the test's folder, for exec and --config. */
static const char *write_config(const char *name, const char *text)
{
	static char path[200];

	snprintf(path, sizeof path, "%s", path_of(name));
	write_file(path, text);
	return path;
}

/* Opened anew, as with --config FILE (NULL: none) and --set SET (NULL: none). */
static void open_with(const char *text, const char *set)
{
	static const char *sets[1];

	end_game();
	if (text != NULL)
		config.config_file = write_config("server.cfg", text);
	sets[0] = set;
	config.sets = sets;
	config.set_count = set != NULL;
	open_game();
}

/* ---- one line ----------------------------------------------------------------------------------- */

static void a_cvars_name_alone_shows_it(UNUSED void **state)
{
	ASSERT_HAS(run("sv_name"), "Holdfast");
	ASSERT_HAS(run("  sv_name\t"), "Holdfast");
	ASSERT_HAS(run("get sv_name"), "Holdfast");
	ASSERT_HAS(run("get no_such"), "no_such: no such cvar; cvarlist shows all");
	ASSERT_HAS(run("no_such"), "no such command: no_such; try help");
}

static void set_sets_and_what_is_wrong_is_said(UNUSED void **state)
{
	assert_string_equal(run("set sv_name \"The \\\"Deep\\\" Cave\""), "done\n");
	assert_string_equal(game.cvars.set.sv_name, "The \"Deep\" Cave");
	ASSERT_HAS(logged(), "cvar sv_name: set to 'The \"Deep\" Cave' by console");
	ASSERT_HAS(run("set sv_fps 0"), "sv_fps: 0 is less than 1");
	ASSERT_HAS(run("set sv_map other"), "sv_map: can only be set");
	ASSERT_HAS(run("set sv_name"), "usage: set <cvar> <value>");
	ASSERT_HAS(run("set sv_name \"open"), "a quote (\") is left open");
	assert_string_equal(game.cvars.set.sv_name, "The \"Deep\" Cave");
}

static void blank_lines_and_comments_do_nothing(UNUSED void **state)
{
	static const char *const rows[] = {"", " ", "\t \r", "# quit", "  // quit", "#"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(run(rows[i]), "");
	assert_int_equal(game.stop, STOP_NOT);
}

static void every_command_is_listed_and_answers(UNUSED void **state)
{
	const char *help = run("help");

	for (size_t i = 0; i < console_command_rows; i++)
		ASSERT_HAS(help, console_commands[i].name);
	ASSERT_HAS(run("cmdlist"), "cvarlist");
	ASSERT_HAS(run("cvarlist sv_st"), "sv_stop_timeout");
	ASSERT_HAS_NOT(run("cvarlist sv_st"), "sv_name");
	ASSERT_HAS(run("metrics"), "players_now");
	ASSERT_HAS(run("status"), "holdfast-server");
}

static void status_tells_of_the_link(UNUSED void **state)
{
	ASSERT_HAS(run("status"), "alone");
	struct mux m = mux_ready();
	ASSERT_HAS(run("status"), "ready");
	mux_close(&m);
}

static void players_are_listed_and_kicked_by_key_or_name(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	accept_user(&m, 2);
	assert_true(player_set_name(player(2), "Ann", &why));
	ASSERT_HAS(run("players"), "1:1");
	ASSERT_HAS(run("players"), "Ann");
	heard(&m);
	assert_string_equal(run("kick 1:1"), "done\n");
	ASSERT_HAS(heard(&m), "1:1 You were disconnected by an admin.\\r\\n\n");
	assert_string_equal(run("kick aNN too   loud"), "done\n");
	ASSERT_HAS(heard(&m), "2:1 You were disconnected by an admin: too loud\\r\\n\n");
	ASSERT_HAS(run("kick Ann"), "no such player: Ann");
	ASSERT_HAS(run("kick 1:1"), "no such player: 1:1");
	ASSERT_HAS_NOT(run("players"), "Ann");
	mux_close(&m);
}

/* He who was kicked before is gone soon, and hides nobody. */
static void the_one_who_is_here_is_kicked_not_the_one_who_leaves(UNUSED void **state)
{
	struct mux m = mux_ready();
	const char *why;

	for (uint32_t n = 1; n <= 2; n++) {
		accept_user(&m, n);
		assert_true(player_set_name(player(n), "Ann", &why));
	}
	assert_string_equal(run("kick Ann"), "done\n");
	assert_string_equal(run("kick Ann"), "done\n");
	assert_int_equal(player(2)->state, PLAYER_LEAVING);
	mux_close(&m);
}

static void names_and_reasons_with_format_letters_are_just_text(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	assert_string_equal(run("kick 1:1 %n%s%d"), "done\n");
	ASSERT_HAS(heard(&m), "%n%s%d");
	ASSERT_HAS(run("kick %n%s"), "no such player: %n%s");
	ASSERT_HAS(run("%n%s"), "no such command: %n%s");
	mux_close(&m);
}

/* ---- files -------------------------------------------------------------------------------------- */

static void a_file_is_read_at_start_then_what_the_command_line_sets(UNUSED void **state)
{
	const char *why;

	open_with("// the game\r\nset sv_name \"A Name\"\r\n\n  set sv_fps 30\nset mine 1",
		"sv_fps=40");
	assert_true(game_configure(&game, &why));
	assert_string_equal(game.cvars.set.sv_name, "A Name");
	assert_int_equal(game.cvars.set.sv_fps, 40);
	assert_true(cvar_new(&game.cvars, "mine", "0", "", &why));
	assert_string_equal(cvar_get(&game.cvars, "mine"), "1");
}

static void what_is_wrong_in_a_file_is_told_with_its_line(UNUSED void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"set sv_fps 30\n\n# x\nset sv_fps 0\n", "server.cfg:4: sv_fps: 0 is less than 1"},
		{"sv_fps 30\n", "server.cfg:1: no such command: sv_fps"},
		{"set sv_name \"open\n", "server.cfg:1: a quote (\") is left open"},
		{"quit\n", "server.cfg:1: quit: not in a configuration file, on the console only"},
		{"kick 1:1\n",
			"server.cfg:1: kick: not in a configuration file, on the console only"},
		{"exec /nowhere/x.cfg\n", "server.cfg:1: /nowhere/x.cfg: No such file"},
		{"exec /tmp\n", "server.cfg:1: /tmp: Is a directory"},
		{"set No-Name 1\n", "server.cfg:1: 'No-Name' is no name of a cvar"},
		{"loglevel loud\n", "server.cfg:1: loglevel: 'loud' is none of"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = "";

		open_with(rows[i].text, NULL);
		if (game_configure(&game, &why))
			fail_msg("%s", rows[i].text);
		ASSERT_HAS(why, rows[i].why);
	}
}

static void a_line_over_the_limit_is_refused_not_cut_in_two(UNUSED void **state)
{
	char text[3 * COMMAND_LINE_MAX];
	const char *why = "";

	memset(text, ' ', sizeof text);
	memcpy(text, "set sv_fps 30", 13);
	memcpy(text + 2 * COMMAND_LINE_MAX, "\nset sv_fps 50\n", 16);
	open_with(text, NULL);
	assert_false(game_configure(&game, &why));
	ASSERT_HAS(why, "server.cfg:1: the line is too long");
	assert_int_equal(game.cvars.set.sv_fps, 20);
}

static void the_command_line_is_named_when_it_is_wrong(UNUSED void **state)
{
	static const char *const rows[] = {"sv_fps", "=1", "", "sv_fps=x", "No-Name=1"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why = "";

		open_with(NULL, rows[i]);
		assert_false(game_configure(&game, &why));
		ASSERT_HAS(why, "--set");
	}
}

static void a_file_that_runs_itself_ends(UNUSED void **state)
{
	char text[300];
	const char *why = "";

	snprintf(text, sizeof text, "set sv_fps 30\nexec %s/server.cfg\n", top);
	open_with(text, NULL);
	assert_false(game_configure(&game, &why));
	ASSERT_HAS(why, "server.cfg:2: ");
	/* And the next one may be as deep as before. */
	open_with("set sv_fps 31\n", NULL);
	assert_true(game_configure(&game, &why));
}

static void exec_on_the_console_runs_a_file(UNUSED void **state)
{
	char line[300];

	write_config("more.cfg", "set sv_fps 33\nset sv_fps x\nset sv_fps 34\n");
	snprintf(line, sizeof line, "exec %s/more.cfg", top);
	ASSERT_HAS(run(line), "more.cfg:2: sv_fps: 'x' is not a whole number");
	assert_int_equal(game.cvars.set.sv_fps, 33);
}

/* ---- kept ---------------------------------------------------------------------------------------- */

static const char *archived(void)
{
	static char text[2000];
	FILE *f = fopen(path_of("run/archive.cfg"), "r");

	text[0] = '\0';
	if (f == NULL)
		return text;
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void seta_sets_and_keeps_for_every_later_start(UNUSED void **state)
{
	const char *why;

	assert_string_equal(run("seta sv_name \"The \\\"Deep\\\" \\\\ Cave\""), "done\n");
	assert_string_equal(game.cvars.set.sv_name, "The \"Deep\" \\ Cave");
	assert_string_equal(run("seta sv_fps 30"), "done\n");
	assert_string_equal(run("seta sv_fps 31"), "done\n");
	ASSERT_HAS(archived(), "seta sv_fps \"31\"\n");
	ASSERT_HAS_NOT(archived(), "30");
	ASSERT_HAS(run("seta sv_map other"), "kept for the next start");
	assert_string_equal(game.cvars.set.sv_map, "testmap");
	ASSERT_HAS(run("seta sv_fps 0"), "sv_fps: 0 is less than 1");
	ASSERT_HAS(run("seta no_such 1"), "no such cvar");
	ASSERT_HAS(run("seta no_such"), "no such cvar");
	ASSERT_HAS(run("seta sv_store_max x"), "sv_store_max");
	/* As the next program does: after server.cfg, before --set. */
	open_with("set sv_fps 5\nset sv_name Other\nset sv_stop_timeout 7s\n", "sv_map=third");
	assert_true(game_configure(&game, &why));
	assert_int_equal(game.cvars.set.sv_fps, 31);
	assert_string_equal(game.cvars.set.sv_name, "The \"Deep\" \\ Cave");
	assert_int_equal(game.cvars.set.sv_stop_timeout, 7000);
	assert_string_equal(game.cvars.set.sv_map, "third");
}

static void what_is_not_to_be_kept_any_more_is_forgotten(UNUSED void **state)
{
	run("seta sv_fps 30");
	run("seta sv_name Cave");
	assert_string_equal(run("seta sv_fps"), "done\n");
	ASSERT_HAS_NOT(archived(), "sv_fps");
	ASSERT_HAS(archived(), "Cave");
	assert_int_equal(game.cvars.set.sv_fps, 30);
}

static void an_archive_with_nonsense_is_no_reason_not_to_start(UNUSED void **state)
{
	const char *why;

	write_file(path_of("run/archive.cfg"),
		"// a remark\nquit\nseta sv_fps\nseta sv_fps zero\nseta \"open\nset sv_fps 9\n"
		"seta sv_gone 1 2\nseta NoName 1\nseta sv_name Cave\n\001\xff\n");
	open_with(NULL, NULL);
	assert_true(game_configure(&game, &why));
	assert_string_equal(game.cvars.set.sv_name, "Cave");
	assert_int_equal(game.cvars.set.sv_fps, 20);
	ASSERT_HAS(logged(), "archive.cfg: left aside: sv_fps: 'zero' is not a whole number");
	assert_int_equal(mkdir(path_of("run/archive.cfg.new"), 0700), 0);
	assert_int_equal(unlink(path_of("run/archive.cfg")), 0);
	assert_int_equal(mkdir(path_of("run/archive.cfg"), 0700), 0);
	open_with(NULL, NULL);
	assert_false(game_configure(&game, &why));
	ASSERT_HAS(why, "archive.cfg: ");
}

static void a_line_is_completed_from_what_there_is(UNUSED void **state)
{
	static const char *const rows[][2] = {{"complete ki", "kick"},
		{"complete sv_st", "sv_store"}, {"complete set sv_na", "sv_name"},
		{"complete kick a", "Ann"}, {"complete kick 1", "1:1"},
		{"complete map t", "testmap"}, {"complete help st", "status"},
		{"complete grant A", "Ann"}, {"complete grant Ann a", "admin"},
		{"complete restart c", "cancel"}, {"complete accept l", "localhost"},
		{"complete loglevel w", "warn"}};
	struct mux m = mux_ready();
	const char *why;

	accept_user(&m, 1);
	assert_true(player_set_name(player(1), "Ann", &why));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ASSERT_HAS(run(rows[i][0]), rows[i][1]);
	ASSERT_HAS_NOT(run("complete kick a"), "1:1");
	ASSERT_HAS(run("help kick"), "disconnects a player");
	ASSERT_HAS_NOT(run("help kick"), "status");
	ASSERT_HAS(run("help nothing"), "no such command: nothing");
	mux_close(&m);
}

/* ---- would it come up again? -------------------------------------------------------------------- */

static void a_check_changes_nothing(UNUSED void **state)
{
	char text[300];
	const char *why = "";

	write_config("more.cfg", "loglevel error\nset sv_fps 77\n");
	snprintf(text, sizeof text,
		"set sv_map testmap\nset sv_fps 77\nset mine 1\nloglevel error\nexec %s/more.cfg\n",
		top);
	open_with(text, NULL);
	start_game(MAP);
	if (!game_check(&game, &why))
		fail_msg("%s", why);
	assert_int_equal(game.cvars.set.sv_fps, 1);
	const struct list *at = NULL;
	assert_null(cvar_next_unknown(&game.cvars, &at));
	logged();
	log_info("still told");
	ASSERT_HAS(logged(), "still told");
}

static void a_restart_that_would_not_come_up_is_refused(UNUSED void **state)
{
	static const struct {
		const char *text, *map, *program, *why;
	} rows[] = {
		{"set sv_map testmap\nset sv_fps 0\n", MAP, "/bin/true", "server.cfg:2: sv_fps"},
		{"set sv_map nowhere\n", MAP, "/bin/true", "map 'nowhere': there is no"},
		{"set sv_map testmap\n", "x = = 1", "/bin/true", "init.lua:1:"},
		{"set sv_map testmap\n", MAP, "/nowhere/server", "/nowhere/server"},
		{"set sv_map testmap\n", MAP, "/tmp", "/tmp"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		config.program = rows[i].program;
		open_with("", NULL);
		start_game(MAP);
		/* All was well then; what is on the disk has changed since. */
		write_config("server.cfg", rows[i].text);
		write_map("testmap", rows[i].map);
		const char *answer = run("restart");
		if (strcmp(answer, "done\n") == 0)
			fail_msg("row %zu", i);
		ASSERT_HAS(answer, "not restarted, since it would not come up again: ");
		ASSERT_HAS(answer, rows[i].why);
		assert_int_equal(game.stop, STOP_NOT);
	}
}

static void settings_read_again_change_what_is_live_and_warn_of_the_rest(UNUSED void **state)
{
	open_with("set sv_map testmap\nset sv_fps 5\n", NULL);
	start_game(MAP);
	write_config("server.cfg", "set sv_map other\nset sv_fps 6\nset sv_name New\n");
	game_reconfigure(&game);
	assert_int_equal(game.cvars.set.sv_fps, 6);
	assert_string_equal(game.cvars.set.sv_name, "New");
	assert_string_equal(game.cvars.set.sv_map, "testmap");
	ASSERT_HAS(logged(), "sv_map");
	write_config("server.cfg", "set sv_map testmap\nset sv_fps 7\nset sv_fps x\n");
	game_reconfigure(&game);
	assert_int_equal(game.cvars.set.sv_fps, 6);
	ASSERT_HAS(logged(), "server.cfg:3:");
}

/* ---- the end ------------------------------------------------------------------------------------ */

static void restart_and_quit_say_who_and_why_in_the_log(UNUSED void **state)
{
	struct mux m = mux_ready();

	write_map("anteroom", MAP); /* the default, which the next start would take */
	assert_string_equal(run("restart new build"), ""); /* the new program is being tried */
	for (int i = 0; i < 2000 && game.stop == STOP_NOT; i++) {
		usleep(5000);
		turns();
	}
	assert_int_equal(game.stop, STOP_RESTART);
	ASSERT_HAS(logged(), "restarting: restart by console: new build");
	mux_close(&m);
}

/* Over the admin socket, as holdfastctl does; what came back before it was closed. */
static const char *ask(const char *request)
{
	static char answer[4096];
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	size_t len = 0;

	snprintf(to.sun_path, sizeof to.sun_path, "%.60s/server.sock", run_dir);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	turns();
	if (is_stopped()) {
		end_game(); /* as main.c does; the answer is sent on the way */
		open_game();
	}
	for (ssize_t n; (n = recv(fd, answer + len, sizeof answer - 1 - len, 0)) > 0;)
		len += (size_t)n;
	answer[len] = '\0';
	close(fd);
	return answer;
}

static void the_last_answer_is_sent_before_the_game_ends(UNUSED void **state)
{
	ASSERT_HAS(ask("{\"argv\":[\"get\",\"sv_name\"]}\n"), "Holdfast");
	/* Without a link the game ends inside the command. */
	const char *answer = ask("{\"argv\":[\"quit\"]}\n");
	if (answer[0] == '\0')
		fail_msg("no answer");
	ASSERT_HAS(answer, "\"ok\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAME_TEST(a_cvars_name_alone_shows_it),
		GAME_TEST(set_sets_and_what_is_wrong_is_said),
		GAME_TEST(blank_lines_and_comments_do_nothing),
		GAME_TEST(every_command_is_listed_and_answers),
		GAME_TEST(status_tells_of_the_link),
		GAME_TEST(players_are_listed_and_kicked_by_key_or_name),
		GAME_TEST(the_one_who_is_here_is_kicked_not_the_one_who_leaves),
		GAME_TEST(names_and_reasons_with_format_letters_are_just_text),
		EMPTY_TEST(a_file_is_read_at_start_then_what_the_command_line_sets),
		EMPTY_TEST(what_is_wrong_in_a_file_is_told_with_its_line),
		EMPTY_TEST(a_line_over_the_limit_is_refused_not_cut_in_two),
		EMPTY_TEST(the_command_line_is_named_when_it_is_wrong),
		EMPTY_TEST(a_file_that_runs_itself_ends),
		GAME_TEST(exec_on_the_console_runs_a_file),
		GAME_TEST(seta_sets_and_keeps_for_every_later_start),
		GAME_TEST(what_is_not_to_be_kept_any_more_is_forgotten),
		EMPTY_TEST(an_archive_with_nonsense_is_no_reason_not_to_start),
		GAME_TEST(a_line_is_completed_from_what_there_is),
		EMPTY_TEST(a_check_changes_nothing),
		EMPTY_TEST(a_restart_that_would_not_come_up_is_refused),
		EMPTY_TEST(settings_read_again_change_what_is_live_and_warn_of_the_rest),
		GAME_TEST(restart_and_quit_say_who_and_why_in_the_log),
		GAME_TEST(the_last_answer_is_sent_before_the_game_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
