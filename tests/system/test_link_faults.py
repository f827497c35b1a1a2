"""Bytes on the link that no well-behaved peer would send: the link ends, nobody is dropped."""

import socket
import struct
import time

import pytest

from agnet import DOWN, ID, MESSAGES, UP, encode, pack, pack_key
from daemons import PATIENCE, wait_for

HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"
TLS = bytes.fromhex("16030100c8010000c40303") + bytes(range(193))
KEY = pack_key((5, 1))


def header(length, number, count):
    return struct.pack("<HBB", length, number, count)


# What is sent, and what the log must name: the message's id or name, and the field.
REFUSED_BY_BOTH = {
    "length-0": (header(0, 7, 0), r"length"),
    "length-3": (header(3, 7, 0), r"length"),
    "length-4097": (header(4097, 25, 2), r"length"),
    "length-65535": (header(65535, 25, 2), r"length"),
    "count-5": (header(4, 7, 5), r"count|argument"),
    "count-255": (header(4, 7, 255), r"count|argument"),
}


def bad_messages(text, info_less, ping):
    """Bad forms of messages that the receiver would take: one with key and bytes, one with a key
    alone, one without arguments."""
    name = MESSAGES[text][0]
    return {
        "zero-length-argument": (pack(text, KEY, b""), rf"{name}.*data.*length 0"),
        "zero-length-key": (pack(text, b"", b"x"), rf"{name}.*who"),
        "key-of-depth-0": (pack(text, struct.pack("<I", 0), b"x"), rf"{name}.*who.*depth"),
        "key-of-depth-11": (pack(text, struct.pack("<12I", 11, *range(11)), b"x"),
                            rf"{name}.*who"),
        "key-too-short": (pack(text, struct.pack("<2I", 2, 5), b"x"), rf"{name}.*who"),
        "key-too-long": (pack(text, KEY + b"\0\0\0\0", b"x"), rf"{name}.*who"),
        "key-of-3-bytes": (pack(text, b"\2\0\0", b"x"), rf"{name}.*who"),
        "an-argument-missing": (pack(text, KEY), rf"{name}.*argument"),
        "an-argument-too-many": (pack(text, KEY, b"x", b"y"), rf"{name}.*argument"),
        "arguments-for-none": (pack(ping, b"x"), rf"{MESSAGES[ping][0]}.*argument"),
        "none-for-one": (pack(info_less), rf"{MESSAGES[info_less][0]}.*argument"),
        "argument-past-the-end": (header(4 + 2 + len(KEY) + 2 + 1, text, 2) +
                                  struct.pack("<H", len(KEY)) + KEY + struct.pack("<H", 2) + b"x",
                                  rf"{name}.*data"),
        "bytes-left-over": (header(4 + 2 + len(KEY) + 3, info_less, 1) +
                            struct.pack("<H", len(KEY)) + KEY + b"abc",
                            rf"{MESSAGES[info_less][0]}.*(left over|too many|behind|3)"),
        "data-of-4045-bytes": (pack(text, KEY, b"x" * 4045), rf"{name}.*data"),
    }


TO_MULTIPLEXER = dict(REFUSED_BY_BOTH, **bad_messages(25, 22, 7))
TO_MULTIPLEXER["saved-info-of-4045-bytes"] = (pack(26, KEY, b"x" * 4045),
                                              r"SAVE SUBCLIENT INFO.*data|SAVE SUBCLIENT INFO.*info")
TO_MULTIPLEXER.update({f"wrong-direction-{n}": (pack(n), MESSAGES[n][0]) for n in (1, 3, 8, 48)})
TO_MULTIPLEXER.update({"http": (HTTP, "length|count|argument"), "tls": (TLS + bytes(600), "TICK|length|count|argument"),
                       "zeros": (bytes(65536), "length"), "ff": (b"\xff" * 65536, "length")})
TO_SERVER = dict(REFUSED_BY_BOTH, **bad_messages(24, 21, 8))
TO_SERVER.update({f"wrong-direction-{n}": (pack(n), MESSAGES[n][0]) for n in (4, 5, 6, 7, 38)})


@pytest.mark.parametrize("what", TO_MULTIPLEXER)
def test_a_server_that_breaks_the_protocol_loses_the_link_and_nobody_else_anything(holdfast, what):
    data, reason = TO_MULTIPLEXER[what]
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    link.send("SAVE SUBCLIENT INFO", key, b"before")
    link.expect("SAVED SUBCLIENT INFO", key)
    try:
        link.socket.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass
    link.expect_end()
    link.close()
    holdfast.multiplexer.wait_log(reason)
    player.line("still here")
    link = server.start()
    assert [u.saved for u in link.users.values()] == [b"before"]
    link.expect("GOT SUBCLIENT TEXT", key, b"still here\n")
    assert player.is_connected()


