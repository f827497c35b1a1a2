"""Who speaks TLS badly, slowly, or not at all."""

import os
import socket
import struct
import time

import pytest

from daemons import wait_for
from players import read_all
from tls_players import TLS12, TLS13, ByHand, client_hello, helper_pid, plays, resident


def test_who_is_slow_or_silent_is_cut_off_and_who_speaks_no_tls_is_told(tls):
    tls.listen("telnets", "telnet-line")
    tls.listen("https", "websocket")
    tls.start(tls_handshake_time="1s")
    silent, slow = tls.raw(), tls.raw()
    dripping = client_hello()
    slow.sendall(dripping[:20])
    assert b"This port speaks TLS" in read_all(silent)
    for n in range(20, len(dripping)):
        try:
            slow.sendall(dripping[n:n + 1])
        except OSError:
            break
        time.sleep(0.02)
    read_all(slow)
    tls.failed("timed_out", 2)
    for opener in (b"look\r\n", b"SSH-2.0-x\r\n", b"\0" * 65536):
        s = tls.raw()
        try:
            s.sendall(opener)
        except OSError:
            pass
        assert read_all(s) in (b"This port speaks TLS: tell your client to use it (TLS, or SSL).\r\n", b"")
    s = tls.raw("https")
    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert read_all(s).startswith(b"HTTP/1.1 400 ")
    tls.failed("not_tls", 4)
    # Its beginning is right, and then it is not.
    s = tls.raw()
    s.sendall(b"\x16\x03\x01\x00\x05hello")
    read_all(s)
    gone = tls.raw()
    gone.sendall(dripping[:50])
    gone.close()
    tls.failed("left")
    plays(tls.player())


@pytest.mark.parametrize("version", (TLS12, TLS13))
def test_damaged_records_end_him_who_sent_them_and_nobody_else(tls, version):
    tls.start()
    other = tls.player()
    other.expect(b"hello")

    def flipped(record):
        return record[:-1] + bytes([record[-1] ^ 1])
    damages = [lambda r: b"garbage that is no record at all\r\n",
               flipped,
               lambda r: b"\x17\x03\x03\xff\xff" + b"x" * 17000,
               lambda r: r + r,  # a second time
               lambda r: b"\x63" + r[1:]]
    for n, damage in enumerate(damages):
        by_hand = ByHand(tls.raw(), version)
        by_hand.read_until(b"hello")
        by_hand.socket.sendall(by_hand.record(b"echo before\r\n"))
        by_hand.read_until(b"[before]")
        by_hand.socket.sendall(damage(by_hand.record(b"echo once\r\n")))
        assert read_all(by_hand.socket)  # an alert
        wait_for(lambda n=n: tls.metric("closed_tls_broken") == n + 1, "he is closed")
    wait_for(lambda: len(tls.holdfast.users()) == 1, "only the other is there")
    plays(other)


def test_an_end_without_goodbye_is_an_end_and_whole_lines_count(tls):
    tls.start(half_close="2s")
    for version in (TLS12, TLS13):
        player = tls.player(version=version)
        player.expect(b"hello")
        player.send(b"echo whole\r\necho hal")
        player.abandon()
        player.expect(b"[whole]")  # he is still told
        player.expect_end()
        polite = tls.player(version=version)
        polite.expect(b"hello")
        polite.line("echo bye")
        polite.expect(b"[bye]")
        polite.socket.unwrap().close()
    rude = tls.player()
    plays(rude)
    rude.plain = None
    rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    rude.socket.close()
    wait_for(lambda: tls.metric("closed_left") == 4 and tls.metric("closed_lost") == 1, "each has its name")


def test_one_who_does_not_read_costs_little_and_is_closed(tls):
    tls.start("talker", output_limit="64KiB", output_soft="16KiB")
    other = tls.player()
    other.expect(b"hello")
    pid = helper_pid(tls)
    before = resident(pid)
    lazy = tls.player(receive_buffer=4096)
    lazy.expect(b"hello")
    lazy.line("flood 20000")
    wait_for(lambda: tls.metric("closed_too_slow") == 1, "he is closed")
    assert resident(pid) - before < 4 << 20
    other.line("echo fine")
    other.expect(b"[4] fine")
    wait_for(lambda: tls_sockets(pid) <= 3, "nothing of him is left")


def test_one_who_ended_his_side_and_goes_while_output_waits_is_gone_at_once(tls):
    tls.start("talker", half_close="30s", linger="30s", output_limit="64MiB", output_soft="64MiB")
    other = tls.player()
    other.expect(b"hello")
    others_key = tls.holdfast.users()[0]["key"]
    pid = helper_pid(tls)
    for kicked in (False, True):
        player = tls.player(receive_buffer=4096)
        player.expect(b"hello")
        player.line("flood 50000")
        wait_for(lambda: tls.metric("queue_bytes") > 1_000_000, "much waits for him")
        if kicked:
            key, = {user["key"] for user in tls.holdfast.users()} - {others_key}
            tls.holdfast.admin("multiplexer", "kick", key)
        player.abandon()
        player.close()
        wait_for(lambda: len(tls.holdfast.users()) == 1, "he is gone")
        wait_for(lambda: tls.metric("queue_bytes") == 0 and tls_sockets(pid) <= 3, "and all that was his")
    assert tls.metric("closed_left") == tls.metric("closed_kicked") == 1
    other.line("echo fine")
    other.expect(b"[4] fine")


def tls_sockets(pid):
    """A channel, and two for each player."""
    return sum(os.readlink(f.path).startswith("socket:") for f in os.scandir(f"/proc/{pid}/fd"))


def test_a_flood_of_handshakes_is_taken_at_its_rate_and_plain_players_play_on(tls):
    tls.start(tls_handshakes="20")
    plain = tls.holdfast.player()
    plain.expect(b"hello")
    sockets = [tls.raw() for _ in range(60)]
    for s in sockets:
        s.sendall(client_hello())
    plays(plain)
    assert tls.metric("tls_handshakes") == 0
    plays(tls.player())
    for s in sockets:
        s.close()
    wait_for(lambda: tls.status()["handshaking"] == 0 and len(tls.holdfast.users()) == 2, "they are gone")


def test_too_many_in_their_handshake_cost_the_oldest_and_nobody_else(tls):
    tls.start(max_clients="20")
    sockets = [tls.raw() for _ in range(40)]
    wait_for(lambda: tls.metric("closed_tls_crowded") == 8, "the oldest went")
    assert read_all(sockets[0]) == b""
    plays(tls.player())
