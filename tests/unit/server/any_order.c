#include "tests/unit/server/real_game.h"

/* A multiplexer that says anything at any time to a map whose handlers kick and save without reason.
 * Nothing is expected but that the game stays, and that its lists agree; the sanitizers look on. */

#define WILD_MAP                                                                                   \
	"local n = 0\n"                                                                            \
	"local function some(m) n = (n * 1103515245 + 12345) % 2147483648 return n % m == 0 end\n" \
	"local function wild(p)\n"                                                                 \
	"  if p.here and some(3) then p:save({n}) end\n"                                           \
	"  if p.here and some(5) then p.name = 'name' .. n end\n"                                  \
	"  if p.here and some(4) then p:send('text ' .. n) end\n"                                  \
	"  if p.here and some(4) then p:lookup() end\n"                                            \
	"  if some(5) then all:send('all ' .. n) end\n"                                            \
	"  for q in players() do if some(9) then q:kick('kick ' .. n) end end\n"                   \
	"end\n"                                                                                    \
	"for _, event in ipairs({'join', 'restore', 'input', 'lookup', 'leave'}) do\n"             \
	"  game.on(event, wild)\n"                                                                 \
	"  game.on(event, function(p) waitframe() if p.here then wild(p) end end)\n"               \
	"end\n"                                                                                    \
	"game.on('frame', function() for q in players() do if some(20) then wild(q) end end end)\n"

static uint64_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static void say_anything(struct mux *m)
{
	static const char *const texts[] = {
		"hello\n", "half", "\r", "\n", "\xff\xfe\n", "a\nb\nc\n"};
	static const char *const blobs[] = {"{}", "{\"n\":\"x\",\"s\":[1],\"p\":\"half\"}", "no",
		"{\"c\":true}", "{\"p\":\"\xc3\xa4\",\"s\":{\"v\":1}}"};
	static const char *const ips[] = {"192.0.2.1", "192.0.2.2"};
	struct clientkey who = key(1 + any(6));

	switch (any(16)) {
	case 0:
	case 1:
		SAY(m, got_subclient, .who = who, .protocol = slice_text("raw"),
			.ip = slice_text(ips[any(10) == 0]));
		break;
	case 2:
	case 3:
		SAY(m, done_sending_subclient_info, .who = who);
		break;
	case 4:
	case 5:
	case 6:
		SAY(m, got_subclient_text, .who = who,
			.data = slice_text(texts[any(ARRAY_LEN(texts))]));
		break;
	case 7:
		SAY(m, subclient_saved_info_is, .who = who,
			.data = slice_text(blobs[any(ARRAY_LEN(blobs))]));
		break;
	case 8:
		SAY(m, killed_subclient, .who = who);
		break;
	case 9:
		SAY(m, lost_subclient, .who = who);
		break;
	case 10:
		SAY(m, no_such_subclient, .who = who);
		break;
	case 11:
		SAY(m, done_sending_all_subclient_info, 0);
		break;
	case 12:
		SAY(m, subclient_idletime_is, .who = who, .seconds = UINT32_MAX);
		break;
	case 13:
		SAY(m, subclient_dns_is, .who = who, .name = slice_text("unresolved"));
		break;
	case 14:
		SAY(m, subclient_identd_is, .who = who, .name = slice_text("bob"));
		break;
	default:
		SAY(m, i_am_alive, 0);
	}
}

static void lists_agree(void)
{
	size_t count = 0;

	LIST_EACH(node, &game.players)
	{
		struct player *p = container_of(node, struct player, node);

		assert_ptr_equal(player_find(&game, 1, &p->key), p);
		assert_ptr_equal(slots_find(&game.handles, p->handle), p);
		count++;
	}
	assert_int_equal(count, HASH_CNT(by_key, game.by_key));
	assert_int_equal(count, game.handles.count);
	assert_int_equal(count, game.metrics.players_now);
}

/* From one link to the next; sometimes the end comes before what was said is read. */
static void one_link(void)
{
	struct mux m = mux_dial();

	SAY(&m, accepting_all, 0);
	for (uint32_t left = any(60); left > 0; left--) {
		say_anything(&m);
		if (any(3) == 0) {
			turns();
			lists_agree();
		}
		if (any(8) == 0)
			script_frame(game.script, 0.05, 1);
	}
	if (any(2) == 0) {
		close(m.fd);
		m.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	} else {
		turns();
		heard(&m);
	}
	mux_close(&m);
	lists_agree();
}

static void the_game_bears_anything_in_any_order(UNUSED void **state)
{
	start_game(WILD_MAP);
	for (uint64_t round = 0; round < 300; round++) {
		seed = round;
		one_link();
		logged(); /* or there would be much of it */
	}
	assert_true(game.metrics.players_restored > 0 && game.metrics.players_joined > 0);
	assert_true(game.metrics.lines_in > 0 && game.metrics.saves > 0);
}

static void the_game_may_be_asked_to_stop_at_any_moment(UNUSED void **state)
{
	static const enum game_stop kinds[] = {
		STOP_RESTART, STOP_QUIT, STOP_SIGNAL, STOP_MULTIPLEXER};

	for (uint64_t round = 0; round < 60; round++) {
		seed = round + 1000;
		start_game(WILD_MAP);
		one_link();
		struct mux m = mux_dial();
		SAY(&m, accepting_all, 0);
		for (uint32_t left = any(40); left > 0; left--)
			say_anything(&m);
		turns();
		game_stop(&game, kinds[any(ARRAY_LEN(kinds))], "a test");
		for (uint32_t left = any(10); left > 0 && !is_stopped(); left--) {
			say_anything(&m);
			turns();
		}
		mux_close(&m);
		pass_seconds(6); /* he may have said nothing */
		assert_true(is_stopped());
		logged();
		end_game();
		open_game();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EMPTY_TEST(the_game_bears_anything_in_any_order),
		EMPTY_TEST(the_game_may_be_asked_to_stop_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
