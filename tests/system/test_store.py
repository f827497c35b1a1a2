"""What scripts keep for ever is there after a restart, a crash and a new start of everything."""

import random
import re
import stat


def test_what_was_shown_is_kept_over_restart_and_kill_9(holdfast):
    holdfast.map = "archive"
    holdfast.start()
    player = holdfast.player()
    shown = 0
    for n in range(1, 11):
        player.line("hello")
        player.expect(b"hello was said %d\r\n" % n)
        if n % 3 == 0:
            holdfast.restart()
        elif n % 3 == 1:
            times = holdfast.times_ready()
            holdfast.server.kill9()
            holdfast.start_server(wait=False)
            holdfast.wait_ready(times + 1)
        shown = n
    assert shown == 10
    path = holdfast.run_dir / "store.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_kill_9_in_the_middle_of_writing_loses_nothing_that_was_shown(holdfast):
    holdfast.map = "archive"
    holdfast.start()
    player = holdfast.player()
    highest = 0
    for _ in range(10):
        for _ in range(random.randrange(50, 300)):
            player.line("again")
        player.read_some(1)
        times = holdfast.times_ready()
        holdfast.server.kill9()
        holdfast.start_server(wait=False)
        holdfast.wait_ready(times + 1)
        player.line("marker")
        before = player.expect(re.compile(rb"marker was said \d+\r\n"))
        seen = [int(n) for n in re.findall(rb"again was said (\d+)\r\n", before)]
        # What a server has shown, the next one goes on from; a number twice would be a loss.
        assert seen == sorted(set(seen)), seen
        assert not seen or seen[0] > highest
        highest = max([highest, *seen])
    player.line("all")
    rest = player.expect(b"that is all\r\n")
    assert int(re.search(rb"again (\d+)\r\n", rest)[1]) >= highest
