"""Names of users: DNS against real and hostile name servers, identd against real and hostile ones."""

import os
import random
import re
import socket
import struct
import subprocess
import threading
import time

import pytest

from daemons import PATIENCE, free_port, wait_for
from nameservers import (BadDns, BadIdent, dnsmasq, free_udp_port, oidentd, ptr_name, question,
                         unbound)

AUTO = "dns = auto"
IDENT_AUTO = "ident = auto"
ASK_ALL = {"ident_skip": "''"}


def serve(holdfast, what):
    holdfast.closers.append(what.close)
    return what


def real(holdfast, make, ptr, hosts):
    address, process = make(holdfast.dir, ptr, hosts)
    serve(holdfast, process)
    return address


def came(link):
    """The next acceptance: its key and what was looked up, by name of the message."""
    key, _, _ = link.expect("GOT SUBCLIENT")
    found = {}
    while True:
        message = link.next()
        assert message[1] == key, message
        if message[0] == "DONE SENDING SUBCLIENT INFO":
            return key, found
        found[message[0]] = message[2].decode()


def dns_of(link, key):
    link.send("GET SUBCLIENT DNS", key)
    return link.expect("SUBCLIENT DNS IS", key)[1].decode()


def ident_of(link, key):
    link.send("GET SUBCLIENT IDENTD", key)
    return link.expect("SUBCLIENT IDENTD IS", key)[1].decode()


def start(holdfast, more, **options):
    holdfast.listen(more=more)
    return holdfast.start_with_script(**options)


# ---- DNS: real name servers -----------------------------------------------------------------------

PTR = {"127.0.0.2": "player.example.test", "127.0.0.3": "admin.victim.test",
       "127.0.0.4": "localhost", "127.0.0.6": "many.example.test"}
HOSTS = {"player.example.test": ["127.0.0.2"], "admin.victim.test": ["127.0.0.99"],
         "localhost": ["127.0.0.4"], "many.example.test": ["127.0.0.77", "127.0.0.6"]}
WANTED = {"127.0.0.2": "player.example.test", "127.0.0.3": "unresolved",
          "127.0.0.4": "unresolved", "127.0.0.5": "unresolved", "127.0.0.6": "many.example.test"}


@pytest.mark.parametrize("make", [dnsmasq, unbound])
@pytest.mark.parametrize("mode", ["auto", "on-request"])
def test_a_name_is_told_if_it_leads_back_to_the_address(holdfast, make, mode):
    resolver = real(holdfast, make, PTR, HOSTS)
    _, link = start(holdfast, f"dns = {mode}", resolver=f"'{resolver}'")
    for ip, name in WANTED.items():
        holdfast.player(source=ip)
        key, found = came(link)
        if mode == "auto":
            assert found == {"SUBCLIENT DNS IS": name}
        else:
            assert not found
        assert dns_of(link, key) == name
    shown = {u["address"]: u["dns"] for u in holdfast.users()}
    assert shown == WANTED
    assert holdfast.metric("lookups_dns_spoofed") == 1
    assert holdfast.metric("lookups_dns_unresolved") == 3


def test_ipv6_is_looked_up_by_nibbles_and_confirmed_by_aaaa(holdfast):
    if not holdfast.has_ipv6():
        pytest.skip("this machine has no IPv6")
    resolver = real(holdfast, dnsmasq, {"::1": "six.example.test"},
                    {"six.example.test": ["::1"]})
    holdfast.listen("six", where="v6", more=AUTO)
    _, link = holdfast.start_with_script(resolver=f"'{resolver}'")
    holdfast.player("six")
    assert came(link)[1] == {"SUBCLIENT DNS IS": "six.example.test"}


