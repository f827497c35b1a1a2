"""The play page without a browser: it comes back after its connection was lost, and counts all it gets.
And a proxy that loses connections."""

import json
import select
import socket
import struct
import threading

from browsers import BINARY, CLOSE, PING, PONG, TEXT, WebPlayer, frame
from daemons import PATIENCE, wait_for

PLAY = "Sec-WebSocket-Protocol: play.holdfast"
CLIENT = {"client": "test page", "terminal": "BROWSER", "w": 80, "h": 24, "utf8": True,
          "colors": 16777216, "reader": False}


class Page:
    """One session over as many connections as it takes."""

    def __init__(self, address, source=None, header=b"", kind=WebPlayer):
        self.address = address
        self.kind = kind        # what makes a connection
        self.source = source
        self.header = header    # what comes before everything: of the PROXY protocol
        self.player = None
        self.token = None
        self.seq = 0
        self.text = b""         # all output, each byte once
        self.messages = []      # (name, data) of all GMCP
        self.session = None     # the last Mux.Session
        self.sent = []          # lines of this session
        self.seen = 0           # so many of them have arrived, as far as is known
        self.close_code = None  # None: still open, or lost
        self.confirms = True

    def connect(self, claim=True):
        """A new connection; what the other side has not got yet is sent again. Returns its words."""
        self.player = self.kind(self.address, source=self.source)
        self.close_code = None
        self.player.send(self.header)
        self.player.enter(add=(PLAY,))
        claims = claim and self.token is not None
        if claims:
            self.message("Mux.Resume", {"token": self.token, "seq": self.seq, "client": CLIENT})
        else:
            self.message("Mux.Client", CLIENT)
        self.session = None
        self.until(lambda: self.session is not None, "the session is told")
        return self.session

    def message(self, name, data):
        self.player.send(frame(TEXT, f"{name} {json.dumps(data)}".encode()))

    def say(self, line):
        self.sent.append(line)
        self.player.send(frame(BINARY, line.encode() + b"\n"))

    def confirm(self):
        self.message("Mux.Seen", {})

    def close(self, code=None):
        """With a Close frame, or without."""
        if code is not None:
            self.player.send(frame(CLOSE, struct.pack(">H", code)))
        self.player.close()

    def is_lost(self):
        return self.player.ended or self.close_code is not None

    def pump(self, timeout=0.0):
        """Takes what has come."""
        self.player.read_some(timeout)
        while True:
            new = self.player.new
            if len(new) < 2:
                return
            length, at = new[1], 2
            if length > 125:
                size = 2 if length == 126 else 8
                if len(new) < 2 + size:
                    return
                length, at = int.from_bytes(new[2:2 + size], "big"), 2 + size
            if len(new) < at + length:
                return
            self.player.new = new[at + length:]
            self.take(new[0] & 15, new[at:at + length])

    def take(self, opcode, payload):
        if opcode == BINARY:
            self.seq += len(payload)
            self.text += payload
        elif opcode == TEXT:
            name, _, data = payload.decode().partition(" ")
            data = json.loads(data) if data else None
            if name == "Mux.Session":
                self.take_session(data)
            elif name == "Mux.Seen":
                self.seen = data["received"]
            else:
                self.seq += len(payload)
                self.messages.append((name, data))
        elif opcode == PING:
            self.player.send(frame(PONG, payload))
        elif opcode == CLOSE:
            self.close_code = struct.unpack(">H", payload[:2])[0] if payload else 1005

    def take_session(self, data):
        self.session = data
        self.token = data.get("token")
        if data["resumed"]:
            self.seen = data["received"]
            for line in self.sent[self.seen:]:
                self.player.send(frame(BINARY, line.encode() + b"\n"))
        else:
            self.sent = []
            self.seen = 0
        self.seq = data.get("seq", 0)
        if self.confirms:
            self.confirm()

    def until(self, condition, what):
        def met():
            if condition():
                return True
            assert not self.is_lost(), f"lost ({self.close_code}) before {what}; has {self.text[-300:]!r}"
            self.pump(0.05)
            return condition()
        wait_for(met, what)

    def expect(self, words):
        self.until(lambda: words in self.text, f"{words!r} is shown")

    def expect_close(self):
        wait_for(lambda: self.pump(0.05) or self.is_lost(), "the connection ends")
        return self.close_code


class Proxy:
    """Stands between, passes all on, and loses connections when it is told to."""

    def __init__(self, target):
        self.target = target
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = self.listening.getsockname()
        self.pairs = [] # (client, server)
        self.stalled = set()
        self.refusing = False # who connects is closed at once
        self.lock = threading.Lock()
        self.stopping = False
        self.connections = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            with self.lock:
                ends = [s for pair in self.pairs if pair[0] not in self.stalled for s in pair]
            ready, _, _ = select.select([self.listening, *ends], [], [], 0.02)
            for s in ready:
                with self.lock:
                    if s is self.listening:
                        self.accept()
                    else:
                        self.pass_on(s)

    def accept(self):
        client, _ = self.listening.accept()
        if self.refusing:
            client.close()
            return
        server = socket.create_connection(self.target, PATIENCE)
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pairs.append((client, server))
        self.connections += 1

    def pass_on(self, s):
        pair = next((p for p in self.pairs if s in p), None)
        if pair is None:
            return
        try:
            data = s.recv(65536)
            if data:
                pair[pair[0] is s].sendall(data)
                return
        except OSError:
            pass
        self.lose(pair, reset=False)

    def lose(self, pair, reset):
        self.pairs.remove(pair)
        self.stalled.discard(pair[0])
        for s in pair:
            if reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()

    def cut(self, reset=True):
        """All connections end, with RST or with FIN."""
        with self.lock:
            for pair in list(self.pairs):
                self.lose(pair, reset)

    def stall(self):
        """Of all that there are now nothing is passed on any more."""
        with self.lock:
            self.stalled |= {client for client, _ in self.pairs}

    def close(self):
        self.stopping = True
        self.thread.join()
        self.cut()
        self.listening.close()
