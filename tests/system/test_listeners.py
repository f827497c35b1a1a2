"""Each kind of listener, on IPv4, IPv6 and AF_UNIX."""

import subprocess

import pytest

from daemons import wait_for


@pytest.mark.parametrize("where,ip", [("v4", b"127.0.0.1"), ("v6", b"::1"), ("unix", b"127.0.0.1")])
@pytest.mark.parametrize("kind", ["telnet-line", "telnet-char", "raw"])
def test_every_kind_is_there_on_every_kind_of_address(holdfast, kind, where, ip):
    if where == "v6" and not holdfast.has_ipv6():
        pytest.skip("this machine has no IPv6")
    holdfast.listen("door", kind, where=where)
    server, link = holdfast.start_with_script()
    player = holdfast.player("door")
    key = server.newcomer(link)
    assert (link.protocol, link.ip) == (kind.encode(), ip)
    player.send(b"hello\r\n")
    wanted = b"hello\n" if kind == "telnet-line" else b"hello\r\n"
    assert link.text_of(key, len(wanted)) == wanted
    link.send("SEND SUBCLIENT TEXT", key, b"welcome\r\n")
    player.expect(b"welcome\r\n")


def test_many_listeners_at_once_each_with_its_number(holdfast):
    numbers = {"a": 7, "b": 240, "c": 1, "d": 33}
    for name, number in numbers.items():
        holdfast.listen(name, "raw", where="unix" if name == "d" else "v4", number=number)
    server, link = holdfast.start_with_script()
    for name, number in numbers.items():
        holdfast.player(name)
        assert server.newcomer(link)[1] == number


def test_listeners_without_a_number_get_their_position(holdfast):
    for name in ("first", "second", "third"):
        holdfast.listen(name)
    server, link = holdfast.start_with_script()
    for position, name in enumerate(("first", "second", "third"), 1):
        holdfast.player(name)
        assert server.newcomer(link)[1] == position


def test_raw_passes_every_byte_both_ways_untouched(holdfast):
    holdfast.listen("raw", "raw")
    server, link = holdfast.start_with_script()
    player = holdfast.player("raw")
    key = server.newcomer(link)
    data = bytes(range(256)) * 100
    player.send(data)
    assert link.text_of(key, len(data)) == data
    for at in range(0, len(data), 1000):
        link.send("SEND SUBCLIENT TEXT", key, data[at:at + 1000])
    while len(player.all) < len(data):
        assert player.read_some(20)
    assert player.all == data


def test_raw_says_nothing_by_itself_but_notices(holdfast):
    holdfast.listen("raw", "raw")
    server, link = holdfast.start_with_script()
    player = holdfast.player("raw")
    key = server.newcomer(link)
    player.send(b"\xff\xfd\x06")  # to a raw user this is no question
    assert link.text_of(key, 3) == b"\xff\xfd\x06"
    link.sync()
    assert player.drain() == b""


def test_telnet_char_passes_each_key_at_once_without_telnet_commands(holdfast):
    holdfast.listen("char", "telnet-char")
    server, link = holdfast.start_with_script()
    player = holdfast.player("char")
    key = server.newcomer(link)
    for byte in (b"a", b"\x7f", b"\x1b", b"\t", b"\x08", b"\x15"):
        player.send(byte)
        assert link.text_of(key, 1) == byte
    player.send(b"x\xff\xf1\xff\xfa\x1f\0P\0\x18\xff\xf0y\xff\xff")
    assert link.text_of(key, 3) == b"xy\xff"
    player.send(b"\xff\xfd\x06")
    player.expect(b"\xff\xfb\x06")


@pytest.mark.parametrize("kind", ["telnet-line", "telnet-char", "raw"])
def test_the_game_makes_lines_of_whatever_comes(holdfast, kind):
    holdfast.map = "talker"
    holdfast.listen("door", kind)
    holdfast.start()
    player = holdfast.player("door")
    player.expect(b"hello " + kind.encode() + b"\r\n")
    for end in (b"\r\n", b"\n", b"\r\0") if kind != "raw" else (b"\r\n", b"\n"):
        player.send(b"echo x\x08some words" + end)
        player.expect(b"[10] some words\r\n")
    for byte in b"echo slowly\r\n":
        player.send(bytes([byte]))
    player.expect(b"[6] slowly\r\n")


def test_nc_plays_too(holdfast):
    holdfast.map = "talker"
    holdfast.start()
    host, port = holdfast.addresses["telnet"]
    nc = subprocess.Popen(["nc", host, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        nc.stdin.write(b"echo from nc\n")
        nc.stdin.flush()
        assert nc.stdout.readline() == b"hello telnet-line\r\n"
        assert nc.stdout.readline() == b"[7] from nc\r\n"
        holdfast.server.kill9()
        assert nc.stdout.readline().startswith(b"[The game crashed")
        nc.stdin.write(b"echo kept\n")
        nc.stdin.flush()
        holdfast.start_server()
        assert nc.stdout.readline() == b"[4] kept\r\n"
        nc.terminate()
        wait_for(lambda: not holdfast.users(), "nc leaves")
    finally:
        nc.kill()
        nc.wait()
        nc.stdin.close()
        nc.stdout.close()
