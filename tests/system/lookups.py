"""What a game is told of where its users are, and whom the multiplexer asks for it."""

import struct

AUTO = "dns = auto"
IDENT_AUTO = "ident = auto"
ASK_ALL = {"ident_skip": "''"}

# What the real name servers are told.
PTR = {"127.0.0.2": "player.example.test", "127.0.0.3": "admin.victim.test",
       "127.0.0.4": "localhost", "127.0.0.6": "many.example.test"}
HOSTS = {"player.example.test": ["127.0.0.2"], "admin.victim.test": ["127.0.0.99"],
         "localhost": ["127.0.0.4"], "many.example.test": ["127.0.0.77", "127.0.0.6"]}


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
