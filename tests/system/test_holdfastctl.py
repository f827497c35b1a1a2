"""holdfastctl, as an administrator types it."""

import json
import os
import pathlib
import re
import signal
import time

import pytest

from daemons import AdminLine, GOODBYE, RESTARTING, free_port, wait_for
from supervisor import Supervisor


def test_status_shows_both_daemons(holdfast):
    holdfast.start()
    result = holdfast.ctl("status")
    assert result.returncode == 0, result
    assert "multiplexer" in result.stdout and "server" in result.stdout
    assert str(holdfast.multiplexer.pid) in result.stdout
    assert str(holdfast.server.pid) in result.stdout
    assert "ledger" in result.stdout and "open" in result.stdout


def test_status_as_json_is_json(holdfast):
    holdfast.start()
    holdfast.player().expect(b"hello 0")
    result = holdfast.ctl("--json", "status")
    assert result.returncode == 0
    both = json.loads(result.stdout)
    for name, daemon in (("multiplexer", holdfast.multiplexer), ("server", holdfast.server)):
        assert both[name]["ok"] is True
        assert both[name]["answer"]["pid"] == daemon.pid


def test_status_without_a_server_still_shows_the_multiplexer_and_says_what_is_missing(holdfast):
    holdfast.start_multiplexer()
    result = holdfast.ctl("status")
    assert str(holdfast.multiplexer.pid) in result.stdout
    assert "server" in result.stdout + result.stderr


def test_users_lists_everyone(holdfast):
    holdfast.start()
    for _ in range(3):
        holdfast.player().expect(b"hello 0")
    users = json.loads(holdfast.ctl("--json", "users").stdout)["answer"]
    keys = {user["key"] for user in users}
    assert len(users) == len(keys) == 3
    text = holdfast.ctl("users").stdout
    assert all(key in text for key in keys) and "127.0.0.1" in text


def test_kick_shows_the_reason_and_tells_the_game(holdfast):
    holdfast.start()
    kicked, other = holdfast.player(), holdfast.player()
    kicked.expect(b"hello 0")
    other.expect(b"hello 0")
    key = holdfast.users()[0]["key"]
    result = holdfast.ctl("kick", key, "be", "nice")
    assert result.returncode == 0, result
    assert b"be nice" in kicked.expect_end()
    wait_for(lambda: len(holdfast.users()) == 1, "he is gone")
    other.line("1")
    other.expect(b"ok 1 ")
    assert b"nice" not in other.all
    again = holdfast.ctl("kick", key)
    assert again.returncode == 1 and key in again.stderr


def test_a_command_with_too_few_words_is_refused_with_its_usage(holdfast):
    holdfast.start_multiplexer()
    result = holdfast.ctl("kick")
    assert result.returncode in (1, 64) and "<key>" in result.stderr.replace("KEY", "<key>")


