"""`holdfastctl run` as a person has it: in a terminal, with a console and Ctrl-C."""

import os
import signal
import time

import pexpect
import pytest

from daemons import CRASHED, GOODBYE, PATIENCE, RESTARTING, child_environment, wait_for


class Terminal:
    """The supervisor in a terminal of its own; it is up when this returns."""

    def __init__(self, holdfast, server=None):
        holdfast.listen()
        config = holdfast.dir / "server.cfg"
        config.write_text(f"set sv_map {holdfast.map}\n")
        self.holdfast = holdfast
        words = ["--run-dir", holdfast.run_dir, "run", "--maps", holdfast.maps,
                 "--multiplexer", holdfast.bin / "holdfast-multiplexer",
                 "--server", server or holdfast.bin / "holdfast-server",
                 "--config-multiplexer", holdfast.write_config(), "--config-server", config]
        self.log = open(holdfast.dir / "run.log", "w", encoding="utf-8")
        self.child = pexpect.spawn(str(holdfast.bin / "holdfastctl"), list(map(str, words)),
                                   env=child_environment(), timeout=PATIENCE, encoding="utf-8",
                                   dimensions=(50, 200), logfile=self.log)
        holdfast.closers.append(self.end)
        self.child.expect("Stop both:")

    def pid(self, daemon):
        try:
            return self.holdfast.admin(daemon, "status")["pid"]
        except (OSError, ConnectionError, ValueError):
            return 0

    def answers(self, fps):
        """The console does what is typed, and says so."""
        self.child.sendline(f"set sv_fps {fps}")
        self.child.sendline("get sv_fps")
        self.child.expect(f"sv_fps: {fps}")

    def status(self):
        """How it ended: (exit status, signal)."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus, self.child.signalstatus

    def end(self):
        if self.child.isalive():
            self.child.kill(signal.SIGTERM)
            self.child.expect(pexpect.EOF)
        self.child.close(force=True)
        self.log.close()


def test_the_console_works_and_still_works_after_a_restart_and_a_crash(holdfast):
    terminal = Terminal(holdfast)
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    terminal.answers(30)
    before = holdfast.times_ready()
    terminal.child.sendline("restart")
    holdfast.wait_ready(before + 1)
    terminal.answers(40)
    os.kill(terminal.pid("server"), signal.SIGKILL)
    holdfast.wait_ready(before + 2)
    terminal.answers(50)
    player.line("2")
    player.expect(b"ok 2 ")
    terminal.end()


def test_ctrl_c_is_one_goodbye_and_nothing_else(holdfast):
    terminal = Terminal(holdfast)
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    terminal.child.sendintr()
    assert player.expect_end().endswith(GOODBYE + b"\r\n")
    assert terminal.status() == (0, None)
    assert RESTARTING not in player.all and CRASHED not in player.all
    assert terminal.pid("server") == 0 and terminal.pid("multiplexer") == 0


def test_quit_on_the_console_ends_both(holdfast):
    terminal = Terminal(holdfast)
    player = holdfast.player()
    player.expect(b"hello 0")
    terminal.child.sendline("quit")
    assert player.expect_end().endswith(GOODBYE + b"\r\n")
    assert terminal.status() == (0, None)
    assert RESTARTING not in player.all and CRASHED not in player.all
    assert terminal.pid("multiplexer") == 0


def test_a_second_ctrl_c_kills_what_does_not_end(holdfast):
    stubborn = holdfast.dir / "stubborn"
    stubborn.write_text("#!/bin/sh\ntrap '' TERM INT\nwhile :; do sleep 0.1; done\n")
    stubborn.chmod(0o755)
    terminal = Terminal(holdfast, stubborn)
    terminal.child.sendintr()
    terminal.child.expect("multiplexer: ended normally")
    time.sleep(0.3)  # signals that come together are one wish: a terminal's, and make's behind it
    terminal.child.sendintr()
    terminal.child.expect("asked a second time")
    assert terminal.status() == (0, None)


def test_shutdown_does_not_bring_the_server_back(holdfast):
    terminal = Terminal(holdfast)
    player = holdfast.player()
    player.expect(b"hello 0")
    assert holdfast.ctl("shutdown").returncode == 0
    assert player.expect_end().endswith(GOODBYE + b"\r\n")
    assert terminal.status() == (0, None)
    terminal.log.flush()
    text = (holdfast.dir / "run.log").read_text("utf-8")
    assert text.count("holdfast-server 0") == 1, text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_a_signal_to_the_supervisor_ends_both(holdfast, number):
    terminal = Terminal(holdfast)
    player = holdfast.player()
    player.expect(b"hello 0")
    terminal.child.kill(number)
    assert player.expect_end().endswith(GOODBYE + b"\r\n")
    assert terminal.status() == (0, None)
    wait_for(lambda: terminal.pid("multiplexer") == terminal.pid("server") == 0, "both have ended")


def test_a_wrong_configuration_is_told_and_nothing_stays(holdfast):
    holdfast.listen()
    config = holdfast.dir / "server.cfg"
    config.write_text("set sv_fps fast\n")
    result = holdfast.ctl("run", "--maps", holdfast.maps, "--config-server", config,
                          "--config-multiplexer", holdfast.write_config())
    assert result.returncode == 1
    assert "server.cfg:1:" in result.stderr and "exit status 78" in result.stderr
    assert holdfast.ctl("status").returncode == 1


def test_a_second_one_in_the_same_directory_is_refused_and_disturbs_nobody(holdfast):
    holdfast.start()
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    result = holdfast.ctl("run", "--maps", holdfast.maps,
                          "--config-multiplexer", holdfast.write_config())
    assert result.returncode == 1
    assert f"already running as pid {holdfast.multiplexer.pid}" in result.stderr
    player.line("2")
    player.expect(b"ok 2 ")
    assert b"[" not in player.all
