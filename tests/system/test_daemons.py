"""The daemons as processes: locks, sockets, signals, configuration, descriptors."""

import os
import resource
import signal
import socket
import subprocess
import time

import pytest

from daemons import BUILD, GOODBYE, PATIENCE, child_environment, wait_for


# -- one of a kind --------------------------------------------------------------------------------

def test_a_second_multiplexer_refuses_and_names_the_first(holdfast):
    holdfast.start_multiplexer()
    player = holdfast.player()
    player.expect(b"away")
    second = holdfast.spawn("holdfast-multiplexer", "--config", holdfast.dir / "multiplexer.conf",
                            "--run-dir", holdfast.run_dir, log="second.log")
    assert second.wait() == 1
    holdfast.expected_status[second.pid] = 1
    assert f"already running as pid {holdfast.multiplexer.pid}" in second.text()
    holdfast.admin("multiplexer", "status")  # its socket was not taken away
    assert player.is_connected()


def test_a_second_server_refuses_and_names_the_first(holdfast):
    holdfast.start()
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    second = holdfast.spawn("holdfast-server", *holdfast.server_arguments(), log="second.log")
    assert second.wait() == 1
    holdfast.expected_status[second.pid] = 1
    assert f"already running as pid {holdfast.server.pid}" in second.text()
    player.line("2")
    player.expect(b"ok 2 ")


def test_after_a_kill_the_lock_and_the_sockets_are_free_again(holdfast):
    holdfast.start()
    for _ in range(3):
        holdfast.server.kill9()
        holdfast.multiplexer.kill9()
        assert (holdfast.run_dir / "link.sock").exists()  # stale
        assert (holdfast.run_dir / "multiplexer.sock").exists()
        holdfast.start_multiplexer()
        holdfast.start_server()
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")


def test_a_lock_names_who_runs_and_after_an_orderly_end_nobody(holdfast):
    holdfast.start()

    def named(kind):
        return (holdfast.run_dir / f"{kind}.lock").read_text()
    assert named("multiplexer") == f"{holdfast.multiplexer.pid}\n"
    holdfast.admin("server", "restart")
    holdfast.server.wait_log("map .*: loaded", count=2)
    assert named("server") == f"{holdfast.server.pid}\n"
    holdfast.server.signal(signal.SIGTERM)
    assert holdfast.server.wait() == 0
    holdfast.multiplexer.signal(signal.SIGTERM)
    assert holdfast.multiplexer.wait() == 0
    assert named("server") == named("multiplexer") == ""


def test_a_stale_socket_of_a_listener_is_replaced_a_live_one_is_not(holdfast):
    path = holdfast.listen("local", where="unix")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    mux = holdfast.spawn("holdfast-multiplexer", "--config", holdfast.write_config(),
                         "--run-dir", holdfast.run_dir)
    wait_for(lambda: answers(path), "the stale socket is replaced")
    assert mux.end() == 0
    live = socket.socket(socket.AF_UNIX)
    if os.path.exists(path):
        os.unlink(path)
    live.bind(path)
    live.listen()
    mux = holdfast.spawn("holdfast-multiplexer", "--config", holdfast.write_config(),
                         "--run-dir", holdfast.run_dir, log="second.log")
    assert mux.wait() == 1
    holdfast.expected_status[mux.pid] = 1
    assert path in mux.text()
    assert answers(path)
    live.close()


def answers(path):
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
            return True
        except OSError:
            return False


def test_a_file_that_is_no_socket_is_never_replaced(holdfast):
    (holdfast.run_dir / "link.sock").write_text("precious")
    server = holdfast.spawn("holdfast-server", *holdfast.server_arguments())
    assert server.wait() == 1
    holdfast.expected_status[server.pid] = 1
    assert (holdfast.run_dir / "link.sock").read_text() == "precious"


