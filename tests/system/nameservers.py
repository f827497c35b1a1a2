"""Real name servers and identds on ports of their own, and some that misbehave on purpose."""

import os
import pathlib
import random
import socket
import struct
import subprocess
import threading
import time

from daemons import PATIENCE, PORTS, free_port, wait_for


def ptr_name(ip):
    if ":" in ip:
        nibbles = socket.inet_pton(socket.AF_INET6, ip).hex()
        return ".".join(reversed(nibbles)) + ".ip6.arpa"
    return ".".join(reversed(ip.split("."))) + ".in-addr.arpa"


def free_udp_port():
    for _ in range(200):
        port = random.choice(PORTS)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, \
                socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port found")


class Process:
    """A server of somebody else's, ended with the test."""

    def __init__(self, argv, log):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def fail(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}:\n"
                                 f"{self.log.read_text(errors='replace')[-2000:]}")


def question(name, kind, number=None):
    number = random.randrange(65536) if number is None else number
    labels = b"".join(bytes([len(l)]) + l for l in name.encode().split(b".")) + b"\0"
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", kind, 1)


def wait_dns(server, port):
    def answers():
        server.fail()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.2)
            udp.connect(("127.0.0.1", port))
            try:
                udp.send(question("250.0.0.127.in-addr.arpa", 12))
                return bool(udp.recv(512))
            except OSError:
                return False
    wait_for(answers, "the name server answers")


def dnsmasq(directory, ptr, hosts):
    """ptr: {ip: name}, hosts: {name: [ip]}. Its address as text, and what to close."""
    port = free_udp_port()
    lines = [f"port={port}", "listen-address=127.0.0.1", "bind-interfaces", "no-resolv", "no-hosts",
             "pid-file=", "user=root", "local=/in-addr.arpa/", "local=/ip6.arpa/", "local=/test/",
             "local=/example/"]
    lines += [f"ptr-record={ptr_name(ip)},{name}" for ip, name in ptr.items()]
    lines += [f"host-record={name},{','.join(ips)}" for name, ips in hosts.items()]
    conf = pathlib.Path(directory) / f"dnsmasq-{port}.conf"
    conf.write_text("\n".join(lines) + "\n")
    server = Process(["dnsmasq", f"--conf-file={conf}", "-k"], conf.with_suffix(".log"))
    wait_dns(server, port)
    return f"127.0.0.1:{port}", server


def unbound(directory, ptr, hosts):
    port = free_udp_port()
    lines = ["server:", f" interface: 127.0.0.1@{port}", " do-daemonize: no", ' username: ""',
             ' chroot: ""', ' pidfile: ""', " use-syslog: no", ' module-config: "iterator"',
             f' directory: "{directory}"', ' local-zone: "127.in-addr.arpa." static',
             ' local-zone: "test." static', "remote-control:", " control-enable: no", "server:"]
    lines += [f' local-data-ptr: "{ip} 60 {name}."' for ip, name in ptr.items()]
    for name, ips in hosts.items():
        lines += [f' local-data: "{name}. 60 IN {"AAAA" if ":" in ip else "A"} {ip}"' for ip in ips]
    conf = pathlib.Path(directory) / f"unbound-{port}.conf"
    conf.write_text("\n".join(lines) + "\n")
    server = Process(["unbound", "-d", "-c", conf], conf.with_suffix(".log"))
    wait_dns(server, port)
    return f"127.0.0.1:{port}", server


class BadDns:
    """A name server that answers as it is told: answer(question bytes) gives the packets to send."""

    def __init__(self, answer):
        self.answer = answer
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", free_udp_port()))
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.bind(self.udp.getsockname())
        self.tcp.listen(8)
        self.tcp_connections = 0
        self.asked = []
        self.address = "127.0.0.1:%d" % self.udp.getsockname()[1]
        self.threads = [threading.Thread(target=t, daemon=True) for t in (self.run, self.run_tcp)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while True:
            try:
                packet, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if not packet:
                return
            self.asked.append(packet)
            for reply in self.answer(packet):
                try:
                    self.udp.sendto(reply, peer)
                except OSError:
                    pass

    def run_tcp(self):
        while True:
            try:
                self.tcp.accept()
            except OSError:
                return
            self.tcp_connections += 1

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(b"", self.udp.getsockname())
        self.threads[0].join(PATIENCE)
        self.udp.close()
        self.tcp.shutdown(socket.SHUT_RDWR)
        self.tcp.close()


class BadIdent:
    """An identd on every address of 127/8: serve(connection, its question) does what it likes. It
    notes from where it was asked."""

    def __init__(self, serve):
        self.serve = serve
        self.listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = free_port()
        self.listening.bind(("0.0.0.0", self.port))
        self.listening.listen(64)
        self.asked = []  # (asker, at, question)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                sock, peer = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(sock, peer), daemon=True).start()

    def one(self, sock, peer):
        with sock:
            sock.settimeout(PATIENCE)
            try:
                asked = sock.makefile("rb").readline()
                self.asked.append((peer[0], sock.getsockname()[0], asked))
                self.serve(sock, asked)
            except OSError:
                pass

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


def oidentd(directory, *args):
    """The real one, as root would run it; its port, and what to close."""
    port = free_port()
    server = Process(["oidentd", "-i", "-S", "-a", "127.0.0.1", "-p", port, "-u", "nobody", "-g",
                      "nogroup", *args], pathlib.Path(directory) / "oidentd.log")
    return port, server
