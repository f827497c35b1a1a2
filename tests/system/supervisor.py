"""Both daemons under `holdfastctl run`, as `make run` and a new user start them."""

import os
import signal
import subprocess

from daemons import PATIENCE, child_environment, wait_for


class Supervisor:
    """`holdfastctl run`, with the test's configuration and map."""

    def __init__(self, holdfast):
        holdfast.listen()
        self.holdfast = holdfast
        self.log = holdfast.dir / "run.log"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                [str(holdfast.bin / "holdfastctl"), "--run-dir", str(holdfast.run_dir), "run",
                 "--multiplexer", str(holdfast.bin / "holdfast-multiplexer"),
                 "--server", str(holdfast.bin / "holdfast-server"),
                 "--config-multiplexer", str(holdfast.write_config()),
                 "--config-server", str(self.server_config()), "--maps", str(holdfast.maps)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env=child_environment(), start_new_session=True)
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

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise

    def kill_server(self):
        os.kill(self.pid("server"), signal.SIGKILL)