def test_who_comes_again_costs_no_question(holdfast):
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    _, link = start(holdfast, AUTO, resolver=f"'{resolver}'")
    for _ in range(3):
        for ip in ("127.0.0.2", "127.0.0.5"):
            holdfast.player(source=ip)
            assert came(link)[1] == {"SUBCLIENT DNS IS": WANTED[ip]}
    assert holdfast.metric("lookups_dns") == 2
    assert holdfast.metric("lookups_dns_cached") == 4


def test_an_answer_is_forgotten_after_its_time(holdfast):
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    _, link = start(holdfast, AUTO, resolver=f"'{resolver}'", dns_cache_time="0")
    for _ in range(2):
        holdfast.player(source="127.0.0.2")
        assert came(link)[1] == {"SUBCLIENT DNS IS": "player.example.test"}
    assert holdfast.metric("lookups_dns") == 2


def test_a_silent_resolver_before_one_that_answers_costs_no_name(holdfast):
    silent = serve(holdfast, BadDns(lambda packet: []))
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    _, link = start(holdfast, AUTO, resolver=f"'{silent.address} {resolver}'", dns_timeout="4s")
    holdfast.player(source="127.0.0.2")
    assert came(link)[1] == {"SUBCLIENT DNS IS": "player.example.test"}
    assert silent.asked


def test_resolvers_are_read_from_a_file(holdfast):
    conf = holdfast.dir / "resolv.conf"
    conf.write_text("search example.test\nnameserver 192.0.2.1\nnameserver ::1\n")
    start(holdfast, "", resolver=f"'{conf}'")
    assert holdfast.admin("multiplexer", "status")["lookups"]["resolver"] == "192.0.2.1:53 [::1]:53"


def test_the_resolver_is_changed_by_a_reload(holdfast):
    silent = serve(holdfast, BadDns(lambda packet: []))
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    _, link = start(holdfast, AUTO, resolver=f"'{silent.address}'", dns_timeout="30s")
    holdfast.player(source="127.0.0.2")
    wait_for(lambda: silent.asked, "the silent one is asked")
    holdfast.options["resolver"] = f"'{resolver}'"
    holdfast.write_config()
    holdfast.admin("multiplexer", "reload")
    # What was under way is asked again of the new one.
    assert came(link)[1] == {"SUBCLIENT DNS IS": "player.example.test"}


# ---- DNS: no usable one ---------------------------------------------------------------------------

@pytest.mark.parametrize("text", ["", "# nothing\nsearch example.test\n", "nameserver\n"])
def test_without_a_resolver_dns_is_off_and_all_else_works(holdfast, text):
    conf = holdfast.dir / "resolv.conf"
    conf.write_text(text)
    _, link = start(holdfast, AUTO, resolver=f"'{conf}'")
    holdfast.multiplexer.wait_log("DNS is off: .* names no resolver")
    player = holdfast.player(source="127.0.0.2")
    key, found = came(link)
    assert found == {"SUBCLIENT DNS IS": "unsupported"}
    assert dns_of(link, key) == "unsupported"
    player.line("hello")
    assert link.text_of(key, 6) == b"hello\n"


def test_a_resolver_that_comes_later_is_used_after_a_reload(holdfast):
    conf = holdfast.dir / "resolv.conf"
    conf.write_text("")
    resolver = real(holdfast, dnsmasq, PTR, HOSTS)
    _, link = start(holdfast, AUTO, resolver=f"'{conf}'")
    holdfast.player(source="127.0.0.2")
    key, found = came(link)
    assert found == {"SUBCLIENT DNS IS": "unsupported"}
    holdfast.options["resolver"] = f"'{resolver}'"
    holdfast.write_config()
    holdfast.admin("multiplexer", "reload")
    assert dns_of(link, key) == "player.example.test"


def test_a_port_where_no_resolver_is_does_not_wait_for_the_time_to_be_over(holdfast):
    _, link = start(holdfast, AUTO, resolver=f"'127.0.0.1:{free_udp_port()}'", dns_timeout="30s")
    holdfast.player(source="127.0.0.2")
    assert came(link)[1] == {"SUBCLIENT DNS IS": "unresolved"}  # long before
    assert holdfast.metric("lookups_dns_failed") == 1


