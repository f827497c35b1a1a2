"""What Wireshark shows of the link with proto/agnet.lua. The link itself is an AF_UNIX socket, which
cannot be captured: its bytes are put into a capture of a TCP connection."""

import pathlib
import shutil
import struct
import subprocess

import pytest

import agnet

DISSECTOR = pathlib.Path(__file__).resolve().parents[2] / "proto" / "agnet.lua"
PORT = 4999
VALUES = {"K": (5, 199), "S": b"telnet-line", "B": bytes(range(256)), "N": 86400}

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def packet(up, sequence, data):
    source, target = (40000, PORT) if up else (PORT, 40000)
    tcp = struct.pack(">HHIIBBHHH", source, target, sequence, 1, 5 << 4, 0x18, 65535, 0, 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0,
                     bytes((192, 0, 2, 1 if up else 2)), bytes((192, 0, 2, 2 if up else 1)))
    return ip + tcp


def write_pcap(path, pieces):
    """pieces: (up, bytes), each a TCP segment. Link type 101: packets begin with their IP header."""
    sequence = {True: 1, False: 1}
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for number, (up, data) in enumerate(pieces):
            raw = packet(up, sequence[up], data)
            file.write(struct.pack("<IIII", number, 0, len(raw), len(raw)) + raw)
            sequence[up] += len(data)


def tshark(tmp_path, pieces, *arguments):
    write_pcap(tmp_path / "link.pcap", pieces)
    done = subprocess.run(["tshark", "-X", f"lua_script:{DISSECTOR}", "-r", tmp_path / "link.pcap",
                           *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "Lua" not in done.stderr, done.stderr
    return done.stdout


def one_of_each():
    return [(number in agnet.UP,
             agnet.encode(name, *(VALUES[field] for field in fields)), number)
            for number, (name, fields) in agnet.MESSAGES.items()]


def test_every_message_is_named_with_whom_it_is_about(tmp_path):
    said = tshark(tmp_path, [(up, data) for up, data, _ in one_of_each()], "-V")
    shown = [line for line in said.splitlines() if line.startswith("AgNet: ")]
    assert len(shown) == len(agnet.MESSAGES)
    for line, (name, fields) in zip(shown, agnet.MESSAGES.values()):
        words = {"K": " 5:199", "S": " telnet-line", "B": " 256 bytes", "N": " 86400"}
        assert line == f"AgNet: {name}" + "".join(words[field] for field in fields)
    assert "alformed" not in said


def test_messages_are_found_wherever_the_segments_end(tmp_path):
    stream = b"".join(data for up, data, _ in one_of_each() if up)
    cuts = [*range(0, len(stream), 77), len(stream)]
    pieces = [(True, stream[a:b]) for a, b in zip(cuts, cuts[1:])]
    said = tshark(tmp_path, pieces, "-T", "fields", "-e", "agnet.id", "-E", "aggregator= ")
    assert [int(word) for word in said.split()] == [n for up, _, n in one_of_each() if up]


MALFORMED = [
    (agnet.pack(24, agnet.pack_key((5, 199)), b""), "argument 2: length 0"),
    (agnet.pack(21, b"\x02\0\0\0\x05\0\0\0"),
     "argument 1 (who): a key whose length does not fit its depth"),
    (agnet.pack(42, agnet.pack_key((5, 199)), b"\x01"),
     "argument 2 (seconds): an integer of 1 bytes"),
    (agnet.pack(8, b"x"), "1 arguments instead of 0"),
    (b"\x05\0\x08\0x", "1 bytes are left over"),
    (b"\x06\0\x08\x01\x09\0", "argument 1: it ends past the end"),
    (b"\x05\0\x08\x01\x09", "argument 1: its length lies past the end"),
    (b"\x04\0\x08\x05", "5 arguments"),
    (b"\x01\0\x08\0", "length 1"),
]


def test_what_is_wrong_with_a_message_is_said(tmp_path):
    for message, what in MALFORMED:
        assert f"(malformed: {what})" in tshark(tmp_path, [(True, message)], "-V")


def test_a_message_that_is_not_in_the_table_is_shown_as_unknown(tmp_path):
    said = tshark(tmp_path, [(False, agnet.pack(200, b"x") + agnet.encode("READY"))], "-V")
    assert "AgNet: unknown message 200 1 bytes" in said and "AgNet: READY" in said
