"""A second implementation of the wire between the daemons, written from AgNet's text, not from our
C: so that both of ours can be tested against something that does not share their mistakes."""

import os
import select
import socket
import struct
import time

from daemons import PATIENCE

# id: (name, fields). K a client key, S text, B bytes, N a 32-bit number.
MESSAGES = {
    1: ("TICK", ""), 2: ("TERMINATE", ""), 3: ("MUX GOING OFFLINE", ""), 4: ("NOT READY", ""),
    5: ("READY", ""), 6: ("SERVER GOING OFFLINE", ""), 7: ("ARE YOU ALIVE", ""),
    8: ("I AM ALIVE", ""), 10: ("ACCEPT LOCALHOST ONLY", ""), 11: ("ACCEPT ALL", ""),
    12: ("TELL ME YOUR ACCEPT MODE", ""), 13: ("ACCEPTING LOCALHOST ONLY", ""),
    14: ("ACCEPTING ALL", ""), 20: ("GOT SUBCLIENT", "KSS"), 21: ("LOST SUBCLIENT", "K"),
    22: ("KILL SUBCLIENT", "K"), 23: ("KILLED SUBCLIENT", "K"), 24: ("GOT SUBCLIENT TEXT", "KB"),
    25: ("SEND SUBCLIENT TEXT", "KB"), 26: ("SAVE SUBCLIENT INFO", "KB"),
    27: ("DELETE SUBCLIENT SAVED INFO", "K"), 28: ("SAVED SUBCLIENT INFO", "K"),
    29: ("COULD NOT SAVE SUBCLIENT INFO", "K"), 30: ("DELETED SUBCLIENT SAVED INFO", "K"),
    33: ("GET SUBCLIENT DNS", "K"), 34: ("GET SUBCLIENT IDENTD", "K"),
    35: ("GET SUBCLIENT IDLETIME", "K"), 36: ("GET SUBCLIENT CONNECTTIME", "K"),
    37: ("GET SUBCLIENT SAVED INFO", "K"), 38: ("GET ALL SUBCLIENT INFO", ""),
    39: ("NO SUCH SUBCLIENT", "K"), 40: ("SUBCLIENT DNS IS", "KS"),
    41: ("SUBCLIENT IDENTD IS", "KS"), 42: ("SUBCLIENT IDLETIME IS", "KN"),
    43: ("SUBCLIENT CONNECTTIME IS", "KN"), 44: ("SUBCLIENT SAVED INFO IS", "KB"),
    45: ("THERE IS NO SUBCLIENT SAVED INFO", "K"),
    46: ("COULD NOT GET SUBCLIENT SAVED INFO", "K"),
    47: ("DONE SENDING SUBCLIENT INFO", "K"), 48: ("DONE SENDING ALL SUBCLIENT INFO", ""),
    # Extensions: only after the hellos, and only of a feature that both have.
    64: ("SERVER HELLO", "NS"), 65: ("MULTIPLEXER HELLO", "NSB"), 66: ("MAKE LIST", "K"),
    67: ("DROP LIST", "K"), 68: ("ADD TO LIST", "KK"), 69: ("REMOVE FROM LIST", "KK"),
    70: ("LINK REFUSED", "S"),
    72: ("GOT SUBCLIENT EVENT", "KSNB"), 73: ("SEND SUBCLIENT EVENT", "KSNB"),
    74: ("SUBCLIENT CAPS ARE", "KB"), 80: ("PAUSE", ""), 81: ("PAUSED", ""),
    82: ("HEARTBEAT", "N"), 83: ("HEARTBEAT ANSWER", "N"), 84: ("HANDLED", "N"),
    85: ("SUBCLIENT IS SLOW", "KN"), 86: ("SUBCLIENT CAUGHT UP", "K"),
}
BOTH = {70, 82, 83}
UP = {1, 3, 8, 13, 14, 20, 21, 23, 24, 28, 29, 30, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 65, 72,
      74, 81, 85, 86} | BOTH
DOWN = set(MESSAGES) - UP | BOTH
ID = {name: number for number, (name, _) in MESSAGES.items()}
EVERYONE = (0, 255)
PAYLOAD_MAX = 4096 - 4 - 2 - 44 - 2


def pack(number, *args):
    """A message of raw arguments, whether it makes sense or not."""
    body = b"".join(struct.pack("<H", len(a)) + a for a in args)
    return struct.pack("<HBB", 4 + len(body), number, len(args)) + body


def pack_key(key):
    return struct.pack(f"<{1 + len(key)}I", len(key), *key)


