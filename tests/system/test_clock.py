"""A wall clock that jumps a day forth and back at every look changes nothing: only the monotonic one
counts. The jumping clock is a small library that is put before the C library's."""

import shutil
import subprocess

import pytest

from agnet import encode
from daemons import BUILD, wait_for

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long jump(void)
{
	static unsigned n;

	return (n++ % 3 - 1L) * 24 * 3600;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	int result = real(id, t);

	if (id == CLOCK_REALTIME)
		t->tv_sec += jump();
	return result;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec s;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &s);
	t->tv_sec = s.tv_sec;
	t->tv_usec = s.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec s;

	clock_gettime(CLOCK_REALTIME, &s);
	if (out)
		*out = s.tv_sec;
	return s.tv_sec;
}
"""


@pytest.fixture
def jumping_clock(tmp_path, monkeypatch):
    if not shutil.which("cc") or "san" in BUILD.name:
        pytest.skip("needs a compiler, and a build without sanitizers")
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(library))


def test_the_multiplexers_times_do_not_see_a_jump(holdfast, jumping_clock):
    server, link = holdfast.start_with_script(tick="100ms", hang_after="5s")
    player = holdfast.player()
    key = server.newcomer(link)
    for _ in range(30):
        link.send_raw(encode("GET SUBCLIENT IDLETIME", key) +
                      encode("GET SUBCLIENT CONNECTTIME", key))
        assert link.expect("SUBCLIENT IDLETIME IS", key)[1] < 60
        assert link.expect("SUBCLIENT CONNECTTIME IS", key)[1] < 60
    seen = link.ticks
    wait_for(lambda: (link.read_some(0.05), link.ticks)[1] >= seen + 5, "it goes on ticking")
    assert player.is_connected() and player.all == b""
    days = {line[:10] for line in holdfast.multiplexer.text().splitlines()}
    assert len(days) > 1, "the clock does not jump: the test tests nothing"


def test_the_games_waits_do_not_see_a_jump(holdfast, jumping_clock):
    holdfast.map = "talker"
    holdfast.start()
    player = holdfast.player()
    player.expect(b"hello telnet-line\r\n")
    for n in range(5):
        player.line("later 0.2")
        player.line(f"echo {n}")
        player.expect(b"[1] %d\r\n" % n)  # the wait is not over at once
        player.expect(b"later\r\n")       # nor never
    before = holdfast.server.text()
    holdfast.restart()
    assert len(holdfast.server.text()) > len(before)
    player.line("echo on")
    player.expect(b"[2] on\r\n")
