"""AgNet on the wire, in plain Python: messages to bytes and back, and one connection.

Written from the protocol's text and from nothing else, so that an implementation tried with it is
compared with the text and not with another implementation. Paragraphs are named as in README.md."""

import os
import select
import socket
import struct
import time

# id: (name, fields). K a client key, S text, B bytes, N a 32-bit number. The two GOING OFFLINE of the
# protocol (3 and 6) are told apart by who says them.
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
    # Extensions: only after the hellos, and only of a feature that both have (70: at any time).
    64: ("SERVER HELLO", "NS"), 65: ("MULTIPLEXER HELLO", "NSB"), 66: ("MAKE LIST", "K"),
    67: ("DROP LIST", "K"), 68: ("ADD TO LIST", "KK"), 69: ("REMOVE FROM LIST", "KK"),
    70: ("LINK REFUSED", "S"),
    72: ("GOT SUBCLIENT EVENT", "KSNB"), 73: ("SEND SUBCLIENT EVENT", "KSNB"),
    74: ("SUBCLIENT CAPS ARE", "KB"), 80: ("PAUSE", ""), 81: ("PAUSED", ""),
    82: ("HEARTBEAT", "N"), 83: ("HEARTBEAT ANSWER", "N"), 84: ("HANDLED", "N"),
    85: ("SUBCLIENT IS SLOW", "KN"), 86: ("SUBCLIENT CAUGHT UP", "K"), 90: ("BAN", "SNNB"),
    91: ("UNBAN", "SNNS"), 92: ("TELL ME YOUR BANS", ""), 93: ("BAN IS", "SNNB"),
    94: ("UNBAN IS", "SNNS"), 95: ("DONE SENDING BANS", ""), 96: ("COULD NOT BAN", "SS"),
}
BOTH = {70, 82, 83}
UP = {1, 3, 8, 13, 14, 20, 21, 23, 24, 28, 29, 30, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 65, 72,
      74, 81, 85, 86, 93, 94, 95, 96} | BOTH
DOWN = set(MESSAGES) - UP | BOTH
ID = {name: number for number, (name, _) in MESSAGES.items()}
FIRST_EXTENSION = 64
PLAIN = {number for number in MESSAGES if number < FIRST_EXTENSION}  # section 3

LENGTH_MAX = 4096
COUNT_MAX = 4
DEPTH_MAX = 10
PAYLOAD_MAX = 4096 - 4 - 2 - 44 - 2
LIST = 255           # as the second of two numbers: the key names a list
EVERYONE = (0, LIST)

PATIENCE = 20.0      # seconds that anything is waited for, unless a Link is told otherwise


class Deviation(AssertionError):
    """The peer does not do what the protocol says."""


class Silence(Deviation):
    """The peer should have said something, and has not."""


class Ended(Deviation):
    """The peer ended the connection where it should not."""


# ---- messages ----

def pack(number, *args):
    """A message of raw arguments, whether it makes sense or not."""
    body = b"".join(struct.pack("<H", len(a)) + a for a in args)
    return struct.pack("<HBB", 4 + len(body), number, len(args)) + body


def pack_key(key):
    return struct.pack(f"<{1 + len(key)}I", len(key), *key)


def key_text(key):
    return ":".join(map(str, key))


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


def split_arguments(message):
    """[argument, ...] of one whole message, by the rules of section 1."""
    length, number, count = struct.unpack_from("<HBB", message)
    what = f"{MESSAGES.get(number, ('an unknown message',))[0]} ({number})"
    if length != len(message) or not 4 <= length <= LENGTH_MAX:
        raise Deviation(f"{what}: length {length} (section 1)")
    if count > COUNT_MAX:
        raise Deviation(f"{what}: {count} arguments (section 1)")
    at, args = 4, []
    for n in range(count):
        if at + 2 > length:
            raise Deviation(f"{what}: argument {n + 1} lies past the end (section 1)")
        size, = struct.unpack_from("<H", message, at)
        arg = message[at + 2:at + 2 + size]
        if size == 0:
            raise Deviation(f"{what}: argument {n + 1} has length 0 (section 1)")
        if len(arg) != size:
            raise Deviation(f"{what}: argument {n + 1} lies past the end (section 1)")
        args.append(arg)
        at += 2 + size
    if at != length:
        raise Deviation(f"{what}: {length - at} bytes are left over (section 1)")
    return args


