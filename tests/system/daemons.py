"""Starts, hurts and ends the two daemons of one test, and looks at them from outside."""

import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", "build"))
if not BUILD.is_absolute():
    BUILD = TOP / BUILD

# What a test waits for at most. Nothing is asserted about how long a thing takes; a sanitizer
# build on a busy machine is slow, a wait that ends early costs nothing.
PATIENCE = 20.0

# Words of the default configuration that players see.
RESTARTING = b"[The game is restarting. Keep typing: nothing is lost.]"
# A plain AgNet server does not say what it has handled, ours does.
CRASHED = b"[The game crashed and is starting again. Your last command may be lost.]"
SAFE = b"[The game crashed and is starting again. Nothing you typed is lost.]"
CRASHED_ANYHOW = (rb"\[The game crashed and is starting again\. (?:Nothing you typed is lost\.|"
                  rb"Lines of yours that may be lost: (\d+)\.)\]")
DOUBT = b"[The game crashed and is starting again. Lines of yours that may be lost: %d.]"
AWAY = b"[The game is away for a moment. Please wait, you stay connected.]"
HANGS = b"[The game does not answer. Please wait, you stay connected.]"
BACK = b"[The game is back.]"
GOODBYE = b"[The game is closing down. Goodbye.]"

TROUBLE = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:|Assertion|"
                     r"stack smashing|double free|corrupted")


def raise_descriptor_limit(wanted=20000):
    """The daemons inherit it, and the swarm needs one socket a player."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


# Tests run in several processes at once: each has ports of its own, and gives none out twice soon.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORTS = range(20000 + WORKER % 8 * 1500, 20000 + WORKER % 8 * 1500 + 1500)
_next_port = random.choice(PORTS)


def free_port(family=socket.AF_INET):
    """A port that nobody listens on, below the range the kernel takes ports of clients from."""
    global _next_port
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    for _ in range(200):
        port = _next_port
        _next_port = port + 1 if port + 1 in PORTS else PORTS[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port found")


def wait_for(condition, what, timeout=PATIENCE):
    """Polls until condition() is true, and returns what it answered."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain: {what}")
        time.sleep(0.01)


def child_environment():
    env = dict(os.environ)
    env.pop("JOURNAL_STREAM", None)
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


