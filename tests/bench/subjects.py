"""What is measured: Holdfast, and what people would use instead. Each is started with players' side at
self.port, and ended by end()."""

import base64
import json
import os
import pathlib
import random
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = TOP / os.environ.get("HOLDFAST_BUILD", "build")
PATIENCE = 30.0

PORTS = range(17000, 20000)
_next_port = random.choice(PORTS)


def free_port():
    """One that nobody listens at; another run at the same time hardly begins at the same."""
    global _next_port
    while True:
        _next_port = PORTS[(_next_port + 1) % len(PORTS)]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", _next_port))
                return _next_port
            except OSError:
                continue


def wait_port(port):
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise RuntimeError(f"nobody listens at port {port}") from None
            time.sleep(0.02)


def cpu_us(pid):
    """Of all its threads, on a processor."""
    return sum(int((task / "schedstat").read_text().split()[0]) / 1000
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def children_of(pid):
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Load:
    """Players of one subject: tests/bench/load.c."""

    def __init__(self, port, pids, speaks=()):
        self.process = subprocess.Popen([BUILD / "bench/load", "127.0.0.1", str(port), *speaks],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.do("cpu " + " ".join(map(str, pids)))

    def begin(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load generator ended with {self.process.wait()}")
        return json.loads(line)

    def do(self, command):
        self.begin(command)
        return self.answer()

    def end(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


class Subject:
    name = ""
    speaks = ()     # besides TCP: ws, tls

    def __init__(self, directory):
        pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
        self.dir = pathlib.Path(tempfile.mkdtemp(dir=directory))
        self.port = free_port()
        self.processes = []
        self.load = None
        self.start()

    def spawn(self, *argv, **more):
        with open(self.dir / "log", "ab") as log:
            process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL,
                                       stdout=more.pop("stdout", log), stderr=log, **more)
        self.processes.append(process)
        return process

    def players(self, count):
        """That many, each of whom has had an answer."""
        wait_port(self.port)
        self.load = Load(self.port, self.pids(), self.speaks)
        answer = self.load.do(f"connect {count}")
        self.load.do("each")
        return answer

    def pid(self):
        """The process that holds the players' sockets."""
        return self.processes[-1].pid

    def pids(self):
        """All that is needed to hold them."""
        return [self.pid()]

    def memory(self):
        """Bytes of those that are nobody else's."""
        return sum(int(line.split()[1]) * 1024 for pid in self.pids()
                   for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                   if line.startswith(("Private_Clean:", "Private_Dirty:")))

    def end(self):
        if self.load:
            self.load.end()
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Holdfast(Subject):
    """holdfast-multiplexer with the echoing game in C."""
    name = "Holdfast"
    kind = "telnet-line"
    options = ""
    fields = ""     # of the listener
    saved = 0

    def start(self):
        (self.dir / "multiplexer.conf").write_text(
            "max_clients = 19700\nsilent_max = 0\nsilent_drop_from = 0\nfirst_line = 0\n"
            "input_rate = 0\nconnect_burst = 0\nhalf_close = 0\nmccp_users = 20000\n"
            f"{self.options}"
            f"listener bench {{ kind = {self.kind} address = '127.0.0.1:{self.port}' {self.fields} }}\n")
        self.start_game()
        self.spawn(BUILD / "holdfast-multiplexer", "--run-dir", self.dir, "--config",
                   self.dir / "multiplexer.conf")

    def start_game(self):
        self.game = self.spawn(BUILD / "bench/game", self.dir / "link.sock", self.saved,
                               stdout=subprocess.PIPE)

    def again(self):
        """kill -9 of the game, and at once the next one; what the next one says of its start."""
        self.game.kill()
        self.game.wait()
        self.processes.remove(self.game)
        pid = self.processes.pop()
        self.start_game()
        self.processes.append(pid)
        return self.game


class HoldfastPatient(Holdfast):
    """It does not close a flooder whose echo he is too slow to read, as the default would."""
    options = "output_limit = 64MiB\noutput_soft = 32MiB\n"


class HoldfastRaw(Holdfast):
    name = "Holdfast, raw"
    kind = "raw"


class HoldfastWebSocket(Holdfast):
    name = "Holdfast, WebSocket"
    kind = "websocket"
    speaks = ("ws",)


class HoldfastTls(Holdfast):
    """With the process that speaks TLS."""
    name = "Holdfast, TLS"
    fields = "tls = yes"
    speaks = ("tls",)

    def start(self):
        subprocess.run([BUILD / "holdfastctl", "cert", "self-signed", self.dir / "tls"], check=True,
                       stdout=subprocess.DEVNULL)
        self.options = ("tls_handshakes = 10000\ntls_handshake_time = 60s\n"
                        f"certificate main {{ chain = '{self.dir}/tls/cert.pem'"
                        f" key = '{self.dir}/tls/key.pem' }}\n")
        super().start()

    def pids(self):
        return [self.pid(), *children_of(self.pid())]


class HoldfastByHand(Holdfast):
    """Its players speak what the load generator does not: greet(socket) makes one of a connection, who
    has had an answer."""

    def start(self):
        self.sockets = []
        super().start()

    def players(self, count):
        wait_port(self.port)
        for _ in range(count):
            self.sockets.append(socket.create_connection(("127.0.0.1", self.port), PATIENCE))
            self.greet(self.sockets[-1])

    def end(self):
        for player in self.sockets:
            player.close()
        super().end()


def wait_bytes(player, wanted):
    got = b""
    while wanted not in got:
        piece = player.recv(4096)
        if not piece:
            raise RuntimeError(f"closed; had {got!r}")
        got += piece


class HoldfastMccp(HoldfastByHand):
    """What comes is not taken apart: that it begins is enough."""
    name = "Holdfast, MCCP2"
    options = "input_burst_bytes = 1MiB\n"
    fields = "negotiate = always"
    lines = ("hello",)

    def greet(self, player):
        player.sendall(b"\xff\xfd\x56")  # IAC DO MCCP2
        wait_bytes(player, b"\xff\xfa\x56\xff\xf0")
        for line in self.lines:
            player.sendall(line.encode() + b"\r\n")
            player.recv(1)


class HoldfastMccpUsed(HoldfastMccp):
    """With so much text that all that zlib has asked for is used."""
    name = "Holdfast, MCCP2 used"
    lines = [random.Random(n).randbytes(1000).hex() for n in range(8)]


class HoldfastPage(HoldfastByHand):
    """The play page, who is waited for when his connection is lost."""
    name = "Holdfast, play page"
    kind = "websocket"

    def greet(self, player):
        key = base64.b64encode(b"0123456789abcdef").decode()
        player.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Protocol: play.holdfast\r\n\r\n".encode())
        wait_bytes(player, b"\r\n\r\n")
        self.say(player, 0x81, b'Mux.Client {"client": "page", "w": 80, "h": 24, "utf8": true}')
        wait_bytes(player, b"Mux.Session")
        self.say(player, 0x81, b"Mux.Seen {}")
        self.say(player, 0x82, b"hello\n")
        wait_bytes(player, b"hello")

    @staticmethod
    def say(player, kind, words):
        """A frame, with a mask that changes nothing."""
        player.sendall(bytes((kind, 0x80 | len(words), 0, 0, 0, 0)) + words)


class HoldfastLua(Holdfast):
    """The same with the game server and a script that echoes."""
    name = "Holdfast, Lua game"

    maps, map = HERE / "maps", "echo"

    def start_game(self):
        self.game = self.spawn(BUILD / "holdfast-server", "--run-dir", self.dir, "--maps", self.maps,
                               "--set", f"sv_map={self.map}")

    def game_status(self):
        done = subprocess.run([BUILD / "holdfastctl", "--json", "--run-dir", self.dir, "server", "status"],
                              check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)["answer"]

    def restart(self):
        subprocess.run([BUILD / "holdfastctl", "--run-dir", self.dir, "restart"], check=True,
                       stdout=subprocess.DEVNULL)

    def gap_of_restart(self, ms):
        """Milliseconds that a player who types all the time had to wait for the answer across it."""
        self.load.begin(f"relay 1 {ms}")
        time.sleep(0.2)
        self.restart()
        return self.load.answer()["max_us"] / 1000

    def gap_of_crash(self):
        """Milliseconds from the kill to the first answer. What was being handled when it died is
        nobody's to answer, so that he types when it is dead."""
        began = time.monotonic()
        self.again()
        self.load.do("one")
        took = (time.monotonic() - began) * 1000
        time.sleep(0.3)
        return took


class Anteroom(HoldfastLua):
    """The game that ships, whose players have said who they are."""
    name = "Holdfast, anteroom"
    maps, map = TOP / "server/lua/maps", "anteroom"

    def players(self, count):
        wait_port(self.port)
        self.load = Load(self.port, self.pids())
        self.load.do(f"connect {count}")
        self.load.do("names")
        self.load.do("each")    # a word that the house does not know is answered as well


class Bare(Subject):
    """tests/bench/bare.c with the same game in C."""
    name = "bare epoll"

    def start(self):
        sock = self.dir / "link.sock"
        self.spawn(BUILD / "bench/game", sock)
        until = time.monotonic() + PATIENCE
        while not sock.exists() and time.monotonic() < until:
            time.sleep(0.01)
        self.spawn(BUILD / "bench/bare", self.port, sock)


class Echo(Subject):
    """tests/bench/echo.c with nothing before it: what a line and its answer cost who does nothing else."""
    name = "an echo alone"

    def start(self):
        self.spawn(BUILD / "bench/echo", self.port)


class Proxy(Subject):
    """A TCP proxy with an echo behind it."""

    def start(self):
        back = free_port()
        self.spawn(BUILD / "bench/echo", back)
        wait_port(back)
        self.start_proxy(back)


class Haproxy(Proxy):
    name = "haproxy"

    def start_proxy(self, back):
        (self.dir / "haproxy.cfg").write_text(
            "global\n  nbthread 1\n  maxconn 9950\n"
            "defaults\n  mode tcp\n  timeout connect 30s\n  timeout client 1h\n  timeout server 1h\n"
            f"frontend in\n  bind 127.0.0.1:{self.port} backlog 4096\n  default_backend out\n"
            f"backend out\n  server echo 127.0.0.1:{back}\n")
        self.spawn("haproxy", "-db", "-f", self.dir / "haproxy.cfg")


class Nginx(Proxy):
    name = "nginx"

    def start_proxy(self, back):
        module = next(pathlib.Path("/usr/lib/nginx/modules").glob("ngx_stream_module.so"))
        (self.dir / "nginx.conf").write_text(
            f"load_module {module};\ndaemon off;\nworker_processes 1;\nworker_rlimit_nofile 20000;\n"
            f"pid {self.dir}/pid;\nerror_log {self.dir}/error.log;\n"
            "events { worker_connections 19990; }\n"
            f"stream {{ server {{ listen 127.0.0.1:{self.port} backlog=4096; proxy_timeout 1h;\n"
            f"  proxy_pass 127.0.0.1:{back}; tcp_nodelay on; }} }}\n")
        self.spawn("nginx", "-c", self.dir / "nginx.conf")

    def pid(self):
        """Its only worker."""
        until = time.monotonic() + PATIENCE
        while not (children := children_of(self.processes[-1].pid)) and time.monotonic() < until:
            time.sleep(0.01)    # it listens before it has one
        return children[0]
