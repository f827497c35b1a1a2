#include "tests/unit/server/real_game.h"

#include "server/map.h"

/* Commands that scripts make, roles, passwords: with a real game and a real console. */

#define COMMANDS                                                                                \
	"game.on('join', function(p) end)\n"                                                    \
	"game.on('input', function(p, line)\n"                                                  \
	"  local who = line:match('^login (.*)$')\n"                                            \
	"  if who then p:send('you are ' .. tostring(p:login(who)))\n"                          \
	"  elseif not command.run(p, line) then p:send('Huh?') end\n"                           \
	"end)\n"                                                                                \
	"command('shout', {usage='<text>', help='be heard', min=1}, function(c, words, rest)\n" \
	"  all:send(c.name .. ' shouts ' .. #words .. ': ' .. rest)\n"                          \
	"end)\n"                                                                                \
	"command('words', {max=3}, function(c, words) c:send(table.concat(words, '|')) end)\n"  \
	"command('build', {who='builder', help='x'}, function(c) c:send('built') end)\n"        \
	"command('dance', {where='game'}, function(c) c:send('you dance') end)\n"               \
	"command('audit', {where='console', who='admin'}, function(c) c:send('audited') end)\n" \
	"command('kick', {who='admin'}, function(c, words) c:send('my kick') end)\n"            \
	"command('fails', {}, function() error('boom') end)\n"                                  \
	"command('waits', {}, function(c) c:send('first') wait(1) c:send('second') end)\n"      \
	"command('asks', {}, function(c) c:send(c.ip) end)\n"                                   \
	"command('list', {}, function(c)\n"                                                     \
	"  local names = {}\n"                                                                  \
	"  for _, row in ipairs(command.list(c)) do names[#names + 1] = row.name end\n"         \
	"  table.sort(names) c:send(table.concat(names, ' '))\n"                                \
	"end)\n"                                                                                \
	"command('role', {min=1}, function(c, words) c:send(tostring(role(words[1]))) end)\n"   \
	"command('become', {min=1}, function(c, words)\n"                                       \
	"  local ok, why = pcall(function() c.role = words[1] end) c:send(tostring(why))\n"     \
	"end)\n"                                                                                \
	"command('rename', {min=1}, function(c, words) c.name = words[1] end)\n"                \
	"command('am', {}, function(c) c:send(tostring(c.name) .. ' ' .. tostring(c.role)) end)\n"

static struct mux m;

static const char *run(const char *line)
{
	static struct buf out;

	buf_eat(&out, out.len);
	console_run(&game, line, &out);
	buf_add_byte(&out, '\0');
	turns();
	return (const char *)buf_bytes(&out).at;
}

/* What a player is shown for a line. */
static const char *typed(uint32_t n, const char *line)
{
	char text[300];

	heard(&m);
	snprintf(text, sizeof text, "%s\n", line);
	type(&m, n, text);
	return heard(&m);
}

static int set_up_commands(void **state)
{
	set_up_empty(state);
	start_game(COMMANDS);
	m = mux_ready();
	accept_user(&m, 1);
	accept_user(&m, 2);
	logged();
	return 0;
}

static int tear_down_commands(void **state)
{
	mux_close(&m);
	return tear_down(state);
}

#define COMMAND_TEST(f) cmocka_unit_test_setup_teardown(f, set_up_commands, tear_down_commands)

/* ---- in the game --------------------------------------------------------------------------------- */

static void a_player_runs_what_he_may_and_the_rest_does_not_exist(UNUSED void **state)
{
	typed(1, "rename Ann");
	ASSERT_HAS(typed(1, "shout hello  there"), "Ann shouts 2: hello  there\\r\\n");
	ASSERT_HAS(typed(1, "  SHOUT \tx "), "Ann shouts 1: x\\r\\n");
	ASSERT_HAS(typed(1, "dance"), "you dance");
	ASSERT_HAS(typed(1, "nothing"), "Huh?");
	ASSERT_HAS(typed(1, ""), "Huh?");
	ASSERT_HAS(typed(1, "build"), "Huh?");
	ASSERT_HAS(typed(1, "audit"), "Huh?");
	ASSERT_HAS(typed(1, "kick 2:1"), "Huh?");
	ASSERT_HAS(typed(1, "status"), "Huh?");
	ASSERT_HAS(typed(1, "quit"), "Huh?");
	assert_int_equal(game.stop, STOP_NOT);
}

