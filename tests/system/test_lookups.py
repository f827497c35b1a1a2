"""Names of users by DNS, against real and hostile name servers."""

import os
import re
import struct
import subprocess
import threading
import time

import pytest

from daemons import PATIENCE, wait_for
from lookups import (ASK_ALL, AUTO, HOSTS, IDENT_AUTO, PTR, came, dns_of, is_ptr, labels, real, reply, serve,
                     start)
from nameservers import BadDns, BadIdent, dnsmasq, free_udp_port, unbound


# ---- DNS: real name servers -----------------------------------------------------------------------

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