def test_kick_reaches_the_game_as_lost(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    assert holdfast.ctl("kick", f"{key[0]}:{key[1]}", "because").returncode == 0
    assert b"because" in player.expect_end()
    link.expect("LOST SUBCLIENT", key)


@pytest.mark.parametrize("key", ["", "x", "1", "1:", ":1", "0:255", "99999999999:1", "1:2:3",
                                 "%n%s", "\x1b[2J"])
def test_kick_of_nobody_is_an_error(holdfast, key):
    holdfast.start_multiplexer()
    player = holdfast.player()
    player.expect(b"away")
    result = holdfast.ctl("kick", key)
    assert result.returncode == 1 and result.stderr and "\x1b" not in result.stderr
    assert player.is_connected()


def test_restart_restarts_the_game_in_place_and_players_stay(holdfast):
    holdfast.start()
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    before = holdfast.times_ready()
    result = holdfast.ctl("restart", "new", "rooms")
    assert result.returncode == 0, result
    holdfast.wait_ready(before + 1)
    player.line("2")
    player.expect(b"ok 2 ")
    assert player.all.count(RESTARTING) == 1 and player.all.count(b"[") == 1
    assert holdfast.server.is_alive()  # the same pid


def test_restart_is_refused_when_the_map_cannot_be_compiled(holdfast):
    maps = holdfast.dir / "maps"
    (maps / "mine").mkdir(parents=True)
    script = maps / "mine" / "init.lua"
    script.write_text((holdfast.maps / "ledger" / "init.lua").read_text())
    holdfast.maps, holdfast.map = maps, "mine"
    holdfast.start()
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    script.write_text("game.on('start',\nfunction( end)\n")
    result = holdfast.ctl("restart")
    assert result.returncode == 1 and "init.lua:2:" in result.stderr, result
    player.line("2")
    player.expect(b"ok 2 ")
    assert b"[" not in player.all


def test_shutdown_says_goodbye_and_ends_both(holdfast):
    holdfast.start()
    player = holdfast.player()
    player.expect(b"hello 0\r\n")
    assert holdfast.ctl("shutdown").returncode == 0
    assert player.expect_end().endswith(GOODBYE + b"\r\n")
    assert holdfast.multiplexer.wait() == 0
    assert holdfast.server.wait() == 0


def test_multiplexer_and_server_take_any_command_of_their_tables(holdfast):
    holdfast.start()
    for daemon in ("multiplexer", "server"):
        result = holdfast.ctl(daemon, "help")
        assert result.returncode == 0 and "status" in result.stdout
        result = holdfast.ctl(daemon, "frobnicate")
        assert result.returncode == 1 and "frobnicate" in result.stderr
        result = holdfast.ctl("--json", daemon, "status")
        assert json.loads(result.stdout)["answer"]["pid"]


@pytest.mark.parametrize("words", [["status"], ["users"], ["kick", "1:1"], ["restart"],
                                   ["shutdown"], ["server", "status"]], ids=lambda w: w[0])
def test_with_nothing_running_the_error_says_so(holdfast, words):
    result = holdfast.ctl(*words)
    assert result.returncode == 1, result
    assert "not running" in result.stderr or "nothing" in result.stderr.lower() or \
        "sock" in result.stderr, result.stderr


def test_a_game_that_restarts_is_asked_again(holdfast):
    holdfast.start()
    for _ in range(5):
        before = holdfast.times_ready()
        assert holdfast.ctl("restart").returncode == 0
        result = holdfast.ctl("server", "status")
        assert result.returncode == 0 or "was closed before it answered" in result.stderr, result
        holdfast.wait_ready(before + 1)


def test_a_game_that_is_away_is_told_from_one_that_nobody_started(holdfast):
    holdfast.start()
    holdfast.server.kill9()
    result = holdfast.ctl("restart")
    assert result.returncode == 1
    assert "the game is restarting or away; players wait: see " in result.stderr
    assert f'--run-dir {holdfast.run_dir} status"' in result.stderr, result
    assert "the game is restarting or away; players wait\n" in holdfast.ctl("status").stderr
    holdfast.multiplexer.kill9()
    assert "no server answers" in holdfast.ctl("restart").stderr


def test_stale_sockets_are_not_running_daemons(holdfast):
    holdfast.start()
    holdfast.server.kill9()
    holdfast.multiplexer.kill9()
    result = holdfast.ctl("status")
    assert result.returncode == 1 and result.stderr


@pytest.mark.parametrize("words", [[], ["frobnicate"], ["server"], ["--frob"], ["status", "--frob"]],
                         ids=repr)
def test_wrong_use_is_told_with_status_64(holdfast, words):
    result = holdfast.ctl(*words)
    assert result.returncode == 64 and result.stderr, result


def test_several_questions_on_one_connection_are_answered_in_order(holdfast):
    holdfast.start()
    for daemon in ("multiplexer", "server"):
        with AdminLine(holdfast.run_dir / f"{daemon}.sock") as admin:
            admin.socket.sendall(b'{"argv": ["status"]}\n{"argv": ["nonsense"]}\n{"argv": ["help"]}\n')
            replies = [json.loads(admin.reader.readline()) for _ in range(3)]
            assert [r["ok"] for r in replies] == [True, False, True]
            assert isinstance(replies[2]["answer"], list)


def test_a_silent_admin_holds_nobody_up(holdfast):
    holdfast.start()
    silent = [AdminLine(holdfast.run_dir / "multiplexer.sock") for _ in range(5)]
    for line in silent:
        line.socket.sendall(b'{"argv": ["sta')
    assert holdfast.ctl("status").returncode == 0
    for line in silent:
        assert line.ask_raw(b'tus"]}\n')["users"] == 0
        line.__exit__()


# -- the supervisor -------------------------------------------------------------------------------

def test_run_starts_both_says_how_to_connect_and_ends_both(holdfast):
    supervisor = Supervisor(holdfast)
    wait_for(lambda: "Holdfast is up." in supervisor.text(), "it says that it is up")
    host, port = holdfast.addresses["telnet"]
    wait_for(lambda: f"telnet {host} {port}" in supervisor.text(), "it says how to connect")
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    supervisor.signal(signal.SIGINT)
    assert player.expect_end().endswith(GOODBYE + b"\r\n")
    assert supervisor.wait() == 0
    for daemon in ("multiplexer", "server"):
        with pytest.raises(OSError):
            holdfast.admin(daemon, "status")


def test_run_starts_a_killed_server_again_and_players_stay(holdfast):
    supervisor = Supervisor(holdfast)
    player = holdfast.player()
    n = 0
    for _ in range(3):
        n += 1
        player.line(str(n))
        player.expect(b"ok %d " % n)
        old = supervisor.pid("server")
        assert old and old != supervisor.run_pid
        supervisor.kill_server()
        wait_for(lambda: supervisor.pid("server") not in (0, old), "another server runs")
        time.sleep(0.1)
    player.line(str(n + 1))
    player.expect(b"ok %d " % (n + 1))
    supervisor.end()
    assert supervisor.wait() == 0


def test_run_ends_with_its_multiplexer(holdfast):
    supervisor = Supervisor(holdfast)
    assert holdfast.ctl("shutdown").returncode == 0
    supervisor.wait()
    with pytest.raises(OSError):
        holdfast.admin("server", "status")


def test_run_with_a_server_that_cannot_start_keeps_the_players_and_tries_again(holdfast):
    holdfast.use_own_binaries()
    supervisor = Supervisor(holdfast)
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    server = holdfast.bin / "holdfast-server"
    server.rename(holdfast.bin / "aside")
    server.write_text("#!/bin/sh\nexit 1\n")
    server.chmod(0o755)
    supervisor.kill_server()
    player.expect(b"crashed")
    player.line("2")
    time.sleep(1)
    server.unlink()
    (holdfast.bin / "aside").rename(server)
    player.expect(b"ok 2 ")
    supervisor.end()


def test_run_in_a_terminal_has_the_games_console_and_ends_at_ctrl_c(holdfast):
    with_terminal = Supervisor(holdfast, terminal=True)
    with_terminal.expect("Holdfast is up\\.")
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    with_terminal.child.sendline("players")
    with_terminal.expect(holdfast.users()[0]["key"])
    with_terminal.child.sendline("nonsense")
    with_terminal.expect("no such command: nonsense")
    with_terminal.child.sendline("restart")
    player.line("2")
    player.expect(b"ok 2 ")
    with_terminal.child.sendline("status")
    with_terminal.expect("ledger")
    with_terminal.child.sendintr()
    assert player.expect_end().endswith(GOODBYE + b"\r\n")
    assert with_terminal.wait() == 0


def test_quit_at_the_console_ends_all(holdfast):
    with_terminal = Supervisor(holdfast, terminal=True)
    player = holdfast.player()
    player.expect(b"hello 0")
    with_terminal.child.sendline("quit")
    assert player.expect_end().endswith(GOODBYE + b"\r\n")
    assert with_terminal.wait() == 0
    assert RESTARTING not in player.all


def test_quit_from_elsewhere_ends_all_that_run_has_started_and_asking_twice_kills_nothing(holdfast):
    supervisor = Supervisor(holdfast)
    player = holdfast.player()
    player.expect(b"hello 0")
    for _ in range(2):
        holdfast.ctl("server", "quit", "for", "today")
    assert player.expect_end().endswith(GOODBYE + b"\r\n")
    assert supervisor.wait() == 0
    assert RESTARTING not in player.all
    text = supervisor.text()
    assert ": for today: the multiplexer ends, and we with it\n" in text and "killing" not in text


def test_the_game_starts_when_the_list_listens(holdfast):
    slow = holdfast.dir / "slow-list"
    slow.write_text(f"#!/bin/sh\nsleep 1\necho it begins\nexec {holdfast.bin}/holdfast-list \"$@\"\n")
    slow.chmod(0o755)
    supervisor = Supervisor(holdfast, more=["--list", str(slow), "--list-at", f"+{free_port()}"])
    text = supervisor.text()
    assert text.index("it begins\n") < text.index("server: holdfast-server ")


def test_a_list_comes_back_when_it_dies_and_ends_behind_the_game(holdfast):
    port = free_port()
    supervisor = Supervisor(holdfast, more=["--list-at", f"127.0.0.1:{port}"])

    def list_pid():
        found = re.findall(r"list: listens at", supervisor.text())
        children = pathlib.Path(f"/proc/{supervisor.run_pid}/task/{supervisor.run_pid}/children")
        pids = [int(pid) for pid in children.read_text().split()]
        names = {pathlib.Path(f"/proc/{pid}/comm").read_text().strip(): pid for pid in pids}
        return found and names.get("holdfast-list")
    first = wait_for(list_pid, "the list runs")
    server = supervisor.pid("server")
    wait_for(lambda: f"http://127.0.0.1:{port}/" in supervisor.text(), "it says where the list is")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: list_pid() not in (None, first), "it is started again")
    assert supervisor.pid("server") == server
    supervisor.signal(signal.SIGTERM)
    assert supervisor.wait() == 0
    text = supervisor.text()
    assert text.index("server: ended normally") < text.index("list: ended normally")