def encode(name, *values):
    number = ID[name]
    fields = MESSAGES[number][1]
    assert len(fields) == len(values), name
    args = []
    for field, value in zip(fields, values):
        if field == "K":
            args.append(pack_key(value))
        elif field == "N":
            args.append(struct.pack("<I", value))
        else:
            args.append(value if isinstance(value, bytes) else value.encode())
    return pack(number, *args)


def decode(message):
    """(name, values...) of a whole message, which must be well formed."""
    length, number, count = struct.unpack_from("<HBB", message)
    assert length == len(message)
    name, fields = MESSAGES[number]
    assert count == len(fields), (name, count)
    at, values = 4, []
    for field in fields:
        size, = struct.unpack_from("<H", message, at)
        arg = message[at + 2:at + 2 + size]
        assert size > 0 and len(arg) == size, (name, message)
        at += 2 + size
        if field == "K":
            depth, = struct.unpack_from("<I", arg)
            assert 1 <= depth <= 10 and size == 4 * (1 + depth), (name, arg)
            values.append(struct.unpack_from(f"<{depth}I", arg, 4))
        elif field == "N":
            assert size == 4
            values.append(struct.unpack("<I", arg)[0])
        else:
            values.append(arg)
    assert at == length, (name, message)
    return (name, *values)