static void words_are_cut_and_counted(UNUSED void **state)
{
	static const char *const rows[][2] = {{"words", "\\r\\n"}, {"words a b", "a|b"},
		{"words \"a b\" c", "a b|c"}, {"words a\"b c\"d", "ab cd"},
		{"words it's \"open", "it's|\"open"}, {"words \"\" x", "|x"},
		{"words a b c d", "usage: words"}, {"shout", "usage: shout <text>"},
		{"words \xc3\xa4 %n%s", "\\xc3\\xa4|%n%s"}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ASSERT_HAS(typed(1, rows[i][0]), rows[i][1]);
}

static void a_command_that_fails_is_logged_and_the_game_goes_on(UNUSED void **state)
{
	ASSERT_HAS_NOT(typed(1, "fails"), "Huh?");
	ASSERT_HAS(logged(), "map testmap: testmap/init.lua:15: boom");
	ASSERT_HAS(typed(1, "dance"), "you dance");
}

/* ---- roles --------------------------------------------------------------------------------------- */

static void roles_are_granted_on_the_console_and_nowhere_else(UNUSED void **state)
{
	ASSERT_HAS(typed(1, "login Ann"), "you are nil");
	ASSERT_HAS(typed(1, "become admin"), "'admin' was not granted to 'Ann'");
	ASSERT_HAS(run("grant ann admin"),
		"granted; the 'Ann' who is here now has it from the next login on");
	ASSERT_HAS(logged(), "grant: 'ann' of map testmap is admin now, by console");
	/* Who is here already has to show again that he is that account. */
	ASSERT_HAS(typed(1, "am"), "Ann nil");
	ASSERT_HAS(typed(1, "role ANN"), "admin");
	ASSERT_HAS(typed(1, "role bob"), "nil");
	ASSERT_HAS(typed(1, "login Ann"), "you are admin");
	ASSERT_HAS(typed(2, "login Bob"), "you are nil");
	ASSERT_HAS(typed(2, "become admin"), "was not granted");
	ASSERT_HAS(typed(1, "grant bob admin"), "Huh?");
	ASSERT_HAS(run("grants"), "ann");
	ASSERT_HAS(run("grant Ann admin"), "done");                /* he has it */
	ASSERT_HAS(run("grant Cleo admin"), "done");               /* nobody of that name is here */
	ASSERT_HAS(run("grant Bob builder other"), "there is no"); /* no such map */
	ASSERT_HAS(run("grant Bob builder"), "granted; the 'Bob'");
	ASSERT_HAS(typed(2, "login Bob"), "you are builder");
	ASSERT_HAS(typed(2, "build"), "built");
	ASSERT_HAS(typed(1, "build"), "built"); /* an admin may what any role may */
}

static void a_role_that_is_revoked_is_gone_at_once(UNUSED void **state)
{
	run("grant Ann admin");
	typed(1, "login Ann");
	ASSERT_HAS(typed(1, "status"), "holdfast-server");
	ASSERT_HAS(run("revoke Ann"), "done");
	ASSERT_HAS(typed(1, "am"), "Ann nil");
	ASSERT_HAS(typed(1, "status"), "Huh?");
	ASSERT_HAS(run("revoke Ann"), "'Ann' has no role in map testmap");
	ASSERT_HAS(run("grants"), "none");
}

static void a_role_belongs_to_the_name_it_was_granted_to(UNUSED void **state)
{
	run("grant Ann admin");
	typed(1, "login Ann");
	typed(1, "rename aNN");
	ASSERT_HAS(typed(1, "am"), "aNN admin");
	typed(1, "rename Bob");
	ASSERT_HAS(typed(1, "am"), "Bob nil");
}

static void a_role_is_one_of_a_map_or_of_all(UNUSED void **state)
{
	write_map("other", COMMANDS);
	run("grant Ann admin");
	typed(1, "login Ann");
	run("map other");
	ASSERT_HAS(typed(1, "am"), "Ann nil");
	run("map testmap");
	ASSERT_HAS(run("grant Ann builder all"), "done");
	ASSERT_HAS(typed(1, "login Ann"), "you are admin");
	run("map other");
	ASSERT_HAS(typed(1, "login Ann"), "you are builder");
	ASSERT_HAS(run("grant Ann admin nowhere"), "there is no");
	ASSERT_HAS(run("grant Ann \"two words\""), "is no role");
	ASSERT_HAS(run("grant Ann all"), "is no role");
}

static void a_role_that_was_revoked_meanwhile_is_not_restored(UNUSED void **state)
{
	run("grant Bob builder");
	mux_close(&m);
	m = mux_prove();
	list_user(&m, 7, "192.0.2.7", "{\"n\":\"Ann\",\"r\":\"admin\"}");
	list_user(&m, 8, "192.0.2.8", "{\"n\":\"Bob\",\"r\":\"builder\"}");
	SAY(&m, done_sending_all_subclient_info, 0);
	heard(&m);
	assert_null(player(7)->role);
	assert_string_equal(player(7)->name, "Ann");
	assert_string_equal(player(8)->role, "builder");
	ASSERT_HAS(logged(), "player 7:1 (192.0.2.7): is no longer admin");
}

/* ---- the server's commands in the game ----------------------------------------------------------- */

static void an_admin_in_the_game_has_the_consoles_commands(UNUSED void **state)
{
	run("grant Ann admin");
	typed(1, "login Ann");
	ASSERT_HAS(typed(1, "players"), "192.0.2.1");
	ASSERT_HAS(typed(1, "kick 2:1"), "my kick"); /* the map's goes first */
	ASSERT_HAS(typed(1, "set sv_fps 0"), "sv_fps: 0 is less than 1");
	ASSERT_HAS(typed(1, "set sv_name Cave"), "done");
	ASSERT_HAS(logged(), "cvar sv_name: set to 'Cave' by player 1:1 (192.0.2.1) Ann");
	ASSERT_HAS(typed(1, "map nowhere"), "the map stays: ");
	ASSERT_HAS(typed(1, "quit"), "Huh?");
	ASSERT_HAS(typed(1, "exec /etc/passwd"), "Huh?");
	ASSERT_HAS(typed(1, "grant Bob admin"), "Huh?");
	ASSERT_HAS_NOT(typed(2, "list"), "status");
	const char *list = typed(1, "list");
	ASSERT_HAS(list, " status ");
	ASSERT_HAS_NOT(list, "exec");
	ASSERT_HAS_NOT(list, "audit");
	write_map("other", COMMANDS);
	ASSERT_HAS(typed(1, "map other"), "done");
	assert_string_equal(game.map.name, "other");
}

/* ---- on the console ------------------------------------------------------------------------------ */

static void the_console_runs_the_maps_commands_and_shows_what_they_send(UNUSED void **state)
{
	assert_string_equal(run("shout a b"), "done\n");
	ASSERT_HAS(heard(&m), "console shouts 2: a b");
	assert_string_equal(run("words a \"b c\""), "a|b c\n");
	assert_string_equal(run("audit"), "audited\n");
	assert_string_equal(run("am"), "console admin\n");
	ASSERT_HAS(run("dance"), "no such command: dance");
	ASSERT_HAS(run("words a b c d"), "usage: words");
	ASSERT_HAS(run("fails"), "testmap/init.lua:15: boom");
	ASSERT_HAS(run("asks"), "the console has no 'ip'");
	ASSERT_HAS(run("kick nobody"), "no such player"); /* there the server's goes first */
	const char *help = run("help");
	ASSERT_HAS(help, "be heard");
	ASSERT_HAS(help, "audit");
	ASSERT_HAS_NOT(help, "dance");
}

static void what_the_console_is_sent_later_is_logged(UNUSED void **state)
{
	assert_string_equal(run("waits"), "first\n");
	logged();
	pass_seconds(2);
	script_frame(game.script, 2, 1);
	ASSERT_HAS(logged(), "console: second");
}

static void commands_go_with_their_map(UNUSED void **state)
{
	write_map("other", "command('new', {}, function(c) c:send('new one') end)");
	run("map other");
	ASSERT_HAS(run("words a"), "no such command: words");
	ASSERT_HAS(run("new"), "new one");
}

static void what_is_wrong_with_a_command_is_said_when_it_is_made(UNUSED void **state)
{
	static const char *const rows[][2] = {
		{"command('Loud', {}, print)", "a name is one word"},
		{"command('', {}, print)", "a name is one word"},
		{"command('a b', {}, print)", "a name is one word"},
		{"command('a\\nb', {}, print)", "a name is one word"},
		{"command('\\xff', {}, print)", "a name is one word"},
		{"command(('x'):rep(33), {}, print)", "a name is one word"},
		{"command('x', {hlep='x'}, print)", "no option 'hlep'"},
		{"command('x', {who='all of them'}, print)", "'who' is all, or a role"},
		{"command('x', {who=5}, print)", "'who' is all, or a role"},
		{"command('x', {where='here'}, print)", "invalid option 'here'"},
		{"command('x', {usage=5}, print)", "'usage' is a text"},
		{"command('x', {help='\\xff'}, print)", "'help' is a text"},
		{"command('x', {min=-1}, print)", "'min' is a number of words"},
		{"command('x', {min=2, max=1}, print)", "'max' is less than 'min'"},
		{"command('x', {}, print) command('x', {}, print)", "there is one of this name"},
		{"command('x', print)", "table expected"},
		{"command('x', {})", "function expected"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		write_map("other", rows[i][0]);
		ASSERT_HAS(run("map other"), rows[i][1]);
	}
}

/* ---- passwords ----------------------------------------------------------------------------------- */

static const char password_map[] =
	"game.on('input', function(p, line)\n"
	"  local hash = password.hash(line)\n"
	"  p:send(hash:sub(1, 3) .. ' ' .. tostring(hash ~= password.hash(line)))\n"
	"  p:send('right ' .. tostring(password.check(line, hash)))\n"
	"  p:send('wrong ' .. tostring(password.check(line .. 'x', hash)))\n"
	"  p:send('none ' .. tostring(password.check(line, '')) ..\n"
	"    tostring(password.check(line, '$y$')) .. tostring(password.check(line, '$no$way')))\n"
	"  p:send(select(2, pcall(password.hash, ('x'):rep(513))))\n"
	"  p:send('done')\n"
	"end)\n"
	"command('later', {}, function(c) password.hash('x') log.info('woken') end)\n";

/* Work in threads takes its time. */
static const char *heard_until(const char *part)
{
	static char all[16 * 1024];
	size_t len = 0;

	all[0] = '\0';
	for (int i = 0; i < 2000 && strstr(all, part) == NULL; i++) {
		len += (size_t)snprintf(all + len, sizeof all - len, "%s", heard(&m));
		assert_true(len < sizeof all);
		usleep(10000);
	}
	return all;
}

static void a_password_fits_its_hash_and_no_other(UNUSED void **state)
{
	write_map("testmap", password_map);
	run("reload");
	type(&m, 1, "s3cret\n");
	const char *all = heard_until("done");
	ASSERT_HAS(all, "$y$ true");
	ASSERT_HAS(all, "right true");
	ASSERT_HAS(all, "wrong false");
	ASSERT_HAS(all, "none falsefalsefalse");
	ASSERT_HAS(all, "at most 512 bytes");
	ASSERT_HAS_NOT(logged(), "s3cret");
}

static void a_map_that_ends_while_a_password_is_hashed_is_not_woken(UNUSED void **state)
{
	write_map("testmap", password_map);
	run("reload");
	assert_string_equal(run("later"), "done\n");
	run("reload");
	assert_string_equal(run("later"), "done\n");
	for (int i = 0; i < 2000 && strstr(logged(), "woken") == NULL; i++) {
		turns();
		usleep(10000);
	}
	usleep(300000);
	turns();
	ASSERT_HAS_NOT(logged(), "woken");
	/* And one that is still at it when all ends: tear_down. */
	run("later");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		COMMAND_TEST(a_player_runs_what_he_may_and_the_rest_does_not_exist),
		COMMAND_TEST(words_are_cut_and_counted),
		COMMAND_TEST(a_command_that_fails_is_logged_and_the_game_goes_on),
		COMMAND_TEST(roles_are_granted_on_the_console_and_nowhere_else),
		COMMAND_TEST(a_role_that_is_revoked_is_gone_at_once),
		COMMAND_TEST(a_role_belongs_to_the_name_it_was_granted_to),
		COMMAND_TEST(a_role_is_one_of_a_map_or_of_all),
		COMMAND_TEST(a_role_that_was_revoked_meanwhile_is_not_restored),
		COMMAND_TEST(an_admin_in_the_game_has_the_consoles_commands),
		COMMAND_TEST(the_console_runs_the_maps_commands_and_shows_what_they_send),
		COMMAND_TEST(what_the_console_is_sent_later_is_logged),
		COMMAND_TEST(commands_go_with_their_map),
		COMMAND_TEST(what_is_wrong_with_a_command_is_said_when_it_is_made),
		COMMAND_TEST(a_password_fits_its_hash_and_no_other),
		COMMAND_TEST(a_map_that_ends_while_a_password_is_hashed_is_not_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