def test_a_port_in_use_is_an_error_that_names_it(holdfast):
    _, port = holdfast.listen()
    with socket.create_server(("127.0.0.1", port)):
        mux = holdfast.spawn("holdfast-multiplexer", "--config", holdfast.write_config(),
                             "--run-dir", holdfast.run_dir)
        assert mux.wait() == 1
        holdfast.expected_status[mux.pid] = 1
        assert f"127.0.0.1:{port}" in mux.text()


def test_sockets_are_for_us_alone(holdfast):
    holdfast.start()
    for name in ("link.sock", "multiplexer.sock", "server.sock"):
        assert (holdfast.run_dir / name).stat().st_mode & 0o777 == 0o600, name


# -- signals --------------------------------------------------------------------------------------

def test_sigterm_says_goodbye_shows_all_output_and_ends_with_0(holdfast):
    holdfast.map = "talker"
    holdfast.start()
    players = [holdfast.player() for _ in range(20)]
    for player in players:
        player.expect(b"hello telnet-line\r\n")
    players[0].line("flood 1000")  # 100 KB, nobody reads yet
    players[1].line("echo sync")
    players[1].expect(b"sync")
    holdfast.multiplexer.signal(signal.SIGTERM)
    for player in players[1:]:
        rest = player.expect_end()
        assert rest.endswith(GOODBYE + b"\r\n"), rest
    rest = players[0].expect_end()
    assert rest.count(b"f") >= 99_000 and rest.endswith(GOODBYE + b"\r\n")
    assert holdfast.multiplexer.wait() == 0
    assert holdfast.server.wait() == 0  # it was told
    holdfast.server.wait_log("talker: stop")


def test_a_user_who_does_not_read_cannot_keep_the_multiplexer_from_ending(holdfast):
    holdfast.listen("local", "raw", where="unix")
    server, link = holdfast.start_with_script(output_limit="16MiB", linger="500ms")
    holdfast.player("local")
    key = server.newcomer(link)
    for _ in range(1000):
        link.send("SEND SUBCLIENT TEXT", key, b"x" * 4000)
    link.sync()
    holdfast.multiplexer.signal(signal.SIGTERM)
    assert holdfast.multiplexer.wait() == 0


def test_sigterm_twice_ends_at_once_and_still_with_0(holdfast):
    holdfast.listen("local", "raw", where="unix")
    server, link = holdfast.start_with_script(output_limit="16MiB", linger="60s")
    player = holdfast.player("local")
    key = server.newcomer(link)
    for _ in range(1000):
        link.send("SEND SUBCLIENT TEXT", key, b"x" * 4000)
    link.sync()
    holdfast.multiplexer.signal(signal.SIGTERM)
    wait_for(lambda: "multiplexer ends" in holdfast.multiplexer.text() or
             "SIGTERM" in holdfast.multiplexer.text(), "the first one is seen")
    holdfast.multiplexer.signal(signal.SIGTERM)
    assert holdfast.multiplexer.wait() == 0
    player.expect_end()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH,
                                    signal.SIGCONT])
def test_harmless_signals_do_no_harm(holdfast, number):
    holdfast.start()
    player = holdfast.player()
    for n in range(1, 6):
        holdfast.multiplexer.signal(number)
        holdfast.server.signal(number)
        player.line(str(n))
        player.expect(b"ok %d " % n)
    assert b"[" not in player.all


def test_a_storm_of_signals_loses_no_line(holdfast):
    holdfast.start()
    swarm = holdfast.swarm(20, pace=0.05)
    swarm.start_typing()
    for _ in range(500):
        holdfast.multiplexer.signal(signal.SIGHUP)
        holdfast.server.signal(signal.SIGWINCH)
        holdfast.multiplexer.signal(signal.SIGCHLD)
        time.sleep(0.002)
    swarm.stop_typing()
    swarm.wait_all_answered()
    assert all({a[0] for a in m.answers} == {"hello", "ok"} for m in swarm.members)


