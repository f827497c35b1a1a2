#include "tests/unit/server/real_game.h"

/* Frames that take too long: what they cost, and what they do not. */

/* A frame's work takes longer than there is time until the next one, once a player wants it so. */
#define SLOW_MAP                                                                     \
	"local slow\n"                                                               \
	"local function work(seconds)\n"                                             \
	"  local begun = os.clock() repeat until os.clock() - begun > seconds end\n" \
	"game.on('input', function(p, line) slow = slow or line == 'slow'\n"         \
	"  if line == 'work' then work(0.005) end\n"                                 \
	"  p:send('[' .. line .. ']') end)\n"                                        \
	"game.on('frame', function() if slow then work(0.03) end end)\n"

static int open_slow(void **state)
{
	int result = set_up_empty(state);
	const char *why;

	start_game(SLOW_MAP);
	assert_true(cvar_set(&game.cvars, "sv_fps", "50", false, &why));
	frames_set(&game.frames, 50);
	return result;
}

/* A turn in which a frame was due: sleeps till it is. */
static void slow_turn(void)
{
	uint64_t frames = game.metrics.frames;

	for (int i = 0; i < 1000 && game.metrics.frames == frames; i++) {
		usleep(1000);
		uv_run(&loop.uv, UV_RUN_NOWAIT);
	}
	assert_true(game.metrics.frames > frames);
}

static void a_slow_frame_delays_what_is_typed_by_no_more_than_itself(UNUSED void **state)
{
	struct mux m = mux_ready();

	accept_user(&m, 1);
	heard(&m);
	type(&m, 1, "slow\n");
	ASSERT_HAS(heard(&m), "[slow]");
	for (int i = 0; i < 10; i++) {
		slow_turn();
		/* From here on a frame is always due: lines must not wait until none is. */
		SAY(&m, got_subclient_text, .who = key(1), .data = slice_text("line\n"));
		uint64_t lines = game.metrics.lines_in;
		uv_run(&loop.uv, UV_RUN_NOWAIT);
		uv_run(&loop.uv, UV_RUN_NOWAIT);
		assert_int_equal(game.metrics.lines_in, lines + 1);
	}
	assert_true(game.metrics.frame_overruns >= 10);
	mux_close(&m);
}

/* All the lines come in one turn of the loop; a frame is due before they are done. */
static void a_frame_that_is_due_does_not_wait_for_all_that_was_typed(UNUSED void **state)
{
	const int all = 60; /* of some 5 ms each, where 20 ms lie between two frames */
	struct mux m = mux_ready();
	int before = 0, turns = 0;

	accept_user(&m, 1);
	heard(&m);
	for (int i = 0; i < all; i++)
		SAY(&m, got_subclient_text, .who = key(1), .data = slice_text("work\n"));
	uint64_t frames = game.metrics.frames, lines = game.metrics.lines_in;
	while (game.metrics.lines_in < lines + (uint64_t)all) {
		uint64_t had = game.metrics.lines_in;

		uv_run(&loop.uv, UV_RUN_NOWAIT);
		assert_true(++turns < 10000);
		before += had < game.metrics.lines_in && game.metrics.frames > frames;
	}
	assert_true(before > 5); /* turns in which lines were handled behind a frame */
	mux_close(&m);
}

static void status_and_metrics_tell_how_the_frames_do(UNUSED void **state)
{
	struct mux m = mux_ready();
	struct buf out = {0};

	accept_user(&m, 1);
	type(&m, 1, "slow\n");
	slow_turn();
	slow_turn();
	console_run(&game, "status", &out);
	console_run(&game, "metrics", &out);
	buf_add_byte(&out, '\0');
	const char *text = (const char *)buf_bytes(&out).at;
	ASSERT_HAS(text, "overruns");
	ASSERT_HAS(text, "late");
	ASSERT_HAS(text, "script_memory");
	assert_true(game.metrics.frame_work_max_us >= 30000);
	assert_true(game.metrics.frame_late_max_us > 0);
	assert_true(game.metrics.frame_work_p99_us <= game.metrics.frame_work_max_us);
	assert_true(game.metrics.script_memory > 10000);
	buf_free(&out);
	mux_close(&m);
}

#define SLOW_TEST(f) cmocka_unit_test_setup_teardown(f, open_slow, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SLOW_TEST(a_slow_frame_delays_what_is_typed_by_no_more_than_itself),
		SLOW_TEST(a_frame_that_is_due_does_not_wait_for_all_that_was_typed),
		SLOW_TEST(status_and_metrics_tell_how_the_frames_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
