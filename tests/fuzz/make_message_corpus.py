#!/usr/bin/python3
"""Writes tests/fuzz/corpus/message: each message once, and what is refused. Made by the second
implementation of the wire, tests/conformance/wire.py; make lint sees that the files are up to date.

    tests/fuzz/make_message_corpus.py [FOLDER]"""

import pathlib
import struct
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from conformance.wire import MESSAGES, PAYLOAD_MAX, encode, pack, pack_key  # noqa: E402

FOLDER = TOP / "tests" / "fuzz" / "corpus" / "message"
KEY = (5, 199)
CUT = bytes([2, 0])  # pieces of 3 bytes and of 1, in turn
VALUES = {"K": KEY, "S": "telnet-line", "B": bytes(range(0, 256, 5)), "N": 86400}


def header(length, number, count):
    return struct.pack("<HBB", length, number, count)


def inputs():
    """{file name: bytes}"""
    made = {}
    for number, (name, fields) in MESSAGES.items():
        made[f"valid-{number:02d}"] = encode(name, *(VALUES[field] for field in fields))
    text, key = b"hi\r\n", pack_key(KEY)
    deepest = pack_key(tuple(range(2**32 - 10, 2**32)))
    made.update({
        "largest": pack(25, deepest, b"x" * PAYLOAD_MAX),
        "payload-too-long": pack(25, pack_key((7,)), b"x" * (PAYLOAD_MAX + 1)),
        "argument-empty": pack(25, key, b""),
        "argument-past-end": header(22, 25, 2) + struct.pack("<H", 12) + key + b"\x05\x00hi",
        "argument-length-cut": header(19, 25, 2) + struct.pack("<H", 12) + key + b"\x04",
        "key-depth-0": pack(22, pack_key(())),
        "key-depth-11": pack(22, pack_key(tuple(range(1, 12)))),
        "key-length-wrong": pack(22, key + b"\0\0\0\0"),
        "key-of-3-bytes": pack(22, b"\x02\0\0"),
        "integer-of-3-bytes": pack(42, key, b"abc"),
        "count-too-small": pack(25, key),
        "count-5": pack(25, *[text] * 5),
        "count-255": header(4, 1, 255),
        "left-over": header(21, 21, 1) + struct.pack("<H", 12) + key + b"???",
        "length-3": header(3, 4, 0),
        "length-4097": header(4097, 24, 2) + b"x" * 8,
        "unknown-id": pack(200, b"what?") + pack(1) + pack(201),
        "cut-off": pack(4) + pack(12) + pack(38) + pack(25, key, text)[:-1],
        "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    })
    return {name: CUT + data for name, data in made.items()}


def main():
    if len(sys.argv) > 2 or sys.argv[1:2] and sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in inputs().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