def test_stopping_and_going_on_of_the_multiplexer_loses_nothing(holdfast):
    holdfast.start()
    swarm = holdfast.swarm(20, pace=0.05)
    swarm.start_typing()
    for _ in range(5):
        time.sleep(0.2)
        holdfast.multiplexer.stop()
        time.sleep(0.2)
        holdfast.multiplexer.go_on()
    swarm.stop_typing()
    swarm.wait_all_answered()
    for member in swarm.members:
        assert not member.ended and member.notices == []
        assert {a[0] for a in member.answers} == {"hello", "ok"}


def test_a_server_whose_multiplexer_stands_still_ends_all_the_same(holdfast):
    holdfast.cvars["sv_stop_timeout"] = "500ms"
    holdfast.start()
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    holdfast.multiplexer.stop()
    assert holdfast.server.end() == 0
    holdfast.multiplexer.go_on()
    holdfast.start_server()
    player.line("2")
    player.expect(b"ok 2 ")
    assert player.all.count(b"[") == 1


def test_sigterm_twice_ends_the_server_at_once(holdfast):
    holdfast.cvars["sv_stop_timeout"] = "60s"
    holdfast.start()
    holdfast.multiplexer.stop()
    holdfast.server.signal(signal.SIGTERM)
    holdfast.server.wait_log("SIGTERM")
    holdfast.server.signal(signal.SIGTERM)
    assert holdfast.server.wait() == 0
    holdfast.multiplexer.go_on()


def test_quit_ends_the_server_with_3_and_the_players_stay(holdfast):
    holdfast.start()
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    assert holdfast.ctl("server", "quit").returncode == 0
    assert holdfast.server.wait() == 3
    holdfast.expected_status[holdfast.server.pid] = 3
    player.line("2")
    holdfast.start_server()
    player.expect(b"ok 2 ")


# -- configuration --------------------------------------------------------------------------------

def check(name, *args):
    return subprocess.run([str(BUILD / name), *map(str, args)], capture_output=True, text=True,
                          timeout=PATIENCE, stdin=subprocess.DEVNULL, env=child_environment())


GOOD = 'listener telnet { kind = "telnet-line" address = "127.0.0.1:4000" }\n'
# What is written, the line the error must name, and a word of it.
BAD_CONFIGS = {
    "unknown-option": ("max_clients = 10\nmax_client = 10\n", 2, "max_client"),
    "one-address-twice": (GOOD + GOOD.replace("telnet {", "again {"), 2, "as listener 'telnet' has"),
    "not-a-number": ("\nmax_clients = many\n", 2, "max_clients"),
    "too-small": ("max_clients = 0\n", 1, "max_clients"),
    "too-large": ("\n\ntick = 2h\n", 3, "tick"),
    "bad-unit": ("held_input = 16XiB\n", 1, "held_input"),
    "negative": ("linger = -1s\n", 1, "linger"),
    "bad-server": ('server = "carrier pigeon"\n', 1, "server"),
    "unknown-kind": (GOOD + 'listener x {\n kind = "morse"\n address = "127.0.0.1:4001"\n}\n', 3, "morse"),
    "bad-address": (GOOD + 'listener x {\n kind = "raw"\n address = "nowhere"\n}\n', 4, "nowhere"),
    "port-too-large": (GOOD + 'listener x {\n kind = "raw"\n address = "127.0.0.1:65536"\n}\n', 4, "65536"),
    "path-too-long": (GOOD + 'listener x {\n kind = "raw"\n address = "unix:/%s"\n}\n' % ("x" * 107), 4, "107"),
    "no-kind": ('listener x {\n address = "127.0.0.1:4001"\n}\n', None, "kind"),
    "no-address": ('listener x {\n kind = "raw"\n}\n', None, "address"),
    "number-0": ('listener x {\n kind = "raw"\n number = 0\n address = "127.0.0.1:4001"\n}\n', 3, "240"),
    "number-241": ('listener x {\n kind = "raw"\n number = 241\n address = "127.0.0.1:4001"\n}\n', 3, "240"),
    "number-twice": (GOOD.replace("}", "number = 9 }") +
                     'listener x { kind = "raw" address = "127.0.0.1:4001" number = 9 }\n', None, "9"),
    "unclosed-section": ('listener x {\n kind = "raw"\n', None, "multiplexer.conf"),
    "unclosed-quote": ('notice_crash = "oh\n', None, "multiplexer.conf"),
    "unknown-in-section": ('listener x {\n kind = "raw"\n colour = "red"\n}\n', 3, "colour"),
    "garbage": ("\x00\x01\xff\xfe{{{{", None, "multiplexer.conf"),
}