def decode_field(what, field, arg):
    if field == "K":
        depth = struct.unpack_from("<I", arg)[0] if len(arg) >= 4 else 0
        if not 1 <= depth <= DEPTH_MAX or len(arg) != 4 * (1 + depth):
            raise Deviation(f"{what}: a key of depth {depth} in {len(arg)} bytes (section 2)")
        return struct.unpack_from(f"<{depth}I", arg, 4)
    if field == "N":
        if len(arg) != 4:
            raise Deviation(f"{what}: an Integer of {len(arg)} bytes (section 1)")
        return struct.unpack("<I", arg)[0]
    if len(arg) > PAYLOAD_MAX:
        raise Deviation(f"{what}: {len(arg)} bytes, over the largest payload (section 1)")
    return arg


def decode(message):
    """(name, values...) of one whole message that is in the table; Deviation if it is malformed."""
    args = split_arguments(message)
    number = message[2]
    name, fields = MESSAGES[number]
    what = f"{name} ({number})"
    if len(args) != len(fields):
        raise Deviation(f"{what}: {len(args)} arguments instead of {len(fields)} (section 3)")
    return (name, *(decode_field(what, f, a) for f, a in zip(fields, args)))


def show(message):
    """A decoded message for people."""
    def value(v):
        if isinstance(v, tuple):
            return key_text(v)
        if isinstance(v, bytes):
            return repr(v)[1:] if len(v) <= 60 else f"{repr(v[:50])[1:]}... ({len(v)} bytes)"
        return str(v)
    return " ".join([message[0], *map(value, message[1:])])


# ---- addresses ----

def parse_address(text):
    """("host", port), or the path of an AF_UNIX socket: unix:PATH, /PATH, tcp:HOST:PORT, HOST:PORT."""
    if text.startswith("unix:"):
        return text[5:]
    if text.startswith("/"):
        return text
    if text.startswith("tcp:"):
        text = text[4:]
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError(f"{text}: neither unix:PATH nor tcp:HOST:PORT")
    return (host.strip("[]") or "127.0.0.1", int(port))


