"""A map that does what it should not: the game goes on; and where it cannot, its players stay."""

import re
import signal
import time

from daemons import CRASHED_ANYHOW


def stubborn(holdfast, **cvars):
    holdfast.map = "stubborn"
    holdfast.cvars.update(cvars)
    holdfast.start()
    player = holdfast.player()
    player.expect(b"here 1\r\n")
    return player


def test_loops_bombs_and_a_thousand_errors_leave_the_game_running(holdfast):
    player = stubborn(holdfast, sv_script_memory="4 MiB")
    bystander = holdfast.player()
    for word, fault in ((b"loop", "stopped: it ran longer than sv_script_time"),
                        (b"pattern", "stopped: it ran longer than sv_script_time"),
                        (b"bomb", "not enough memory")):
        player.line(word)
        holdfast.server.wait_log(rf"stubborn/init\.lua:\d+: .*{fault}|{fault}; in .*init\.lua:\d+")
        bystander.line(b"hello")
        bystander.expect(b"heard hello\r\n")
    player.line(b"fail")
    player.expect(b"heard fail\r\n")
    holdfast.server.wait_log(r"map stubborn: 9\d\d errors more suppressed; 100\d in all")
    assert len(re.findall("a thousand times", holdfast.server.text())) <= 20
    script = holdfast.admin("server", "status")["script"]
    assert script["errors"] == 1003 and script["stopped"] == 2 and script["memory_refused"] > 0


def test_a_server_that_stands_still_ends_itself_says_where_and_its_players_stay(holdfast):
    player = stubborn(holdfast, sv_script_time="0", sv_watchdog="1 s")
    server = holdfast.server
    holdfast.expected_status[server.pid] = -signal.SIGABRT
    player.line(b"loop")
    assert server.wait() == -signal.SIGABRT
    assert "watchdog: the loop has stood still for 1000 ms, in input of map stubborn" in server.text()
    assert re.search(r"watchdog: map stubborn; in .*stubborn/init\.lua:\d+", server.text())
    holdfast.start_server()
    player.expect(re.compile(CRASHED_ANYHOW))
    player.expect(b"here 2\r\n")
    player.line(b"hello")
    player.expect(b"heard hello\r\n")


def test_a_server_that_was_stopped_and_goes_on_is_not_ended(holdfast):
    player = stubborn(holdfast, sv_script_time="100 ms", sv_watchdog="1500 ms")
    for _ in range(2):
        holdfast.server.stop()
        time.sleep(3)  # twice as long as it may stand still
        holdfast.server.go_on()
        player.line(b"hello")
        player.expect(b"heard hello\r\n")
    assert holdfast.server.is_alive()
    assert "watchdog" not in holdfast.server.text()
