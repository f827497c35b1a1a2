"""Players without a terminal: one that a test talks through, and a swarm of a thousand."""

import random
import re
import select
import socket
import ssl
import struct
import threading
import time

from daemons import PATIENCE


def connect(address, timeout=PATIENCE, source=None):
    """address: (host, port), or the path of an AF_UNIX socket. source: a host to come from."""
    if isinstance(address, str):
        family = socket.AF_UNIX
    else:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(timeout)
    if source:
        s.bind((source, 0))
    s.connect(address)
    if family != socket.AF_UNIX:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_all(s, timeout=PATIENCE):
    """What the other side still says until it is gone."""
    s.settimeout(timeout)
    got = b""
    try:
        while data := s.recv(65536):
            got += data
    except ConnectionResetError:
        pass
    return got


class Player:
    """One connection. Everything ever received is kept in `all`; expect() eats of `new`."""

    def __init__(self, address, receive_buffer=None, source=None):
        if receive_buffer:
            # Before connect, so that the window is small from the start.
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.socket.settimeout(PATIENCE)
            self.socket.connect(address)
        else:
            self.socket = connect(address, source=source)
        self.all = b""
        self.new = b""
        self.ended = False  # the other side closed

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self, text):
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")

    def send_urgent(self, data):
        self.socket.send(data, socket.MSG_OOB)

    def read_some(self, timeout):
        """False when nothing came in time, or the connection has ended."""
        if self.ended or not select.select([self.socket], [], [], max(timeout, 0))[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            self.ended = True
            return False
        self.all += data
        self.new += data
        return True

    def expect(self, pattern, timeout=PATIENCE):
        """Reads until pattern (bytes as they are, or a compiled expression) is there; eats up to its
        end and returns what lay before it."""
        deadline = time.monotonic() + timeout
        while True:
            if isinstance(pattern, bytes):
                at = self.new.find(pattern)
                span = (at, at + len(pattern)) if at >= 0 else None
            else:
                match = pattern.search(self.new)
                span = match.span() if match else None
            if span:
                before = self.new[:span[0]]
                self.matched = self.new[span[0]:span[1]]
                self.new = self.new[span[1]:]
                return before
            if not self.read_some(deadline - time.monotonic()):
                if self.ended:
                    raise AssertionError(f"closed before {pattern!r} came; last: {self.new[-500:]!r}")
                if time.monotonic() > deadline:
                    raise AssertionError(f"{pattern!r} did not come; last: {self.new[-500:]!r}")

    def expect_end(self, timeout=PATIENCE):
        """Reads to the end of the connection; returns what had not been eaten."""
        deadline = time.monotonic() + timeout
        while not self.ended:
            if not self.read_some(deadline - time.monotonic()) and time.monotonic() > deadline:
                raise AssertionError(f"still connected; last: {self.new[-500:]!r}")
        rest, self.new = self.new, b""
        return rest

    def drain(self):
        """Reads what is there by now."""
        while self.read_some(0):
            pass
        return self.new

    def is_connected(self):
        self.drain()
        return not self.ended

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


class TlsPlayer(Player):
    """The same by TLS; how: trust (a file with the certificate), name (that he asks for), version."""

    def __init__(self, address, trust=None, name=None, version=None, before=b"", **how):
        super().__init__(address, **how)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = bool(trust and name)
        if trust:
            self.context.load_verify_locations(trust)
        else:
            self.context.verify_mode = ssl.CERT_NONE
        if version:
            self.context.minimum_version = self.context.maximum_version = version
        if before:
            self.socket.sendall(before)
        self.plain = self.socket
        self.socket = self.context.wrap_socket(self.plain, server_hostname=name,
                                               suppress_ragged_eofs=True)

    def read_some(self, timeout):
        if not self.ended and not self.socket.pending() and \
           not select.select([self.socket], [], [], max(timeout, 0))[0]:
            return False
        if self.ended:
            return False
        try:
            data = self.socket.recv(65536)
        except ssl.SSLError as why:
            self.fault = why
            data = b""
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        self.ended = not data
        self.all += data
        self.new += data
        return bool(data)

    def abandon(self):
        """Ends his side without a close_notify, as most clients do."""
        socket.socket.shutdown(self.socket, socket.SHUT_WR)


class Member:
    """One player of a swarm: sends numbered lines, keeps what was said about each."""

    __slots__ = ("socket", "number", "sent", "sent_at", "acked_at", "answers", "notices", "other",
                 "half", "out", "rest", "ended", "due")

    def __init__(self, number):
        self.number = number
        self.sent = 0         # lines begun
        self.sent_at = [0.0]  # by line; [0] is nobody's
        self.acked_at = {}    # line -> when "ok" came
        self.answers = []     # ("ok" | "dup" | "gap" | "torn" | ..., numbers, when), in order
        self.notices = []     # lines of the multiplexer, with when
        self.other = []       # anything that should not be there
        self.half = b""       # the end of a line whose beginning was sent
        self.out = b""        # what the socket did not take
        self.rest = b""       # received, no line end yet
        self.ended = False
        self.due = 0.0


ANSWER = re.compile(rb"^(ok|dup|gap|torn|lost|hello) ?([\d ]*)$")


class Swarm:
    """Many players of the map ledger, in one thread of their own."""

    def __init__(self, address, count, pace=0.4, seed=1):
        self.random = random.Random(seed)
        self.pace = pace
        self.began = time.monotonic()
        self.sending = False
        self.stopping = False
        self.generation = 0 # of the youngest game that answered
        self.fault = None
        self.epoll = select.epoll()
        self.members = []
        self.by_fd = {}
        for number in range(count):
            member = Member(number)
            member.socket = connect(address)
            member.socket.setblocking(False)
            member.due = pace * self.random.random()
            self.members.append(member)
            self.by_fd[member.socket.fileno()] = member
            self.epoll.register(member.socket.fileno(), select.EPOLLIN)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    # -- the thread -------------------------------------------------------

    def run(self):
        try:
            due = sorted(self.members, key=lambda m: m.due)
            at, base = 0, None
            while not self.stopping:
                for fd, event in self.epoll.poll(0.01):
                    self.on_event(self.by_fd[fd], event)
                if not self.sending:
                    base = None
                    for member in self.members:
                        if member.half: # nobody stops in the middle of a line
                            self.put(member, b"")
                    continue
                now = time.monotonic()
                if base is None:
                    base, at, rounds = now, 0, 0
                while due[at].due + base + rounds * self.pace <= now:
                    self.type(due[at], now)
                    at += 1
                    if at == len(due):
                        at, rounds = 0, rounds + 1
        except Exception as why: # pylint: disable=broad-except
            self.fault = why

    def type(self, member, now):
        """One line, several at once, or a half that is finished the next time."""
        if member.ended:
            return
        kind = self.random.random()
        data = b""
        for _ in range(1 if kind < 0.7 else self.random.randrange(2, 5)):
            member.sent += 1
            member.sent_at.append(now)
            data += b"%d\r\n" % member.sent
        if kind > 0.95:
            cut = self.random.randrange(1, len(data))
            self.put(member, data[:cut])
            member.half = data[cut:]
        else:
            self.put(member, data)

    def put(self, member, data):
        data = member.out + member.half + data
        member.half = member.out = b""
        try:
            taken = member.socket.send(data) if data else 0
        except BlockingIOError:
            taken = 0
        except OSError:
            member.ended = True
            return
        member.out = data[taken:]
        self.epoll.modify(member.socket.fileno(), select.EPOLLIN |
                          (select.EPOLLOUT if member.out else 0))

    def on_event(self, member, event):
        if event & select.EPOLLOUT:
            self.put(member, b"")
        if not event & ~select.EPOLLOUT:
            return
        try:
            data = member.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            member.ended = True
            self.epoll.unregister(member.socket.fileno())
            return
        now = time.monotonic()
        *lines, member.rest = (member.rest + data).split(b"\n")
        for line in lines:
            self.on_line(member, line.rstrip(b"\r"), now)

    def on_line(self, member, line, now):
        match = ANSWER.match(line)
        if not match:
            if line.startswith(b"["):
                member.notices.append((line, now))
            elif line:
                member.other.append(line)
            return
        numbers = tuple(map(int, match[2].split()))
        member.answers.append((match[1].decode(), numbers, now))
        if match[1] == b"ok":
            if numbers[0] in member.acked_at:
                member.other.append(line + b" (a second time)")
            member.acked_at[numbers[0]] = now
            self.generation = max(self.generation, numbers[1])

    # -- for the test -----------------------------------------------------

    def check(self):
        if self.fault:
            raise self.fault

    def wait(self, condition, what, timeout=60):
        deadline = time.monotonic() + timeout
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout} s in vain: {what}")
            time.sleep(0.01)

    def start_typing(self):
        self.sending = True

    def stop_typing(self):
        """Returns when all that was begun is also sent."""
        self.sending = False
        time.sleep(0.05)
        self.wait(lambda: not any(m.half or m.out for m in self.members if not m.ended),
                  "everything typed is sent")

    def wait_other_generation(self, old, timeout=60):
        self.wait(lambda: self.generation > old, "another game answers", timeout)
        return self.generation

    def wait_all_answered(self, timeout=60):
        """For games that lose nothing: every line has its ok."""
        self.wait(lambda: all(len(m.acked_at) == m.sent for m in self.members),
                  "every line is answered", timeout)

    def close(self):
        self.stopping = True
        self.thread.join()
        for member in self.members:
            member.socket.close()
        self.epoll.close()