def test_a_silent_resolver_holds_up_only_him_who_waits_for_it(holdfast):
    silent = serve(holdfast, BadDns(lambda packet: []))
    holdfast.listen("plain")
    holdfast.listen("named", more=AUTO)
    _, link = holdfast.start_with_script(resolver=f"'{silent.address}'", dns_timeout="5s")
    other = holdfast.player("plain", source="127.0.0.9")
    other_key, _ = came(link)
    waits = holdfast.player("named", source="127.0.0.2")
    waits.line("typed meanwhile")
    wait_for(lambda: silent.asked, "the silent one is asked")
    assert [u["dns"] for u in holdfast.users()] == [None, "pending"]
    assert holdfast.admin("multiplexer", "status")["lookups"]["dns_pending"] == 1
    for n in range(20):
        other.line(f"line {n}")
        assert link.text_of(other_key, len(f"line {n}\n")) == f"line {n}\n".encode()
        link.send("SEND SUBCLIENT TEXT", other_key, b"ok\r\n")
        other.expect(b"ok\r\n")
    key, found = came(link)
    assert key != other_key and found == {"SUBCLIENT DNS IS": "unresolved"}
    assert link.text_of(key, 16) == b"typed meanwhile\n"
    assert silent.asked and silent.tcp_connections == 0


def test_the_time_is_about_two_seconds_by_default(holdfast):
    silent = serve(holdfast, BadDns(lambda packet: []))
    _, link = start(holdfast, AUTO, resolver=f"'{silent.address}'")
    holdfast.player(source="127.0.0.2")
    began = time.monotonic()
    assert came(link)[1] == {"SUBCLIENT DNS IS": "unresolved"}
    assert time.monotonic() - began > 1.5  # how much more is the machine's affair


def test_many_are_answered_by_one_question_and_no_more_than_the_limit_are_asked(holdfast):
    silent = serve(holdfast, BadDns(lambda packet: []))
    _, link = start(holdfast, AUTO, resolver=f"'{silent.address}'", dns_in_flight="4",
                    dns_timeout="3s")
    for _ in range(5):
        holdfast.player(source="127.0.0.2")
    for n in range(3, 9):
        holdfast.player(source=f"127.0.0.{n}")
    ips = []
    for _ in range(11):
        key, _, ip = link.expect("GOT SUBCLIENT")
        link.expect("SUBCLIENT DNS IS", key, b"unresolved")
        link.expect("DONE SENDING SUBCLIENT INFO", key)
        ips.append(ip.decode())
    # Those over the limit did not wait for the others.
    assert sorted(ips[:3]) == ["127.0.0.6", "127.0.0.7", "127.0.0.8"]
    assert holdfast.metric("lookups_dns") == 4
    assert holdfast.metric("lookups_dns_refused") == 3


# ---- DNS: hostile answers -------------------------------------------------------------------------

def labels(name):
    """Labels are bytes, so that they may hold anything."""
    return b"".join(bytes([len(l)]) + l for l in name) + b"\0"


def reply(packet, answers, flags=0x8580, kind=None):
    """An answer to packet's question: answers are the data of records of the kind asked."""
    asked = packet[12:]
    kind = kind if kind is not None else struct.unpack(">H", asked[-4:-2])[0]
    body = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(a)) + a for a in answers)
    return packet[:2] + struct.pack(">5H", flags, 1, len(answers), 0, 0) + asked + body


def is_ptr(packet):
    return packet[-4:-2] == b"\0\x0c"


