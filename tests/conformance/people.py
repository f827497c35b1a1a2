"""A player: a client of the multiplexer under test, as simple as one can be."""

import re
import socket
import struct
import time

from . import wire
from .wire import Deviation, Silence

# Telnet said to us: options, subnegotiations, other commands. We never answer.
TELNET = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa(?:[^\xff]|\xff[^\xf0])*\xff\xf0|[\xf0-\xf9])", re.S)


class Player:
    """`all` is everything that came, without telnet commands on a listener that speaks telnet."""

    def __init__(self, address, patience, telnet=True):
        self.socket = wire.connect(address, patience)
        self.patience = patience
        self.telnet = telnet
        self.bytes = b""
        self.ended = False

    @property
    def all(self):
        return TELNET.sub(b"", self.bytes) if self.telnet else self.bytes

    def send(self, data):
        self.socket.sendall(data)

    def line(self, text):
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")

    def read_some(self, timeout):
        if self.ended or not wire.wait_io(self.socket, timeout)[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        if not data:
            self.ended = True
            return False
        self.bytes += data
        return True

    def wait(self, condition, what):
        deadline = time.monotonic() + self.patience
        while not condition():
            if not self.read_some(deadline - time.monotonic()):
                if self.ended:
                    if condition():
                        return
                    raise Deviation(f"the player was disconnected; {what}; he was shown "
                                    f"{self.all[-300:]!r}")
                if time.monotonic() > deadline:
                    raise Silence(f"{what}; the player was shown {self.all[-300:]!r}")

    def expect(self, text, times=1):
        self.wait(lambda: self.all.count(text) >= times, f"waiting for {text[:60]!r}")

    def expect_end(self):
        """Reads to the end of the connection; all that ever came."""
        deadline = time.monotonic() + self.patience
        while not self.ended:
            if not self.read_some(deadline - time.monotonic()) and time.monotonic() > deadline:
                raise Silence("the player is still connected")
        return self.all

    def drain(self):
        while self.read_some(0):
            pass
        return self.all

    def check_connected(self):
        self.drain()
        if self.ended:
            raise Deviation("a player was disconnected")

    def close(self):
        """As a client that quits."""
        self.socket.close()

    def reset(self):
        """Gone at once, even for a multiplexer that would keep a connection that is half closed."""
        try:
            if self.socket.family != socket.AF_UNIX:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.socket.close()
