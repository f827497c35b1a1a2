"""What is measured: one function a table."""

import json
import socket
import statistics
import time
import zlib

import subjects
from report import Table


class Run:
    """Where a table's subjects live, and how much is measured."""

    def __init__(self, directory, size):
        self.dir = directory
        self.rounds, self.ms, self.few, self.many, self.sizes, self.listeners, self.pause, self.most = {
            "full": (5, 1500, 1000, 9900, (1, 100, 1000, 9900), 300, 1, (19600,)),
            "quick": (2, 500, 1000, 4000, (1, 100, 1000), 50, 1, ()),
            "smoke": (1, 50, 20, 30, (1, 20), 2, 0.2, ()),
        }[size]

    def start(self, *kinds):
        return [kind(self.dir) for kind in kinds]


def in_turns(rounds, subjects_, measure):
    """{subject: [what measure(subject) gave, a round each]}, A B A B."""
    found = {s: [] for s in subjects_}
    for _ in range(rounds):
        for s in subjects_:
            found[s].append(measure(s))
    return found


def median(values):
    return statistics.median(values)


# ---- 1, 7: relay ---------------------------------------------------------------------------------

RELAY = (subjects.Holdfast, subjects.Bare, subjects.Echo, subjects.Haproxy, subjects.Nginx,
         subjects.HoldfastLua, subjects.HoldfastWebSocket)
AIMS = {100: 0.5, 1000: 0.4, 9900: 0.55}


def relay(run):
    table = Table("A line and its answer, through the process that holds the players",
                  ["", *(f"{n:,} players" for n in run.sizes), *(f"p99 ms, {n:,}" for n in run.sizes)],
                  "Players who send a line of 64 bytes, wait for its echo and send the next. Microseconds "
                  "of processor time a round trip, and the 99th percentile of the answer's delay. Holdfast "
                  "is the multiplexer with telnet in front of a game in C that echoes; haproxy (mode tcp, one "
                  "thread) and nginx (stream, one worker) stand in front of a TCP echo. An echo alone is the "
                  "floor: it waits with epoll, reads a line and sends it back, and does nothing besides.",
                  range(1, len(run.sizes) + 1), "microseconds of processor time a round trip")
    cpu, late = {}, {}     # a value each round

    def of(other, figures, n):
        """Of each round, since the machine itself is faster and slower from one to the next."""
        return median([ours / theirs for ours, theirs in zip(figures["Holdfast", n], figures[other, n])])

    for n in run.sizes:
        all_ = run.start(*RELAY)
        try:
            for s in all_:
                s.players(n)
            found = in_turns(2 * run.rounds, all_, lambda s: s.load.do(f"relay {n} {run.ms // 2}"))
            for s, rounds in found.items():
                cpu[s.name, n] = [r["cpu_us"][0] / r["answers"] for r in rounds]
                late[s.name, n] = [r["p99_us"] / 1000 for r in rounds]
        finally:
            for s in all_:
                s.end()
    for kind in RELAY:
        table.row(kind.name, *(median(cpu[kind.name, n]) for n in run.sizes),
                  *(median(late[kind.name, n]) for n in run.sizes))
    for other in ("haproxy", "nginx", "bare epoll", "an echo alone"):
        table.row(f"Holdfast / {other}", *(of(other, cpu, n) for n in run.sizes),
                  *(of(other, late, n) for n in run.sizes))
    for n in run.sizes:
        if n in AIMS:
            table.aim(f"{n:,} players, of haproxy", of("haproxy", cpu, n), AIMS[n])
    for n in run.sizes[1:]:
        table.aim(f"{n:,} players, of a bare multiplexer", of("bare epoll", cpu, n), 1.2)
    table.aim(f"a message at {run.sizes[-1]:,} players, of one at {run.sizes[1]}",
              median(cpu["Holdfast", run.sizes[-1]]) / median(cpu["Holdfast", run.sizes[1]]), 1.5)
    table.aim("the same, of what an echo alone costs there",
              of("an echo alone", cpu, run.sizes[-1]) / of("an echo alone", cpu, run.sizes[1]), 1.5)
    return table


