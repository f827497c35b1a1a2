"""Names of users by identd, against real and hostile ones; and by both."""

import os
import random
import re
import socket
import subprocess
import threading
import time

import pytest

from daemons import PATIENCE, free_port, wait_for
from lookups import (ASK_ALL, AUTO, HOSTS, IDENT_AUTO, PTR, came, dns_of, ident_of, is_ptr, labels, real,
                     reply, serve, start)
from nameservers import BadDns, BadIdent, dnsmasq, oidentd


# ---- identd ---------------------------------------------------------------------------------------

def ident_start(holdfast, answer, more=IDENT_AUTO, **options):
    """A scripted identd: answer is bytes with {} for the ports, or serve(sock, asked)."""
    if not callable(answer):
        text = answer

        def answer(sock, asked):
            sock.sendall(text.replace(b"{}", asked.strip()))
    ident = serve(holdfast, BadIdent(answer))
    server, link = start(holdfast, more, ident_port=str(ident.port), **ASK_ALL, **options)
    return ident, server, link


IDENT = [
    (b"{} : USERID : UNIX : playerx\r\n", "playerx"),
    (b"{}:USERID:UNIX:playerx\n", "playerx"),
    (b" {} :USERID:UNIX,UTF-8:\tplayerx\r\nsecond : line\r\n", "playerx"),
    (b"{} : USERID : OTHER : some~o\x1b[31mne\x00!\r\n", "someo31mne"),
    (b"{} : USERID : UNIX : ~root\r\n", "root"),
    (b"{} : USERID : UNIX : " + b"n" * 600 + b"\r\n", "n" * 64),
    (b"{} : USERID : UNIX : \r\n", "unresolved"),
    (b"{} : USERID : UNIX : unsupported\r\n", "unresolved"),
    (b"{} : ERROR : NO-USER\r\n", "unresolved"),
    (b"{} : ERROR : HIDDEN-USER\r\n", "unresolved"),
    (b"1 , 2 : USERID : UNIX : playerx\r\n", "unresolved"),
    (b"{}9 : USERID : UNIX : playerx\r\n", "unresolved"),
    (b"\r\n{} : USERID : UNIX : playerx\r\n", "unresolved"),
    (b"{} : USERID : UNIX : playerx", "unresolved"),
    (b"", "unresolved"),
    (b"x" * 1000000, "unresolved"),
    (os.urandom(300).replace(b"\n", b"") + b"\n", "unresolved"),
]


@pytest.mark.parametrize("text,name", IDENT, ids=[str(n) for n in range(len(IDENT))])
def test_what_identds_say(holdfast, text, name):
    _, _, link = ident_start(holdfast, text)
    holdfast.player(source="127.0.0.2")
    key, found = came(link)
    assert found == {"SUBCLIENT IDENTD IS": name}
    assert ident_of(link, key) == name
    assert holdfast.users()[0]["ident_unverified"] == name


def test_identd_is_asked_from_the_address_that_he_connected_to(holdfast):
    holdfast.listen("all", where="everywhere", more=IDENT_AUTO)
    ident = serve(holdfast, BadIdent(lambda sock, asked: None))
    _, link = holdfast.start_with_script(ident_port=str(ident.port), **ASK_ALL)
    port = holdfast.addresses["all"][1]
    for to, source in (("127.0.0.1", "127.0.0.2"), ("127.0.0.77", "127.0.0.3")):
        holdfast.addresses["here"] = (to, port)
        player = holdfast.player("here", source=source)
        came(link)
        theirs = player.socket.getsockname()[1]
        assert ident.asked[-1] == (to, source, b"%d , %d\r\n" % (theirs, port))


def test_an_identd_that_drips_or_is_silent_holds_up_only_him(holdfast):
    stop = threading.Event()

    def serve_slowly(sock, asked):
        if sock.getsockname()[0] == "127.0.0.3":
            stop.wait(PATIENCE)
        while not stop.is_set():
            sock.sendall(b" ")
            time.sleep(0.05)
    ident, _, link = ident_start(holdfast, serve_slowly, ident_timeout="1500ms")
    holdfast.closers.insert(0, stop.set)
    holdfast.addresses["plain"] = None
    waiting = [holdfast.player(source=f"127.0.0.{n}") for n in (2, 3)]
    wait_for(lambda: len(ident.asked) == 2, "both identds are asked")
    assert holdfast.admin("multiplexer", "status")["lookups"]["ident_pending"] == 2
    keys = set()
    for _ in waiting:
        key, found = came(link)
        assert found == {"SUBCLIENT IDENTD IS": "unresolved"}
        keys.add(key)
    assert len(keys) == 2