@pytest.mark.parametrize("what", BAD_CONFIGS)
def test_a_bad_configuration_is_refused_with_file_and_line(tmp_path, what):
    text, line, word = BAD_CONFIGS[what]
    path = tmp_path / "multiplexer.conf"
    path.write_bytes(text.encode("latin-1"))
    for args in (["--check-config"], []):  # and it does not start with it either
        result = check("holdfast-multiplexer", "--config", path, "--run-dir", tmp_path, *args)
        assert result.returncode == 78, result
        assert word in result.stderr
        if line:
            assert f"{path}:{line}:" in result.stderr, result.stderr
        assert "Sanitizer" not in result.stderr and "runtime error" not in result.stderr


def test_a_good_configuration_is_accepted_and_the_printed_one_too(tmp_path):
    path = tmp_path / "multiplexer.conf"
    path.write_text("max_clients = 100\n" + GOOD)
    checked = check("holdfast-multiplexer", "--config", path, "--check-config")
    assert (checked.returncode, checked.stdout) == (0, f"{path}: nothing is wrong\n"), checked
    printed = check("holdfast-multiplexer", "--config", path, "--print-config")
    assert printed.returncode == 0 and "max_clients" in printed.stdout
    path.write_text(printed.stdout)
    again = check("holdfast-multiplexer", "--config", path, "--print-config")
    assert again.returncode == 0 and again.stdout == printed.stdout


def test_a_missing_configuration_is_an_error_that_names_it(tmp_path):
    result = check("holdfast-multiplexer", "--config", tmp_path / "none.conf", "--check-config")
    assert result.returncode == 78 and "none.conf" in result.stderr


def test_help_has_two_columns():
    rows = check("holdfastctl", "--help").stdout.split("Commands:\n")[1].split("\n\n")[0].splitlines()
    assert len(rows) > 20
    for row in rows:
        has_help = row[24:26] == "  " and row[26] != " "
        assert row[:2] == "  " and (has_help or "  " not in row.strip()), row   # or a long form alone


@pytest.mark.parametrize("program", ["holdfast-multiplexer", "holdfast-server", "holdfastctl"])
def test_usage_version_and_help(program):
    assert check(program, "--version").returncode == 0
    assert "0.1" in check(program, "--version").stdout
    text = check(program, "--help")
    assert text.returncode == 0 and "--run-dir" in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 80
    wrong = check(program, "--no-such-thing")
    assert wrong.returncode == 64 and "no-such-thing" in wrong.stderr


def test_a_cvar_out_of_bounds_is_refused_at_start(holdfast):
    for setting, word in (("sv_fps=0", "sv_fps"), ("sv_fps=fast", "sv_fps"), ("sv_fps=", "sv_fps"),
                          ("sv_fps", "sv_fps")):
        result = check("holdfast-server", "--run-dir", holdfast.run_dir, "--maps", holdfast.maps,
                       "--set", setting)
        assert result.returncode in (64, 78), (setting, result)
        assert word in result.stderr


def test_a_cvar_that_nobody_has_is_warned_of(holdfast):
    holdfast.cvars["sv_nane"] = "a typing mistake"
    holdfast.start()
    holdfast.server.wait_log("warn.*sv_nane")