# ---- 2: memory -----------------------------------------------------------------------------------

def memory(run):
    sizes = (run.few, run.many, *run.most)
    table = Table("Memory of an idle player", ["", *(f"{n:,} players" for n in sizes)],
                  "What the process that holds the players' sockets (for TLS with the one that speaks it) has "
                  "more than before they came, bytes each; every one has sent a line and had an answer (\"MCCP2 "
                  "used\": as many as zlib needs to use all that it has taken). The kernel's part of a socket is "
                  "in none of them. Beyond 9,900 the proxies, which need two descriptors a player, have not "
                  "enough of them here.", range(1, len(sizes) + 1), "bytes")
    kinds = (subjects.Holdfast, subjects.HoldfastRaw, subjects.HoldfastWebSocket, subjects.HoldfastPage,
             subjects.HoldfastMccp, subjects.HoldfastMccpUsed, subjects.HoldfastTls, subjects.Haproxy,
             subjects.Nginx)
    found = {}
    for n in sizes:
        for kind in kinds[:3] if n in run.most else kinds:
            s = kind(run.dir)
            try:
                subjects.wait_port(s.port)
                before = s.memory()
                s.players(n)
                time.sleep(run.pause)
                found[kind.name, n] = (s.memory() - before) / n
            finally:
                s.end()
    for kind in kinds:
        table.row(kind.name, *(found.get((kind.name, n)) for n in sizes))
    table.aim("telnet, bytes", found["Holdfast", run.many], 1536)
    table.aim("TLS, bytes", found["Holdfast, TLS", run.many], 20480)
    table.aim("WebSocket, bytes", found["Holdfast, WebSocket", run.many], 2048)
    return table


# ---- 3: restart gap ------------------------------------------------------------------------------

def gap_of(kind, run, count, saved):
    """Milliseconds from kill -9 to the first answer, and to the end of the listing by the new game."""
    rounds = []
    kind = type(kind.__name__, (kind,), {"saved": saved})
    s = kind(run.dir)
    try:
        s.players(count)
        time.sleep(run.pause / 2)
        for _ in range(run.rounds):
            began = time.monotonic()
            game = s.again()
            answer = s.load.do("one")
            took = (time.monotonic() - began) * 1000
            listed = json.loads(game.stdout.readline())
            assert listed["listed"] == count, listed
            rounds.append((took, listed["ms"], answer["cpu_us"][0] / 1000))
            time.sleep(run.pause / 3)
    finally:
        s.end()
    return [median(column) for column in zip(*rounds)]


def restart(run):
    table = Table("kill -9 of the game, until the first line is answered by the next one",
                  ["", "ms to the answer", "ms of the new game", "ms of the multiplexer's processor"],
                  "Players stay connected; the next game is started as soon as the old one is gone, gets all of "
                  "them with what was saved about each, says READY, and answers a line that was typed "
                  "meanwhile.", [1], "milliseconds")
    worst = None
    for count in (run.few, run.many):
        for saved in (512, 4044):
            took = gap_of(subjects.Holdfast, run, count, saved)
            table.row(f"Holdfast, {count:,} players, {saved:,} bytes each", *took)
            worst = took[0]
    table.aim(f"{run.many:,} players with 4,044 bytes, ms", worst, 60)
    return table


# ---- 4: fan-out ----------------------------------------------------------------------------------

