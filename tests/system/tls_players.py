"""A world whose listeners speak TLS, and who comes to them."""

import re
import ssl

import pytest

from daemons import wait_for
from players import TlsPlayer, connect

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


class Tls:
    """A world with a listener of each kind that speaks TLS, and a plain one."""

    def __init__(self, holdfast):
        self.holdfast = holdfast
        self.certificates = ""
        self.certificate("main", "localhost", "127.0.0.1")
        holdfast.listen("telnet", "telnet-line")

    def certificate(self, title, *names):
        """A new one in the folder of that title, which is named in the configuration."""
        folder = self.holdfast.dir / title
        made = self.holdfast.ctl("cert", "self-signed", *(w for n in names for w in ("--name", n)), folder)
        assert made.returncode == 0, made.stderr
        line, = re.findall(r"certificate main .*", made.stdout)
        self.certificates += line.replace("main", title, 1) + "\n"
        return folder

    def listen(self, name, kind, more=""):
        self.holdfast.listen(name, kind, more=f"tls = yes {more}")

    def start(self, game="teller", **options):
        self.holdfast.map = game
        if not any("tls = yes" in row[4] for row in self.holdfast.listeners):
            self.listen("telnets", "telnet-line")
        write = self.holdfast.write_config
        self.holdfast.write_config = lambda extra="": write(self.certificates + extra)
        self.holdfast.start(**options)
        self.wait_up()
        # The process that speaks TLS takes descriptors of ours for a moment.
        self.holdfast.descriptors_before = len(self.holdfast.multiplexer.descriptors())

    def wait_up(self):
        wait_for(lambda: self.status()["helper"] == "up", "TLS is spoken")

    def status(self):
        return self.holdfast.admin("multiplexer", "status")["tls"]

    def player(self, listener="telnets", **how):
        player = TlsPlayer(self.holdfast.addresses[listener], **how)
        self.holdfast.players.append(player)
        return player

    def raw(self, listener="telnets"):
        """A bare socket to the port."""
        s = connect(self.holdfast.addresses[listener])
        self.holdfast.closers.append(s.close)
        return s

    @property
    def trust(self):
        return str(self.holdfast.dir / "main" / "cert.pem")

    def metric(self, name):
        return self.holdfast.metric(name)

    def failed(self, name, times=1):
        wait_for(lambda: self.metric(f"tls_failed_{name}") >= times, f"{name} is counted")


def plays(player, word="here"):
    player.line(f"echo {word}")
    player.expect(f"[{word}]".encode())


def helper_pid(tls):
    return wait_for(lambda: tls.status()["helper"] == "up" and tls.status()["pid"], "it runs")


def client_hello():
    out = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    session = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return out.read()


class ByHand:
    """A client whose records pass through our hands."""

    def __init__(self, s, version=TLS13):
        self.socket = s
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = version
        self.session = context.wrap_bio(self.incoming, self.outgoing)
        self.until(self.session.do_handshake)

    def until(self, what):
        while True:
            try:
                return what()
            except ssl.SSLWantReadError:
                pass
            finally:
                self.socket.sendall(self.outgoing.read())
            data = self.socket.recv(65536)
            assert data, "closed"
            self.incoming.write(data)

    def record(self, text):
        self.session.write(text)
        return self.outgoing.read()

    def read_until(self, wanted):
        got = b""
        while wanted not in got:
            got += self.until(lambda: self.session.read(65536))


def resident(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096
