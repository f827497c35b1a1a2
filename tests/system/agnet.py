"""The two ends of the link as a test plays them. The wire itself is that of the conformance suites,
written from AgNet's text, not from our C: so that both of ours can be tested against something that
does not share their mistakes."""

import os
import pathlib
import socket
import sys
import time

from daemons import PATIENCE

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from conformance.wire import (  # noqa: E402,F401  (some of it is for who imports us)
    BOTH, DOWN, EVERYONE, ID, MESSAGES, PAYLOAD_MAX, UP, Link, Listing, decode, encode, pack, pack_key,
    read_listing)


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
        link = Link(sock, PATIENCE)
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
        return read_listing(link)

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
        link = Link(sock, PATIENCE)
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
