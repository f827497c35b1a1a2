#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "server/frames.h"

/* No duration is asserted: a machine may be as slow as it likes. */

static struct loop loop;
static struct frames frames;
static uint64_t calls, frames_passed, calls_wanted;

static void on_frame(struct frames *f, uint64_t passed)
{
	assert_ptr_equal(f, &frames);
	assert_true(passed >= 1);
	frames_passed += passed;
	if (++calls == calls_wanted)
		loop_stop(&loop);
}

/* Runs till so many more calls came. */
static void wait_for(uint64_t count)
{
	calls_wanted = calls + count;
	loop_run(&loop);
}

static void open_at(unsigned fps)
{
	calls = frames_passed = calls_wanted = 0;
	assert_int_equal(loop_open(&loop), 0);
	assert_int_equal(frames_open(&frames, &loop, fps, on_frame), 0);
}

static void close_all(void)
{
	frames_close(&frames);
	frames_close(&frames); /* harmless twice */
	loop_run(&loop);
	assert_int_equal(loop_close(&loop), 0);
	assert_int_equal(frames.fd, -1);
}

static void frames_come_one_after_the_other(UNUSED void **state)
{
	open_at(1000);
	wait_for(5);
	assert_int_equal(calls, 5);
	assert_true(frames_passed >= 5);
	close_all();
}

static void other_work_has_its_share_of_a_turn_and_then_waits_for_a_frame_that_is_due(
	UNUSED void **state)
{
	open_at(50);
	usleep(30000); /* one is due now */
	for (int turn = 0; turn < 3; turn++) {
		assert_false(frames_are_held_up(&frames, &loop)); /* the first work of this turn */
		usleep(5000);
		assert_true(frames_are_held_up(&frames, &loop));
		loop.turn++;
	}
	frames.due_ns = uv_hrtime() + UINT64_C(3600000000000); /* nothing is due for an hour */
	assert_false(frames_are_held_up(&frames, &loop));
	usleep(5000);
	assert_false(frames_are_held_up(&frames, &loop));
	close_all();
}

static void who_comes_late_learns_how_many_have_passed(UNUSED void **state)
{
	open_at(1000);
	wait_for(1);
	uint64_t before = frames_passed;
	usleep(50 * 1000);
	wait_for(1);
	assert_int_equal(calls, 2); /* one call, however many there were */
	assert_true(frames_passed - before >= 50 - 1);
	close_all();
}

/* 50 ms pass twice: hardly a frame at the slow beat, many at the quick one. */
static void the_beat_changes_while_it_runs(UNUSED void **state)
{
	open_at(1);
	usleep(50 * 1000);
	frames_set(&frames, 1000);
	assert_int_equal(frames.fps, 1000);
	usleep(50 * 1000);
	wait_for(1);
	assert_true(frames_passed >= 49);
	close_all();
}

/* Setting the same beat again and again must not put the next frame off. */
static void the_same_beat_again_changes_nothing(UNUSED void **state)
{
	open_at(100);
	for (int i = 0; i < 30; i++) {
		usleep(1000);
		frames_set(&frames, 100);
	}
	wait_for(1);
	assert_true(frames_passed >= 2);
	close_all();
}

static void every_rate_that_may_be_set_is_one(UNUSED void **state)
{
	open_at(1);
	for (unsigned fps = 1; fps <= 1000; fps++) {
		frames_set(&frames, fps);
		assert_int_equal(frames.fps, fps);
	}
	close_all();
}

static void frames_that_were_never_opened_can_be_closed(UNUSED void **state)
{
	frames = (struct frames){.fd = -1};
	frames_close(&frames);
	frames_set(&frames, 10);
	assert_int_equal(frames.fd, -1);
}

static void the_timer_is_not_inherited(UNUSED void **state)
{
	open_at(1);
	assert_true(fcntl(frames.fd, F_GETFD) & FD_CLOEXEC);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_one_after_the_other),
		cmocka_unit_test(
			other_work_has_its_share_of_a_turn_and_then_waits_for_a_frame_that_is_due),
		cmocka_unit_test(who_comes_late_learns_how_many_have_passed),
		cmocka_unit_test(the_beat_changes_while_it_runs),
		cmocka_unit_test(the_same_beat_again_changes_nothing),
		cmocka_unit_test(every_rate_that_may_be_set_is_one),
		cmocka_unit_test(frames_that_were_never_opened_can_be_closed),
		cmocka_unit_test(the_timer_is_not_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