def test_a_server_configuration_with_a_mistake_is_refused_with_file_and_line(tmp_path):
    path = tmp_path / "server.cfg"
    path.write_text("// a remark\nset sv_fps 20\nset sv_fps never\n")
    result = check("holdfast-server", "--config", path, "--run-dir", tmp_path, "--check-config")
    assert result.returncode == 78, result
    assert f"{path}:3:" in result.stderr and "sv_fps" in result.stderr


BAD_SETTINGS = {
    "sv_api_ports": "99999", "sv_api_acl": "+foo", "sv_register_url": "ftp://x", "sv_ip": "300.1.1.1",
    "sv_store": "/nonexist/x.db", "sv_regster_url": "https://list.example",
}


def test_the_check_names_what_would_not_work_and_a_restart_goes_by_what_a_start_does(tmp_path):
    """What a start only warns of is a mistake for who asks, and no reason against a restart."""
    (tmp_path / "maps" / "town").mkdir(parents=True)
    (tmp_path / "maps" / "town" / "init.lua").write_text("cvar.new('sv_town', 'x', 'whose')\n")

    def checked(trial, *sets):
        words = [word for one in ("sv_map=town", *sets) for word in ("--set", one)]
        env = child_environment() | ({"HOLDFAST_TRIAL": "1"} if trial else {})
        return subprocess.run(
            [BUILD / "holdfast-server", "--check-config", "--maps", tmp_path / "maps", "--run-dir",
             tmp_path / "run", *words], capture_output=True, text=True, timeout=PATIENCE, env=env)

    for name, value in BAD_SETTINGS.items():
        got = checked(False, f"{name}={value}")
        assert got.returncode == 78 and name in got.stderr.splitlines()[-1], got
        assert got.stdout == ""
        got = checked(True, f"{name}={value}")
        if name == "sv_store":
            assert got.returncode == 78, got  # a start would fail too
        else:
            assert got.returncode == 0 and f"warning: {name}" in got.stderr, got
    got = checked(False, "sv_town=y", "sv_api=1", "sv_api_acl=+127.0.0.1")
    assert (got.returncode, got.stdout, got.stderr) == (0, "settings: nothing is wrong\n", ""), got
    got = checked(False, "gretings=y")
    assert got.returncode == 0 and "warning: gretings" in got.stderr, got
    assert got.stdout == "settings: nothing else is wrong\n"


def test_a_map_that_does_not_exist_or_compile_is_an_error_that_names_it(holdfast):
    for name, text in (("nowhere", None), ("broken", "game.on('start',\nfunction( end)\n")):
        if text:
            (holdfast.dir / "maps" / name).mkdir(parents=True)
            (holdfast.dir / "maps" / name / "init.lua").write_text(text)
        result = check("holdfast-server", "--run-dir", holdfast.run_dir,
                       "--maps", holdfast.dir / "maps", "--set", f"sv_map={name}",
                       "--check-config")
        assert result.returncode not in (0, 64), result
        assert name in result.stderr


# -- descriptors ----------------------------------------------------------------------------------

def test_more_users_than_descriptors_is_refused_at_start(holdfast):
    holdfast.listen()
    config = holdfast.write_config()
    config.write_text(config.read_text().replace("max_clients = 2000", "max_clients = 1000000"))
    mux = holdfast.spawn("holdfast-multiplexer", "--config", config, "--run-dir", holdfast.run_dir)
    status = mux.wait()
    assert status in (1, 78)
    holdfast.expected_status[mux.pid] = status
    assert "max_clients" in mux.text()


def test_one_user_too_many_is_told_so_and_the_others_stay(holdfast):
    holdfast.start(max_clients="5")
    players = [holdfast.player() for _ in range(5)]
    for player in players:
        player.expect(b"hello 0\r\n")
    for _ in range(3):
        refused = holdfast.player()
        assert b"full" in refused.expect_end()
    for player in players:
        player.line("1")
        player.expect(b"ok 1 ")
    players.pop().close()
    wait_for(lambda: len(holdfast.users()) == 4, "one has left")
    holdfast.player().expect(b"hello 0\r\n")