def fan(run):
    sizes = (run.few // 10, run.few, run.many)
    table = Table("One line to everybody", ["", *(f"{n:,} players, ms" for n in sizes),
                                           *(f"us a delivery, {n:,}" for n in sizes)],
                  "From the sender's line until the last player has it, and processor time of the "
                  "multiplexer for each delivery. One message to a list, beside a message for each.",
                  range(1, 4), "milliseconds")
    found = {}
    for n in sizes:
        all_ = run.start(subjects.Holdfast, subjects.Bare)
        try:
            for s in all_:
                s.players(n)
            for word in ("!all", "!each"):
                for s, rounds in in_turns(run.rounds, all_, lambda s: s.load.do(f"fan {word}")).items():
                    found[s.name, word, n] = (median([r["ms"] for r in rounds]),
                                              median([r["cpu_us"][0] / n for r in rounds]))
        finally:
            for s in all_:
                s.end()
    for name in ("Holdfast", "bare epoll"):
        for word, what in (("!all", "one message"), ("!each", "a message each")):
            table.row(f"{name}, {what}", *(found[name, word, n][0] for n in sizes),
                      *(found[name, word, n][1] for n in sizes))
    return table


# ---- 5: a slow reader and a flooder --------------------------------------------------------------

def neighbours(run):
    table = Table(f"{run.few:,} players, beside one who reads nothing and one who floods",
                  ["", "p50 ms", "p99 ms"],
                  "A tenth of them send a line, wait for its echo and send the next, while one other "
                  "player does not read what he is sent, or another sends as fast as the network takes it "
                  "(without the limit of input that is the default: fairness alone).", [1, 2], "milliseconds")
    found = {}
    for name, command, kind in (("alone", None, subjects.Holdfast),
                                ("with a slow reader", "slow 1", subjects.Holdfast),
                                ("with a flooder", "flood 1", subjects.HoldfastPatient)):
        s = kind(run.dir)
        try:
            s.players(run.few)
            if command:
                s.load.do(command)
            rounds = []
            for _ in range(run.rounds):
                rounds.append(s.load.do(f"relay {run.few // 10} {run.ms}"))
            found[name] = [median([r[p] / 1000 for r in rounds]) for p in ("p50_us", "p99_us")]
        finally:
            s.end()
        table.row(f"Holdfast, {name}", *found[name])
    return table


# ---- 6: connects ---------------------------------------------------------------------------------

def connects(run):
    table = Table("New players", ["", "a second", "us of processor each", "bytes left behind each"],
                  f"{run.many:,} connect at once and each has an answer to his first line; then all leave, "
                  "and come again. What is left behind is memory after they have left.",
                  [1], "a second")
    kinds = (subjects.Holdfast, subjects.Haproxy, subjects.Nginx)
    all_ = run.start(*kinds)
    try:
        for s in all_:
            subjects.wait_port(s.port)
            s.before = s.memory()
            s.load = subjects.Load(s.port, [s.pid()])

        def storm(s):
            connected = s.load.do(f"connect {run.many}")
            answered = s.load.do("each")
            s.load.do("close")
            time.sleep(run.pause)
            ms = connected["ms"] + answered["ms"]
            return (run.many / ms * 1000, (connected["cpu_us"][0] + answered["cpu_us"][0]) / run.many,
                    (s.memory() - s.before) / run.many)
        for s, rounds in in_turns(min(run.rounds, 3), all_, storm).items():
            table.row(s.name, *(median(column) for column in zip(*rounds)))
    finally:
        for s in all_:
            s.end()
    return table


# ---- 8: compression ------------------------------------------------------------------------------

class Listener:
    """A player who only counts what he gets, compressed or not."""

    def __init__(self, port, compressed):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.bytes = 0
        self.text = b""
        self.inflate = zlib.decompressobj() if compressed else None
        self.began = not compressed
        if compressed:
            self.sock.sendall(b"\xff\xfd\x56")     # IAC DO COMPRESS2

    def hear(self):
        data = self.sock.recv(65536)
        self.bytes += len(data)
        if not self.began:
            mark = data.find(b"\xff\xfa\x56\xff\xf0")
            if mark < 0:
                return
            self.began, data = True, data[mark + 5:]
        self.text += self.inflate.decompress(data) if self.inflate else data

    def hear_until(self, mark):
        while mark not in self.text:
            self.hear()


def game_text():
    """Prose in lines, as a game sends it: this project's own, with colours as a game has them."""
    prose = [line.strip() for line in (subjects.TOP / "README.md").read_text().splitlines()
             if len(line) > 60 and not line.startswith((" ", "|"))]
    return [f"\x1b[1;36mA room {n}\x1b[0m {line}" for n, line in enumerate(prose)][:150]


def compression(run):
    count = run.listeners
    table = Table("Compression (MCCP2)", ["", "bytes a player", "us of processor a line and player",
                                         "memory of a player"],
                  f"English prose with a coloured name before each line, to {count} players, a line at a time; "
                  "what each player's connection carried, and what it cost the multiplexer.", [1], "bytes a player")
    lines = game_text()
    found = {}
    for name, compressed in (("plain", False), ("with MCCP2", True)):
        s = subjects.Holdfast(run.dir)
        try:
            subjects.wait_port(s.port)
            before = s.memory()
            all_ = [Listener(s.port, compressed) for _ in range(count)]
            speaker = Listener(s.port, False)
            speaker.sock.sendall(b"!say begin\r\n")
            for listener in all_:
                listener.hear_until(b"begin")
                listener.bytes, listener.text = 0, b""
            cpu = subjects.cpu_us(s.pid())
            for n, line in enumerate(lines):
                speaker.sock.sendall(f"!say {line} ({n})\r\n".encode())
                for listener in all_:
                    listener.hear_until(f"({n})\r\n".encode())
                    listener.text = b""
            cpu = subjects.cpu_us(s.pid()) - cpu
            found[name] = sum(listener.bytes for listener in all_) / count
            table.row(f"Holdfast, {name}", found[name], cpu / count / len(lines),
                      (s.memory() - before) / count)
            for listener in [*all_, speaker]:
                listener.sock.close()
        finally:
            s.end()
    table.findings.append(f"Compressed, the text takes {found['with MCCP2'] / found['plain']:.0%} of its "
                          "bytes.")
    return table


# ---- 3, once more: the game in Lua ---------------------------------------------------------------

def restart_lua(run):
    table = Table("A restart of the Lua game, until the first line is answered by the next one",
                  ["", "ms, restart", "ms, kill -9"],
                  "The game server with a script that restores every player. A restart is "
                  "`holdfastctl restart`: input is held, saves are made, the program starts anew; the longest "
                  "that one who types all the time waits for an answer. kill -9: as above.", [1, 2],
                  "milliseconds")
    for count in (run.few, run.many):
        s = subjects.HoldfastLua(run.dir)
        try:
            s.players(count)
            time.sleep(run.pause)
            restarts = in_turns(run.rounds, [s], lambda s: s.gap_of_restart(run.ms + 500))[s]
            kills = in_turns(run.rounds, [s], lambda s: s.gap_of_crash())[s]
        finally:
            s.end()
        table.row(f"Holdfast, {count:,} players", median(restarts), median(kills))
    table.aim(f"{run.many:,} players, a restart, ms", median(restarts), 250)
    return table


# ---- 7: frames -----------------------------------------------------------------------------------

def frames(run):
    table = Table("Frames of the game while players play", ["", "late, p99 ms", "late, most ms",
                                                           "work, p99 ms", "left out"],
                  "How late a frame begins that should begin every 50 ms, and how long it works, from when "
                  "all come at once, and while then every tenth player sends a line, waits for its answer and "
                  "sends the next. In the anteroom all say their names at once and stand in one room, where "
                  "everybody hears who comes.", [1], "milliseconds")
    for kind, count in ((subjects.Anteroom, run.few), (subjects.Anteroom, run.many),
                        (subjects.HoldfastLua, run.few), (subjects.HoldfastLua, run.many)):
        s = kind(run.dir)
        try:
            s.players(count)
            time.sleep(run.pause)
            s.load.do(f"relay {count // 10} {run.ms * 4}")
            told = s.game_status()["frames"]
        finally:
            s.end()
        table.row(f"{kind.name}, {count:,} players", told["late"]["p99_ms"], told["late"]["max_ms"],
                  told["work"]["p99_ms"], told["left_out"])
    return table


ALL = {"relay": relay, "memory": memory, "restart": restart, "restart-lua": restart_lua, "fan": fan, "frames": frames,
       "neighbours": neighbours, "connects": connects, "compression": compression}
