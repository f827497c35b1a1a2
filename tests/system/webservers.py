"""HTTP servers that do what a test says, name servers too, and the Internet of two machines they are on.

    game (its programs)  11.7.0.1, 2a0f:77::1  ---veth---  11.7.0.2, 2a0f:77::2  net (the servers)
                         10.66.0.1, 100.64.0.1             10.66.0.2, 100.64.0.2, 169.254.169.254
"""

import os
import re
import socket
import struct
import subprocess
import threading

from daemons import PATIENCE, Daemon
from namespaces import Machine, ip, listen_in, tidy

GAME4, NET4, GAME6, NET6 = "11.7.0.1", "11.7.0.2", "2a0f:77::1", "2a0f:77::2"


def why_no_internet():
    return None if os.path.exists("/proc/sys/net/ipv6") else "this machine has no IPv6"


class Server:
    """Accepts in a thread, serves each connection in one of its own: serve(connection, request). All
    requests (the bytes up to the end of their body) and all connections are kept."""

    def __init__(self, listening, serve, context=None):
        self.listening, self.serve, self.context = listening, serve, context
        self.port = listening.getsockname()[1]
        self.connections, self.requests = 0, []
        self.sources = []
        self.open = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, peer = self.listening.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self.one, args=(connection, peer), daemon=True).start()

    def one(self, connection, peer):
        connection.settimeout(PATIENCE)
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                request = read_request(connection)
                if request:
                    self.sources.append(peer[0].removeprefix("::ffff:"))
                    self.requests.append(request)
                    self.serve(connection, request)
        except OSError:
            pass

    def close(self):
        try:
            self.listening.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listening.close()
        for connection in self.open:
            connection.close()


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        more = connection.recv(65536)
        if not more:
            return None
        body += more
    return head + b"\r\n\r\n" + body


def answer(body=b"fine", status="200 OK", headers=""):
    """serve() of a server that always says the same."""
    text = (f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
            .encode() + body)
    return lambda connection, request: connection.sendall(text)


class Names:
    """A name server: {name: [addresses]}, where an address may be a function of how often the name was
    asked for; None never answers."""

    def __init__(self, udp, names):
        self.udp, self.names = udp, names
        self.asked = {}
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                packet, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if not packet:
                return  # shut down
            reply = self.reply(packet)
            if reply:
                self.udp.sendto(reply, peer)

    def reply(self, packet):
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        kind = struct.unpack(">H", packet[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        times = self.asked[name, kind] = self.asked.get((name, kind), 0) + 1
        found = self.names.get(name, [])
        if found is None:
            return None
        if callable(found):
            found = found(times)
        rows = [socket.inet_pton(family, a) for a in found
                for family in [socket.AF_INET6 if ":" in a else socket.AF_INET]
                if kind == (28 if ":" in a else 1)]
        end = at + 5
        return (packet[:2] + struct.pack(">5H", 0x8180 if found else 0x8183, 1, len(rows), 0, 0) +
                packet[12:end] + b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(r)) + r
                                          for r in rows))

    def close(self):
        try:
            self.udp.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.udp.close()


class OwnFiles(Machine):
    """Its programs read some files of /etc from the test's folder instead."""

    def __init__(self, directory, namespace, address, files):
        super().__init__(directory, namespace, address)
        self.files = files
        self.environment = {}

    def spawn(self, name, *args, log=None):
        mounts = "".join(f"mount --bind '{ours}' {theirs} && " for theirs, ours in self.files.items())
        words = [f"{key}={value}" for key, value in self.environment.items()]
        daemon = Daemon(["ip", "netns", "exec", self.namespace, "sh", "-c", mounts + 'exec "$@"', "sh",
                         "env", *words, self.bin / name, *args],
                        self.dir / (log or f"{name}.log"))
        self.daemons.append(daemon)
        return daemon


class Internet:
    def __init__(self, factory):
        self.prefix = f"hf{os.getpid()}"
        self.game, self.net = f"{self.prefix}game", f"{self.prefix}net"
        self.closers = []
        self.machine = None
        for name in (self.game, self.net):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.net, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
           self.game)
        self.add(self.game, f"{GAME4}/24", f"{GAME6}/64", "10.66.0.1/24", "100.64.0.1/24",
                 "169.254.0.1/16")
        self.add(self.net, f"{NET4}/24", f"{NET6}/64", "10.66.0.2/24", "100.64.0.2/24",
                 "169.254.169.254/16")
        for name in (self.game, self.net):
            ip("-n", name, "link", "set", "eth0", "up")
        folder = factory.mktemp("etc")
        self.folder = folder
        (folder / "resolv.conf").write_text("nameserver 127.0.0.53\noptions timeout:30 attempts:5\n")
        (folder / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        (folder / "nsswitch.conf").write_text("hosts: files dns\n")
        self.names = {}
        self.name_server = Names(listen_in(self.game, ("127.0.0.53", 53), socket.SOCK_DGRAM),
                                 self.names)
        self.closers.append(self.name_server.close)
        self.machine = OwnFiles(factory.mktemp("h"), self.game, GAME4, {
            f"/etc/{name}": folder / name for name in ("resolv.conf", "hosts", "nsswitch.conf")})

    @staticmethod
    def add(name, *addresses):
        for address in addresses:
            more = ["nodad"] if ":" in address else []
            ip("-n", name, "addr", "add", address, "dev", "eth0", *more)

    def server(self, serve, host=NET4, port=80, where=None, context=None):
        server = Server(listen_in(where or self.net, (host, port)), serve, context)
        self.closers.append(server.close)
        return server

    def victim(self, host, port, where=None):
        """Somebody whom nobody may reach."""
        return self.server(lambda connection, request: None, host, port, where or self.game)

    def close(self):
        try:
            self.machine.finish()
        finally:
            for close in self.closers:
                close()
            for name in (self.game, self.net):
                subprocess.run(["ip", "netns", "del", name], check=False)
            tidy()