def test_out_of_descriptors_new_ones_are_refused_and_the_others_play_on_without_a_spin(holdfast):
    holdfast.start()
    players = [holdfast.player() for _ in range(10)]
    for player in players:
        player.expect(b"hello 0\r\n")
    mux = holdfast.multiplexer
    limit = len(mux.descriptors()) + 3
    old = resource.prlimit(mux.pid, resource.RLIMIT_NOFILE)
    # Highest number in use: the limit is about numbers.
    limit = max(limit, max(mux.descriptors()) + 1)
    resource.prlimit(mux.pid, resource.RLIMIT_NOFILE, (limit, old[1]))
    late = [holdfast.player() for _ in range(20)]
    time.sleep(0.3)
    before = mux.cpu_seconds()
    time.sleep(1)
    spent = mux.cpu_seconds() - before
    assert spent < 0.5, f"{spent} s of processor time in 1 s of nothing"
    for player in players:
        player.line("1")
        player.expect(b"ok 1 ")
    # Nobody is left in the dark: let in, or told and closed.
    told = 0
    for player in late:
        def settled():
            player.drain()
            return player.ended or player.all
        wait_for(settled, "a late one hears something")
        told += player.ended
    assert told > 0
    for player in late:
        player.close()
    resource.prlimit(mux.pid, resource.RLIMIT_NOFILE, old)
    wait_for(lambda: len(holdfast.users()) == 10, "the late ones are gone")
    holdfast.player().expect(b"hello 0\r\n")


def test_the_server_survives_being_out_of_descriptors(holdfast):
    holdfast.start()
    player = holdfast.player()
    player.expect(b"hello 0\r\n")
    server = holdfast.server
    old = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    limit = max(server.descriptors()) + 1
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (limit, old[1]))
    strangers = []
    for _ in range(10):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(str(holdfast.link_path))
        strangers.append(s)
    before = server.cpu_seconds()
    time.sleep(1)
    assert server.cpu_seconds() - before < 0.5
    player.line("1")
    player.expect(b"ok 1 ")
    for s in strangers:
        s.close()
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, old)
    holdfast.admin("server", "status")


def test_it_runs_without_standard_streams(holdfast):
    holdfast.listen()
    config = holdfast.write_config()
    mux = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
                            str(BUILD / "holdfast-multiplexer"), "--config", str(config),
                            "--run-dir", str(holdfast.run_dir)], env=child_environment())
    try:
        wait_for(lambda: (holdfast.run_dir / "multiplexer.sock").exists(), "it starts")
        player = holdfast.player()
        player.expect(b"away")
        server = holdfast.scripted_server()
        link = server.start()
        key = server.newcomer(link)
        player.line("hello")
        link.expect("GOT SUBCLIENT TEXT", key, b"hello\n")
        link.close()
        mux.terminate()
        assert mux.wait(PATIENCE) == 0
    finally:
        mux.kill()
        mux.wait()


def test_a_log_nobody_reads_never_holds_the_multiplexer_up(holdfast):
    holdfast.listen()
    config = holdfast.write_config()
    reader, writer = os.pipe()
    mux = subprocess.Popen([str(BUILD / "holdfast-multiplexer"), "--config", str(config), "--run-dir",
                            str(holdfast.run_dir), "--log-level", "debug"], stderr=writer,
                           stdin=subprocess.DEVNULL, env=child_environment())
    os.close(writer)
    try:
        wait_for(lambda: (holdfast.run_dir / "multiplexer.sock").exists(), "it starts")
        for _ in range(1500):  # each writes lines of the log: more than a pipe holds
            holdfast.player().close()
        holdfast.player().expect(b"away")
        mux.terminate()
        assert mux.wait(PATIENCE) == 0
    finally:
        mux.kill()
        mux.wait()
        os.close(reader)