def garbage(packet):
    """All kinds of nonsense for one question, with a little luck for the reader of bytes."""
    number, rest = packet[:2], packet[2:]
    wrong = bytes([number[0] ^ 1]) + number[1:]
    good = reply(packet, [labels([b"spoof", b"test"])])
    yield b""
    yield b"\0"
    yield number
    yield os.urandom(12)
    yield number + os.urandom(500)
    yield wrong + good[2:]                                        # another question's number
    yield reply(number + b"\1\0\0\1\0\0\0\0\0\0" + labels([b"other", b"test"]) + b"\0\x0c\0\1",
                [labels([b"spoof", b"test"])])                    # another question
    yield os.urandom(65000)
    yield number + b"\xff" * 510
    del rest


BROKEN = {
    "a loop": lambda p: reply(p, [b"\xc0\x0c\xc0"]) + b"\xc0\x0c",
    "a name that points to itself": lambda p: p[:2] + struct.pack(">5H", 0x8580, 1, 1, 0, 0) +
        p[12:] + struct.pack(">HHHIHH", 0xc000 | len(p), 12, 1, 60, 2, 0xc000 | len(p)),
    "data past the end": lambda p: reply(p, [labels([b"spoof", b"test"])])[:-4],
    "no data": lambda p: reply(p, [b""]),
    "65535 answers": lambda p: p[:2] + struct.pack(">5H", 0x8580, 1, 65535, 0, 0) + p[12:],
    "truncated": lambda p: reply(p, [], flags=0x8780),
    "nothing": lambda p: reply(p, []),
    "SERVFAIL": lambda p: reply(p, [], flags=0x8582),
    "REFUSED": lambda p: reply(p, [], flags=0x8585),
    "NXDOMAIN": lambda p: reply(p, [], flags=0x8583),
    "an address": lambda p: reply(p, [b"\x7f\0\0\x02"], kind=1),
    "a chain of names": lambda p: reply(p, [p[12:-4]], kind=5),
    "64 KiB": lambda p: reply(p, [labels([b"x" * 60, b"test"])] * 700),
}


def test_garbage_is_as_no_answer_and_the_next_question_is_answered(holdfast):
    bad = serve(holdfast, BadDns(lambda packet: list(garbage(packet))))
    _, link = start(holdfast, AUTO, resolver=f"'{bad.address}'", dns_timeout="1s")
    for n in range(2, 6):
        holdfast.player(source=f"127.0.0.{n}")
        assert came(link)[1] == {"SUBCLIENT DNS IS": "unresolved"}
    bad.answer = lambda p: [reply(p, [labels([b"good", b"test"]) if is_ptr(p) else b"\x7f\0\0\x07"])]
    holdfast.player(source="127.0.0.7")
    assert came(link)[1] == {"SUBCLIENT DNS IS": "good.test"}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_answers_are_none(holdfast, what):
    bad = serve(holdfast, BadDns(lambda packet: [BROKEN[what](packet)]))
    _, link = start(holdfast, AUTO, resolver=f"'{bad.address}'", dns_timeout="1s")
    holdfast.player(source="127.0.0.2")
    assert came(link)[1] == {"SUBCLIENT DNS IS": "unresolved"}
    assert bad.tcp_connections == 0


HOSTILE = [
    [b"evil\x1b[31m", b"test"], [b"two\nlines", b"test"], [b"nul\0", b"test"], [b"a b", b"test"],
    [b"x" * 63, b"x" * 63, b"x" * 63, b"x" * 61, b"y"], [b"10", b"0", b"0", b"1"],
    [b"localhost"], [b"gr\xc3\xbc\xc3\x9fe", b"test"], [b"^", b"test"], [b"%n%s", b"test"],
    [b"..", b"..", b"etc"], [b"a.b", b"test"], [b"-x", b"test"], [b"unsupported"], [b"0x7f000001"],
    [b"a", b"localhost"], [],
]


