"""What section 1 refuses, for either side."""

import random
import struct

from .wire import MESSAGES, encode, pack, pack_key

KEY = pack_key((5, 1))


def header(length, number, count, rest=b""):
    return struct.pack("<HBB", length, number, count) + rest


def noise(seed):
    rng = random.Random(seed)
    return bytes(rng.getrandbits(8) for _ in range(20000))


def keys():
    """(name, sentence, bytes of the key)"""
    return [
        ("key-depth-0", "a key of depth 0", struct.pack("<I", 0)),
        ("key-depth-0-with-numbers", "a key of depth 0 with numbers", struct.pack("<III", 0, 5, 1)),
        ("key-depth-11", "a key of depth 11", struct.pack("<12I", 11, *range(1, 12))),
        ("key-depth-huge", "a key of depth 4294967295", struct.pack("<III", 0xffffffff, 5, 1)),
        ("key-too-short", "a key one number short of its depth", struct.pack("<II", 2, 5)),
        ("key-too-long", "a key one number over its depth", struct.pack("<IIII", 2, 5, 1, 7)),
        ("key-not-of-integers", "a key of 11 bytes", KEY[:11]),
        ("key-of-3-bytes", "a key of 3 bytes", b"\2\0\0"),
        ("key-big-endian", "a key whose integers are not little-endian", struct.pack(">III", 2, 5, 1)),
    ]


def refused(text, saved, key, bare):
    """[(name, sentence, bytes)]. The ids of four messages that the peer takes: a text, a saved info
    (both of a key and bytes), one of a key alone, one without arguments."""
    first = struct.pack("<H", 12) + KEY
    return [
        ("length-0", "a length of 0", header(0, text, 2)),
        ("length-3", "a length under that of a header", header(3, bare, 0)),
        ("length-4097", "a length of 4097", header(4097, text, 2, bytes(4093))),
        ("length-65535", "a length of 65535", header(65535, text, 2, bytes(65531))),
        ("length-4097-unknown-id", "a length of 4097 of an unknown id",
         header(4097, 200, 1, bytes(4093))),
        ("count-5", "an argument count of 5", header(4 + 5 * 3, 200, 5, b"\1\0x" * 5)),
        ("count-255", "an argument count of 255", header(4, bare, 255)),
        ("argument-past-the-end", "an argument past the end of the message",
         header(4 + 14 + 4, text, 2, first + struct.pack("<H", 9) + b"hi")),
        ("argument-65535", "an argument of 65535 bytes in a short message",
         header(4 + 14 + 4, text, 2, first + struct.pack("<H", 65535) + b"hi")),
        ("argument-length-cut", "an argument whose length lies past the end",
         header(4 + 14 + 1, text, 2, first + b"\2")),
        ("zero-length-data", "text of length 0", pack(text, KEY, b"")),
        ("zero-length-saved-info", "saved info of length 0", pack(saved, KEY, b"")),
        ("zero-length-key", "a key of length 0", pack(key, b"")),
        ("left-over", "bytes left over behind the last argument",
         header(4 + 14 + 1, key, 1, first + b"\0")),
        ("left-over-no-arguments", "bytes left over behind a message without arguments",
         header(8, bare, 0, bytes(4))),
        *[(name, what, pack(key, data)) for name, what, data in keys()],
        ("http", "an HTTP request", b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n" * 100),
        ("tls", "the beginning of TLS", bytes.fromhex("16030100c8010000c40303") + bytes(1000)),
        ("zeros", "64 KiB of zeros", bytes(65536)),
        ("ones", "64 KiB of 0xFF", b"\xff" * 65536),
    ]


def doubtful(text, key, bare):
    """The text names no refusal for these, but the arguments of an id are fixed (section 3)."""
    return [
        ("argument-missing", "a message that lacks an argument", pack(text, KEY)),
        ("argument-too-many", "a message with an argument too many", pack(key, KEY, b"x")),
        ("argument-where-none-is", "an argument of a message that has none", pack(bare, b"x")),
    ]


def sample(number):
    """A well-formed message of that id, about nobody in particular."""
    name, fields = MESSAGES[number]
    values = {"K": (5, 1), "S": b"x", "B": b"x", "N": 1}
    return encode(name, *(values[f] for f in fields))
