"""Both daemons under `holdfastctl run`, as `make run` and a new user start them."""

import os
import re
import signal
import subprocess

import pexpect

from daemons import PATIENCE, child_environment, wait_for


class Supervisor:
    """`holdfastctl run`, with the test's configuration and map; with a terminal or without."""

    def __init__(self, holdfast, terminal=False, more=()):
        holdfast.listen()
        self.holdfast = holdfast
        self.log = holdfast.dir / "run.log"
        self.child = self.process = None
        argv = [str(holdfast.bin / "holdfastctl"), "--run-dir", str(holdfast.run_dir), "run",
                "--multiplexer", str(holdfast.bin / "holdfast-multiplexer"),
                "--server", str(holdfast.bin / "holdfast-server"),
                "--config-multiplexer", str(holdfast.write_config()),
                "--config-server", str(self.server_config()), "--maps", str(holdfast.maps),
                *more]
        self.out = open(self.log, "wb") # pylint: disable=consider-using-with
        if terminal:
            self.child = pexpect.spawn(argv[0], argv[1:], env=child_environment(),
                                       timeout=PATIENCE, dimensions=(50, 300))
            self.child.logfile_read = self.out
            self.run_pid = self.child.pid
        else:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.out,
                                            stderr=subprocess.STDOUT, env=child_environment(),
                                            start_new_session=True)
            self.run_pid = self.process.pid
        holdfast.closers.append(self.end)
        wait_for(lambda: self.pid("server") and self.link_is_open(), "both run")

    def server_config(self):
        path = self.holdfast.dir / "server.cfg"
        path.write_text(f"set sv_map {self.holdfast.map}\n")
        return path

    def pid(self, daemon):
        try:
            return self.holdfast.admin(daemon, "status")["pid"]
        except (OSError, ConnectionError, ValueError):
            return 0

    def link_is_open(self):
        return self.holdfast.link_state() == "open"

    def text(self):
        return self.log.read_text("utf-8", "replace")

    def expect(self, pattern):
        """At its terminal."""
        try:
            self.child.expect(pattern)
        except (pexpect.TIMEOUT, pexpect.EOF):
            raise AssertionError(f"{pattern!r} did not come:\n"
                                 f"{re.sub(chr(13), '', self.text())[-3000:]}") from None

    def signal(self, number):
        os.kill(self.run_pid, number)

    def kill_server(self):
        os.kill(self.pid("server"), signal.SIGKILL)

    def wait(self):
        """Its exit status."""
        if self.process:
            return self.process.wait(PATIENCE)
        self.child.expect(pexpect.EOF)
        self.child.wait()
        self.out.flush()
        return self.child.exitstatus

    def end(self):
        alive = self.child.isalive() if self.child else self.process.poll() is None
        try:
            if alive:
                self.signal(signal.SIGTERM)
                self.wait()
        finally:
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            if self.child:
                self.child.close(force=True)
            self.out.close()