@pytest.mark.parametrize("name", HOSTILE, ids=repr)
def test_a_hostile_name_is_not_told_even_if_it_leads_back(holdfast, name):
    bad = serve(holdfast, BadDns(
        lambda p: [reply(p, [labels(name) if is_ptr(p) else b"\x7f\0\0\x02"])]))
    _, link = start(holdfast, AUTO, resolver=f"'{bad.address}'")
    holdfast.player(source="127.0.0.2")
    told = came(link)[1]["SUBCLIENT DNS IS"]
    assert told == "unresolved" or sum(len(l) + 1 for l in name) - 1 <= 253 and \
        re.fullmatch(r"[a-z0-9._-]+", told), told
    if name != HOSTILE[4]:
        assert told == "unresolved"


def test_of_several_names_the_one_that_leads_back_is_told(holdfast):
    def answer(p):
        if is_ptr(p):
            return [reply(p, [labels([b"10", b"0"]), labels([b"liar", b"test"]),
                              labels([b"Honest", b"test"])])]
        return [reply(p, [b"\x7f\0\0\x02" if b"onest" in p else b"\x08\x08\x08\x08"])]
    bad = serve(holdfast, BadDns(answer))
    _, link = start(holdfast, AUTO, resolver=f"'{bad.address}'")
    holdfast.player(source="127.0.0.2")
    assert came(link)[1] == {"SUBCLIENT DNS IS": "honest.test"}


# ---- who leaves, who comes, while it is pending ----------------------------------------------------

def late(holdfast, **options):
    """A resolver that answers when told to: (bad, hold, link)."""
    hold = threading.Event()

    def answer(p):
        hold.wait(PATIENCE)
        return [reply(p, [labels([b"late", b"test"]) if is_ptr(p) else b"\x7f\0\0\x02"])]
    bad = serve(holdfast, BadDns(answer))
    holdfast.closers.insert(0, hold.set)
    options = {"resolver": f"'{bad.address}'", "dns_timeout": "30s", **options}
    return bad, hold, options


def test_who_leaves_while_he_is_looked_up_was_never_there(holdfast):
    bad, hold, options = late(holdfast)
    _, link = start(holdfast, AUTO, **options)
    for how in ("close", "reset"):
        player = holdfast.player(source="127.0.0.2")
        wait_for(lambda: bad.asked and holdfast.users(), "the resolver is asked")
        getattr(player, how)()
        wait_for(lambda: not holdfast.users(), "he is gone")
    stays = holdfast.player(source="127.0.0.2")
    wait_for(holdfast.users, "the next one is there")
    hold.set()
    key, found = came(link)
    assert found == {"SUBCLIENT DNS IS": "late.test"}
    assert not link.sync()
    stays.line("x")
    assert link.text_of(key, 2) == b"x\n"


def test_kick_and_shutdown_work_on_him_who_is_looked_up(holdfast):
    bad, _, options = late(holdfast)
    _, link = start(holdfast, AUTO + " " + IDENT_AUTO, **options, **ASK_ALL)
    player = holdfast.player(source="127.0.0.2")
    wait_for(lambda: bad.asked, "the resolver is asked")
    user, = holdfast.users()
    holdfast.admin("multiplexer", "kick", user["key"], "go")
    assert b"disconnected by an admin: go" in player.expect_end()
    assert not link.sync()
    player = holdfast.player(source="127.0.0.3")
    wait_for(holdfast.users, "the next one is there")
    holdfast.multiplexer.signal(15)
    assert b"closing down" in player.expect_end()
    assert holdfast.multiplexer.wait() == 0


def test_from_elsewhere_nobody_is_even_looked_up_when_localhost_is_accepted_only(holdfast):
    bad, _, options = late(holdfast)
    holdfast.listen("all", where="everywhere", more=AUTO)
    _, link = holdfast.start_with_script(**options)
    elsewhere = own_address()
    if elsewhere is None:
        pytest.skip("this machine has no address but loopback")
    link.send("ACCEPT LOCALHOST ONLY")
    link.expect("ACCEPTING LOCALHOST ONLY")
    holdfast.addresses["far"] = (elsewhere, holdfast.addresses["all"][1])
    assert b"Only players on this machine" in holdfast.player("far").expect_end()
    assert not bad.asked