class Daemon:
    """One process whose standard error is a file."""

    def __init__(self, argv, log, stdin=subprocess.DEVNULL):
        self.argv = [str(a) for a in argv]
        self.log = pathlib.Path(log)
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(self.argv, stdin=stdin, stdout=out,
                                            stderr=subprocess.STDOUT, env=child_environment(),
                                            start_new_session=True)
        self.pid = self.process.pid
        self.killed = False

    def is_alive(self):
        return self.process.poll() is None

    def text(self):
        """All that this process has logged."""
        with open(self.log, "rb") as log:
            log.seek(self.log_start)
            return log.read().decode("utf-8", "surrogateescape")

    def wait_log(self, pattern, count=1, timeout=PATIENCE):
        """Waits until pattern was logged that many times."""
        def seen():
            if len(re.findall(pattern, self.text())) >= count:
                return True
            if not self.is_alive() and len(re.findall(pattern, self.text())) < count:
                raise AssertionError(f"{self.argv[0]} ended with {self.process.returncode} before "
                                     f"it logged {pattern!r}:\n{self.text()[-3000:]}")
            return False
        try:
            wait_for(seen, f"{pattern!r} in the log", timeout)
        except AssertionError as why:
            raise AssertionError(f"{why}\n{self.text()[-3000:]}") from None

    def signal(self, number):
        self.process.send_signal(number)

    def kill9(self):
        """Kills it, and waits until the kernel has closed all it had."""
        self.killed = True
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self):
        """SIGSTOP, and waits until it really stands still."""
        self.signal(signal.SIGSTOP)
        wait_for(lambda: self.stat()[0] == "T", "the process stops")

    def go_on(self):
        self.signal(signal.SIGCONT)

    def wait(self, timeout=PATIENCE):
        """Its exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv[0]} (pid {self.pid}) did not end within {timeout:g} s:"
                                 f"\n{self.text()[-3000:]}") from None

    def stat(self):
        """The fields of /proc/PID/stat from the state on."""
        text = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        return text.rpartition(") ")[2].split()

    def cpu_seconds(self):
        fields = self.stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        """{number: what it is} of everything it has open."""
        found = {}
        for entry in os.scandir(f"/proc/{self.pid}/fd"):
            try:
                found[int(entry.name)] = os.readlink(entry.path)
            except OSError:
                continue
        return found

    def end(self, timeout=PATIENCE):
        """SIGTERM; its exit status, which is also right when it had ended before."""
        if self.is_alive():
            # In this order: a SIGCONT at the end would take away the SIGSTOP by which the leak
            # checker of a sanitizer build halts the program, and both would wait for ever.
            self.go_on()
            self.signal(signal.SIGTERM)
        return self.wait(timeout)


class Holdfast:
    """Both daemons in a run directory of their own. Neither is started by itself."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.run_dir = self.dir / "run"
        self.run_dir.mkdir(exist_ok=True)
        self.bin = BUILD
        # Most players of the tests leave by closing; nobody needs to wait for half of them.
        # And most of them type faster than people do.
        self.options = {"max_clients": "2000", "half_close": "0", "input_rate": "0"}
        self.listeners = []       # (name, kind, address text, number, more fields)
        self.addresses = {}       # name -> what a Player connects to
        self.multiplexer = None
        self.server = None
        self.daemons = []         # everything ever started, for the end of the test
        self.players = []
        self.closers = []         # called at the end, before anything is checked
        self.descriptors_before = None
        self.links = 0            # to servers that are another world's
        self.expected_status = {} # pid -> exit status, where it is not 0
        self.maps = HERE / "maps"
        self.map = "ledger"
        self.cvars = {}

    @staticmethod
    def has_ipv6():
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("::1", 0))
                return True
            except OSError:
                return False

    # -- files ------------------------------------------------------------

    @property
    def link_path(self):
        return self.run_dir / "link.sock"

    def listen(self, name="telnet", kind="telnet-line", where="v4", number=None, more=""):
        """Adds a listener to the configuration that start_multiplexer writes; more: further fields.
        Most tests compare what they are sent byte by byte, and so want no telnet options."""
        if kind.startswith("telnet") and "negotiate" not in more:
            more += " negotiate = never"
        if where == "v4":
            port = free_port()
            text, address = f"127.0.0.1:{port}", ("127.0.0.1", port)
        elif where == "everywhere":
            port = free_port()
            text, address = f"*:{port}", ("127.0.0.1", port)
        elif where == "v6":
            port = free_port(socket.AF_INET6)
            text, address = f"[::1]:{port}", ("::1", port)
        else:
            address = str(self.dir / f"{name}.sock")
            text = f"unix:{address}"
        self.listeners.append((name, kind, text, number, more))
        self.addresses[name] = address
        return address

    def write_config(self, extra=""):
        lines = [f"{name} = {value}" for name, value in self.options.items()]
        for name, kind, address, number, more in self.listeners:
            numbered = f" number = {number}" if number else ""
            lines.append(f'listener {name} {{ kind = "{kind}" address = "{address}"{numbered} {more} }}')
        path = self.dir / "multiplexer.conf"
        path.write_text("\n".join(lines) + "\n" + extra)
        return path

    def use_own_binaries(self):
        """Copies the programs, so that a test can put a new build at the same path."""
        own = self.dir / "bin"
        own.mkdir()
        for name in ("holdfast-multiplexer", "holdfast-tls", "holdfast-server", "holdfastctl"):
            shutil.copy2(BUILD / name, own / name)
        self.bin = own

    # -- the daemons ------------------------------------------------------

    def spawn(self, name, *args, log=None):
        daemon = Daemon([self.bin / name, *args], self.dir / (log or f"{name}.log"))
        self.daemons.append(daemon)
        return daemon

    def start_multiplexer(self, **options):
        self.options.update(options)
        if not self.listeners:
            self.listen()
        config = self.write_config()
        self.multiplexer = self.spawn("holdfast-multiplexer", "--config", config,
                                      "--run-dir", self.run_dir, "--log-level", "debug")
        for name, *_ in self.listeners:
            self.wait_listening(self.multiplexer, self.addresses[name], name)
        wait_for(self.admin_answers, "the admin socket answers")
        self.descriptors_before = len(self.multiplexer.descriptors())
        return self.multiplexer

    def admin_answers(self):
        try:
            return bool(self.admin("multiplexer", "status"))
        except OSError:
            return False

    @staticmethod
    def wait_listening(daemon, address, name):
        """Without connecting: a probe would be a user, and be told to the server."""
        def listening():
            if not daemon.is_alive():
                raise AssertionError(f"{daemon.argv[0]} ended with {daemon.process.returncode}:\n"
                                     f"{daemon.text()[-3000:]}")
            if isinstance(address, str):
                return os.path.exists(address)
            table = "/proc/net/tcp6" if ":" in address[0] else "/proc/net/tcp"
            wanted = f":{address[1]:04X}"
            return any(row.split()[1].endswith(wanted) and row.split()[3] == "0A"
                       for row in open(table).readlines()[1:])
        wait_for(listening, f"listener {name} is open")

    def server_arguments(self):
        args = ["--run-dir", self.run_dir, "--maps", self.maps, "--log-level", "debug",
                "--set", f"sv_map={self.map}"]
        for name, value in self.cvars.items():
            args += ["--set", f"{name}={value}"]
        return args

    def start_server(self, wait=True):
        """wait: until users play. Without a multiplexer there is nothing to wait for."""
        before = self.times_ready() if wait else 0
        self.server = self.spawn("holdfast-server", *self.server_arguments())
        if wait:
            self.wait_ready(before + 1)
        return self.server

    def start(self, **options):
        self.start_multiplexer(**options)
        self.start_server()

    def metric(self, name):
        return self.admin("multiplexer", "metrics")[name]

    def times_ready(self):
        return self.metric("server_ready")

    def link_state(self):
        """The multiplexer's word for its link to the server: "open" when users play."""
        return self.admin("multiplexer", "status")["server"]["link"]

    def wait_ready(self, times=1, timeout=PATIENCE):
        """Until a server has become ready that many times, and is."""
        def ready():
            if self.server and not self.server.is_alive():
                raise AssertionError(f"the server ended with {self.server.process.returncode}:\n"
                                     f"{self.server.text()[-3000:]}")
            return self.times_ready() >= times and self.link_state() == "open"
        wait_for(ready, "the link is ready", timeout)

    def restart(self, *reason, wait=True):
        """The orderly restart, as an administrator asks for it."""
        before = self.times_ready()
        answer = self.admin("server", "restart", *reason)
        if wait:
            self.wait_ready(before + 1)
        return answer

    # -- admin ------------------------------------------------------------

    def admin(self, daemon, *argv):
        """The answer of a daemon's command; an error is an AdminError."""
        with AdminLine(self.run_dir / f"{daemon}.sock") as line:
            return line.ask(*argv)

    def ctl(self, *words, timeout=PATIENCE):
        return subprocess.run([str(self.bin / "holdfastctl"), "--run-dir", str(self.run_dir),
                               *map(str, words)], capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, env=child_environment())

    def users(self):
        return self.admin("multiplexer", "users")

    # -- the end ----------------------------------------------------------

    def finish(self):
        """Ends all, and asserts what must be true after every test."""
        trouble = []
        for close in self.closers:
            close()
        for player in self.players:
            player.close()
        if self.server and self.server.is_alive():
            self.server.go_on()
        mux = self.multiplexer
        if mux and mux.is_alive() and self.descriptors_before is not None:
            self.check_descriptors(mux, trouble)
            if not trouble:
                self.check_sums(trouble)
        # The server first: it ends by itself when the multiplexer says goodbye, and a test that
        # ended it in its own way has to be able to tell.
        for daemon in reversed(self.daemons):
            was_alive = daemon.is_alive()
            if not was_alive and daemon.killed:
                continue
            try:
                status = daemon.end()
            except AssertionError as why:
                daemon.process.kill()
                daemon.process.wait()
                trouble.append(str(why))
                continue
            if status != self.expected_status.get(daemon.pid, 0):
                trouble.append(f"{daemon.argv[0]} (pid {daemon.pid}) ended with {status}:\n"
                               f"{daemon.text()[-2000:]}")
        self.kill_what_stayed(trouble)
        for log in self.dir.glob("*.log"):
            text = log.read_text("utf-8", "surrogateescape")
            if TROUBLE.search(text):
                trouble.append(f"{log.name}:\n{text[-6000:]}")
        assert not trouble, "\n".join(trouble)

    def check_sums(self, trouble):
        """N05: all connections that ever came were dropped, closed for some reason, or are users yet."""
        last = []

        def agree():
            m = self.admin("multiplexer", "metrics")
            closed = {name: n for name, n in m.items() if name.startswith("closed_") and n}
            last[:] = [m["connections"], m["connections_dropped"], closed, m["users_now"]]
            return m["connections"] == m["connections_dropped"] + sum(closed.values()) + m["users_now"]
        try:
            wait_for(agree, "the counters add up")
        except (AssertionError, OSError) as why:
            trouble.append(f"connections, dropped, closed, users: {last}: {why}")

    def kill_what_stayed(self, trouble):
        """Daemons that a supervisor started, and left."""
        for entry in os.scandir("/proc"):
            try:
                with open(f"/proc/{int(entry.name)}/cmdline", "rb") as cmdline:
                    words = cmdline.read().decode("utf-8", "replace").split("\0")
            except (ValueError, OSError):
                continue
            if str(self.run_dir) in words and words[0] == "holdfast-tls":
                # It ends by itself when the multiplexer has, a moment later when that was killed.
                try:
                    wait_for(lambda pid=entry.name: not os.path.exists(f"/proc/{pid}"), "it ends")
                    continue
                except AssertionError:
                    pass
            if str(self.run_dir) in words:
                os.kill(int(entry.name), signal.SIGKILL)
                trouble.append(f"still ran at the end: {' '.join(words)}")

    def check_descriptors(self, mux, trouble):
        """After the last player left, the multiplexer holds what it held before the first came."""
        def back():
            extra = self.links + (1 if self.server and self.server.is_alive() else 0)
            return len(mux.descriptors()) <= self.descriptors_before + extra
        try:
            wait_for(back, "the multiplexer gives its descriptors back")
        except AssertionError as why:
            trouble.append(f"{why}: it had {self.descriptors_before}, now {mux.descriptors()}")


class AdminError(Exception):
    """What a daemon answered with "ok": false."""


class AdminLine:
    """A connection to an admin socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.reader = self.socket.makefile("rb")

    def ask(self, *argv):
        return self.ask_raw((json.dumps({"argv": list(map(str, argv))}) + "\n").encode())

    def ask_raw(self, data):
        self.socket.sendall(data)
        line = self.reader.readline()
        if not line:
            raise ConnectionError("the admin socket was closed")
        reply = json.loads(line)
        if not reply["ok"]:
            raise AdminError(reply["error"])
        return reply["answer"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()