@pytest.mark.parametrize("what", ["http", "tls", "zeros", "silence", "half-a-message", "nothing"])
def test_a_stranger_in_the_servers_place_is_cut_off_and_the_next_server_served(holdfast, what):
    holdfast.start_multiplexer(hello_timeout="300ms")
    player = holdfast.player()
    server = holdfast.scripted_server()
    for _ in range(3):
        link = server.accept()
        try:
            if what == "silence":
                link.expect_end()
            elif what == "half-a-message":
                link.socket.sendall(encode("GET ALL SUBCLIENT INFO")[:3])
                link.socket.shutdown(socket.SHUT_WR)
            elif what != "nothing":
                link.socket.sendall({"http": HTTP, "tls": TLS, "zeros": bytes(100_000)}[what])
                link.expect_end()
        except (BrokenPipeError, ConnectionResetError):
            pass
        link.close()
    link = server.start()
    key = server.newcomer(link)
    player.line("hello")
    link.expect("GOT SUBCLIENT TEXT", key, b"hello\n")


def test_an_unknown_id_is_skipped_and_counted(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    for number in set(range(256)) - set(MESSAGES):
        link.send_raw(pack(number) + pack(number, b"anything", b"at all"))
    link.send("SEND SUBCLIENT TEXT", key, b"and on\r\n")
    player.expect(b"and on\r\n")
    assert link.sync() == []
    assert holdfast.metric("messages_unknown") == 2 * (256 - len(MESSAGES))


# In parts: after ten short lives in a row the multiplexer dials slowly.
@pytest.mark.parametrize("part", range(3))
def test_every_message_of_the_wrong_direction_is_refused(holdfast, part):
    holdfast.start_multiplexer()
    player = holdfast.player()
    server = holdfast.scripted_server()
    sample = {"K": (5, 1), "S": b"x", "B": b"x", "N": 1}
    for number in sorted(UP - DOWN)[part::3]:
        name, fields = MESSAGES[number]
        link = server.start()
        link.send(name, *[sample[f] for f in fields])
        link.expect_end()
        link.close()

    link = server.start()
    assert player.is_connected()


def test_messages_cut_at_every_byte_have_the_same_effect(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    message = encode("SEND SUBCLIENT TEXT", key, b"in pieces\r\n") + encode("ARE YOU ALIVE")
    for cut in range(1, len(message)):
        link.socket.sendall(message[:cut])
        time.sleep(0.002)
        link.socket.sendall(message[cut:])
        link.expect("I AM ALIVE")
        player.expect(b"in pieces\r\n")
    for byte in range(len(message)):
        link.socket.sendall(message[byte:byte + 1])
    link.expect("I AM ALIVE")
    player.expect(b"in pieces\r\n")
    assert player.all == b"in pieces\r\n" * len(message)


def test_half_a_message_at_the_end_of_a_server_is_not_shown(holdfast):
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    whole = encode("SEND SUBCLIENT TEXT", key, b"whole\r\n")
    link.socket.sendall(whole + encode("SEND SUBCLIENT TEXT", key, b"never whole\r\n")[:-2])
    link.close()
    player.expect(b"whole\r\n")
    link = server.start()
    link.send("SEND SUBCLIENT TEXT", key, b"next\r\n")
    player.expect(b"next\r\n")
    assert b"never" not in player.all


def test_a_server_that_does_not_read_is_still_heard(holdfast):
    """Two full pipes must not wait for one another."""
    server, link = holdfast.start_with_script()
    player = holdfast.player()
    key = server.newcomer(link)
    # More questions, and far more answers, than the socket's buffers hold.
    link.send("SAVE SUBCLIENT INFO", key, b"x" * 1000)
    link.expect("SAVED SUBCLIENT INFO", key)
    questions = encode("GET SUBCLIENT SAVED INFO", key) * 20_000
    link.socket.setblocking(True)
    link.socket.settimeout(PATIENCE)
    link.socket.sendall(questions)  # hangs, were the multiplexer to wait for us
    link.send_raw(encode("SEND SUBCLIENT TEXT", key, b"heard\r\n"))
    player.expect(b"heard\r\n")
    for _ in range(20_000):
        link.expect("SUBCLIENT SAVED INFO IS", key)


# -- the other way: strangers at the server's socket ----------------------------------------------

STRANGERS = {"http": HTTP, "tls": TLS, "zeros": bytes(100_000), "ff": b"\xff" * 100_000,
             "half-a-message": encode("ACCEPTING ALL")[:3], "nothing": b"", "silence": None,
             "one-byte": b"\x04"}


@pytest.mark.parametrize("what", STRANGERS)
def test_a_stranger_at_the_servers_socket_disturbs_nobody(holdfast, what):
    holdfast.start()
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    strangers = []
    for _ in range(3):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(PATIENCE)
        s.connect(str(holdfast.link_path))
        strangers.append(s)
        try:
            if STRANGERS[what]:
                s.sendall(STRANGERS[what])
            if what in ("half-a-message", "nothing", "one-byte"):
                s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
    player.line("2")
    player.expect(b"ok 2 ")
    for s in strangers:  # cut off within 5 s, the silent one too
        try:
            while s.recv(65536):
                pass
        except ConnectionResetError:
            pass
        s.close()
    player.line("3")
    player.expect(b"ok 3 ")
    assert b"[" not in player.all
    assert holdfast.server.text().count("ledger: open") == 1


@pytest.mark.parametrize("what", TO_SERVER)
def test_a_multiplexer_that_breaks_the_protocol_is_cut_off_and_the_next_one_served(holdfast, what):
    data, reason = TO_SERVER[what]
    holdfast.start_server(wait=False)
    multiplexer = holdfast.scripted_multiplexer()
    link = multiplexer.start([((5, 1), "raw", "192.0.2.1", None)])
    try:
        link.socket.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass
    link.expect_end()
    link.close()
    holdfast.server.wait_log(reason)
    link = multiplexer.start([((5, 1), "raw", "192.0.2.1", None)])
    link.send("GOT SUBCLIENT TEXT", (5, 1), b"1\n")
    wait_for(lambda: any(m[0] == "SEND SUBCLIENT TEXT" and m[2].startswith(b"ok 1 ")
                         for m in heard(link)), "the next multiplexer's user is served")


def heard(link):
    link.read_some(0.05)
    return link.heard


def test_a_second_multiplexer_is_refused_while_the_first_lives(holdfast):
    holdfast.start()
    player = holdfast.player()
    player.line("1")
    player.expect(b"ok 1 ")
    second = holdfast.scripted_multiplexer().dial()
    deadline = time.monotonic() + PATIENCE
    while not second.ended:
        assert time.monotonic() < deadline, "the second one is kept"
        if second.new:
            message = second.new.pop(0)
            assert message[0] != "READY"
            if message[0] == "TELL ME YOUR ACCEPT MODE":
                try:
                    second.send("ACCEPTING ALL")
                except BrokenPipeError:
                    break
        second.read_some(0.05)
    player.line("2")
    player.expect(b"ok 2 ")
    assert b"[" not in player.all
    holdfast.server.wait_log("(?i)link.*(refused|second|already|another)")


def test_messages_to_the_server_cut_at_every_byte_have_the_same_effect(holdfast):
    holdfast.start_server(wait=False)
    link = holdfast.scripted_multiplexer().start([((5, 1), "raw", "192.0.2.1", None)])
    for n in range(1, 30):
        message = encode("GOT SUBCLIENT TEXT", (5, 1), b"%d\n" % n)
        cut = n % len(message)
        link.socket.sendall(message[:cut])
        time.sleep(0.002)
        link.socket.sendall(message[cut:])
        wait_for(lambda: any(m[0] == "SEND SUBCLIENT TEXT" and b"ok %d " % n in m[2]
                             for m in heard(link)), f"line {n} is answered")
    assert not [m for m in link.heard if m[0] == "SEND SUBCLIENT TEXT" and b"gap" in m[2]]


def test_our_server_speaks_only_what_the_protocol_allows(holdfast):
    """Every message of the real server is read by the strict reader of the conformance suites."""
    holdfast.start_server(wait=False)
    multiplexer = holdfast.scripted_multiplexer()
    users = [((n, 1), "raw", "192.0.2.1", None) for n in range(1, 20)]
    link = multiplexer.start(users)
    for n in range(1, 50):
        for key, *_ in users:
            link.send("GOT SUBCLIENT TEXT", key, b"%d\n" % n)
    wait_for(lambda: sum(m[0] == "SEND SUBCLIENT TEXT" and b"ok 49 " in m[2]
                         for m in heard(link)) == len(users), "all lines are answered")
    assert {ID[m[0]] for m in link.heard} <= DOWN