def own_address():
    out = subprocess.run(["ip", "-4", "-o", "addr", "show", "scope", "global"],
                         capture_output=True, text=True, check=False).stdout
    found = re.search(r"inet ([\d.]+)", out)
    return found.group(1) if found else None


def test_what_was_asked_is_answered_39_when_he_leaves_meanwhile(holdfast):
    bad, hold, options = late(holdfast)
    ident = serve(holdfast, BadIdent(lambda sock, asked: hold.wait(PATIENCE)))
    _, link = start(holdfast, "", **options, ident_port=str(ident.port), **ASK_ALL)
    player = holdfast.player(source="127.0.0.2")
    key, _ = came(link)
    link.send("GET SUBCLIENT DNS", key)
    link.send("GET SUBCLIENT DNS", key)
    link.send("GET SUBCLIENT IDENTD", key)
    assert not link.sync()
    wait_for(lambda: bad.asked and ident.asked, "both are asked")
    player.close()
    for _ in range(3):
        link.expect("NO SUCH SUBCLIENT", key)
    link.expect("LOST SUBCLIENT", key)
    hold.set()
    assert not link.sync()


def test_kill_while_asked_is_answered_39_then_23(holdfast):
    bad, hold, options = late(holdfast)
    _, link = start(holdfast, "", **options)
    player = holdfast.player(source="127.0.0.2")
    key, _ = came(link)
    link.send("GET SUBCLIENT DNS", key)
    wait_for(lambda: bad.asked, "the resolver is asked")
    link.send("KILL SUBCLIENT", key)
    link.expect("NO SUCH SUBCLIENT", key)
    player.expect_end()
    link.expect("KILLED SUBCLIENT", key)
    hold.set()


def test_an_answer_for_the_old_server_is_not_sent_to_the_new_one(holdfast):
    bad, hold, options = late(holdfast)
    server, link = start(holdfast, "", **options)
    holdfast.player(source="127.0.0.2")
    key, _ = came(link)
    link.send("GET SUBCLIENT DNS", key)
    wait_for(lambda: bad.asked, "the resolver is asked")
    link.close()
    link = server.start()
    assert link.users[key].dns == b"unresolved"  # a listing waits for nobody
    hold.set()
    wait_for(lambda: holdfast.users()[0]["dns"] == "late.test", "the answer is there")
    assert not link.sync()
    assert dns_of(link, key) == "late.test"
    link.close()
    assert server.start().users[key].dns == b"late.test"


def test_who_came_while_the_game_was_away_is_looked_up_meanwhile(holdfast):
    bad, hold, options = late(holdfast)
    holdfast.listen(more=AUTO)
    holdfast.start_multiplexer(**options)
    holdfast.player(source="127.0.0.2")
    wait_for(lambda: bad.asked, "the resolver is asked")
    server = holdfast.scripted_server()
    link = server.start()
    assert not link.users and not link.sync()
    hold.set()
    assert came(link)[1] == {"SUBCLIENT DNS IS": "late.test"}


def test_before_paused_all_that_was_asked_is_answered(holdfast):
    bad, hold, options = late(holdfast)
    holdfast.listen()
    holdfast.start_multiplexer(**options)
    server = holdfast.scripted_server()
    link = server.accept()
    link.send("SERVER HELLO", 1, "pause")
    link.expect("MULTIPLEXER HELLO")
    assert not server.listing(link)
    link.send("READY")
    holdfast.player(source="127.0.0.2")
    key, _ = came(link)
    link.send("GET SUBCLIENT DNS", key)
    wait_for(lambda: bad.asked, "the resolver is asked")
    link.send("PAUSE")
    link.expect("SUBCLIENT DNS IS", key, b"unresolved")
    link.expect("PAUSED")
    hold.set()
    wait_for(lambda: holdfast.users()[0]["dns"] == "late.test", "the answer is there")
    assert not link.sync()


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
