#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/common/support_common.h"

/* What happened, a letter each. */
static struct buf seen;

struct step {
	struct loop_task task;
	char letter;
	struct loop_task *asks;    /* run this at the turn's end */
	struct loop_task *cancels; /* forget this one */
	int again;                 /* in the next turn, so many times */
};

static void on_step(struct loop_task *task)
{
	struct step *step = container_of(task, struct step, task);

	buf_add_byte(&seen, (uint8_t)step->letter);
	if (step->asks != NULL)
		loop_at_turn_end(&test_loop, step->asks);
	if (step->cancels != NULL)
		loop_task_cancel(step->cancels);
	if (step->again-- > 0)
		loop_at_next_turn(&test_loop, &step->task);
}

static struct step step(char letter)
{
	return (struct step){.letter = letter};
}

static void start(struct step *s)
{
	loop_task_init(&s->task, on_step);
}

static void expect(const char *letters)
{
	assert_string_equal(text_of(&seen), letters);
	buf_free(&seen);
}

static void a_task_runs_once_at_the_turn_s_end_however_often_it_is_asked(void **state UNUSED)
{
	struct step a = step('a');

	start(&a);
	loop_at_turn_end(&test_loop, &a.task);
	loop_at_turn_end(&test_loop, &a.task);
	run_turn();
	run_turn();
	expect("a");
	loop_at_turn_end(&test_loop, &a.task);
	run_turn();
	expect("a");
}

static void a_task_may_ask_for_another_in_the_same_turn(void **state UNUSED)
{
	struct step a = step('a'), b = step('b'), c = step('c');

	start(&a);
	start(&b);
	start(&c);
	a.asks = &c.task;
	loop_at_turn_end(&test_loop, &a.task);
	loop_at_turn_end(&test_loop, &b.task);
	run_turn();
	expect("abc");
}

static void a_cancelled_task_does_not_run(void **state UNUSED)
{
	struct step a = step('a'), b = step('b'), c = step('c');

	start(&a);
	start(&b);
	start(&c);
	loop_task_cancel(&a.task); /* waits for nothing */
	a.cancels = &b.task;
	loop_at_turn_end(&test_loop, &a.task);
	loop_at_turn_end(&test_loop, &b.task);
	loop_at_next_turn(&test_loop, &c.task);
	loop_task_cancel(&c.task);
	run_turn();
	run_turn();
	expect("a");

	loop_at_next_turn(&test_loop, &a.task);
	loop_at_next_turn(&test_loop, &b.task);
	run_turn();
	expect("a");
}

static void on_readable(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct step *next = poll->data;

	buf_add_byte(&seen, 'i');
	loop_at_next_turn(&test_loop, &next->task);
}

static void a_next_turn_comes_after_that_turn_s_input(void **state UNUSED)
{
	struct step a = step('a'), end = step('e');
	uv_poll_t poll = {.data = &a};
	int fds[2];

	start(&a);
	start(&end);
	a.asks = &end.task;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1); /* stays: readable in every turn */
	assert_int_equal(uv_poll_init(&test_loop.uv, &poll, fds[0]), 0);
	assert_int_equal(uv_poll_start(&poll, UV_READABLE, on_readable), 0);
	run_turn();
	expect("i"); /* what is asked for during input is for the turn after */
	run_turn();
	run_turn();
	expect("iaei"); /* its task for the turn's end came before the next input */
	uv_close((uv_handle_t *)&poll, NULL);
	loop_task_cancel(&a.task);
	run_turn();
	expect("");
	close(fds[0]);
	close(fds[1]);
}

static void a_task_that_asks_for_itself_takes_one_turn_each_time(void **state UNUSED)
{
	struct step a = step('a');

	start(&a);
	a.again = 2;
	loop_at_next_turn(&test_loop, &a.task);
	run_turn();
	expect("a");
	run_turn();
	expect("a");
	run_turn();
	expect("a");
	run_turn();
	expect("");
}

static void a_task_for_the_next_turn_keeps_the_loop_awake_and_then_lets_it_end(void **state UNUSED)
{
	struct step a = step('a');

	start(&a);
	a.again = 3;
	loop_at_next_turn(&test_loop, &a.task);
	loop_run(&test_loop); /* would wait for ever if a task were forgotten or idle stayed */
	expect("aaaa");
	assert_false(uv_is_active((uv_handle_t *)&test_loop.next_turn));
}

static void a_task_of_the_turn_s_end_is_not_forgotten_by_a_loop_with_nothing_else(
	void **state UNUSED)
{
	struct step a = step('a'), b = step('b');

	start(&a);
	start(&b);
	a.asks = &b.task;
	loop_at_turn_end(&test_loop, &a.task);
	loop_run(&test_loop);
	expect("ab");
}

static struct step asked_last = {.letter = 'z'};

static void on_timer_closed(uv_handle_t *handle UNUSED)
{
	loop_at_turn_end(&test_loop, &asked_last.task);
}

static void nor_is_one_that_the_very_last_closing_asks_for(void **state UNUSED)
{
	uv_timer_t timer;

	start(&asked_last);
	uv_timer_init(&test_loop.uv, &timer);
	uv_close((uv_handle_t *)&timer, on_timer_closed);
	loop_run(&test_loop);
	expect("z");
}

static void on_stop(uv_timer_t *timer)
{
	loop_stop(&test_loop);
	uv_close((uv_handle_t *)timer, NULL);
}

static void stopping_ends_a_loop_that_has_more_to_wait_for(void **state UNUSED)
{
	static uv_timer_t stop, far; /* closed in the tear-down */

	uv_timer_init(&test_loop.uv, &stop);
	uv_timer_init(&test_loop.uv, &far);
	uv_timer_start(&stop, on_stop, 1, 0);
	uv_timer_start(&far, on_stop, 3600 * 1000, 0);
	loop_run(&test_loop);
	assert_true(uv_is_active((uv_handle_t *)&far));
	uv_close((uv_handle_t *)&far, NULL);
}

static void a_broken_pipe_is_an_error_and_no_signal(void **state UNUSED)
{
	struct sigaction action;

	assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
	assert_ptr_equal(action.sa_handler, SIG_IGN);
}

static void a_leaked_handle_is_found(void **state UNUSED)
{
	struct loop loop;
	uv_timer_t leaked;
	int saved = dup(STDERR_FILENO);

	assert_int_equal(loop_open(&loop), 0);
	uv_timer_init(&loop.uv, &leaked);
	assert_non_null(freopen("/dev/null", "w", stderr)); /* it is logged as well */
	int status = loop_close(&loop);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_int_equal(status, UV_EBUSY);
	uv_close((uv_handle_t *)&leaked, NULL);
	uv_run(&loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&loop.uv), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(a_task_runs_once_at_the_turn_s_end_however_often_it_is_asked),
		LOOP_TEST(a_task_may_ask_for_another_in_the_same_turn),
		LOOP_TEST(a_cancelled_task_does_not_run),
		LOOP_TEST(a_next_turn_comes_after_that_turn_s_input),
		LOOP_TEST(a_task_that_asks_for_itself_takes_one_turn_each_time),
		LOOP_TEST(a_task_for_the_next_turn_keeps_the_loop_awake_and_then_lets_it_end),
		LOOP_TEST(a_task_of_the_turn_s_end_is_not_forgotten_by_a_loop_with_nothing_else),
		LOOP_TEST(nor_is_one_that_the_very_last_closing_asks_for),
		LOOP_TEST(stopping_ends_a_loop_that_has_more_to_wait_for),
		LOOP_TEST(a_broken_pipe_is_an_error_and_no_signal),
		cmocka_unit_test(a_leaked_handle_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
