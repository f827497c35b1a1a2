#include "tests/unit/support_loop.h"

struct loop test_loop;

/* libuv makes no turn at all when nothing is open; this is, while run_turn runs. */
static uv_timer_t alive;

int open_test_loop(void **state UNUSED)
{
	int status = loop_open(&test_loop);

	if (status == 0)
		uv_timer_init(&test_loop.uv, &alive);
	return status;
}

int close_test_loop(void **state UNUSED)
{
	uv_close((uv_handle_t *)&alive, NULL);
	return loop_close(&test_loop);
}

static void on_alive(uv_timer_t *timer UNUSED)
{
}

void run_turn(void)
{
	uv_timer_start(&alive, on_alive, 3600 * 1000, 0);
	uv_run(&test_loop.uv, UV_RUN_NOWAIT);
	uv_timer_stop(&alive);
}
