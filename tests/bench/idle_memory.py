#!/usr/bin/env python3
"""idle_memory.py [COUNT...]: what an idle player costs the multiplexer, bytes each, by what he speaks.

Each player has connected, sent a line, and had the answer of the echoing game; then nothing happens for a
while. RSS is all that is resident more than before the first came, "own" what of it is nobody else's, "heap"
what malloc has taken from the kernel; for TLS the process that speaks it is counted with the multiplexer.
Default: 1000 and 9900 players."""

import base64
import pathlib
import re
import resource
import socket
import ssl
import sys
import tempfile
import time

import subjects

PAUSE = 3.0  # more than a second: what is put off is done
MCCP = b"\xff\xfd\x56"  # IAC DO MCCP2


def telnet(s):
    s.sendall(b"hello\r\n")
    wait_bytes(s, b"hello")


def mccp2(s):
    """What comes is not taken apart: that it begins is enough."""
    s.sendall(b"\xff\xfb\x18" + MCCP)
    wait_bytes(s, b"\xff\xfa\x56\xff\xf0")
    s.sendall(b"hello\r\n")
    s.recv(1)


def mccp2_much(s):
    """Enough text that all that zlib has asked for is used."""
    mccp2(s)
    for n in range(8):
        s.sendall(f"{n} {'words that are not the same twice ' * n} {id(s) * (n + 7) ** 99}".encode() * 5 + b"\r\n")
        s.recv(1)


def web(s):
    key = base64.b64encode(b"0123456789abcdef").decode()
    s.sendall(f"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    wait_bytes(s, b"\r\n\r\n")
    s.sendall(b"\x81\x85\0\0\0\0hello")
    wait_bytes(s, b"hello")


def wait_bytes(s, wanted):
    got = b""
    while wanted not in got:
        piece = s.recv(4096)
        assert piece, f"closed; had {got!r}"
        got += piece


class Mccp(subjects.Holdfast):
    name = "Holdfast, MCCP2"
    options = "input_burst_bytes = 1MiB\n"
    fields = "negotiate = always"


KINDS = {"telnet": (subjects.Holdfast, telnet), "MCCP2": (Mccp, mccp2),
         "MCCP2, used": (Mccp, mccp2_much), "WebSocket": (subjects.HoldfastWebSocket, web), "TLS": (subjects.HoldfastTls, telnet)}


def sizes(pids):
    """[RSS, own, heap] in bytes."""
    total = [0, 0, 0]
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8", errors="replace")
        for head, body in re.findall(r"^([0-9a-f]+-[0-9a-f]+ .*)\n((?:[A-Z].*\n)+)", text, re.M):
            field = {k: int(v) * 1024 for k, v in re.findall(r"^(\w+): +(\d+) kB", body, re.M)}
            total[0] += field["Rss"]
            total[1] += field["Private_Clean"] + field["Private_Dirty"]
            if head.endswith("[heap]") or re.search(r" 0 *$", head): # what is mapped from no file
                total[2] += field["Rss"]
    return total


def measure(kind, greet, count, directory):
    s = kind(directory)
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    players = []
    try:
        subjects.wait_port(s.port)
        time.sleep(1)
        before = sizes(s.pids())
        for _ in range(count):
            player = socket.create_connection(("127.0.0.1", s.port), 60)
            players.append(trust.wrap_socket(player) if "tls" in s.speaks else player)
            greet(players[-1])
        time.sleep(PAUSE)
        return [(now - then) / count for now, then in zip(sizes(s.pids()), before)]
    finally:
        for player in players:
            player.close()
        s.end()


def main():
    counts = [int(word) for word in sys.argv[1:]] or [1000, 9900]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print("bytes a player     players        RSS        own       heap")
    with tempfile.TemporaryDirectory(prefix="holdfast-memory-") as directory:
        for name, (kind, greet) in KINDS.items():
            for count in counts:
                rss, own, heap = measure(kind, greet, count, directory)
                print(f"{name:16} {count:9,} {rss:10,.0f} {own:10,.0f} {heap:10,.0f}", flush=True)


if __name__ == "__main__":
    main()