class Link:
    """One connection, seen from one end. Every message that came is kept in `heard`; TICKs apart."""

    def __init__(self, sock):
        self.socket = sock
        self.socket.settimeout(PATIENCE)
        self.buffer = b""
        self.heard = []   # in order; expect() eats from the front of `new`
        self.new = []
        self.ticks = 0
        self.hello = None  # what the server said first of all; TICKs and this are not in `heard`
        self.ended = False

    def send(self, name, *values):
        self.send_raw(encode(name, *values))

    def send_raw(self, data):
        """Goes on reading while it cannot write: the other side may be waiting for that. A peer that
        ended its own side alone may still be written to; BrokenPipeError if it is gone."""
        view = memoryview(data)
        while view:
            reads = [] if self.ended else [self.socket]
            readable, writable, _ = select.select(reads, [self.socket], [], PATIENCE)
            assert readable or writable, "the peer neither reads nor writes"
            if readable:
                self.read_some(0)
            if writable:
                view = view[self.socket.send(view[:65536], socket.MSG_DONTWAIT):]

    def read_some(self, timeout):
        if self.ended or not select.select([self.socket], [], [], max(timeout, 0))[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = True
            return False
        self.buffer += data
        while len(self.buffer) >= 2:
            length, = struct.unpack_from("<H", self.buffer)
            assert 4 <= length <= 4096, f"length {length}"
            if len(self.buffer) < length:
                break
            message = decode(self.buffer[:length])
            self.buffer = self.buffer[length:]
            if message[0] == "TICK":
                self.ticks += 1
                continue
            if message[0] == "SERVER HELLO":
                assert not self.heard, "a hello that is not the first message"
                self.hello = message  # to a plain AgNet multiplexer an id it does not know
                continue
            self.heard.append(message)
            self.new.append(message)
        return True

    def next(self, timeout=PATIENCE):
        """The next message, whatever it is."""
        deadline = time.monotonic() + timeout
        while not self.new:
            if not self.read_some(deadline - time.monotonic()):
                assert not self.ended, f"the link was closed; last heard: {self.heard[-5:]}"
                assert time.monotonic() <= deadline, f"silence; last heard: {self.heard[-5:]}"
        return self.new.pop(0)

    def expect(self, name, *values):
        """The next message must be this one; None stands for any value. Returns its values."""
        message = self.next()
        assert message[0] == name, f"expected {name}, got {message}"
        for wanted, got in zip(values, message[1:]):
            assert wanted is None or wanted == got, f"expected {name} {values}, got {message}"
        return message[1:]

    def expect_end(self, timeout=PATIENCE):
        """The peer closes; what it said before is left in `new`."""
        deadline = time.monotonic() + timeout
        while not self.ended:
            if not self.read_some(deadline - time.monotonic()):
                assert self.ended or time.monotonic() <= deadline, "the link is still open"

    def sync(self):
        """For a server: everything sent so far has been handled; returns what was heard on the way."""
        self.send("ARE YOU ALIVE")
        heard = []
        while True:
            message = self.next()
            if message[0] == "I AM ALIVE":
                return heard
            heard.append(message)

    def text_of(self, key, length):
        """Reads input of one user until there are that many bytes of it; all else is an error."""
        data = b""
        while len(data) < length:
            _, piece = self.expect("GOT SUBCLIENT TEXT", key, None)
            data += piece
        return data

    def close(self):
        self.socket.close()


class Listing:
    """What one GET ALL SUBCLIENT INFO told of one user."""

    def __init__(self):
        self.protocol = self.ip = self.dns = self.ident = None
        self.idle = self.connected = None
        self.saved = None


class ScriptedServer:
    """Listens where the game server would, and says what the test wants."""

    def __init__(self, path):
        self.path = str(path)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(self.path)
        self.listening.listen(16)
        self.listening.settimeout(PATIENCE)
        self.links = []

    def accept(self):
        sock, _ = self.listening.accept()
        link = Link(sock)
        self.links.append(link)
        return link

    def start(self, ready=True):
        """Accepts and does what a new server does. The link has the listing as .users: {key: Listing}
        in the order it came."""
        link = self.accept()
        link.send("NOT READY")
        link.send("TELL ME YOUR ACCEPT MODE")
        link.mode = link.next()[0]
        assert link.mode in ("ACCEPTING ALL", "ACCEPTING LOCALHOST ONLY"), link.mode
        link.users = self.listing(link)
        if ready:
            link.send("READY")
        return link

    @staticmethod
    def listing(link):
        """Asks, and reads the answer strictly: 20, 40, 41, 42, 43, 44 or 45, 47 each, then 48."""
        link.send("GET ALL SUBCLIENT INFO")
        users = {}
        while True:
            message = link.next()
            if message[0] == "DONE SENDING ALL SUBCLIENT INFO":
                return users
            assert message[0] == "GOT SUBCLIENT", message
            key = message[1]
            assert key not in users
            user = users[key] = Listing()
            user.protocol, user.ip = message[2:]
            user.dns, = link.expect("SUBCLIENT DNS IS", key)[1:]
            user.ident, = link.expect("SUBCLIENT IDENTD IS", key)[1:]
            user.idle, = link.expect("SUBCLIENT IDLETIME IS", key)[1:]
            user.connected, = link.expect("SUBCLIENT CONNECTTIME IS", key)[1:]
            message = link.next()
            assert message[1] == key
            if message[0] == "SUBCLIENT SAVED INFO IS":
                user.saved = message[2]
            else:
                assert message[0] == "THERE IS NO SUBCLIENT SAVED INFO", message
            link.expect("DONE SENDING SUBCLIENT INFO", key)

    @staticmethod
    def newcomer(link):
        """The next acceptance: 20, 47. Returns the key; .protocol and .ip of the last one stay."""
        key, protocol, ip = link.expect("GOT SUBCLIENT")
        link.protocol, link.ip = protocol, ip
        link.expect("DONE SENDING SUBCLIENT INFO", key)
        return key

    def close(self):
        """As when a server process dies: link and listening socket are gone at once."""
        self.listening.close()
        for link in self.links:
            link.close()
        if os.path.exists(self.path):
            os.unlink(self.path)


class ScriptedMultiplexer:
    """Connects to a game server as a multiplexer would."""

    def __init__(self, path):
        self.path = str(path)
        self.links = []

    def dial(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                sock.connect(self.path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                assert time.monotonic() < deadline, "the server does not listen"
                time.sleep(0.02)
        link = Link(sock)
        self.links.append(link)
        return link

    def start(self, users=()):
        """Dials, and answers the questions of a new server. users: (key, protocol, ip, saved)."""
        link = self.dial()
        asked = set()
        while True:
            message = link.next()[0]
            asked.add(message)
            if message == "TELL ME YOUR ACCEPT MODE":
                link.send("ACCEPTING ALL")
            elif message == "GET ALL SUBCLIENT INFO":
                assert "NOT READY" in asked, "it asked before it said NOT READY"
                for key, protocol, ip, saved in users:
                    link.send("GOT SUBCLIENT", key, protocol, ip)
                    link.send("SUBCLIENT DNS IS", key, "unsupported")
                    link.send("SUBCLIENT IDENTD IS", key, "unsupported")
                    link.send("SUBCLIENT IDLETIME IS", key, 7)
                    link.send("SUBCLIENT CONNECTTIME IS", key, 70)
                    if saved:
                        link.send("SUBCLIENT SAVED INFO IS", key, saved)
                    else:
                        link.send("THERE IS NO SUBCLIENT SAVED INFO", key)
                    link.send("DONE SENDING SUBCLIENT INFO", key)
                link.send("DONE SENDING ALL SUBCLIENT INFO")
            elif message == "READY":
                return link

    def join(self, link, key, protocol="telnet-line", ip="192.0.2.7"):
        link.send("GOT SUBCLIENT", key, protocol, ip)
        link.send("DONE SENDING SUBCLIENT INFO", key)

    def close(self):
        for link in self.links:
            link.close()