def family_of(address):
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def connect(address, timeout=PATIENCE):
    """One attempt; OSError when nobody listens."""
    sock = socket.socket(family_of(address), socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def dial(address, patience=PATIENCE):
    """As often as it takes; Silence when nobody listens for so long."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return connect(address, patience)
        except OSError as why:
            if time.monotonic() > deadline:
                raise Silence(f"nobody listens at {address}: {why}") from None
            time.sleep(0.02)


def listen(address):
    """A stale socket file is replaced."""
    if isinstance(address, str) and os.path.exists(address):
        os.unlink(address)
    sock = socket.socket(family_of(address), socket.SOCK_STREAM)
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)
    sock.listen(16)
    return sock


def wait_io(sock, seconds, read=True, write=False):
    """(readable, writable) within so many seconds."""
    poll = select.poll()
    poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
    events = poll.poll(max(seconds, 0) * 1000)
    seen = events[0][1] if events else 0
    over = seen & (select.POLLERR | select.POLLHUP)
    return bool(read and (seen & select.POLLIN or over)), bool(write and (seen & select.POLLOUT or over))


# ---- a connection ----

class Link:
    """One connection, seen from one end. `knows` are the ids that this end has in its table: any other
    message is skipped by its length and kept in `skipped`, as section 1 says."""

    def __init__(self, sock, patience=PATIENCE, knows=frozenset(MESSAGES)):
        self.socket = sock
        self.patience = patience
        self.socket.settimeout(patience)
        self.knows = knows
        self.buffer = b""
        self.heard = []    # everything but TICKs and the hello, in order
        self.new = []      # what expect() and next() have not eaten of it
        self.skipped = []  # (id, arguments) of what this end does not know
        self.ticks = 0
        self.hello = None  # what the server said first of all, to a plain AgNet multiplexer nothing
        self.ended = False

    # -- out --

    def send(self, name, *values):
        self.send_raw(encode(name, *values))

    def send_raw(self, data):
        """Goes on reading while it cannot write: the other side may be waiting for that. A peer that
        ended its own side alone may still be written to; BrokenPipeError if it is gone."""
        view = memoryview(data)
        while view:
            readable, writable = wait_io(self.socket, self.patience, not self.ended, True)
            if not readable and not writable:
                raise Silence("the peer neither reads nor writes")
            if readable:
                self.read_some(0)
            if writable:
                try:
                    view = view[self.socket.send(view[:65536], socket.MSG_DONTWAIT):]
                except BlockingIOError:
                    pass

    def half_close(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is gone already

    def close(self):
        self.socket.close()

    # -- in --

    def read_some(self, timeout):
        """False when nothing came in time, or the connection has ended."""
        if self.ended or not wait_io(self.socket, timeout)[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = True
            return False
        self.buffer += data
        while len(self.buffer) >= 4:
            length, number, _ = struct.unpack_from("<HBB", self.buffer)
            if not 4 <= length <= LENGTH_MAX:
                raise Deviation(f"a message of id {number} announces {length} bytes (section 1)")
            if len(self.buffer) < length:
                break
            message, self.buffer = self.buffer[:length], self.buffer[length:]
            self.take(message)
        return True

    def take(self, message):
        if message[2] not in self.knows:
            self.skipped.append((message[2], split_arguments(message)))
            return
        message = decode(message)
        if message[0] == "TICK":
            self.ticks += 1
        elif message[0] == "SERVER HELLO":
            if self.heard:
                raise Deviation("a SERVER HELLO that is not the first message (section 5)")
            self.hello = message
        else:
            self.heard.append(message)
            self.new.append(message)

    def said_last(self):
        return ", ".join(map(show, self.heard[-4:])) or "nothing"

    def next(self, timeout=None):
        """The next message, whatever it is."""
        deadline = time.monotonic() + (self.patience if timeout is None else timeout)
        while not self.new:
            if not self.read_some(deadline - time.monotonic()):
                if self.ended:
                    raise Ended(f"the link was closed; last said on it: {self.said_last()}")
                if time.monotonic() > deadline:
                    raise Silence(f"silence; last said: {self.said_last()}")
        return self.new.pop(0)

    def expect(self, name, *values):
        """The next message must be this one; None stands for any value. Returns its values."""
        try:
            message = self.next()
        except Deviation as why:
            raise type(why)(f"waiting for {show((name, *values))}: {why}") from None
        if message[0] != name or any(wanted not in (None, got)
                                     for wanted, got in zip(values, message[1:])):
            raise Deviation(f"expected {show((name, *values))}, got {show(message)}")
        return message[1:]

    def expect_end(self, timeout=None):
        """The peer closes; what it said before is left in `new`."""
        deadline = time.monotonic() + (self.patience if timeout is None else timeout)
        while not self.ended:
            if not self.read_some(deadline - time.monotonic()):
                if not self.ended and time.monotonic() > deadline:
                    raise Silence("the link is still open")

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


class Listing:
    """What one GET ALL SUBCLIENT INFO told of one user."""

    def __init__(self):
        self.protocol = self.ip = self.dns = self.ident = None
        self.idle = self.connected = None
        self.saved = None


class Listed(dict):
    """{key: Listing} in the order in which they came."""

    def __missing__(self, key):
        raise Deviation(f"{key_text(key)} is not listed")


def read_listing(link):
    """Reads the answer to GET ALL SUBCLIENT INFO strictly: 20, 40, 41, 42, 43, 44 or 45 (or 46), 47
    for each user, then 48."""
    users = Listed()
    while True:
        message = link.next()
        if message[0] == "DONE SENDING ALL SUBCLIENT INFO":
            return users
        if message[0] != "GOT SUBCLIENT":
            raise Deviation(f"in a listing, between users: {show(message)}")
        key = message[1]
        if key in users:
            raise Deviation(f"{key_text(key)} is listed twice")
        user = users[key] = Listing()
        user.protocol, user.ip = message[2:]
        user.dns, = link.expect("SUBCLIENT DNS IS", key)[1:]
        user.ident, = link.expect("SUBCLIENT IDENTD IS", key)[1:]
        user.idle, = link.expect("SUBCLIENT IDLETIME IS", key)[1:]
        user.connected, = link.expect("SUBCLIENT CONNECTTIME IS", key)[1:]
        message = link.next()
        if message[0] == "SUBCLIENT SAVED INFO IS" and message[1] == key:
            user.saved = message[2]
        elif message not in (("THERE IS NO SUBCLIENT SAVED INFO", key),
                             ("COULD NOT GET SUBCLIENT SAVED INFO", key)):
            raise Deviation(f"in the place of the saved info of {key_text(key)}: {show(message)}")
        message = link.next()
        if message[0] == "SUBCLIENT CAPS ARE" and message[1] == key:  # an extension
            message = link.next()
        if message != ("DONE SENDING SUBCLIENT INFO", key):
            raise Deviation(f"at the end of {key_text(key)} in a listing: {show(message)}")