def test_a_machine_that_swallows_the_connection_is_given_up(holdfast):
    """A full backlog: the kernel of the other side does not answer at all."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as full:
        full.bind(("127.0.0.2", free_port()))
        full.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        _, link = start(holdfast, IDENT_AUTO, ident_port=str(full.getsockname()[1]), **ASK_ALL,
                        ident_connect_timeout="500ms", ident_timeout="30s")
        holdfast.player(source="127.0.0.2")
        assert came(link)[1] == {"SUBCLIENT IDENTD IS": "unresolved"}
        for filler in fillers:
            filler.close()


def test_no_identd_there_is_told_at_once(holdfast):
    _, link = start(holdfast, IDENT_AUTO, ident_port=str(free_port()), **ASK_ALL,
                    ident_timeout="60s", ident_connect_timeout="60s")
    holdfast.player(source="127.0.0.2")
    assert came(link)[1] == {"SUBCLIENT IDENTD IS": "unresolved"}


def test_loopback_is_not_asked_by_default(holdfast):
    ident = serve(holdfast, BadIdent(lambda sock, asked: None))
    _, link = start(holdfast, IDENT_AUTO, ident_port=str(ident.port))
    holdfast.player(source="127.0.0.2")
    key, found = came(link)
    assert found == {"SUBCLIENT IDENTD IS": "unsupported"}
    assert ident_of(link, key) == "unsupported"
    assert not ident.asked


def test_no_more_identds_are_asked_than_the_limits_allow(holdfast):
    stop = threading.Event()
    ident, _, link = ident_start(holdfast, lambda sock, asked: stop.wait(PATIENCE),
                                 ident_in_flight="4", ident_per_address="3", ident_timeout="60s")
    holdfast.closers.insert(0, stop.set)
    for n in (2, 2, 2, 2, 3, 4):
        holdfast.player(source=f"127.0.0.{n}")
    for ip in (b"127.0.0.2", b"127.0.0.4"):
        key, _, got = link.expect("GOT SUBCLIENT")
        assert got == ip
        link.expect("SUBCLIENT IDENTD IS", key, b"unresolved")
        link.expect("DONE SENDING SUBCLIENT INFO", key)
    assert holdfast.metric("lookups_ident_refused") == 2
    assert holdfast.metric("lookups_ident") == 4
    stop.set()


@pytest.mark.skipif(os.geteuid() != 0, reason="oidentd is started by root")
def test_the_real_oidentd_names_the_user(holdfast):
    port, process = oidentd(holdfast.dir)
    serve(holdfast, process)
    def listens():
        process.fail()
        return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A"
                   for row in open("/proc/net/tcp").readlines()[1:])
    wait_for(listens, "oidentd listens")
    _, link = start(holdfast, IDENT_AUTO, ident_port=str(port), **ASK_ALL)
    host, at = holdfast.addresses["telnet"]
    nc = subprocess.Popen(["nc", host, str(at)], user="games", group="games", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        assert came(link)[1] == {"SUBCLIENT IDENTD IS": "games"}
        holdfast.player()
        assert came(link)[1] == {"SUBCLIENT IDENTD IS": "root"}
    finally:
        nc.kill()
        nc.wait()
        nc.stdin.close()


# ---- both, and the rest of the road ---------------------------------------------------------------

def test_both_are_told_in_order_when_the_slower_is_done(holdfast):
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    ident, _, link = ident_start(holdfast, b"{} : USERID : UNIX : bob\r\n", AUTO + " " + IDENT_AUTO,
                                 resolver=f"'{resolver}'")
    holdfast.player(source="127.0.0.2")
    key, _, _ = link.expect("GOT SUBCLIENT")
    link.expect("SUBCLIENT DNS IS", key, b"player.example.test")
    link.expect("SUBCLIENT IDENTD IS", key, b"bob")
    link.expect("DONE SENDING SUBCLIENT INFO", key)
    assert len(ident.asked) == 1


def test_users_of_websocket_are_looked_up_in_dns_only(holdfast):
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    ident = serve(holdfast, BadIdent(lambda sock, asked: None))
    holdfast.listen("web", "websocket", more=AUTO + " " + IDENT_AUTO + " origins = any")
    _, link = holdfast.start_with_script(resolver=f"'{resolver}'", ident_port=str(ident.port),
                                         **ASK_ALL)
    player = holdfast.player("web", source="127.0.0.2")
    player.send(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    player.expect(b"101 ")
    key, found = came(link)
    assert found == {"SUBCLIENT DNS IS": "player.example.test"}
    assert ident_of(link, key) == "unsupported"
    assert not ident.asked


@pytest.mark.parametrize("more,where", [("dns = off ident = off", "v4"), ("", "unix"),
                                        ("dns = auto ident = auto", "unix")])
def test_off_and_af_unix_are_unsupported(holdfast, more, where):
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    holdfast.listen(where=where, more=more)
    server, link = holdfast.start_with_script(resolver=f"'{resolver}'", **ASK_ALL)
    holdfast.player()
    key, found = came(link)
    assert set(found.values()) <= {"unsupported"} and bool(found) == ("auto" in more)
    assert dns_of(link, key) == "unsupported"
    assert ident_of(link, key) == "unsupported"
    link.close()
    link = server.start()
    assert (link.users[key].dns, link.users[key].ident) == (b"unsupported", b"unsupported")


def test_the_game_sees_both_and_so_does_the_next_one(holdfast):
    holdfast.map = "talker"
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    ident = serve(holdfast, BadIdent(
        lambda sock, asked: sock.sendall(asked.strip() + b":USERID:UNIX:bob\r\n")))
    holdfast.listen(more=AUTO + " " + IDENT_AUTO)
    holdfast.start(resolver=f"'{resolver}'", ident_port=str(ident.port), **ASK_ALL)
    player = holdfast.player(source="127.0.0.2")
    player.line("whence")
    player.expect(b"player.example.test bob\r\n")
    before = holdfast.times_ready()
    holdfast.admin("server", "restart")
    holdfast.wait_ready(before + 1)
    player.line("whence")
    player.expect(b"player.example.test bob\r\n")
    out = subprocess.run([holdfast.bin / "holdfastctl", "--run-dir", holdfast.run_dir, "users"],
                         capture_output=True, text=True, check=True).stdout
    assert "player.example.test" in out and "bob" in out


def test_the_game_asks_where_it_is_on_request(holdfast):
    holdfast.map = "talker"
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    holdfast.listen()
    holdfast.start(resolver=f"'{resolver}'")
    player = holdfast.player(source="127.0.0.2")
    player.line("whence")
    player.expect(b"nil nil\r\n")
    player.line("lookup")
    player.expect(b"ident is unsupported\r\n")  # loopback is not asked
    player.expect(b"dns is player.example.test\r\n")


def test_many_come_and_go_while_lookups_are_late_and_nothing_is_lost(holdfast):
    """Answers at random moments, players that leave at random moments, a server that is replaced."""
    chance = random.Random(7)

    def answer(p):
        time.sleep(chance.random() * 0.004)
        if chance.random() < 0.2:
            return []
        return [reply(p, [labels([b"some", b"test"]) if is_ptr(p) else
                          bytes([127, 0, 0, chance.randrange(2, 50)])])]
    bad = serve(holdfast, BadDns(answer))
    ident = serve(holdfast, BadIdent(lambda sock, asked: (
        time.sleep(chance.random() * 0.05), sock.sendall(asked.strip() + b":USERID:UNIX:bob\r\n"))))
    server, link = start(holdfast, AUTO + " " + IDENT_AUTO, resolver=f"'{bad.address}'",
                         dns_timeout="300ms", dns_cache_time="0", dns_cache_none_time="0",
                         ident_port=str(ident.port), ident_timeout="1s", **ASK_ALL)
    stay = []
    for n in range(200):
        player = holdfast.player(source=f"127.0.0.{chance.randrange(2, 50)}")
        if chance.random() < 0.6:
            (player.close if chance.random() < 0.5 else player.reset)()
        else:
            player.line(f"i am {n}")
            stay.append(n)
        if n == 100:
            link.close()
            link = server.start()

    # All of those who stay are known in the end, and what they typed to the second server is there.
    def typed():
        link.read_some(0.05)
        return {int(n) for message in link.heard if message[0] == "GOT SUBCLIENT TEXT"
                for n in re.findall(rb"i am (\d+)\n", message[2])}
    wait_for(lambda: {n for n in stay if n > 100} <= typed(), "all that was typed")
    wait_for(lambda: len(holdfast.users()) == len(stay) and
             all(u["game_knows"] for u in holdfast.users()), "all who stay are known")
